package change_test

import (
	"context"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/change/changetest"
	"github.com/lockfast/lockfast/internal/plan"
)

// server is a host with two packages, whose new versions change configuration:
// a's script rewrites one file, removes one and puts one beside another.
func server(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.file("/etc/a.conf", "old\n")
	w.file("/etc/gone.conf", "gone\n")
	w.file("/etc/own.conf", "mine\n")
	w.Files.Tree["/etc/a.conf"].Mode = 0o640
	w.Packages.Versions = map[string]string{"a": "1", "b": "1"}
	w.Packages.Writes = map[string]map[string]string{
		"a 2": {"/etc/a.conf": "new\n", "/etc/gone.conf": "", "/etc/own.conf.dpkg-dist": "theirs\n"},
	}
	return w
}

func update(names ...string) plan.Step {
	s := plan.Step{Kind: plan.Packages, Object: "apt", Why: "a test", Expect: plan.State{Packages: &plan.PackageSet{}}, Want: plan.State{Packages: &plan.PackageSet{}}}
	for _, name := range names {
		s.Expect.Packages.Packages = append(s.Expect.Packages.Packages, plan.Package{Name: name, Version: "1", Archive: name + "_1.deb", SHA256: "1"})
		s.Want.Packages.Packages = append(s.Want.Packages.Packages, plan.Package{Name: name, Version: "2", Archive: name + "_2.deb", SHA256: "2"})
	}
	return s
}

func TestPackagesAreUndoneWithTheirConffiles(t *testing.T) {
	w := server(t)
	was := w.Snapshot()
	tx := w.run(steps(update("a", "b")))
	if w.content("/etc/a.conf") != "new\n" || w.content("/etc/gone.conf") != "(absent)" || w.Packages.Versions["a"] != "2" {
		t.Fatalf("not done:\n%s", w.Snapshot())
	}
	loaded, _ := w.load(tx.ID)
	if n := len(loaded.Steps[0].Before.Packages.Conffiles); n != 3 {
		t.Errorf("%d configuration files are in the record, 3 were changed", n)
	}
	r, undo := w.undo(tx.ID, change.Refuse)
	equal(t, "undone", w.Snapshot(), was)
	if !r.Exact() {
		t.Error("it is not exact")
	}
	if p := r.Plan.Steps[0].Want.Packages.Packages[0]; p.Archive != "a_1.deb" || p.SHA256 != "1" {
		t.Errorf("the way back does not name its package file: %+v", p)
	}
	w.undo(undo.ID, change.Refuse)
	if w.content("/etc/a.conf") != "new\n" || w.content("/etc/gone.conf") != "(absent)" || w.content("/etc/own.conf.dpkg-dist") != "theirs\n" || w.Packages.Versions["a"] != "2" {
		t.Errorf("not done again:\n%s", w.Snapshot())
	}
}

func TestConffilesThatPeopleChangedSinceAreKept(t *testing.T) {
	w := server(t)
	tx := w.run(steps(update("a")))
	w.file("/etc/a.conf", "new, and mine\n")
	_, err := w.planUndo(tx.ID, change.Refuse)
	is[*change.ConflictError](t, err)
	says(t, err, "/etc/a.conf")
	r, _ := w.undo(tx.ID, change.Keep)
	equal(t, "a.conf", w.content("/etc/a.conf"), "new, and mine\n")
	equal(t, "gone.conf", w.content("/etc/gone.conf"), "gone\n")
	equal(t, "version", w.Packages.Versions["a"], "1")
	if len(r.Kept) != 1 {
		t.Errorf("kept %+v", r.Kept)
	}
}

// Wherever the process dies, packages end up complete, and at their new versions
// once the manager has begun; configuration goes back or forth with them.
func TestInterruptedPackagesGoForward(t *testing.T) {
	for at := 1; ; at++ {
		w := server(t)
		was := w.Snapshot()
		p := steps(w.write("/etc/first", "1"), update("a", "b"), sysctl())
		w.Faults.Arm(at, changetest.Kill)
		killed, err := changetest.Survive(func() error { _, err := w.try(p, change.Options{}); return err })
		w.Faults.Disarm()
		if !killed {
			must(t, err)
			if at < 30 {
				t.Fatalf("only %d operations were seen", at)
			}
			return
		}
		_, j := w.Engine()
		list, err := j.List()
		must(t, err)
		if len(list) == 0 {
			continue
		}
		begun := len(list[0].Steps) > 1 && list[0].Steps[1].Status != change.StatusDo
		doing := list[0].Steps[1].Status == change.StatusDoing
		err = w.recover(list[0].ID, change.RollBack)
		if left := w.Left(); len(left) > 0 || len(w.Packages.Half) > 0 {
			t.Fatalf("killed at %d: left %v, half installed %v", at, left, w.Packages.Half)
		}
		tx, _ := w.load(list[0].ID)
		switch {
		case list[0].Status == change.StatusDone:
		case doing: // completed, and the plan with them
			must(t, err)
			if w.Packages.Settled == 0 {
				t.Fatalf("killed at %d: the package manager was not asked to complete", at)
			}
			equal(t, "sysctl", w.Sysctls.Values["net.a"], "1")
		case begun: // done: they stay, the rest goes back
			e := is[*change.RolledBackError](t, err)
			if e.Kept == "" || tx.Status != change.StatusDone {
				t.Fatalf("killed at %d: kept %q, %v", at, e.Kept, tx.Status)
			}
			equal(t, "first", w.content("/etc/first"), "(absent)")
			equal(t, "sysctl", w.Sysctls.Values["net.a"], "0")
		default:
			is[*change.RolledBackError](t, err)
			equal(t, "rolled back", w.Snapshot(), was)
			continue
		}
		if w.Packages.Versions["a"] != "2" || w.Packages.Versions["b"] != "2" {
			t.Fatalf("killed at %d: versions %v", at, w.Packages.Versions)
		}
		w.undo(tx.ID, change.Refuse)
		equal(t, "undone", w.Snapshot(), was)
	}
}

func TestPackagesThatCannotGoForwardGoBack(t *testing.T) {
	for at := 8; at < 30; at++ {
		w := server(t)
		was := w.Snapshot()
		w.Packages.Fails = map[string]error{"b 2": errTest}
		w.Faults.Arm(at, changetest.Kill)
		killed, err := changetest.Survive(func() error {
			_, err := w.try(steps(w.write("/etc/first", "1"), update("a", "b")), change.Options{})
			return err
		})
		w.Faults.Disarm()
		if killed {
			_, j := w.Engine()
			list, err := j.List()
			must(t, err)
			err = w.recover(list[0].ID, change.RollBack)
			is[*change.RolledBackError](t, err)
		} else {
			is[*change.RolledBackError](t, err)
		}
		equal(t, "back", w.Snapshot(), was)
	}
}

func TestPackagesThatFailGoBack(t *testing.T) {
	w := server(t)
	was := w.Snapshot()
	w.Packages.Fails = map[string]error{"b 2": errTest}
	tx, err := w.try(steps(update("a", "b")), change.Options{})
	e := is[*change.RolledBackError](t, err)
	if e.Kept != "" || tx.Status != change.StatusUndone {
		t.Errorf("kept %q, %v", e.Kept, tx.Status)
	}
	equal(t, "back", w.Snapshot(), was)
	if left := w.Left(); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// A crash while configuration files are being restored leaves no temporary in
// their folders.
func TestKilledWhileConffilesAreRestored(t *testing.T) {
	for at := 1; ; at++ {
		w := server(t)
		was := w.Snapshot()
		tx := w.run(steps(update("a")))
		r, err := w.planUndo(tx.ID, change.Refuse)
		must(t, err)
		w.Faults.Arm(at, changetest.Kill)
		killed, err := changetest.Survive(func() error { _, err := w.try(r.Plan, change.Options{Reverts: tx.ID}); return err })
		w.Faults.Disarm()
		if !killed {
			must(t, err)
			return
		}
		_, j := w.Engine()
		list, err := j.List()
		must(t, err)
		if last := list[len(list)-1]; last.ID != tx.ID {
			_ = w.recover(last.ID, change.RollBack)
		}
		if left := w.Left(); len(left) > 0 {
			t.Fatalf("killed at %d: left %v", at, left)
		}
		if again, _ := w.load(tx.ID); again.Undone == "" {
			w.undo(tx.ID, change.Refuse)
		}
		equal(t, "undone", w.Snapshot(), was)
	}
}

func TestConfigurationThatFailsAfterPackagesLeavesThem(t *testing.T) {
	w := server(t)
	w.Probes.Fails = map[string]error{"nginx answers": errTest}
	p := steps(w.write("/etc/first", "1"), update("a"), w.write("/etc/x", "x"), plan.Step{Kind: plan.Probe, Object: "nginx answers", Why: "a test"})
	tx, err := w.try(p, change.Options{})
	e := is[*change.RolledBackError](t, err)
	says(t, err, "nginx answers", "rolled back, but the packages stay at their new versions")
	if e.Kept == "" || tx.Status != change.StatusDone || !strings.Contains(tx.Note, "rolled back") {
		t.Errorf("kept %q, %v, %q", e.Kept, tx.Status, tx.Note)
	}
	equal(t, "version", w.Packages.Versions["a"], "2")
	equal(t, "first", w.content("/etc/first"), "(absent)")
	equal(t, "x", w.content("/etc/x"), "(absent)")
	w.undo(tx.ID, change.Refuse)
	equal(t, "version", w.Packages.Versions["a"], "1")
	equal(t, "a.conf", w.content("/etc/a.conf"), "old\n")
}

// An undo of which only the packages went through is no undo: the rest of the
// first transaction is still in force.
func TestHalfAnUndoIsNone(t *testing.T) {
	w := server(t)
	tx := w.run(steps(w.write("/etc/first", "1"), update("a")))
	r, err := w.planUndo(tx.ID, change.Refuse)
	must(t, err)
	w.Probes.Fails = map[string]error{"p": errTest}
	r.Plan.Steps = append(r.Plan.Steps, plan.Step{Kind: plan.Probe, Object: "p", Why: "a test"})
	half, err := w.try(r.Plan, change.Options{Reverts: tx.ID})
	is[*change.RolledBackError](t, err)
	if again, _ := w.load(tx.ID); again.Undone != "" {
		t.Error("half an undo counts as one")
	}
	w.undo(half.ID, change.Refuse) // the packages are new again
	w.undo(tx.ID, change.Refuse)
	equal(t, "first", w.content("/etc/first"), "(absent)")
	equal(t, "version", w.Packages.Versions["a"], "1")
}

// What somebody put into a configuration file's place while the host was down
// is in the journal when the packages have to go back.
func TestWhatRestoringRemovesIsKept(t *testing.T) {
	var w *world
	for at := 1; w == nil || w.Packages.Versions["a"] != "2"; at++ {
		w = server(t)
		w.Packages.Fails = map[string]error{"b 2": errTest}
		w.Faults.Arm(at, changetest.Kill)
		_, _ = changetest.Survive(func() error { _, err := w.try(steps(update("a", "b")), change.Options{}); return err })
		w.Faults.Disarm()
	}
	w.file("/etc/theirs.conf", "theirs\n")
	_, j := w.Engine()
	list, err := j.List()
	must(t, err)
	is[*change.RolledBackError](t, w.recover(list[0].ID, change.RollBack))
	if _, err := j.Blob(changetest.Sum([]byte("theirs\n"))); err != nil {
		t.Error(err)
	}
}

func TestSteppingAsideDoesNotStopPackages(t *testing.T) {
	w := server(t)
	ctx, cancel := context.WithCancel(t.Context())
	e, _ := w.Engine()
	_, err := e.Run(ctx, steps(update("a"), sysctl()), change.Options{Step: func(_ *change.Transaction, i int) {
		if i == 0 {
			cancel()
		}
	}})
	is[*change.RolledBackError](t, err)
	equal(t, "version", w.Packages.Versions["a"], "2")
	equal(t, "sysctl", w.Sysctls.Values["net.a"], "0")
}

func TestNamesThatAreNoTextAreNotConfiguration(t *testing.T) {
	w := server(t)
	w.file("/etc/\xff.conf", "odd\n")
	was := w.Snapshot()
	w.Packages.Fails = map[string]error{"b 2": errTest}
	_, err := w.try(steps(update("a", "b")), change.Options{})
	is[*change.RolledBackError](t, err)
	equal(t, "back", w.Snapshot(), was)
}
