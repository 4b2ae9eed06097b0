package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

// databases are the collectors without which nothing is known of packages.
var databases = [...]string{"release", "dpkg", "rpm", "apk"}

// looked reports whether an empty list of findings may be taken as "none".
// That a person accepted what is missing (--accept-partial) does not change it.
func looked(s *result.Scan) bool {
	if slices.ContainsFunc(s.Unknown, func(u result.Unknown) bool { return u.Blocking }) {
		return false
	}
	return !slices.ContainsFunc(s.Host.Collectors, func(c result.Status) bool {
		return c.Outcome == "failed" && slices.Contains(databases[:], c.Collector)
	})
}

// seenExposed reports whether it was seen for every finding if it is exposed:
// otherwise a count of them is too low.
func seenExposed(s *result.Scan) bool {
	return looked(s) && !slices.ContainsFunc(s.Findings, func(f result.Finding) bool { return f.Exposed == nil })
}

// unseen are the collectors that saw only a part, or nothing.
func unseen(s *result.Scan) []string {
	var list []string
	for _, c := range s.Host.Collectors {
		if c.Outcome == "failed" || c.Outcome == "partial" {
			list = append(list, clean(c.Collector))
		}
	}
	return list
}

// headline is the answer in one sentence.
func headline(s *result.Scan) string {
	parts := counts(s)
	if len(parts) == 0 {
		return nothingFound(s)
	}
	text := strings.Join(parts, ", ")
	sum := &s.Summary
	if sum.KnownExploited > 0 {
		text += fmt.Sprintf("; %d known to be exploited", sum.KnownExploited)
	}
	if sum.Exposed > 0 {
		text += fmt.Sprintf("; %d exposed", sum.Exposed)
	}
	if sum.WorstGapDays != nil {
		text += fmt.Sprintf("; worst patch gap %s", plural(*sum.WorstGapDays, "day", "days"))
	}
	if !looked(s) {
		text += "; and not everything could be looked at"
	}
	return text + "."
}

func counts(s *result.Scan) []string {
	sum := &s.Summary
	var parts []string
	if sum.Fixable > 0 {
		parts = append(parts, plural(sum.Fixable, "security fix is missing", "security fixes are missing"))
	}
	if sum.NotRunning > 0 {
		parts = append(parts, plural(sum.NotRunning, "fix is installed but not running", "fixes are installed but not running"))
	}
	if sum.NoFix > 0 {
		parts = append(parts, plural(sum.NoFix, "package has holes without a fix yet", "packages have holes without a fix yet"))
	}
	return parts
}

// nothingFound says "none" only as far as was looked.
func nothingFound(s *result.Scan) string {
	if !looked(s) {
		return "No missing fix was seen, but not everything could be looked at: see what is unknown."
	}
	text := "No security fix is missing"
	if !s.Summary.CVEData {
		text = "No security fix that the package manager knows of is missing"
	}
	if n := s.Summary.Waived; n > 0 {
		text += " besides " + plural(n, "finding that is waived", "findings that are waived")
	}
	if list := unseen(s); len(list) > 0 {
		text += "; but these could not be seen in full: " + strings.Join(list, ", ")
	}
	return text + "."
}

// banner is a line that must be read before the findings are.
type banner struct {
	Grave bool // the answer is incomplete or wrong without it
	Text  string
}

// banners are what limits the whole answer.
func banners(s *result.Scan) []banner {
	var list []banner
	if yes(s.Host.PastEndOfLife) {
		list = append(list, banner{true, clean(fmt.Sprintf("This release has got no security updates since %s: newer holes are neither fixed nor listed.", s.Host.EndOfLife))})
	}
	if !s.Summary.CVEData {
		list = append(list, banner{false, "CVE data are not loaded: no severities, no known exploitation, no holes without a fix. Load them with: lockfast advisories sync"})
	}
	var stale, open, accepted []string
	for _, d := range s.Data {
		if d.Stale {
			stale = append(stale, clean(d.Name)+" ("+age(d.AgeHours)+")")
		}
	}
	for _, u := range s.Unknown {
		switch {
		case u.Blocking && u.Accepted:
			accepted = append(accepted, clean(u.What))
		case u.Blocking:
			open = append(open, clean(u.What))
		}
	}
	add := func(grave bool, lead string, what []string) {
		if len(what) > 0 {
			list = append(list, banner{grave, lead + strings.Join(what, "; ") + "."})
		}
	}
	add(true, "Stale data: ", stale)
	add(true, "Incomplete, something could be missing that is not listed: ", open)
	add(false, "Incomplete, as accepted: ", accepted)
	add(false, "Could not be seen in full: ", unseen(s))
	return list
}
