package stay_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/stay"
)

// daily is a window every day, in UTC.
type daily struct{ from, length time.Duration }

func (w daily) on(t time.Time, days int) time.Time {
	return t.Truncate(24 * time.Hour).Add(time.Duration(days)*24*time.Hour + w.from)
}

func (w daily) Current(t time.Time) (start, end time.Time, open bool) {
	for days := -1; days <= 0; days++ {
		if s := w.on(t, days); !t.Before(s) && t.Before(s.Add(w.length)) {
			return s, s.Add(w.length), true
		}
	}
	return time.Time{}, time.Time{}, false
}

func (w daily) Next(t time.Time) (start, end time.Time, ok bool) {
	for days := -1; ; days++ {
		if s := w.on(t, days); s.After(t) {
			return s, s.Add(w.length), true
		}
	}
}

func (w daily) Previous(t time.Time) (start, end time.Time, ok bool) {
	for days := 1; ; days-- {
		if s := w.on(t, days); !s.Add(w.length).After(t) {
			return s, s.Add(w.length), true
		}
	}
}

// event is something that the host did.
type event struct {
	at time.Time
	do stay.Action
}

// world is a host under simulation: an archive that brings fixes, and a machine
// that does what it is told.
type world struct {
	t      *testing.T
	p      stay.Policy
	s      stay.State
	now    time.Time
	booted time.Time
	boots  int

	fixes     []time.Time                       // when a fix comes out
	installed int                               // fixes that are installed
	exploited map[int]bool                      // fixes of known exploited holes
	archive   func(time.Time) error             // nil: it answers
	outcome   func(id string) (string, int)     // error and exit code of an installation; nil: success
	reboots   bool                              // every fix needs a restart
	facts     func(stay.Facts) stay.Facts       // nil: mains, no users
	off       func(time.Time) (time.Time, bool) // until when the host is off
	log       []event
	missed    []time.Time
}

func newWorld(t *testing.T, p stay.Policy) *world {
	t.Helper()
	start := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC) // a Monday
	return &world{t: t, p: p, s: stay.State{Schema: stay.Schema, Since: start}, now: start, booted: start.Add(-time.Hour)}
}

func (w *world) known() int {
	n := 0
	for _, at := range w.fixes {
		if !at.After(w.now) {
			n++
		}
	}
	return n
}

func (w *world) plan() *stay.Pending {
	known := w.known()
	if known <= w.installed {
		return nil
	}
	p := &stay.Pending{ID: fmt.Sprintf("%d-%d", w.installed, known), Found: w.now, Updates: known - w.installed}
	for i := w.installed; i < known; i++ {
		if w.exploited[i] {
			p.Exploited = append(p.Exploited, fmt.Sprintf("CVE-%d", i))
		}
	}
	return p
}

func (w *world) look() stay.Facts {
	f := stay.Facts{Now: w.now, Up: w.now.Sub(w.booted), Boot: fmt.Sprint(w.boots)}
	if w.facts != nil {
		f = w.facts(f)
	}
	return f
}

// turn is what internal/secure does with decisions.
func (w *world) turn() time.Time {
	for n := 0; ; n++ {
		if n > 12 {
			w.t.Fatalf("%s: a turn does not come to its end: %v", w.now, w.log[len(w.log)-12:])
		}
		d := w.p.Decide(w.s, w.look())
		if d.Do == stay.Sleep {
			if missed := w.s.Awake(w.p, w.look()); !missed.IsZero() {
				w.missed = append(w.missed, missed)
			}
			return d.Next
		}
		w.log = append(w.log, event{w.now, d.Do})
		if end := w.act(d.Do); end {
			return w.now
		}
	}
}

func (w *world) act(do stay.Action) (end bool) {
	switch do { //nolint:exhaustive // a world that is told to sleep does not act
	case stay.AskArchive:
		if w.archive != nil {
			if err := w.archive(w.now); err != nil {
				w.s.CheckFailed(w.now, err.Error())
				return false
			}
		}
		w.s.Checked(w.now, w.plan())
		if w.s.Reboot != nil && w.s.Reboot.Boot != "" && w.s.Reboot.Boot != fmt.Sprint(w.boots) {
			w.s.NeedsReboot(w.now, w.look().Boot, "")
		}
	case stay.Fetch:
		w.s.Downloaded(w.now)
	case stay.Install, stay.InstallExploit:
		w.install(do)
	case stay.RestartStale:
		w.s.Restarted(w.now)
		w.s.RunsOld(w.now, nil, nil)
	case stay.RebootHost:
		w.s.Rebooting(w.now, fmt.Sprint(w.boots), "")
		w.boots++
		w.now = w.now.Add(3 * time.Minute)
		w.booted = w.now
		return true
	}
	return false
}

func (w *world) install(do stay.Action) {
	id := w.s.Pending.ID
	if do == stay.InstallExploit {
		id += "/exploited"
	}
	failed, code := "", 0
	if w.outcome != nil {
		failed, code = w.outcome(id)
	}
	if failed == "" {
		w.installed = w.known()
		if w.reboots {
			w.s.NeedsReboot(w.now, w.look().Boot, "a new kernel")
		}
	}
	w.s.Installed(w.now, w.p, id, stay.Outcome{At: w.now, Error: failed, Code: code}, nil)
}

// run lets time pass.
func (w *world) run(until time.Time) {
	for w.now.Before(until) {
		if w.off != nil {
			if back, off := w.off(w.now); off {
				w.now, w.booted = back, back
				w.boots++
			}
		}
		began := w.now
		next := w.turn()
		if !next.After(began) && w.now.Equal(began) {
			w.t.Fatalf("%s: the next turn is not later", w.now)
		}
		if next.After(w.now) {
			w.now = next
		}
	}
}

func (w *world) did(do stay.Action) (times []time.Time) {
	for _, e := range w.log {
		if e.do == do {
			times = append(times, e.at)
		}
	}
	return times
}
