package stay

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
)

const (
	settling   = 10 * time.Minute // after a start, before a missed window is made up for
	leastLeft  = 10 * time.Minute // of a window, to begin something in it
	freshCheck = time.Hour        // a window begins with a question to the archive, unless one is so recent
	longestNap = 24 * time.Hour
	shortNap   = time.Minute
)

// deciding is one decision in the making.
type deciding struct {
	p     Policy
	s     *State
	f     Facts
	waits []Wait
	next  time.Time
}

// Decide names the next action, and everything that waits: also what would be
// looked at only after that action. It changes nothing.
func (p Policy) Decide(s State, f Facts) Decision {
	d := &deciding{p: p, s: &s, f: f, next: f.Now.Add(longestNap)}
	decision := Decision{Do: Sleep, Why: "nothing can be done now"}
	for _, look := range []func() (Action, string){d.check, d.download, d.install, d.restart, d.reboot} {
		if do, why := look(); do != "" && decision.Do == Sleep {
			decision.Do, decision.Why = do, why
		}
	}
	decision.Waits, decision.Next = d.waits, d.next
	switch soon := f.Now.Add(shortNap); {
	case decision.Do != Sleep:
		decision.Next = f.Now
	case d.next.Before(soon):
		decision.Next = soon
	}
	return decision
}

// at makes sure that the question is asked again at a moment.
func (d *deciding) at(t time.Time) {
	if t.After(d.f.Now) && t.Before(d.next) {
		d.next = t
	}
}

func (d *deciding) wait(w Wait) {
	d.waits = append(d.waits, w)
	if !w.Until.IsZero() {
		d.at(w.Until)
	}
}

// check asks the archive when it is time, after a restart that was needed, and
// as a window begins.
func (d *deciding) check() (Action, string) {
	c, now := d.s.Check, d.f.Now
	due := c.OK.Add(d.p.Check + d.jitter(c.OK, d.p.Jitter))
	why := "it is time to ask the archive"
	switch {
	case c.OK.After(now) || c.Tried.After(now): // the clock went back
		due, why = now, "the clock went back"
	case c.Failures > 0:
		due, why = c.Tried.Add(backOff(c.Failures, firstRetry, max(d.p.Check, firstRetry))), "asking the archive failed before"
	case c.OK.IsZero():
		due = now
	case d.rebooted():
		due, why = now, "the host was restarted: does the fixed code run?"
	}
	for _, w := range []Windows{d.p.Windows, d.p.Exploited} {
		if begin, ok := d.begun(w); ok && begin.Before(due) {
			due, why = begin, "a window has begun"
		}
	}
	if now.Before(due) {
		d.at(due)
		return "", ""
	}
	if d.f.Metered && !d.p.Metered {
		d.wait(Wait{What: "asking the archive", For: "network", Since: c.OK, Why: "the connection is paid for by volume", Do: "connect otherwise, or set stay_secure.metered to go-on"})
		return "", ""
	}
	return AskArchive, why
}

// begun is when the archive is to be asked in a window that is open, so that
// nothing that came out just before has to wait for the next one. A host that is
// awake wakes at the start of every window.
func (d *deciding) begun(w Windows) (time.Time, bool) {
	if w == nil || d.p.Mode != Auto {
		return time.Time{}, false
	}
	d.opens(w)
	c := d.s.Check
	start, end, open := w.Current(d.f.Now)
	if !open || start.IsZero() || c.Failures > 0 || !c.OK.Before(start) || d.f.Now.Sub(c.OK) <= freshCheck {
		return time.Time{}, false
	}
	return start.Add(d.jitter(start, min(d.p.Jitter, end.Sub(start)/4))), true
}

// jitter spreads hosts over a time, each always at the same place of it for
// one occasion.
func (d *deciding) jitter(occasion time.Time, most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(strconv.FormatUint(d.p.Seed, 10) + "/" + strconv.FormatInt(occasion.Unix(), 10)))
	return time.Duration(h.Sum64() % uint64(most)) //nolint:gosec // G115: less than most
}

// rebooted reports whether the host was started anew since a restart was tried,
// and has not been looked at since.
func (d *deciding) rebooted() bool {
	r := d.s.Reboot
	return r != nil && r.Boot != "" && r.Boot != d.f.Boot && r.Seen != d.f.Boot
}

// stopped says what keeps everything from being changed.
func (d *deciding) stopped(what string) bool {
	switch {
	case d.f.Now.Before(d.s.Paused):
		d.wait(Wait{What: what, For: "pause", Until: d.s.Paused, Why: "it was paused", Do: "lockfast stay-secure resume"})
	case d.s.GivenUp != nil:
		d.wait(Wait{What: what, For: "person", Since: d.s.GivenUp.At, Why: d.s.GivenUp.Why, Do: "put it right, then lockfast stay-secure resume"})
	case d.f.Battery && !d.p.OnBattery:
		d.wait(Wait{What: what, For: "mains", Why: "the host runs on its battery", Do: "plug it in, or set stay_secure.on_battery to go-on"})
	default:
		return false
	}
	return true
}

func (d *deciding) pending() string {
	if d.s.Pending.Updates == 1 {
		return "1 update"
	}
	return fmt.Sprintf("%d updates", d.s.Pending.Updates)
}

// download fetches what waits, ahead of the window.
func (d *deciding) download() (Action, string) {
	if d.s.Pending == nil || d.p.Mode == Notify || !d.s.Pending.Downloaded.IsZero() {
		return "", ""
	}
	what := "downloading " + d.pending()
	if d.tried(d.s.Pending.ID, what) || d.stopped(what) {
		return "", ""
	}
	if d.f.Metered && !d.p.Metered {
		d.wait(Wait{What: what, For: "network", Since: d.s.Pending.Found, Why: "the connection is paid for by volume", Do: "connect otherwise, or set stay_secure.metered to go-on"})
		return "", ""
	}
	return Fetch, "what is on offer is kept ready"
}

// tried reports whether a plan was tried before and has to wait, or is over.
func (d *deciding) tried(id, what string) bool {
	a := d.s.attempt(id)
	switch {
	case a.Final:
		d.wait(Wait{What: what, For: "person", Since: a.Last, Why: "it failed, and is not tried again as it is: " + a.Error, Do: "lockfast history, then lockfast stay-secure resume; another plan is tried by itself"})
	case d.f.Now.Before(a.Next):
		d.wait(Wait{What: what, For: "retry", Since: a.Last, Until: a.Next, Why: "it could not be done: " + a.Error})
	default:
		return false
	}
	return true
}

// install begins what lies ready when a window is open.
func (d *deciding) install() (Action, string) {
	pending := d.s.Pending
	if pending == nil {
		return "", ""
	}
	what := d.pending()
	if d.p.Mode != Auto {
		d.wait(Wait{What: what, For: "person", Since: pending.Found, Why: "the mode is " + string(d.p.Mode), Do: "lockfast fix apply" + map[bool]string{true: " --offline"}[!pending.Downloaded.IsZero()]})
		return "", ""
	}
	if pending.Downloaded.IsZero() || d.tried(pending.ID, "installing "+what) || d.stopped("installing "+what) {
		return "", ""
	}
	if why := d.open(d.p.Windows); why != "" {
		return Install, why
	}
	if len(pending.Exploited) > 0 && d.p.Exploited != nil {
		if d.tried(pending.ID+"/exploited", "installing fixes of known exploited holes") {
			return "", ""
		}
		if why := d.open(d.p.Exploited); why != "" {
			return InstallExploit, "a known exploited hole is open, and " + why
		}
		d.at(d.opens(d.p.Exploited))
	}
	d.wait(Wait{What: "installing " + what, For: "window", Since: pending.Found, Until: d.opens(d.p.Windows), Why: "it is outside the maintenance window"})
	return "", ""
}

// restart tries again what could not be restarted after an update.
func (d *deciding) restart() (Action, string) {
	stale := d.s.Stale
	if stale == nil {
		return "", ""
	}
	what := "restarting " + stale.Why
	switch {
	case d.p.Mode != Auto || len(stale.Units) == 0:
		d.wait(Wait{What: what, For: "person", Since: stale.Since, Why: "replaced code still runs", Do: "systemctl restart " + strings.ReplaceAll(stale.Why, ",", "") + ", or restart the host"})
	case d.f.Now.Before(stale.Next):
		d.wait(Wait{What: what, For: "retry", Since: stale.Since, Until: stale.Next, Why: "replaced code still runs"})
	case d.stopped(what):
	case d.open(d.p.Windows) == "":
		d.wait(Wait{What: what, For: "window", Since: stale.Since, Until: d.opens(d.p.Windows), Why: "replaced code still runs, and it is outside the maintenance window"})
	default:
		return RestartStale, "replaced code still runs"
	}
	return "", ""
}

// mostReboots is how often a host is restarted for one reason.
const mostReboots = 2

// reboot restarts the host when it is needed and allowed.
func (d *deciding) reboot() (Action, string) {
	r := d.s.Reboot
	if r == nil {
		return "", ""
	}
	person := Wait{What: "reboot", For: "person", Since: r.Since, Why: r.Why, Do: "restart the host"}
	switch {
	case d.p.Reboot == RebootNever || d.p.Reboot == "" || d.p.Mode == Notify:
		d.wait(person)
	case r.Tried >= mostReboots:
		person.Why = fmt.Sprintf("it was restarted %s and still needs it: %s", times(r.Tried), r.Why)
		person.Do = "look which kernel it starts with (grub, /boot), and what still runs old code"
		d.wait(person)
	case d.f.Now.Before(r.Next):
		why := r.Why
		if r.Error != "" {
			why += "; it could not be done: " + r.Error
		}
		d.wait(Wait{What: "reboot", For: "retry", Since: r.Since, Until: r.Next, Why: why})
	case d.stopped("reboot"):
	case d.p.Reboot == RebootWindow && d.open(d.rebootWindows()) == "":
		d.wait(Wait{What: "reboot", For: "window", Since: r.Since, Until: d.opens(d.rebootWindows()), Why: r.Why})
	case d.f.Users > 0 && !d.p.RebootWithUsers:
		const again = 10 * time.Minute
		d.wait(Wait{What: "reboot", For: "users", Since: r.Since, Why: fmt.Sprintf("%s; people are logged in (%d)", r.Why, d.f.Users), Do: "log out, or restart the host"})
		d.at(d.f.Now.Add(again))
	default:
		return RebootHost, r.Why
	}
	return "", ""
}

func (d *deciding) rebootWindows() Windows {
	if d.p.RebootWindows != nil {
		return d.p.RebootWindows
	}
	return d.p.Windows
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
