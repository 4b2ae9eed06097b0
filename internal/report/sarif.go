package report

import (
	"io"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

// SARIF 2.1.0, as far as a scan needs it.
// https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name            string      `json:"name"`
		SemanticVersion string      `json:"version"`
		InformationURI  string      `json:"informationUri"`
		Rules           []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID         string          `json:"id"`
		Short      sarifText       `json:"shortDescription"`
		HelpURI    string          `json:"helpUri,omitempty"`
		Properties sarifProperties `json:"properties"`
	}
	sarifProperties struct {
		SecuritySeverity string   `json:"security-severity,omitempty"` // what code hosts sort by: a CVSS score
		Tags             []string `json:"tags,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		ExitCode      int                 `json:"exitCode"`
		EndTime       string              `json:"endTimeUtc"`
		Notifications []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifLogical struct {
		Name string `json:"name"`
		Kind string `json:"kind"`
	}
)

const homepage = "https://github.com/lockfast/lockfast"

func writeSARIF(w io.Writer, s *result.Scan) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: s.Tool.Name, SemanticVersion: s.Tool.Version, InformationURI: homepage, Rules: []sarifRule{}}},
		Invocations: []sarifInvocation{{
			Successful: looked(s), ExitCode: s.Exit.Code, EndTime: s.Generated.UTC().Format("2006-01-02T15:04:05Z"), Notifications: sarifNotifications(s),
		}},
		Results: []sarifResult{},
	}
	rules, worst := map[string]int{}, map[string]float64{}
	for i := range s.Findings {
		f := &s.Findings[i]
		id := ruleOf(f)
		at, known := rules[id]
		if !known {
			at = len(run.Tool.Driver.Rules)
			rules[id] = at
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRuleOf(f, id))
		}
		if f.Score != nil && *f.Score > worst[id] {
			worst[id] = *f.Score
			run.Tool.Driver.Rules[at].Properties.SecuritySeverity = score(*f.Score)
		}
		run.Results = append(run.Results, sarifResultOf(f, id))
	}
	return encode(w, sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

// ruleOf is one rule a source package: an alert stays the same while its CVEs
// grow.
func ruleOf(f *result.Finding) string { return "missing-fix/" + clean(f.SourcePackage) }

func sarifRuleOf(f *result.Finding, id string) sarifRule {
	return sarifRule{ID: id, Short: sarifText{"Security fixes of " + clean(f.SourcePackage) + " are missing"}, Properties: sarifProperties{Tags: []string{"security"}}}
}

func sarifResultOf(f *result.Finding, id string) sarifResult {
	text := clean(f.Reason) + " " + fix(f) + "."
	if ids := cves(f); len(ids) > 0 {
		text += " " + clean(strings.Join(ids, ", ")) + "."
	}
	r := sarifResult{
		RuleID: id, Level: sarifLevel(f), Message: sarifText{text}, Fingerprints: map[string]string{"findingKey/v1": clean(f.Key)},
		Locations: []sarifLocation{{Physical: sarifPhysical{sarifArtifact{database(f)}}, Logical: []sarifLogical{}}},
	}
	for _, p := range f.Packages {
		r.Locations[0].Logical = append(r.Locations[0].Logical, sarifLogical{Name: clean(p), Kind: "package"})
	}
	return r
}

// database is the file that says the package is installed.
func database(f *result.Finding) string {
	switch {
	case slices.ContainsFunc(f.Binaries, func(b result.Binary) bool { return b.Manager == "rpm" }):
		return "var/lib/rpm/rpmdb.sqlite"
	case slices.ContainsFunc(f.Binaries, func(b result.Binary) bool { return b.Manager == "apk" }):
		return "lib/apk/db/installed"
	}
	return "var/lib/dpkg/status"
}

func sarifLevel(f *result.Finding) string {
	switch {
	case yes(f.KEV), f.Severity == "critical", f.Severity == "high":
		return "error"
	case f.Severity == "low", f.Severity == "none":
		return "note"
	}
	return "warning"
}

func sarifNotifications(s *result.Scan) []sarifNotification {
	list := []sarifNotification{}
	for _, u := range s.Unknown {
		level := "note"
		if u.Blocking {
			level = "error"
		}
		list = append(list, sarifNotification{Level: level, Message: sarifText{clean(u.What) + ": " + clean(u.Why)}})
	}
	return list
}
