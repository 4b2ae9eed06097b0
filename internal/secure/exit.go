package secure

import (
	"fmt"
	"slices"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/result"
)

// FailOn is the threshold from which findings end in exit code 1.
type FailOn string

// Thresholds.
const (
	FailNever    FailOn = ""
	FailCritical FailOn = "critical"
	FailHigh     FailOn = "high"
	FailKEV      FailOn = "exploited"
	FailAny      FailOn = "any"
)

// ParseFailOn reads a --fail-on value.
func ParseFailOn(s string) (FailOn, error) {
	known := []FailOn{FailNever, FailCritical, FailHigh, FailKEV, FailAny}
	if slices.Contains(known, FailOn(s)) {
		return FailOn(s), nil
	}
	return "", fmt.Errorf("--fail-on %q: want critical, high, exploited or any", s)
}

// Exit codes of a scan, from the list that all verbs share.
const (
	ExitDone     = 0
	ExitFindings = 1
	ExitUnknown  = 3
)

// answer of one threshold question about one finding.
type answer uint8

const (
	no answer = iota
	yes
	cannotSay
)

// decide gives the exit code. What could not be looked at (3) wins over
// findings (1); the reasons name both.
func decide(s *result.Scan, limit FailOn, know match.Knowledge) result.Exit {
	exit := result.Exit{Code: ExitDone, Reasons: []string{}}
	over, unsure := countOver(s, limit)
	if over > 0 {
		exit.Code = ExitFindings
		exit.Reasons = append(exit.Reasons, fmt.Sprintf("%s under --fail-on %s", plural(over, "finding"), limit))
	}
	if unsure > 0 {
		exit.Code = ExitUnknown
		exit.Reasons = append(exit.Reasons, fmt.Sprintf("for %s it cannot be said whether --fail-on %s applies", plural(unsure, "finding"), limit))
	}
	if limit == FailKEV && (!know.HasKEV || know.KEVStale) {
		exit.Code = ExitUnknown
		exit.Reasons = append(exit.Reasons, "--fail-on exploited needs current KEV data: import or sync them")
	}
	for _, u := range s.Unknown {
		if u.Blocking && !u.Accepted {
			exit.Code = ExitUnknown
			exit.Reasons = append(exit.Reasons, u.What+": "+u.Why)
		}
	}
	return exit
}

func countOver(s *result.Scan, limit FailOn) (over, unsure int) {
	if limit == FailNever {
		return 0, 0
	}
	for i := range s.Findings {
		switch judge(&s.Findings[i], limit) {
		case yes:
			over++
		case cannotSay:
			unsure++
		case no:
		}
	}
	for i := range s.Unknown {
		if u := &s.Unknown[i]; len(u.IDs) > 0 && mayBeOver(u, limit) {
			unsure++
		}
	}
	return over, unsure
}

// judge asks whether a finding is over the limit. A kernel that is only left
// on disk never is: nothing of it runs.
func judge(f *result.Finding, limit FailOn) answer {
	if f.Status == result.StatusLeftover {
		return no
	}
	switch limit {
	case FailAny:
		return yes
	case FailKEV:
		switch {
		case f.KEV == nil:
			return cannotSay
		case *f.KEV:
			return yes
		}
		return no
	case FailHigh, FailCritical:
		return bySeverity(f, floor(limit))
	case FailNever:
	}
	return no
}

func floor(limit FailOn) advisory.Severity {
	if limit == FailCritical {
		return advisory.SeverityCritical
	}
	return advisory.SeverityHigh
}

// bySeverity is cannotSay as long as any part of the finding is unrated.
func bySeverity(f *result.Finding, floor advisory.Severity) answer {
	worst := advisory.ParseRating(f.Severity)
	if worst >= floor {
		return yes
	}
	unrated := worst == advisory.SeverityUnknown
	for i := range f.Vulnerabilities {
		unrated = unrated || advisory.ParseRating(f.Vulnerabilities[i].Severity) == advisory.SeverityUnknown
	}
	if unrated {
		return cannotSay
	}
	return no
}

// mayBeOver reports whether something that could not be decided would be over
// the limit if it applied.
func mayBeOver(u *result.Unknown, limit FailOn) bool {
	switch limit {
	case FailAny:
		return true
	case FailKEV:
		return u.KEV
	case FailHigh, FailCritical:
		s := advisory.ParseRating(u.Severity)
		return s == advisory.SeverityUnknown || s >= floor(limit)
	case FailNever:
	}
	return false
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
