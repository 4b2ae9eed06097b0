package stay_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/stay"
)

var night = daily{from: 2 * time.Hour, length: 3 * time.Hour}

func policy() stay.Policy {
	return stay.Policy{
		Mode: stay.Auto, Windows: night, Missed: stay.MissedNext, Check: 6 * time.Hour, Jitter: 30 * time.Minute, Reboot: stay.RebootWindow,
		GiveUpAfter: 3, Seed: 7,
	}
}

func at(d int, clock string) time.Time {
	t, err := time.Parse("15:04", clock)
	if err != nil {
		panic(err)
	}
	return time.Date(2026, 11, d, t.Hour(), t.Minute(), 0, 0, time.UTC)
}

func inWindow(t *testing.T, what string, times []time.Time) {
	t.Helper()
	for _, when := range times {
		if _, _, open := night.Current(when); !open {
			t.Errorf("%s at %s, outside the window", what, when)
		}
	}
}

// Weeks with fixes: each is downloaded when it comes, and installed in the
// window, once.
func TestAutoInstallsInTheWindowOnly(t *testing.T) {
	w := newWorld(t, policy())
	w.fixes = []time.Time{at(3, "09:00"), at(3, "15:00"), at(7, "02:30"), at(15, "23:59")}
	w.run(at(23, "12:00"))
	installs := w.did(stay.Install)
	inWindow(t, "installed", installs)
	if w.installed != 4 || len(installs) != 3 {
		t.Errorf("%d fixes in %d installations at %v", w.installed, len(installs), installs)
	}
	for _, fetched := range w.did(stay.Fetch)[:1] {
		if fetched.Before(at(3, "09:00")) || fetched.After(at(3, "16:00")) {
			t.Errorf("the first was downloaded at %s, not when it came out", fetched)
		}
	}
	if checks := len(w.did(stay.AskArchive)); checks < 4*20 || checks > 6*22 {
		t.Errorf("the archive was asked %d times in three weeks", checks)
	}
}

func TestOtherModesInstallNothing(t *testing.T) {
	for _, mode := range []stay.Mode{stay.Download, stay.Notify} {
		p := policy()
		p.Mode = mode
		w := newWorld(t, p)
		w.fixes, w.reboots = []time.Time{at(3, "09:00")}, true
		w.run(at(16, "12:00"))
		if n := len(w.did(stay.Install)) + len(w.did(stay.RebootHost)); n != 0 {
			t.Errorf("%s: changed the host %d times", mode, n)
		}
		if n := len(w.did(stay.Fetch)); n != map[stay.Mode]int{stay.Download: 1}[mode] {
			t.Errorf("%s: downloaded %d times", mode, n)
		}
		w.turn()
		d := w.p.Decide(w.s, w.look())
		if len(d.Waits) != 1 || d.Waits[0].For != "person" || !strings.HasPrefix(d.Waits[0].Do, "lockfast fix apply") {
			t.Errorf("%s: waits %+v", mode, d.Waits)
		}
	}
}

func TestWithoutWindowsAnyTimeIsGood(t *testing.T) {
	p := policy()
	p.Windows = nil
	w := newWorld(t, p)
	w.fixes = []time.Time{at(2, "10:00")}
	w.run(at(2, "13:00"))
	if got := w.did(stay.Install); len(got) != 1 || !got[0].Equal(at(2, "12:00")) {
		t.Errorf("installed at %v", got)
	}
}

func TestMissedWindow(t *testing.T) {
	for missed, want := range map[stay.Missed]time.Time{stay.MissedNext: at(5, "02:00"), stay.MissedSoon: at(4, "09:10")} {
		p := policy()
		p.Missed, p.Jitter = missed, 0
		w := newWorld(t, p)
		w.fixes = []time.Time{at(3, "09:00")}
		w.off = func(now time.Time) (time.Time, bool) {
			return at(4, "09:00"), now.After(at(3, "20:00")) && now.Before(at(4, "09:00"))
		}
		w.run(at(6, "12:00"))
		if got := w.did(stay.Install); len(got) != 1 || got[0].Sub(want).Abs() > time.Minute {
			t.Errorf("%s: installed at %v, want %s", missed, got, want)
		}
		if missed == stay.MissedNext && (len(w.missed) != 1 || !w.missed[0].Equal(at(4, "02:00"))) {
			t.Errorf("missed windows: %v", w.missed)
		}
	}
}

// Fixes of known exploited holes may have windows of their own.
func TestExploitedHaveTheirOwnWindows(t *testing.T) {
	p := policy()
	p.Exploited = daily{from: 12 * time.Hour, length: time.Hour}
	w := newWorld(t, p)
	w.fixes, w.exploited = []time.Time{at(3, "09:00"), at(4, "09:00")}, map[int]bool{1: true}
	w.run(at(6, "00:00"))
	if got := w.did(stay.InstallExploit); len(got) != 1 || got[0].Hour() != 12 || got[0].Day() != 4 {
		t.Errorf("exploited: installed at %v", got)
	}
	inWindow(t, "installed", w.did(stay.Install))
}

func TestArchiveThatDoesNotAnswer(t *testing.T) {
	w := newWorld(t, policy())
	w.archive = func(now time.Time) error {
		if now.Before(at(5, "12:00")) {
			return errors.New("no answer")
		}
		return nil
	}
	w.fixes = []time.Time{at(3, "09:00")}
	w.run(at(7, "12:00"))
	checks := w.did(stay.AskArchive)
	if n := len(checks); n < 20 || n > 50 {
		t.Errorf("asked %d times in five days: no back-off, or too much", n)
	}
	if first, second := checks[1].Sub(checks[0]), checks[2].Sub(checks[1]); first != 5*time.Minute || second != 10*time.Minute {
		t.Errorf("asked again after %v, then %v", first, second)
	}
	if w.installed != 1 {
		t.Error("what came in the end was not installed")
	}
}

// A plan that failed is not tried again; another is; after three it gives up,
// and goes on when a person says so.
func TestFailures(t *testing.T) {
	p := policy()
	w := newWorld(t, p)
	w.fixes = []time.Time{at(3, "09:00"), at(6, "09:00"), at(9, "09:00"), at(12, "09:00")}
	w.outcome = func(string) (string, int) { return "nginx broke", 4 }
	w.run(at(16, "12:00"))
	if n := len(w.did(stay.Install)); n != 3 || w.s.GivenUp == nil {
		t.Errorf("tried %d times, given up: %+v", n, w.s.GivenUp)
	}
	w.s.Resumed()
	w.outcome = nil
	w.run(at(18, "12:00"))
	if w.installed != 4 || w.s.Failures != 0 {
		t.Errorf("after resuming %d are installed, %d failures", w.installed, w.s.Failures)
	}

	person := newWorld(t, p)
	person.fixes = []time.Time{at(3, "09:00"), at(6, "09:00")}
	person.outcome = func(string) (string, int) { return "dpkg is stuck", 5 }
	person.run(at(10, "12:00"))
	if n := len(person.did(stay.Install)); n != 1 || person.s.GivenUp == nil {
		t.Errorf("what needs a person was tried %d times", n)
	}
}

func TestReboot(t *testing.T) {
	p := policy()
	p.RebootWindows = daily{from: 4 * time.Hour, length: time.Hour}
	w := newWorld(t, p)
	w.fixes, w.reboots = []time.Time{at(3, "09:00")}, true
	w.run(at(6, "12:00"))
	if got := w.did(stay.RebootHost); len(got) != 1 || got[0].Hour() != 4 || w.s.Reboot != nil {
		t.Errorf("restarted at %v, still waits: %+v", got, w.s.Reboot)
	}

	users := newWorld(t, p)
	users.fixes, users.reboots = []time.Time{at(3, "09:00")}, true
	users.facts = func(f stay.Facts) stay.Facts { f.Users = 2; return f }
	users.run(at(6, "12:00"))
	if n := len(users.did(stay.RebootHost)); n != 0 {
		t.Errorf("restarted %d times with people logged in", n)
	}

	// The reason stands after each restart: no loop.
	loop := newWorld(t, p)
	loop.s.NeedsReboot(loop.now, loop.look().Boot, "the old kernel starts again")
	for range 60 {
		loop.s.Check.OK, loop.s.Check.Tried = loop.now, loop.now
		if d := loop.p.Decide(loop.s, loop.look()); d.Do == stay.AskArchive { // after the start it is looked whether it helped
			loop.s.NeedsReboot(loop.now, loop.look().Boot, "the old kernel starts again")
		}
		if d := loop.p.Decide(loop.s, loop.look()); d.Do == stay.RebootHost {
			loop.log = append(loop.log, event{loop.now, d.Do})
			loop.s.Rebooting(loop.now, loop.look().Boot, "")
			loop.boots++
		}
		loop.now = loop.now.Add(4 * time.Hour)
	}
	if n := len(loop.did(stay.RebootHost)); n != 2 {
		t.Errorf("restarted %d times for one reason", n)
	}
}

func TestPauseBatteryAndMetered(t *testing.T) {
	w := newWorld(t, policy())
	w.fixes = []time.Time{at(3, "09:00")}
	w.s.Paused = at(5, "12:00")
	w.run(at(8, "12:00"))
	if got := w.did(stay.Install); len(got) != 1 || got[0].Day() != 6 {
		t.Errorf("paused until the 5th, installed at %v", got)
	}
	battery := newWorld(t, policy())
	battery.fixes = []time.Time{at(3, "09:00")}
	battery.facts = func(f stay.Facts) stay.Facts { f.Battery = f.Now.Before(at(5, "12:00")); return f }
	battery.run(at(8, "12:00"))
	if got := battery.did(stay.Install); len(got) != 1 || got[0].Day() != 6 {
		t.Errorf("on battery until the 5th, installed at %v", got)
	}
	metered := newWorld(t, policy())
	metered.fixes = []time.Time{at(3, "09:00")}
	metered.facts = func(f stay.Facts) stay.Facts { f.Metered = f.Now.Before(at(5, "12:00")); return f }
	metered.run(at(8, "12:00"))
	if n := len(metered.did(stay.Fetch)); n != 1 || metered.did(stay.AskArchive)[0].Before(at(5, "12:00")) {
		t.Errorf("on a metered connection the archive was asked at %s", metered.did(stay.AskArchive)[0])
	}
}

func TestClockThatGoesBack(t *testing.T) {
	w := newWorld(t, policy())
	w.run(at(3, "12:00"))
	before := len(w.did(stay.AskArchive))
	w.now = at(1, "12:00")
	w.run(at(1, "13:00"))
	if len(w.did(stay.AskArchive)) == before {
		t.Error("with a last check in the future nothing is asked any more")
	}
}

// Whatever happens: nothing outside a window, no plan twice, a turn ends, and
// in quiet times everything gets installed.
func TestAnyHistory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := policy()
		p.Seed = rapid.Uint64().Draw(rt, "seed")
		p.Missed = rapid.SampledFrom([]stay.Missed{stay.MissedNext, stay.MissedSoon}).Draw(rt, "missed")
		p.Windows = daily{time.Duration(rapid.IntRange(0, 23).Draw(rt, "from")) * time.Hour, time.Duration(rapid.IntRange(1, 8).Draw(rt, "hours")) * time.Hour}
		w := newWorld(t, p)
		for range rapid.IntRange(0, 6).Draw(rt, "fixes") {
			w.fixes = append(w.fixes, w.now.Add(time.Duration(rapid.IntRange(0, 20*24*60).Draw(rt, "minute"))*time.Minute))
		}
		w.reboots = rapid.Bool().Draw(rt, "reboots")
		broken := rapid.IntRange(0, 2).Draw(rt, "broken")
		tried := map[string]int{}
		w.outcome = func(id string) (string, int) {
			if tried[id]++; len(tried) <= broken {
				return "broke", 4
			}
			return "", 0
		}
		offs := rapid.SliceOfN(rapid.IntRange(0, 20*24), 0, 5).Draw(rt, "off")
		w.off = func(now time.Time) (time.Time, bool) {
			for _, hour := range offs {
				from := at(2, "12:00").Add(time.Duration(hour) * time.Hour)
				if to := from.Add(11 * time.Hour); !now.Before(from) && now.Before(to) {
					return to, true
				}
			}
			return time.Time{}, false
		}
		w.run(at(30, "12:00"))
		for id, n := range tried {
			if n > 1 {
				rt.Errorf("plan %s was tried %d times", id, n)
			}
		}
		for _, when := range append(w.did(stay.Install), w.did(stay.RebootHost)...) {
			if _, _, open := p.Windows.Current(when); !open && p.Missed == stay.MissedNext {
				rt.Errorf("the host was changed at %s, outside the window", when)
			}
		}
		if w.installed != len(w.fixes) && (broken == 0 || w.s.Pending == nil) {
			rt.Errorf("%d of %d fixes are installed in the end", w.installed, len(w.fixes))
		}
	})
}
