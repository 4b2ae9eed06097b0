package secure

import (
	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/result"
)

// summarise counts what the report says. Kernels only left on disk count as
// findings, but neither as exposed nor as a gap.
func summarise(s *result.Scan, expired int, cveData bool) result.Summary {
	sum := result.Summary{BySeverity: map[string]int{}, Findings: len(s.Findings), Unknown: len(s.Unknown), Waived: len(s.Waived), ExpiredWaivers: expired, CVEData: cveData}
	cves := map[string]bool{}
	for i := range s.Findings {
		f := &s.Findings[i]
		countFinding(&sum, f)
		for _, id := range f.IDs {
			if result.IsCVE(id) {
				cves[id] = true
			}
		}
	}
	sum.CVEs = len(cves)
	for _, u := range s.Unknown {
		if u.Blocking && !u.Accepted {
			sum.Blocking++
		}
	}
	for _, d := range s.Data {
		counts := d.Kind != string(advisory.SourceCVE) && (d.Kind != "archive" || d.Coverage == securityUpdates)
		if counts && d.AgeHours != nil && (sum.OldestDataHours == nil || *d.AgeHours > *sum.OldestDataHours) {
			hours := *d.AgeHours
			sum.OldestDataHours = &hours
		}
	}
	return sum
}

func countFinding(sum *result.Summary, f *result.Finding) {
	sum.BySeverity[f.Severity]++
	switch f.Status {
	case result.StatusOpen:
		sum.Fixable++
	case result.StatusRestart:
		sum.NotRunning++
	case result.StatusNoFix:
		sum.NoFix++
	}
	if f.Status == result.StatusLeftover {
		return
	}
	if f.KEV != nil && *f.KEV {
		sum.KnownExploited++
	}
	exposed := f.Exposed != nil && *f.Exposed
	if exposed {
		sum.Exposed++
	}
	if f.GapDays == nil {
		return
	}
	if sum.WorstGapDays == nil || *f.GapDays > *sum.WorstGapDays {
		gap := *f.GapDays
		sum.WorstGapDays, sum.WorstGapFinding = &gap, f.Key
	}
	if exposed && (sum.ExposedGapDays == nil || *f.GapDays > *sum.ExposedGapDays) {
		gap := *f.GapDays
		sum.ExposedGapDays = &gap
	}
}
