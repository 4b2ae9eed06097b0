package exposure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/result"
)

// likely is the EPSS score from which exploitation in the next 30 days is taken
// as seriously as a high severity: about one record in twenty is above it.
const likely = 0.1

// Rank returns the findings, the most urgent first. The order is total and
// depends on nothing but the findings.
func Rank(findings []result.Finding) []result.Finding {
	ranked := slices.Clone(findings)
	slices.SortFunc(ranked, func(a, b result.Finding) int { return compare(&a, &b) })
	return ranked
}

func compare(a, b *result.Finding) int {
	return cmp.Or(
		cmp.Compare(urgency(b), urgency(a)),
		cmp.Compare(noFix(a), noFix(b)),
		cmp.Compare(ransom(b), ransom(a)),
		cmp.Compare(advisory.ParseRating(b.Severity), advisory.ParseRating(a.Severity)),
		cmp.Compare(value(b.EPSS), value(a.EPSS)),
		cmp.Compare(days(b), days(a)),
		strings.Compare(a.Key, b.Key),
	)
}

func noFix(f *result.Finding) int {
	if f.Status == result.StatusNoFix {
		return 1
	}
	return 0
}

func ransom(f *result.Finding) int {
	if f.Ransomware {
		return 1
	}
	return 0
}

func value(p *float64) float64 {
	if p == nil {
		return -1
	}
	return *p
}

func days(f *result.Finding) int {
	if f.GapDays == nil {
		return -1
	}
	return *f.GapDays
}

func yes(p *bool) bool { return p != nil && *p }

// urgency is the step of the package's list.
func urgency(f *result.Finding) int {
	severity := advisory.ParseRating(f.Severity)
	if f.Status == result.StatusLeftover || severity == advisory.SeverityNone && !yes(f.KEV) {
		return 0
	}
	exposed := yes(f.Exposed)
	runs := exposed || f.Running == nil || *f.Running
	grave := severity >= advisory.SeverityHigh || value(f.EPSS) >= likely
	switch {
	case yes(f.KEV) && exposed:
		return 9
	case yes(f.KEV) && runs:
		return 8
	case grave && exposed:
		return 7
	case yes(f.KEV):
		return 6
	case exposed:
		return 5
	case grave && runs:
		return 4
	case runs:
		return 3
	case grave:
		return 2
	}
	return 1
}

// Reason says in one sentence why a finding ranks where it does.
func Reason(f result.Finding) string {
	switch {
	case f.Status == result.StatusLeftover:
		return "An old kernel left on disk: it does not run, and removing the package ends the matter."
	case f.SeverityFrom == "carries no kernel code":
		return "Built from the kernel's source without its code (headers or tools): update it with the rest."
	}
	parts := []string{danger(&f), place(&f)}
	if f.Status == result.StatusRestart {
		parts = append(parts, "the fix is installed, but the old code still runs until "+howToRestart(f.Restart))
	}
	parts = append(parts, since(&f))
	parts = slices.DeleteFunc(parts, func(s string) bool { return s == "" })
	sentence := strings.Join(parts, "; ")
	return strings.ToUpper(sentence[:1]) + sentence[1:] + "."
}

// danger is how bad it is.
func danger(f *result.Finding) string {
	switch {
	case yes(f.KEV) && f.Ransomware:
		return "known to be exploited, also by ransomware" + due(f)
	case yes(f.KEV):
		return "known to be exploited" + due(f)
	case value(f.EPSS) >= likely:
		return fmt.Sprintf("%s severity and likely to be exploited soon (EPSS %.0f %%)", word(f), 100*value(f.EPSS))
	case f.Severity == advisory.SeverityUnknown.String():
		return "severity unknown"
	}
	return f.Severity + " severity"
}

func word(f *result.Finding) string {
	if f.Severity == "" {
		return "unknown"
	}
	return f.Severity
}

func due(f *result.Finding) string {
	for _, e := range f.KEVEntries {
		if e.Due != nil && e.Overdue {
			return " (CISA's due date " + e.Due.Format("2006-01-02") + " is over)"
		}
	}
	for _, e := range f.KEVEntries {
		if e.Due != nil {
			return " (CISA's due date is " + e.Due.Format("2006-01-02") + ")"
		}
	}
	return ""
}

// place is where it runs.
func place(f *result.Finding) string {
	switch {
	case yes(f.Exposed) && len(f.ExposedOn) > 0:
		s := f.ExposedOn[0]
		text := fmt.Sprintf("%s listens with it on %s port %d (%s)", cmp.Or(s.Process, "a process"), address(s.Address), s.Port, s.Protocol)
		if more := len(f.ExposedOn) - 1; more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		if s.Filter == "unknown" {
			text += ", whether a packet filter lets others in is unknown"
		}
		return text
	case yes(f.Running) && f.Exposed == nil:
		return "it runs, and whether it can be reached could not be seen"
	case yes(f.Running) && len(f.RunningIn) == 0:
		return "it is the running kernel"
	case yes(f.Running):
		return "it runs, but no reachable socket is behind it"
	case f.Running == nil && f.Status != result.StatusRestart:
		return "whether it runs could not be seen"
	case f.Running != nil:
		return "it is only installed, nothing runs it now"
	}
	return ""
}

func address(a string) string {
	switch a {
	case "0.0.0.0", "::", "*":
		return "every address,"
	}
	return a
}

func howToRestart(restart []string) string {
	switch {
	case len(restart) == 0 || slices.Contains(restart, "reboot"):
		return "a reboot"
	case len(restart) > 3:
		return fmt.Sprintf("%s and %d more are restarted", strings.Join(restart[:3], ", "), len(restart)-3)
	case len(restart) == 1:
		return restart[0] + " is restarted"
	}
	return strings.Join(restart, ", ") + " are restarted"
}

func since(f *result.Finding) string {
	switch {
	case f.Status == result.StatusNoFix:
		return "no fix exists yet"
	case f.GapDays == nil:
		return "since when a fix exists is unknown"
	case *f.GapDays == 0:
		return "the fix is of today"
	case *f.GapDays == 1:
		return "the fix has existed for 1 day"
	}
	return fmt.Sprintf("the fix has existed for %d days", *f.GapDays)
}
