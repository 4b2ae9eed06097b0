package agent //nolint:testpackage // items and plans for people are tables of their own, and not exported

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/notice"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/secure"
	"github.com/lockfast/lockfast/internal/stay"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func options(t *testing.T) Options {
	t.Helper()
	return Options{
		Fix: secure.FixOptions{Places: secure.Places{State: t.TempDir()}}, Policy: stay.Policy{Mode: stay.Auto, Check: 6 * time.Hour}, StaleAfter: defaultStale,
		Now: func() time.Time { return now }, Look: func(now time.Time) stay.Facts { return stay.Facts{Now: now, Up: time.Hour, Boot: "b"} },
	}
}

func opened(t *testing.T, s stay.State) *turn {
	t.Helper()
	s.Schema = stay.Schema
	return &turn{o: options(t), s: s}
}

func kinds(items []notice.Item) []string {
	var list []string
	for _, i := range items {
		list = append(list, string(i.Kind)+" "+i.Key)
	}
	slices.Sort(list)
	return list
}

// What people are told, for each thing that can stand.
func TestItems(t *testing.T) {
	hour := now.Add(-time.Hour)
	for name, c := range map[string]struct {
		state stay.State
		seen  picture
		mode  stay.Mode
		want  []string
	}{
		"nothing": {state: stay.State{Check: stay.Check{OK: hour, Tried: hour}}, seen: picture{At: hour}},
		"installed": {
			state: stay.State{Check: stay.Check{OK: hour}, Last: &stay.Outcome{At: hour, Transaction: "tx", Status: "done", Updates: 3}},
			want:  []string{"applied applied:tx"},
		},
		"failed": {
			state: stay.State{Check: stay.Check{OK: hour}, Last: &stay.Outcome{At: hour, Transaction: "tx", Status: "partly taken back", Code: 4, Error: "site broke nginx"}},
			want:  []string{"failure failure:tx2026-11-23T11:00:00Z"},
		},
		"given up": {
			state: stay.State{Check: stay.Check{OK: hour}, GivenUp: &stay.GivenUp{At: hour, Why: "three times"}, Pending: &stay.Pending{ID: "p", Updates: 1, Downloaded: hour}},
			want:  []string{"given-up given-up"},
		},
		"stale": {
			state: stay.State{Since: now.Add(-30 * 24 * time.Hour), Check: stay.Check{OK: now.Add(-5 * 24 * time.Hour), Tried: hour, Failures: 9, Error: "no answer"}},
			want:  []string{"stale stale"},
		},
		"bad signature": {
			state: stay.State{Check: stay.Check{OK: hour, Tried: hour, Failures: 1, Error: "The repository 'http://x InRelease' is not signed."}},
			want:  []string{"stale signature"},
		},
		"exploited": {
			state: stay.State{Check: stay.Check{OK: hour}},
			seen:  picture{At: hour, Exploited: []result.Finding{{Key: "nginx@2", SourcePackage: "nginx", FixedVersion: "2", IDs: []string{"CVE-1"}}}},
			want:  []string{"exploited-exposed hole:nginx@2"},
		},
		"reboot": {
			state: stay.State{Check: stay.Check{OK: hour}, Reboot: &stay.Reason{Since: hour, Why: "kernel"}},
			want:  []string{"reboot-waits reboot:kernel"},
		},
		"old code": {
			state: stay.State{Check: stay.Check{OK: hour}, Stale: &stay.Reason{Since: hour, Units: []string{"nginx.service"}, Why: "nginx.service", Next: now.Add(time.Hour)}},
			want:  []string{"restart-waits restart:nginx.service"},
		},
		"paused": {state: stay.State{Check: stay.Check{OK: hour}, Paused: now.Add(time.Hour)}, want: []string{"paused paused:2026-11-23T13:00:00Z"}},
		"on offer": {
			state: stay.State{Check: stay.Check{OK: hour}, Pending: &stay.Pending{ID: "p", Updates: 2}}, mode: stay.Notify,
			want: []string{"available available:p"},
		},
		"a person": {
			state: stay.State{Check: stay.Check{OK: hour}}, seen: picture{At: hour, Person: []heldBack{{"mysql", "9", "it is not safe to undo", "do"}}},
			want: []string{"needs-person person:mysql 9"},
		},
		"blind": {
			state: stay.State{Check: stay.Check{OK: hour}}, seen: picture{At: hour, Unknown: []result.Unknown{{What: "processes", Why: "why", Blocking: true}}},
			want: []string{"stale unknown:processes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			turn := opened(t, c.state)
			turn.seen = c.seen
			if c.mode != "" {
				turn.o.Policy.Mode = c.mode
			}
			status := turn.o.status(&turn.s, turn.seen, turn.o.Look(now))
			if got := kinds(turn.items(status)); !slices.Equal(got, c.want) {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}

// A host that was not looked at, or whose archive is silent, is never clean.
func TestLevelIsUnknownUntilItIsKnown(t *testing.T) {
	o := options(t)
	fresh := stay.State{Since: now, Check: stay.Check{}}
	if s := o.status(&fresh, picture{}, o.Look(now)); !strings.HasPrefix(s.Level, "unknown") || s.Exit.Code != 3 {
		t.Errorf("not looked at: %q, exit %d", s.Level, s.Exit.Code)
	}
	silent := stay.State{Since: now.Add(-90 * 24 * time.Hour), Check: stay.Check{OK: now.Add(-4 * 24 * time.Hour)}}
	if s := o.status(&silent, picture{At: now.Add(-4 * 24 * time.Hour)}, o.Look(now)); !strings.HasPrefix(s.Level, "unknown") || !s.Stale || s.Exit.Code != 3 {
		t.Errorf("silent archive: %q, exit %d", s.Level, s.Exit.Code)
	}
	fine := stay.State{Since: now.Add(-90 * 24 * time.Hour), Check: stay.Check{OK: now.Add(-time.Hour)}}
	if s := o.status(&fine, picture{At: now}, o.Look(now)); s.Level != "all fixes on offer are installed and running" || s.Exit.Code != 0 {
		t.Errorf("clean: %q, exit %d", s.Level, s.Exit.Code)
	}
}

// What an unattended host leaves to people.
func TestForPerson(t *testing.T) {
	turn := opened(t, stay.State{Bad: []stay.Bad{{Package: "site", Version: "2", Why: "nginx broke", At: now}}})
	update := func(name, from, to string) result.Update {
		return result.Update{Package: name, Source: name, From: from, To: to, Previous: "archive"}
	}
	none, oneWay, fresh := update("lost", "1", "2"), update("mysql", "1", "2"), update("lib", "", "2")
	none.Previous, oneWay.OneWay, fresh.OneWay = "none", "its files change their format", "x"
	doc := &result.FixPlan{Updates: []result.Update{update("nginx", "1", "2"), update("site", "1", "2"), none, oneWay, fresh}}
	var got []string
	for _, h := range turn.forPerson(doc) {
		got = append(got, h.Source)
	}
	if want := []string{"site", "lost", "mysql"}; !slices.Equal(got, want) {
		t.Errorf("left to people: %q, want %q", got, want)
	}
	newer := &result.FixPlan{Updates: []result.Update{update("site", "1", "3")}}
	if list := turn.forPerson(newer); len(list) != 0 {
		t.Errorf("a newer version of what broke the host is not tried: %+v", list)
	}
}

func TestPendingIsKnownByWhatItDoes(t *testing.T) {
	doc := func(to string, kev bool) *result.FixPlan {
		return &result.FixPlan{Plan: &plan.Plan{}, Updates: []result.Update{{Package: "a", From: "1", To: to, KEV: kev, IDs: []string{"CVE-1", "DSA-1"}}, {Package: "b", To: "1"}}}
	}
	a, b, c := pendingOf(doc("2", false)), pendingOf(doc("2", true)), pendingOf(doc("3", false))
	if a.ID != b.ID || a.ID == c.ID || a.Updates != 2 {
		t.Errorf("ids %s, %s, %s", a.ID, b.ID, c.ID)
	}
	if !slices.Equal(b.Exploited, []string{"CVE-1"}) || len(a.Exploited) != 0 {
		t.Errorf("exploited: %q and %q", a.Exploited, b.Exploited)
	}
	if pendingOf(&result.FixPlan{}) != nil {
		t.Error("a plan of nothing is pending")
	}
}

// A damaged memory is kept aside, told, and nothing is changed; a newer one is
// refused and left as it is. Looking changes neither.
func TestDamagedMemory(t *testing.T) {
	o := options(t)
	if err := os.MkdirAll(o.folder(), 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(text string) {
		if err := os.WriteFile(o.file(stateFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("{half a fi")
	if _, err := o.open(false); err == nil {
		t.Error("looking at a damaged memory says nothing")
	}
	turn, err := o.open(true)
	if err != nil || turn.s.GivenUp == nil {
		t.Fatalf("%v, %+v", err, turn)
	}
	if d := o.Policy.Decide(turn.s, o.Look(now)); d.Do != stay.AskArchive {
		t.Errorf("it does not even look: %+v", d)
	}
	kept, err := filepath.Glob(o.file(stateFile) + ".damaged-*")
	if err != nil || len(kept) != 1 {
		t.Errorf("kept: %v, %v", kept, err)
	}
	put(`{"schema":"lockfast.stay/99"}`)
	if _, err := o.open(true); err == nil || !strings.Contains(err.Error(), "lockfast.stay/99") {
		t.Errorf("a newer memory: %v", err)
	}
}

func TestStateIsReadAgain(t *testing.T) {
	o := options(t)
	s, err := o.loadState(now)
	if err != nil || !s.Since.Equal(now) {
		t.Fatalf("%+v, %v", s, err)
	}
	s.Pending = &stay.Pending{ID: "x", Updates: 2}
	if err := o.saveState(&s); err != nil {
		t.Fatal(err)
	}
	again, err := o.loadState(now.Add(time.Hour))
	if err != nil || again.Pending == nil || again.Pending.ID != "x" || !again.Since.Equal(now) {
		t.Errorf("%+v, %v", again, err)
	}
	if info, err := os.Stat(o.folder()); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder is %v, %v", info, err)
	}
}

// Units only differ where they must, and say what they are denied.
func TestUnits(t *testing.T) {
	apt, dnf := Site{Program: "/usr/bin/lockfast", Manager: "apt", Args: []string{"--state", "/s"}, Config: []string{"--config", "/c"}}, Site{Program: "/usr/bin/lockfast", Manager: "dnf"}
	if text := apt.turnService(); !strings.Contains(text, "\nIPAddressDeny=any\n") || !strings.Contains(text, "\nExecStart=/usr/bin/lockfast stay-secure run --unit --state /s --config /c\n") {
		t.Error(text)
	}
	if text := dnf.turnService(); strings.Contains(text, "\nIPAddressDeny") {
		t.Error("dnf cannot fetch without a network")
	}
	if text := apt.courierService(); strings.Contains(text, "--state") || !strings.Contains(text, "--config /c\n") || !strings.Contains(text, "\nDynamicUser=yes\n") || !strings.Contains(text, "\nCapabilityBoundingSet=\n") {
		t.Error(text)
	}
	for _, w := range dnf.wishes("") {
		if strings.Contains(w.Object, "courier") {
			t.Errorf("dnf gets %s", w.Object)
		}
	}
	var objects []string
	for _, w := range apt.wishes("x: y\n") {
		objects = append(objects, w.Object)
	}
	if !slices.Contains(objects, DropIn) || objects[len(objects)-1] != turnTimer {
		t.Errorf("the timer is not started last: %q", objects)
	}
}

func TestMetricsLeaveOutWhatIsNotKnown(t *testing.T) {
	has := func(s *stay.Status, name string) bool {
		for _, m := range metrics(s) {
			if m.Name == "lockfast_stay_"+name {
				return true
			}
		}
		return false
	}
	if unknown := (&stay.Status{Generated: now}); has(unknown, "missing_fixes") || has(unknown, "success_timestamp_seconds") {
		t.Error("what is not known is given as a number")
	}
	if known := (&stay.Status{Generated: now, Looked: now}); !has(known, "missing_fixes") || has(known, "patch_gap_days") {
		t.Error("what is known is left out, or a gap is made up")
	}
}
