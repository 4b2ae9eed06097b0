package report

import (
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

const (
	homepage    = "https://github.com/lockfast/lockfast"
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	rootBase    = "ROOT" // name of the host's root folder in locations
)

func writeSARIF(w io.Writer, s *result.Scan) error {
	run := sarifRun{
		Tool:        sarifTool{sarifDriver{Name: s.Tool.Name, Version: s.Tool.Version, InformationURI: homepage, Rules: []sarifRule{}}},
		Automation:  sarifAutomation{"lockfast/scan/" + url.PathEscape(clean(s.Host.Name)) + "/"},
		Invocations: []sarifInvocation{sarifInvocationOf(s)},
		Bases:       map[string]sarifArtifact{rootBase: {URI: rootURI(s.Host.Root)}},
		Results:     []sarifResult{},
	}
	rules := map[string]int{}
	add := func(f *result.Finding, waiver *result.Waived) {
		id := ruleOf(f)
		at, known := rules[id]
		if !known {
			at = len(run.Tool.Driver.Rules)
			rules[id] = at
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(f, id))
		}
		raise(&run.Tool.Driver.Rules[at], f)
		run.Results = append(run.Results, sarifResultOf(f, id, waiver))
	}
	for i := range s.Findings {
		add(&s.Findings[i], nil)
	}
	for i := range s.Waived {
		add(&s.Waived[i].Finding, &s.Waived[i])
	}
	return encode(w, sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

// rootURI is the folder that locations are relative to. It ends in a slash, as
// section 3.14.14 demands.
func rootURI(root string) string {
	path := "/" + strings.Trim(root, "/") + "/"
	if strings.Trim(root, "/") == "" {
		path = "/"
	}
	u := url.URL{Scheme: "file", Path: path}
	return u.String()
}

// sarifInvocationOf says whether the scan answered. What a person accepted is a
// warning; the rest that could be missing makes the run a failed one, so that
// an empty list of results is not read as "none".
func sarifInvocationOf(s *result.Scan) sarifInvocation {
	inv := sarifInvocation{
		Successful: s.Exit.Code != 3, ExitCode: s.Exit.Code, ExitReason: clean(strings.Join(s.Exit.Reasons, "; ")),
		EndTime: stamp(s.Generated), Notifications: []sarifNotification{},
	}
	for _, u := range blockingFirst(s) {
		level := "note"
		switch {
		case u.Blocking && u.Accepted:
			level = "warning"
		case u.Blocking:
			level, inv.Successful = "error", false
		}
		inv.Notifications = append(inv.Notifications, sarifNotification{Level: level, Message: sarifText{clean(u.What) + ": " + clean(u.Why)}})
	}
	return inv
}

// ruleOf is one rule a source package: an alert stays the same while its CVEs
// grow.
func ruleOf(f *result.Finding) string { return "missing-fix/" + clean(f.SourcePackage) }

func sarifRuleOf(f *result.Finding, id string) sarifRule {
	return sarifRule{ID: id, Short: sarifText{"Security fixes of " + clean(f.SourcePackage) + " are missing"}, Properties: sarifRuleProperties{Tags: []string{"security"}}}
}

// raise gives a rule the highest score of its findings.
func raise(r *sarifRule, f *result.Finding) {
	if f.Score == nil {
		return
	}
	if text := score(*f.Score); len(text) > len(r.Properties.SecuritySeverity) || len(text) == len(r.Properties.SecuritySeverity) && text > r.Properties.SecuritySeverity {
		r.Properties.SecuritySeverity = text // "10.0" is longer than "9.8"
	}
}

func sarifResultOf(f *result.Finding, id string, waiver *result.Waived) sarifResult {
	text := clean(f.Reason) + " " + action(f)
	if ids := cves(f); len(ids) > 0 {
		text += " " + clean(strings.Join(ids, ", ")) + "."
	}
	r := sarifResult{
		RuleID: id, Level: sarifLevel(f), Message: sarifText{strings.TrimSpace(text)}, Fingerprints: map[string]string{"findingKey/v1": clean(f.Key)},
		Locations:    []sarifLocation{{Physical: sarifPhysical{sarifArtifact{URI: database(f), Base: rootBase}}, Logical: []sarifLogical{}}},
		Suppressions: []sarifSuppression{},
		Properties: sarifProperties{
			Status: f.Status, Severity: f.Severity, IDs: []string{}, Installed: clean(f.InstalledVersion), Fixed: clean(f.FixedVersion),
			KEV: f.KEV, EPSS: f.EPSS, Exposed: f.Exposed, Running: f.Running, GapDays: f.GapDays,
		},
	}
	for _, ident := range f.IDs {
		r.Properties.IDs = append(r.Properties.IDs, clean(ident))
	}
	for _, p := range f.Packages {
		r.Locations[0].Logical = append(r.Locations[0].Logical, sarifLogical{Name: clean(p), Kind: "package"})
	}
	if waiver != nil {
		r.Suppressions = append(r.Suppressions, sarifSuppression{Kind: "external", Status: "accepted", Justification: waivedNote(waiver)})
	}
	return r
}

// database is the file that says the package is installed.
func database(f *result.Finding) string {
	managed := func(by string) bool {
		return slices.ContainsFunc(f.Binaries, func(b result.Binary) bool { return b.Manager == by })
	}
	switch {
	case managed("rpm"):
		return "var/lib/rpm/rpmdb.sqlite"
	case managed("apk"):
		return "lib/apk/db/installed"
	}
	return "var/lib/dpkg/status"
}

// sarifLevel is the level of section 3.27.10. An unknown severity is no note.
func sarifLevel(f *result.Finding) string {
	switch {
	case f.Status == result.StatusLeftover:
		return "note"
	case yes(f.KEV), f.Severity == "critical", f.Severity == "high":
		return "error"
	case f.Severity == "low", f.Severity == "none":
		return "note"
	}
	return "warning"
}
