package change_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/change/changetest"
	"github.com/lockfast/lockfast/internal/plan"
)

// alarm counts what it was asked for.
type alarm struct{ armed, disarmed []string }

func (a *alarm) Arm(_ context.Context, tx string, after time.Duration) error {
	a.armed = append(a.armed, tx+" "+after.String())
	return nil
}

func (a *alarm) Disarm(_ context.Context, tx string) error {
	a.disarmed = append(a.disarmed, tx)
	return nil
}

// engine is one with an alarm.
func (w *world) engine(a change.Alarm) (*change.Engine, *change.Journal) {
	w.t.Helper()
	j := change.NewJournal(w.Storage)
	return change.New(change.Host{
		Files: w.Files, Services: w.Services, Sysctls: w.Sysctls, Packages: w.Packages, Probes: w.Probes, Alarm: a,
		BootID: func() (string, error) { return w.Boot, nil }, Now: w.Now,
	}, j), j
}

// unconfirmed is a host with a transaction that waits for a confirmation.
func unconfirmed(t *testing.T) (*world, *alarm, *change.Transaction, string) {
	t.Helper()
	w := newWorld(t)
	was := w.Snapshot()
	a := &alarm{}
	e, _ := w.engine(a)
	tx, err := e.Run(t.Context(), steps(w.write("/etc/f", "1")), change.Options{Confirm: time.Minute})
	wait := is[*change.WaitError](t, err)
	if !strings.HasPrefix(wait.For, "a confirmation until 2026-11-23T12:01") || len(a.armed) != 1 || len(a.disarmed) != 0 {
		t.Errorf("waits for %s, armed %v, disarmed %v", wait.For, a.armed, a.disarmed)
	}
	return w, a, tx, was
}

func TestConfirmedInTime(t *testing.T) {
	w, a, tx, _ := unconfirmed(t)
	again, _ := w.load(tx.ID)
	if again.Status != change.StatusWait || again.Open() {
		t.Fatalf("it is %v", again.Status)
	}
	w.Clock = w.Clock.Add(50 * time.Second)
	is[*change.WaitError](t, w.recover(tx.ID, change.RollBack))
	e, _ := w.engine(a)
	must(t, e.Confirm(t.Context(), again))
	if again, _ = w.load(tx.ID); again.Status != change.StatusDone || len(a.disarmed) != 1 {
		t.Errorf("it is %v, disarmed %v", again.Status, a.disarmed)
	}
	says(t, e.Confirm(t.Context(), again), "does not wait")
	equal(t, "f", w.content("/etc/f"), "1")
}

func TestNotConfirmedIsRolledBack(t *testing.T) {
	w, a, tx, was := unconfirmed(t)
	w.Clock = w.Clock.Add(61 * time.Second)
	again, _ := w.load(tx.ID)
	e, _ := w.engine(a)
	says(t, e.Confirm(t.Context(), again), "had to be confirmed before")
	err := e.Recover(t.Context(), again, change.GoOn)
	is[*change.RolledBackError](t, err)
	says(t, err, "nobody confirmed it in time")
	equal(t, "rolled back", w.Snapshot(), was)
}

func TestRestartedBeforeConfirmationIsRolledBack(t *testing.T) {
	w, _, tx, was := unconfirmed(t)
	w.Boot = "boot-2"
	err := w.recover(tx.ID, change.RollBack)
	is[*change.RolledBackError](t, err)
	says(t, err, "restarted before anybody confirmed")
	equal(t, "rolled back", w.Snapshot(), was)
}

// A crash does not make anybody's confirmation unnecessary.
func TestInterruptedStillWaitsForAConfirmation(t *testing.T) {
	w := newWorld(t)
	a := &alarm{}
	e, _ := w.engine(a)
	p := steps(w.write("/etc/f", "1"), w.write("/etc/g", "1"))
	w.Faults.Arm(20, changetest.Kill)
	killed, err := changetest.Survive(func() error { _, err := e.Run(t.Context(), p, change.Options{Confirm: time.Minute}); return err })
	w.Faults.Disarm()
	if !killed {
		t.Fatal(err)
	}
	e, j := w.engine(a)
	list, err := j.List()
	must(t, err)
	is[*change.WaitError](t, e.Recover(t.Context(), list[0], change.GoOn))
	if again, _ := w.load(list[0].ID); again.Until.IsZero() || len(a.armed) != 2 {
		t.Errorf("waits until %v, armed %v", again.Until, a.armed)
	}
}

func TestNoAlarmNoConfirmation(t *testing.T) {
	w := newWorld(t)
	was := w.Snapshot()
	_, err := w.try(steps(w.write("/etc/f", "1")), change.Options{Confirm: time.Minute})
	is[*change.RolledBackError](t, err)
	says(t, err, "no timer could be armed")
	equal(t, "nothing was done", w.Snapshot(), was)
}

func reboot() plan.Step { return plan.Step{Kind: plan.Reboot, Object: "the new kernel", Why: "a test"} }

func TestGoesOnAfterAReboot(t *testing.T) {
	w := newWorld(t)
	p := steps(sysctl(), reboot(), w.write("/etc/f", "1"))
	tx, err := w.try(p, change.Options{})
	is[*change.WaitError](t, err)
	says(t, err, "reboot")
	is[*change.WaitError](t, w.recover(tx.ID, change.RollBack)) // not yet
	equal(t, "f", w.content("/etc/f"), "(absent)")
	w.Boot = "boot-2"
	must(t, w.recover(tx.ID, change.RollBack))
	equal(t, "f", w.content("/etc/f"), "1")
	w.undo(tx.ID, change.Refuse)
	equal(t, "f", w.content("/etc/f"), "(absent)")
	equal(t, "net.a", w.Sysctls.Values["net.a"], "0")
}

// A crash after the reboot is one like any other: recovery does not take the
// transaction for one that still waits.
func TestKilledAfterTheReboot(t *testing.T) {
	for at := 1; ; at++ {
		w := newWorld(t)
		was := w.Snapshot()
		tx, err := w.try(steps(w.write("/etc/e", "1"), reboot(), w.write("/etc/f", "1")), change.Options{})
		is[*change.WaitError](t, err)
		w.Boot = "boot-2"
		w.Faults.Arm(at, changetest.Kill)
		killed, err := changetest.Survive(func() error { return w.recover(tx.ID, change.RollBack) })
		w.Faults.Disarm()
		if !killed {
			must(t, err)
			return
		}
		again, _ := w.load(tx.ID)
		begun := again.Steps[2].Status != change.StatusDo
		if begun && !again.Open() && again.Status != change.StatusDone {
			t.Fatalf("killed at %d: it is %v", at, again.Status)
		}
		err = w.recover(tx.ID, change.RollBack)
		if left := w.Left(); len(left) > 0 {
			t.Fatalf("killed at %d: left %v", at, left)
		}
		if again.Open() {
			is[*change.RolledBackError](t, err)
			equal(t, "rolled back", w.Snapshot(), was)
			continue
		}
		must(t, err)
		equal(t, "f", w.content("/etc/f"), "1")
	}
}

func TestConfirmationAfterAReboot(t *testing.T) {
	w := newWorld(t)
	a := &alarm{}
	e, j := w.engine(a)
	tx, err := e.Run(t.Context(), steps(reboot(), w.write("/etc/f", "1")), change.Options{Confirm: time.Minute})
	is[*change.WaitError](t, err)
	w.Boot = "boot-2"
	tx, err = j.Load(tx.ID)
	must(t, err)
	says(t, e.Recover(t.Context(), tx, change.RollBack), "confirmation")
	tx, err = j.Load(tx.ID)
	must(t, err)
	says(t, e.Recover(t.Context(), tx, change.RollBack), "waits for a confirmation") // not rolled back: this boot is the right one
	must(t, e.Confirm(t.Context(), tx))
	equal(t, "f", w.content("/etc/f"), "1")
}

func TestWhatIsUndoneDoesNotWaitAnyMore(t *testing.T) {
	w := newWorld(t)
	tx, err := w.try(steps(w.write("/etc/e", "1"), reboot(), w.write("/etc/f", "1")), change.Options{})
	is[*change.WaitError](t, err)
	w.undo(tx.ID, change.Refuse)
	w.Boot = "boot-2"
	says(t, w.recover(tx.ID, change.RollBack), "was undone by")
	equal(t, "f", w.content("/etc/f"), "(absent)")
	if again, _ := w.load(tx.ID); again.Status != change.StatusUndone {
		t.Errorf("it is %v", again.Status)
	}
}

// What only the running system holds is what the boot made of it.
func TestRunningValuesAreLostWithTheHost(t *testing.T) {
	w := newWorld(t)
	w.Services.Units["a.service"] = plan.Unit{UnitFile: "enabled", Active: "inactive"} // stopped by hand
	stop := plan.Step{Kind: plan.Service, Object: "a.service", Why: "a test", Want: plan.State{Service: &plan.Unit{UnitFile: "disabled", Active: "inactive"}}}
	was := w.Snapshot()
	tx := w.killedAt(25, steps(sysctl(), stop, w.write("/etc/f", "1")), change.Options{})
	w.Boot = "boot-2"
	w.Sysctls.Values["net.a"] = "7" // the kernel's own
	u := w.Services.Units["a.service"]
	if u.UnitFile == "enabled" {
		u.Active = "active"
	}
	w.Services.Units["a.service"] = u
	is[*change.RolledBackError](t, w.recover(tx.ID, change.RollBack))
	equal(t, "rolled back", w.Snapshot(), was)
}
