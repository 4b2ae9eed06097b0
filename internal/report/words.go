package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/result"
)

// cves are the CVE ids of a finding.
func cves(f *result.Finding) []string {
	var list []string
	for _, id := range f.IDs {
		if result.IsCVE(id) {
			list = append(list, id)
		}
	}
	return list
}

func yes(p *bool) bool { return p != nil && *p }

// tri says a value that may be unknown.
func tri(p *bool) string {
	switch {
	case p == nil:
		return "unknown"
	case *p:
		return "yes"
	}
	return "no"
}

// age says hours in words.
func age(hours *int64) string {
	switch {
	case hours == nil:
		return "age unknown"
	case *hours < 48:
		return plural(int(*hours), "hour", "hours") + " old"
	}
	return plural(int(*hours/24), "day", "days") + " old"
}

// trust says how far a source is vouched for.
func trust(t string) string {
	switch t {
	case "signed":
		return "verified"
	case "http":
		return "over plain HTTP, not verified"
	case "https":
		return "over HTTPS, not verified"
	case "files":
		return "imported files, not verified"
	case "archive":
		return "the package manager's own"
	}
	return clean(t)
}

// gap says for how many days a fix has existed.
func gap(f *result.Finding) string {
	if f.GapDays == nil {
		return "?"
	}
	return fmt.Sprintf("%d d", *f.GapDays)
}

// fix names a finding in a few words, what matters first: lines are cut at
// their end.
func fix(f *result.Finding) string {
	switch f.Status {
	case result.StatusNoFix:
		return clean("no fix yet: " + f.SourcePackage + " " + f.InstalledVersion)
	case result.StatusRestart:
		return clean("restart: " + f.SourcePackage + " " + f.FixedVersion)
	case result.StatusLeftover:
		return clean("old kernel: " + f.SourcePackage + " " + f.InstalledVersion)
	}
	return clean(f.SourcePackage + " " + f.InstalledVersion + " → " + f.FixedVersion)
}

// action says in a sentence what to do about a finding.
func action(f *result.Finding) string {
	switch f.Status {
	case result.StatusNoFix:
		return clean(fmt.Sprintf("No fix of %s exists yet: limit who can reach it, or remove it if it is not needed.", f.SourcePackage))
	case result.StatusRestart:
		return clean(fmt.Sprintf("The fix of %s is installed: %s.", f.SourcePackage, restartOf(f)))
	case result.StatusLeftover:
		return clean(fmt.Sprintf("Remove the old kernel %s (%s); it does not run.", strings.Join(f.Packages, ", "), f.InstalledVersion))
	}
	text := fmt.Sprintf("Update %s from %s to %s", f.SourcePackage, f.InstalledVersion, f.FixedVersion)
	if f.Held {
		text += " (the package manager is told to hold it back)"
	}
	if len(f.Restart) > 0 {
		text += ", then " + restartOf(f)
	}
	return clean(text + ".")
}

// restartOf says what must start anew before a fix runs.
func restartOf(f *result.Finding) string {
	switch {
	case len(f.Restart) == 0:
		return "restart what runs it"
	case slices.Contains(f.Restart, reboot):
		return reboot
	}
	return "restart " + names(f.Restart, shown)
}

// reboot is the entry of [result.Finding.Restart] that is no unit.
const reboot = "reboot"

// socket names a listening socket and whether others get through to it.
func socket(s result.Socket) string {
	text := fmt.Sprintf("%s on %s %s port %d", s.Process, s.Protocol, s.Address, s.Port)
	switch s.Filter {
	case "filtered":
		text += " (filtered)"
	case "unknown":
		text += " (packet filter unknown)"
	}
	return clean(text)
}

// restarts are the units that run old code although the fix is installed, and
// whether a reboot is among what has to be done.
func restarts(s *result.Scan) (units []string, boot bool) {
	for i := range s.Findings {
		if f := &s.Findings[i]; f.Status == result.StatusRestart {
			units = append(units, f.Restart...)
		}
	}
	boot = slices.Contains(units, reboot)
	units = slices.DeleteFunc(units, func(u string) bool { return u == reboot })
	slices.Sort(units)
	return slices.Compact(units), boot
}

// rebootReason says why a reboot is needed; empty if it is not known to be.
func rebootReason(s *result.Scan) string {
	_, boot := restarts(s)
	switch {
	case s.Host.RebootRequired && s.Host.RebootReason != "":
		return clean(s.Host.RebootReason)
	case s.Host.RebootRequired:
		return "the system asks for it"
	case boot:
		return "a fix is installed that only runs after it"
	}
	return ""
}

// blockingFirst orders what is unknown by how much it spoils the answer.
func blockingFirst(s *result.Scan) []result.Unknown {
	list := slices.Clone(s.Unknown)
	rank := func(u result.Unknown) int {
		switch {
		case u.Blocking && !u.Accepted:
			return 0
		case u.Blocking:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(list, func(a, b result.Unknown) int { return rank(a) - rank(b) })
	return list
}

// mayApply counts the advisories that could concern something unknown.
func mayApply(u *result.Unknown) string {
	text := plural(len(u.IDs), "advisory", "advisories") + " may apply"
	if u.Severity != "" {
		text += ", the worst " + clean(u.Severity)
	}
	if u.KEV {
		text += ", known to be exploited"
	}
	return text
}

// notLookedInto names something outside the scan's reach.
func notLookedInto(g result.Gap) string {
	text := "not looked into: " + clean(g.What) + " in " + clean(g.Where)
	if g.Count > 0 {
		text += fmt.Sprintf(" (%d)", g.Count)
	}
	return text
}

// score prints a CVSS base score as everybody does, with one digit.
func score(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

// stamp is a moment as SARIF, CycloneDX and OpenVEX want it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
