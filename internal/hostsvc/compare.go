package hostsvc

import (
	"fmt"
	"slices"
	"strings"
)

// Change is a unit that does worse than before.
type Change struct {
	Unit string
	Why  string // one sentence without a full stop
}

// Compare finds what does worse than before: units that were active and are
// not, that have failed since, or that systemd starts again and again. Units
// that end by themselves in order are no news: programs that run once, what is
// started on demand, what belongs to a person's session or a running program.
func Compare(before, after []Unit) []Change {
	old := map[string]Unit{}
	for _, u := range before {
		old[u.ID] = u
	}
	var list []Change
	seen := map[string]bool{}
	for _, now := range after {
		seen[now.ID] = true
		if why := worse(old[now.ID], now); why != "" && counts(now) {
			list = append(list, Change{Unit: now.ID, Why: why})
		}
	}
	for _, was := range before {
		if !seen[was.ID] && counts(was) && activity(was.Active) == active && !ends(was) {
			list = append(list, Change{Unit: was.ID, Why: "was active and is inactive"})
		}
	}
	slices.SortFunc(list, func(a, b Change) int { return strings.Compare(a.Unit, b.Unit) })
	return list
}

// worse compares a unit that is there with what it was; the zero Unit is one
// that was inactive.
func worse(was, now Unit) string {
	ran, looped := activity(was.Active) == active, was.Sub == autoRestart
	switch {
	case was.Active == failed:
		return "" // worse it cannot become
	case now.Active == failed:
		return fmt.Sprintf("has failed (%s)", now.Result)
	case now.Sub == autoRestart && !looped:
		return fmt.Sprintf("ended (%s), and systemd tries to start it again", now.Result)
	case ran && activity(now.Active) != active && !ends(was):
		return fmt.Sprintf("was active and is %s (%s)", now.Active, now.Sub)
	// Whoever starts a unit sets the count to 0, so a lower one is news too.
	case now.Restarts > 0 && now.Restarts != was.Restarts && !looped:
		return fmt.Sprintf("ended by itself and was started again by systemd (%d times)", now.Restarts)
	}
	return ""
}

const autoRestart = "auto-restart"

// ends reports whether a unit that is active may end without anything being
// wrong. What remains after its program has ended does not: a packet filter
// that was loaded is still loaded.
func ends(u Unit) bool {
	return u.OnDemand || u.Type == "oneshot" && !u.Remains
}

// counts leaves out what comes and goes with sessions and programs.
func counts(u Unit) bool {
	// Consoles start again whenever somebody logs out; run- are mounts and
	// services of sessions and of systemd-run.
	for _, prefix := range []string{"run-", "user@", "user-runtime-dir@", "session-", "getty@", "serial-getty@", "console-getty.", "container-getty@", "autovt@"} {
		if strings.HasPrefix(u.ID, prefix) {
			return false
		}
	}
	return !u.Transient
}
