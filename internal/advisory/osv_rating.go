package advisory

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// specific is what the free-form parts of an entry say.
type specific struct {
	verdict  Verdict
	rating   string
	binaries []string
}

// readSpecific reads ecosystem_specific and database_specific of an entry. Their
// form is each distribution's own; what is not understood there says nothing,
// but a list of binaries that cannot be read would limit the row wrongly and is
// an error.
func readSpecific(parts ...jsontext.Value) (specific, error) {
	var s specific
	for _, raw := range parts {
		if !worthReading(raw) {
			continue
		}
		var v struct {
			Urgency  any            `json:"urgency"`
			Severity any            `json:"severity"`
			Priority any            `json:"ubuntu_priority"`
			Binaries jsontext.Value `json:"binaries"`
		}
		if err := json.Unmarshal(raw, &v); err != nil {
			return s, fmt.Errorf("ecosystem_specific or database_specific: %v", err)
		}
		s.addRating(v.Urgency, v.Severity, v.Priority)
		names, err := binaryNames(v.Binaries)
		if err != nil {
			return s, err
		}
		s.binaries = append(s.binaries, names...)
	}
	slices.Sort(s.binaries)
	s.binaries = slices.Compact(s.binaries)
	if slices.ContainsFunc(s.binaries, namesItsBuild) {
		s.binaries = nil
	}
	return s, nil
}

func worthReading(raw jsontext.Value) bool {
	for _, field := range []string{`"urgency"`, `"severity"`, `"ubuntu_priority"`, `"binaries"`} {
		if bytes.Contains(raw, []byte(field)) {
			return true
		}
	}
	return false
}

// addRating takes the first word given. Debian's urgency also carries verdicts
// (https://security-team.debian.org/security_tracker.html).
func (s *specific) addRating(words ...any) {
	for _, w := range words {
		word, _ := w.(string)
		switch word {
		case "", "not yet assigned":
			continue
		case "unimportant", "end-of-life":
			s.verdict = VerdictIgnored
		case "not-affected", "not affected":
			s.verdict = VerdictNotAffected
		}
		if s.rating == "" {
			s.rating = word
		}
	}
}

// binaryNames reads the two forms that Ubuntu and SUSE publish: a list of
// {"binary_name": …, "binary_version": …}, and one of {name: version, …}.
func binaryNames(raw jsontext.Value) ([]string, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var lists []map[string]any
	if err := json.Unmarshal(raw, &lists); err != nil {
		return nil, fmt.Errorf("binaries: %v", err)
	}
	var names []string
	for _, list := range lists {
		if name, ok := list["binary_name"].(string); ok {
			names = append(names, name)
			continue
		}
		for name := range list {
			names = append(names, name)
		}
	}
	return names, nil
}

// namesItsBuild recognises binary packages that carry their build in the name
// ("linux-image-5.15.0-94-generic"): the record lists the fixed ones, and the
// vulnerable one that is installed has another name. Such a list limits nothing.
func namesItsBuild(name string) bool {
	dots, run := 0, false
	for i := range len(name) {
		switch c := name[i]; {
		case c >= '0' && c <= '9':
			run = true
		case c == '.' && run:
			dots++
			run = false
		case c == '-' && run && dots >= 2 && i+1 < len(name) && name[i+1] >= '0' && name[i+1] <= '9':
			return true
		default:
			dots, run = 0, false
		}
	}
	return false
}

// rate returns the newest CVSS vector that can be understood, the severity (the
// vector's, else the vendor's) and the vendor's own word. An entry's severity
// goes before the record's. A vector that cannot be understood counts as none:
// unknown severity is never taken for low.
func rate(a *osvAffected, o *osvRecord, s specific) (vector string, severity Severity, rating string) {
	rating = vendorRating(a, o, s)
	for _, list := range [][]osvSeverity{a.Severity, o.Severity} {
		for _, kind := range []string{"CVSS_V4", "CVSS_V3", "CVSS_V2"} {
			for i := range list {
				if list[i].Type != kind {
					continue
				}
				if _, sev, err := ParseCVSS(list[i].Score); err == nil {
					return list[i].Score, sev, rating
				}
			}
		}
	}
	return "", ParseRating(rating), rating
}

func vendorRating(a *osvAffected, o *osvRecord, s specific) string {
	for _, list := range [][]osvSeverity{a.Severity, o.Severity} {
		for i := range list {
			if !strings.HasPrefix(list[i].Type, "CVSS_") && list[i].Score != "" {
				return list[i].Score // type "Ubuntu", score "medium"
			}
		}
	}
	if s.rating != "" {
		return s.rating
	}
	if record, err := readSpecific(o.Database); err == nil && record.rating != "" {
		return record.rating
	}
	// "Important: nodejs:18 security update"
	if word, _, ok := strings.Cut(o.Summary, ": "); ok && ParseRating(word) != SeverityUnknown {
		return word
	}
	return ""
}
