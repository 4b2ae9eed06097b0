package report

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

// hostRef is the reference of the host itself.
const hostRef = "host"

// cdx is a bill of materials under way.
type cdx struct {
	cdxBOM
	packages *packageIndex
	refs     []string // of the packages, by their position in the inventory
}

func writeCycloneDX(w io.Writer, s *result.Scan) error {
	name, version, _ := strings.Cut(s.Host.Release, " ")
	c := cdx{packages: indexPackages(s), cdxBOM: cdxBOM{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", SerialNumber: serial(s), Version: 1,
		Metadata: cdxMetadata{
			Timestamp:  stamp(s.Generated),
			Tools:      cdxTools{[]cdxComponent{{Type: "application", Name: s.Tool.Name, Version: s.Tool.Version}}},
			Component:  cdxComponent{Type: "operating-system", Ref: hostRef, Name: fallback(name, "unknown release"), Version: version},
			Properties: cdxProperties(s),
		},
		Components: make([]cdxComponent, 0, len(s.Inventory)), Vulnerabilities: []cdxVulnerability{},
	}}
	if len(s.Unknown)+len(s.Host.NotLookedInto)+len(unseen(s)) > 0 {
		c.Compositions = []cdxComposition{{Aggregate: "incomplete", Assemblies: []string{hostRef}}}
	}
	c.components(s)
	for i := range s.Findings {
		c.finding(&s.Findings[i], fmt.Sprintf("finding-%d", i), "")
	}
	for i := range s.Waived {
		c.finding(&s.Waived[i].Finding, fmt.Sprintf("waived-%d", i), waivedNote(&s.Waived[i]))
	}
	for i := range s.Unknown {
		c.unknown(&s.Unknown[i], fmt.Sprintf("unknown-%d", i))
	}
	return encode(w, c.cdxBOM)
}

// cdxProperties are what the bill rests on, and what it could not say.
func cdxProperties(s *result.Scan) []cdxProperty {
	list := []cdxProperty{{"lockfast:host", s.Host.Name}, {"lockfast:exit_code", strconv.Itoa(s.Exit.Code)}}
	for _, d := range s.Data {
		text := d.Name + ": " + age(d.AgeHours)
		if d.Stale {
			text += ", stale"
		}
		list = append(list, cdxProperty{"lockfast:data", text})
	}
	for _, u := range blockingFirst(s) {
		name := "lockfast:unknown"
		if u.Blocking {
			name = "lockfast:unknown:blocking"
		}
		list = append(list, cdxProperty{name, u.What + ": " + u.Why})
	}
	return list
}

func fallback(s, or string) string {
	if strings.TrimSpace(s) == "" {
		return or
	}
	return s
}

// serial is a UUID made from the scan: the same document, the same number.
func serial(s *result.Scan) string {
	sum := sha256.Sum256([]byte(s.Host.Name + "\x00" + s.Host.Root + "\x00" + s.Generated.UTC().String()))
	sum[6] = sum[6]&0x0f | 0x80 // version 8: made by our own rule, RFC 9562 section 5.8
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// components adds every package under a reference of its own.
func (c *cdx) components(s *result.Scan) {
	used := map[string]int{hostRef: 1}
	for i := range s.Inventory {
		p := &s.Inventory[i]
		base := fallback(p.PURL, fmt.Sprintf("%s:%s:%s:%s", p.Manager, p.Name, p.Arch, p.Version))
		ref := base
		for used[ref] > 0 { // the same package twice: schema and readers want references to differ
			used[base]++
			ref = base + "#" + strconv.Itoa(used[base])
		}
		used[ref] = 1
		properties := []cdxProperty{{"lockfast:source", p.Source}, {"lockfast:source_version", p.SourceVersion}, {"lockfast:arch", p.Arch}, {"lockfast:origin", p.Origin}}
		if p.Archive != "" {
			properties = append(properties, cdxProperty{"lockfast:archive", p.Archive})
		}
		c.Components = append(c.Components, cdxComponent{Type: "library", Ref: ref, Name: p.Name, Version: p.Version, PURL: p.PURL, Properties: properties})
		c.refs = append(c.refs, ref)
	}
}

func (c *cdx) affects(positions []int, status string) []cdxAffects {
	list := []cdxAffects{}
	for _, i := range positions {
		list = append(list, cdxAffects{c.refs[i], []cdxVersion{{c.packages.list[i].Version, status}}})
	}
	return list
}

// finding adds one entry for each id; a finding that only the package manager
// knows of, or that only waits for a restart, is one entry under its key.
func (c *cdx) finding(f *result.Finding, ref, waived string) {
	status := "affected"
	if f.Status == result.StatusLeftover {
		status = "unaffected"
	}
	base := cdxVulnerability{Recommendation: action(f), Analysis: cdxAnalysisOf(f, waived), Affects: c.affects(c.packages.of(f), status), Properties: findingProperties(f)}
	if len(f.Vulnerabilities) == 0 {
		base.Ref, base.ID, base.Ratings = ref, f.Key, []cdxRating{{Severity: f.Severity}}
		c.Vulnerabilities = append(c.Vulnerabilities, base)
		return
	}
	for i := range f.Vulnerabilities {
		v, e := &f.Vulnerabilities[i], base
		e.Ref, e.ID, e.Description, e.Source = ref+"-"+strconv.Itoa(i), v.ID, v.Summary, cdxSourceOf(v.ID)
		e.Ratings = []cdxRating{{Score: v.Score, Severity: v.Severity, Vector: v.Vector, Method: method(v.Vector)}}
		e.Properties = append([]cdxProperty{}, base.Properties...)
		if v.KEV != nil {
			e.Properties = append(e.Properties, cdxProperty{"lockfast:known_exploited", strconv.FormatBool(*v.KEV)})
		}
		if v.EPSS != nil {
			e.Properties = append(e.Properties, cdxProperty{"lockfast:epss", strconv.FormatFloat(*v.EPSS, 'f', -1, 64)})
		}
		c.Vulnerabilities = append(c.Vulnerabilities, e)
	}
}

func cdxAnalysisOf(f *result.Finding, waived string) *cdxAnalysis {
	a := &cdxAnalysis{State: "exploitable", Detail: f.Reason}
	switch {
	case f.Status == result.StatusLeftover:
		a.State, a.Justification = "not_affected", "code_not_reachable"
	case waived != "":
		a.Response, a.Detail = []string{"will_not_fix"}, strings.TrimSpace(f.Reason+" "+waived)
	case f.Status == result.StatusOpen:
		a.Response = []string{"update"}
	}
	return a
}

// findingProperties are what the format has no field for; what is unknown is
// left out.
func findingProperties(f *result.Finding) []cdxProperty {
	list := []cdxProperty{{"lockfast:key", f.Key}, {"lockfast:status", f.Status}}
	if f.FixedVersion != "" {
		list = append(list, cdxProperty{"lockfast:fixed_version", f.FixedVersion})
	}
	if f.Exposed != nil {
		list = append(list, cdxProperty{"lockfast:exposed", strconv.FormatBool(*f.Exposed)})
	}
	if f.Running != nil {
		list = append(list, cdxProperty{"lockfast:running", strconv.FormatBool(*f.Running)})
	}
	if f.GapDays != nil {
		list = append(list, cdxProperty{"lockfast:gap_days", strconv.Itoa(*f.GapDays)})
	}
	return list
}

// cdxSourceOf says who gave out an id, where that is plain from its form.
func cdxSourceOf(id string) *cdxSource {
	if !result.IsCVE(id) {
		return nil
	}
	return &cdxSource{Name: "CVE", URL: "https://www.cve.org/CVERecord?id=" + url.QueryEscape(id)}
}

// method names the scoring of a CVSS vector.
func method(vector string) string {
	switch {
	case vector == "":
		return ""
	case strings.HasPrefix(vector, "CVSS:4"):
		return "CVSSv4"
	case strings.HasPrefix(vector, "CVSS:3.1"):
		return "CVSSv31"
	case strings.HasPrefix(vector, "CVSS:3"):
		return "CVSSv3"
	}
	return "CVSSv2"
}

// unknown adds advisories that may apply.
func (c *cdx) unknown(u *result.Unknown, ref string) {
	for i, id := range u.IDs {
		c.Vulnerabilities = append(c.Vulnerabilities, cdxVulnerability{
			Ref: ref + "-" + strconv.Itoa(i), ID: id, Source: cdxSourceOf(id), Analysis: &cdxAnalysis{State: "in_triage", Detail: u.Why},
			Affects: c.affects(c.packages.named(u.Packages), "unknown"),
		})
	}
}
