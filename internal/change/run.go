package change

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

// Options say how a plan is carried out.
type Options struct {
	Group   string // of transactions that are undone as one
	Reverts string // the transaction that this one takes back
	// Confirm, if not 0, makes the finished transaction wait that long for
	// [Engine.Confirm], and rolls it back if none comes. The alarm is armed before
	// the first change.
	Confirm time.Duration
	// Check judges the host after the last step; an error rolls back.
	Check func(ctx context.Context, t *Transaction) error
	// Begun is called once the transaction has a name, before the first change.
	Begun func(t *Transaction)
	// Step is called before each step.
	Step func(t *Transaction, step int)
}

// Run carries out a plan exactly, or takes back what it did of it. If it
// returns a nil error the transaction is done, and every step was read back.
//
// Errors: [MovedError] and others before the first change, then
// [RolledBackError], [StuckError] and [WaitError].
func (e *Engine) Run(ctx context.Context, p *plan.Plan, o Options) (*Transaction, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	if err := e.equipped(p); err != nil {
		return nil, err
	}
	if err := e.ready(ctx, p); err != nil {
		return nil, err
	}
	now := e.now()
	t, err := e.journal.begin(p, Head{
		Format: Format, ID: newID(now), Kind: p.Kind, Title: p.Title, Tool: p.Tool, Boot: e.boot(), Started: now, Reverts: o.Reverts, Group: o.Group,
		Confirm: int64(o.Confirm.Round(time.Second) / time.Second),
	})
	if err != nil {
		return nil, err
	}
	if o.Begun != nil {
		o.Begun(t)
	}
	if err := e.arm(ctx, t, o.Confirm); err != nil {
		return t, e.rollBack(ctx, t, err)
	}
	return t, e.proceed(ctx, t, o)
}

func (e *Engine) arm(ctx context.Context, t *Transaction, after time.Duration) error {
	if e.host.Alarm == nil {
		if after == 0 {
			return nil
		}
		return errors.New("no timer could be armed that would roll back without a confirmation")
	}
	if err := e.host.Alarm.Arm(ctx, t.ID, after); err != nil {
		return fmt.Errorf("cannot arm recovery: %w", err)
	}
	return nil
}

// disarm is called at an end. A recovery that finds nothing to do is harmless,
// so that failing here is no failure of the transaction, and the alarm stays
// where another transaction still waits for it.
func (e *Engine) disarm(ctx context.Context, t *Transaction) {
	if e.host.Alarm == nil {
		return
	}
	list, err := e.journal.List()
	if err != nil {
		return
	}
	for _, other := range list {
		if other.ID != t.ID && (other.Open() || other.Status == StatusWait || other.Status == StatusFailed) {
			return
		}
	}
	_ = e.host.Alarm.Disarm(context.WithoutCancel(ctx), t.ID)
}

// ready compares what every step expects with the host, before anything is
// done; what earlier steps will have left counts as there.
func (e *Engine) ready(ctx context.Context, p *plan.Plan) error {
	left := map[string]plan.State{}
	for i := range p.Steps {
		s := &p.Steps[i]
		if s.Kind == plan.Reboot || s.Kind == plan.Probe {
			continue
		}
		object := objectOf(s)
		now, planned := left[object]
		if !planned {
			var err error
			if now, err = e.observe(ctx, s); err != nil {
				return fmt.Errorf("step %d of the plan: cannot look at %s: %w", i+1, s.Object, err)
			}
		}
		if err := fits(s, i, now); err != nil {
			return err
		}
		left[object] = s.Want
	}
	return nil
}

// objectOf names a step's object: a unit and a path may have the same name.
func objectOf(s *plan.Step) string { return string(class(s.Kind)) + " " + s.Object }

// class is what kind of object a kind of step changes.
func class(k plan.Kind) plan.Kind {
	switch k {
	case plan.WriteFile, plan.RemoveFile, plan.Directory, plan.Symlink, plan.Attributes:
		return plan.WriteFile
	case plan.Service, plan.Sysctl, plan.Packages, plan.Reboot, plan.Probe:
	}
	return k
}

func fits(s *plan.Step, i int, now plan.State) error {
	if s.Expect != (plan.State{}) {
		if d := s.Expect.Differences(now); len(d) > 0 {
			return &MovedError{Step: i + 1, Object: s.Object, Why: words(d)}
		}
	}
	return guard(s, now)
}

// proceed carries out every step that is not done, to the end.
func (e *Engine) proceed(ctx context.Context, t *Transaction, o Options) error {
	for i := range t.Steps {
		if t.Steps[i].Status == StatusDone {
			continue
		}
		if err := ctx.Err(); err != nil {
			return e.rollBack(ctx, t, fmt.Errorf("stopped before step %d: %w", i+1, err))
		}
		if t.Status == StatusWait && t.Steps[i].Kind != plan.Reboot { // from here on a crash is a crash
			if err := t.write(record{At: e.now(), Step: whole, Status: StatusDoing}); err != nil {
				return e.rollBack(ctx, t, err)
			}
		}
		if o.Step != nil {
			o.Step(t, i)
		}
		err := e.do(ctx, t, i)
		var wait *WaitError
		switch {
		case errors.As(err, &wait):
			return err
		case err != nil:
			return e.rollBack(ctx, t, fmt.Errorf("step %d, %s %s: %w", i+1, t.Steps[i].Kind, t.Steps[i].Object, err))
		}
	}
	if o.Check != nil {
		if err := o.Check(ctx, t); err != nil {
			return e.rollBack(ctx, t, err)
		}
	}
	if o.Confirm > 0 {
		until := e.now().Add(o.Confirm)
		if err := t.write(record{At: e.now(), Step: whole, Status: StatusWait, Note: "confirmation", Until: until, Boot: e.boot()}); err != nil {
			return e.rollBack(ctx, t, err)
		}
		return &WaitError{t.ID, "a confirmation until " + until.Format(time.RFC3339)}
	}
	if err := e.finish(ctx, t, ""); err != nil {
		return e.rollBack(ctx, t, err)
	}
	return nil
}

func (e *Engine) finish(ctx context.Context, t *Transaction, note string) error {
	if err := t.write(record{At: e.now(), Step: whole, Status: StatusDone, Note: note}); err != nil {
		return err
	}
	e.disarm(ctx, t)
	return nil
}

// do carries out one step: look, write down, do, look, write down.
func (e *Engine) do(ctx context.Context, t *Transaction, i int) error {
	s := &t.Steps[i]
	if s.Kind == plan.Reboot {
		return e.awaitReboot(t, i)
	}
	now, err := e.observe(ctx, &s.Step)
	if err != nil {
		return fmt.Errorf("cannot look at it: %w", err)
	}
	before := s.Before // of a step that was interrupted, the first one counts
	if before == (plan.State{}) || s.Status == StatusDo && !isPackages(s) {
		before = now
		if err := fits(&s.Step, i, before); err != nil {
			return err
		}
		if err := e.keepBefore(t, i, before); err != nil {
			return err
		}
	}
	if err := t.write(record{At: e.now(), Step: i, Status: StatusDoing, Before: before, After: s.Want}); err != nil {
		return err
	}
	if err := e.set(ctx, t, i, now, s.Want); err != nil {
		return err
	}
	return e.done(ctx, t, i)
}

// done reads a step back and writes down what it left.
func (e *Engine) done(ctx context.Context, t *Transaction, i int) error {
	s := &t.Steps[i]
	after, err := e.observe(context.WithoutCancel(ctx), &s.Step)
	if err != nil {
		return fmt.Errorf("cannot read it back: %w", err)
	}
	if d := s.Want.Differences(after); len(d) > 0 {
		return fmt.Errorf("it was done without an error, but reading it back shows %s", words(d))
	}
	r := record{At: e.now(), Step: i, Status: StatusDone, After: after}
	if after.Packages == nil || s.Before.Packages == nil {
		return t.write(r)
	}
	before := *s.Before.Packages
	if err := e.trim(t, i, &before, after.Packages); err != nil {
		return err
	}
	r.Before = plan.State{Packages: &before}
	if err := t.write(r); err != nil {
		return err
	}
	_ = e.journal.storage.Remove(bundle(t, i)) // it only takes room now
	return nil
}

// awaitReboot waits until the host runs under another boot id than it did when
// the step was first reached.
func (e *Engine) awaitReboot(t *Transaction, i int) error {
	id, err := e.host.BootID()
	if err != nil {
		return fmt.Errorf("cannot tell this boot from the last one: %w", err)
	}
	now := plan.State{Boot: &plan.Boot{ID: id}}
	if before := t.Steps[i].Before; before.Boot != nil && before.Boot.ID != id {
		return t.write(record{At: e.now(), Step: i, Status: StatusDone, After: now})
	}
	if t.Steps[i].Status != StatusWait {
		if err := t.write(record{At: e.now(), Step: i, Status: StatusWait, Before: now}); err != nil {
			return err
		}
	}
	if t.Status != StatusWait {
		if err := t.write(record{At: e.now(), Step: whole, Status: StatusWait, Note: "reboot"}); err != nil {
			return err
		}
	}
	return &WaitError{t.ID, "a reboot"}
}

// Confirm ends the waiting of a transaction: it stays.
func (e *Engine) Confirm(ctx context.Context, t *Transaction) error {
	if t.Status != StatusWait || t.Until.IsZero() {
		return fmt.Errorf("transaction %s does not wait for a confirmation: it is %s", t.ID, t.Status)
	}
	if e.now().After(t.Until) {
		return fmt.Errorf("transaction %s had to be confirmed before %s; it is being rolled back", t.ID, t.Until.Format(time.RFC3339))
	}
	return e.finish(ctx, t, "confirmed")
}
