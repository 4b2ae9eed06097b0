package report

import (
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

// CycloneDX 1.6 JSON: a bill of materials with its vulnerabilities.
// https://cyclonedx.org/docs/1.6/json/
type (
	cdxBOM struct {
		Schema          string             `json:"$schema"`
		Format          string             `json:"bomFormat"`
		SpecVersion     string             `json:"specVersion"`
		SerialNumber    string             `json:"serialNumber"`
		Version         int                `json:"version"`
		Metadata        cdxMetadata        `json:"metadata"`
		Components      []cdxComponent     `json:"components"`
		Vulnerabilities []cdxVulnerability `json:"vulnerabilities"`
	}
	cdxMetadata struct {
		Timestamp  string        `json:"timestamp"`
		Tools      cdxTools      `json:"tools"`
		Component  cdxComponent  `json:"component"`
		Properties []cdxProperty `json:"properties,omitempty"`
	}
	cdxTools struct {
		Components []cdxComponent `json:"components"`
	}
	cdxComponent struct {
		Type       string        `json:"type"`
		Ref        string        `json:"bom-ref,omitempty"`
		Name       string        `json:"name"`
		Version    string        `json:"version,omitempty"`
		PURL       string        `json:"purl,omitempty"`
		Properties []cdxProperty `json:"properties,omitempty"`
	}
	cdxProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	cdxVulnerability struct {
		Ref            string        `json:"bom-ref"`
		ID             string        `json:"id"`
		Source         *cdxSource    `json:"source,omitempty"`
		Ratings        []cdxRating   `json:"ratings,omitempty"`
		Description    string        `json:"description,omitempty"`
		Recommendation string        `json:"recommendation,omitempty"`
		Analysis       *cdxAnalysis  `json:"analysis,omitempty"`
		Affects        []cdxAffects  `json:"affects"`
		Properties     []cdxProperty `json:"properties,omitempty"`
	}
	cdxSource struct {
		Name string `json:"name"`
	}
	cdxRating struct {
		Score    *float64 `json:"score,omitempty"`
		Severity string   `json:"severity"`
		Method   string   `json:"method,omitempty"`
		Vector   string   `json:"vector,omitempty"`
	}
	cdxAnalysis struct {
		State  string `json:"state"`
		Detail string `json:"detail,omitempty"`
	}
	cdxAffects struct {
		Ref string `json:"ref"`
	}
)

func writeCycloneDX(w io.Writer, s *result.Scan) error {
	bom := cdxBOM{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", SerialNumber: serial(s), Version: 1,
		Metadata: cdxMetadata{
			Timestamp: s.Generated.UTC().Format("2006-01-02T15:04:05Z"),
			Tools:     cdxTools{[]cdxComponent{{Type: "application", Name: s.Tool.Name, Version: s.Tool.Version}}},
			Component: cdxComponent{Type: "operating-system", Ref: "host", Name: fallback(s.Host.Release, "unknown release"), Version: ""},
		},
		Components: []cdxComponent{}, Vulnerabilities: []cdxVulnerability{},
	}
	for _, u := range s.Unknown {
		bom.Metadata.Properties = append(bom.Metadata.Properties, cdxProperty{"lockfast:unknown", u.What + ": " + u.Why})
	}
	installed := index(s)
	refs := components(&bom, s)
	for i := range s.Findings {
		bom.Vulnerabilities = append(bom.Vulnerabilities, cdxVulnerabilities(&s.Findings[i], i, affects(refs)(installed.of(&s.Findings[i])))...)
	}
	for i := range s.Unknown {
		bom.Vulnerabilities = append(bom.Vulnerabilities, cdxUnknown(&s.Unknown[i], i, affects(refs)(installed.named(s.Unknown[i].Packages)))...)
	}
	return encode(w, bom)
}

func fallback(s, or string) string {
	if strings.TrimSpace(s) == "" {
		return or
	}
	return s
}

// serial is a UUID made from the scan: the same document, the same number.
func serial(s *result.Scan) string {
	sum := sha256.Sum256([]byte(s.Host.Name + "\x00" + s.Host.Root + "\x00" + s.Generated.String()))
	sum[6] = sum[6]&0x0f | 0x80 // version 8: made by our own rule, RFC 9562 section 5.8
	sum[8] = sum[8]&0x3f | 0x80
	return fmt.Sprintf("urn:uuid:%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// components adds every package and returns their references, in the
// order of the inventory.
func components(bom *cdxBOM, s *result.Scan) []string {
	refs := make([]string, 0, len(s.Inventory))
	used := map[string]int{}
	for i := range s.Inventory {
		p := &s.Inventory[i]
		ref := p.PURL
		if used[ref]++; used[ref] > 1 {
			ref += "#" + strconv.Itoa(used[p.PURL])
		}
		bom.Components = append(bom.Components, cdxComponent{
			Type: "library", Ref: ref, Name: p.Name, Version: p.Version, PURL: p.PURL,
			Properties: []cdxProperty{{"lockfast:source", p.Source}, {"lockfast:source_version", p.SourceVersion}, {"lockfast:origin", p.Origin}},
		})
		refs = append(refs, ref)
	}
	return refs
}

// affects turns packages into references.
func affects(refs []string) func([]int, *result.Scan) []cdxAffects {
	return func(packages []int, _ *result.Scan) []cdxAffects {
		list := []cdxAffects{}
		for _, i := range packages {
			list = append(list, cdxAffects{refs[i]})
		}
		return list
	}
}

// cdxVulnerabilities are one entry for each id of a finding; a finding that
// only the package manager knows of, or that only waits for a restart, is one
// entry under its key.
func cdxVulnerabilities(f *result.Finding, n int, on []cdxAffects) []cdxVulnerability {
	advice := fix(f)
	analysis := &cdxAnalysis{State: "exploitable", Detail: f.Reason}
	if f.Status == result.StatusLeftover || f.Severity == "none" {
		analysis.State = "not_affected"
	}
	if len(f.Vulnerabilities) == 0 {
		return []cdxVulnerability{{
			Ref: fmt.Sprintf("finding-%d", n), ID: f.Key, Ratings: []cdxRating{{Severity: f.Severity}}, Recommendation: advice, Analysis: analysis, Affects: on,
		}}
	}
	list := make([]cdxVulnerability, 0, len(f.Vulnerabilities))
	for i := range f.Vulnerabilities {
		v := &f.Vulnerabilities[i]
		c := cdxVulnerability{
			Ref: fmt.Sprintf("finding-%d-%s", n, v.ID), ID: v.ID, Description: v.Summary, Recommendation: advice, Analysis: analysis, Affects: on,
			Ratings: []cdxRating{{Score: v.Score, Severity: v.Severity, Vector: v.Vector, Method: method(v.Vector)}},
		}
		if v.KEV != nil {
			c.Properties = append(c.Properties, cdxProperty{"lockfast:known_exploited", strconv.FormatBool(*v.KEV)})
		}
		if v.EPSS != nil {
			c.Properties = append(c.Properties, cdxProperty{"lockfast:epss", strconv.FormatFloat(*v.EPSS, 'f', -1, 64)})
		}
		list = append(list, c)
	}
	return list
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

// cdxUnknown are advisories that may apply.
func cdxUnknown(u *result.Unknown, n int, on []cdxAffects) []cdxVulnerability {
	list := make([]cdxVulnerability, 0, len(u.IDs))
	for _, id := range u.IDs {
		list = append(list, cdxVulnerability{
			Ref: fmt.Sprintf("unknown-%d-%s", n, id), ID: id, Analysis: &cdxAnalysis{State: "in_triage", Detail: u.Why}, Affects: on,
		})
	}
	return list
}
