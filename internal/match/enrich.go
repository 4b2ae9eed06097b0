package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/result"
)

// enricher asks for each CVE once.
type enricher struct {
	know Knowledge
	seen map[advisory.ID]entry
}

type entry struct {
	cve advisory.CVE
	ok  bool
}

func (e *enricher) cve(id advisory.ID) (advisory.CVE, bool, error) {
	if e.know.CVE == nil {
		return advisory.CVE{}, false, nil
	}
	if known, ok := e.seen[id]; ok {
		return known.cve, known.ok, nil
	}
	cve, ok, err := e.know.CVE(id)
	if err != nil {
		return advisory.CVE{}, false, fmt.Errorf("cannot look up %s: %w", id, err)
	}
	e.seen[id] = entry{cve, ok}
	return cve, ok, nil
}

// row returns how bad an advisory is, and whether one of its CVEs is exploited.
func (e *enricher) row(row *advisory.Row) (advisory.Severity, bool, error) {
	severity, exploited := row.Severity, false
	for _, id := range row.CVEs() {
		cve, ok, err := e.cve(id)
		if err != nil {
			return 0, false, err
		}
		if ok {
			severity = max(severity, cve.Severity)
			exploited = exploited || cve.KEV != nil
		}
	}
	return severity, exploited, nil
}

// vulnerability says what is known of one CVE, or of an advisory that names no
// CVE. row is nil when only the package manager named the id.
func (e *enricher) vulnerability(id advisory.ID, row *advisory.Row) (result.Vulnerability, *advisory.CVE, error) {
	v := result.Vulnerability{ID: string(id), Severity: advisory.SeverityUnknown.String()}
	severity := advisory.SeverityUnknown
	if row != nil {
		v.Summary = row.Summary
		severity, v.Vector = row.Severity, row.CVSS
		if score, _, err := advisory.ParseCVSS(row.CVSS); row.CVSS != "" && err == nil {
			v.Score = &score
		}
	}
	cve, ok, err := e.cve(id)
	if err != nil {
		return v, nil, err
	}
	if ok && cve.Severity != advisory.SeverityUnknown {
		score := cve.Score
		severity, v.Vector, v.Score = cve.Severity, cve.CVSS, &score
	}
	if ok && cve.HasEPSS {
		epss := cve.EPSS
		v.EPSS = &epss
	}
	v.Severity = severity.String()
	v.KEV = e.exploited(id, ok && cve.KEV != nil)
	if !ok {
		return v, nil, nil
	}
	return v, &cve, nil
}

// exploited is nil where the KEV data cannot say "no".
func (e *enricher) exploited(id advisory.ID, listed bool) *bool {
	if listed {
		return &listed
	}
	if !e.know.HasKEV || e.know.KEVStale || !result.IsCVE(string(id)) {
		return nil
	}
	return &listed
}

// sortIDs sorts advisory ids first, CVE ids last, each once.
func sortIDs(ids []string) []string {
	slices.SortFunc(ids, func(a, b string) int {
		if result.IsCVE(a) != result.IsCVE(b) {
			if result.IsCVE(a) {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(ids)
}
