package change

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

// Recovery says what to do with a transaction that was interrupted.
type Recovery int

// Recoveries.
const (
	RollBack Recovery = 0 // configuration goes back (packages always go forward)
	GoOn     Recovery = 1 // finish the plan
)

// Recover brings a transaction whose process died, or that waits, to an end.
// For one that is at its end there is nothing to do.
//
// The error is that of [Engine.Run]; a nil error means that the transaction is
// done.
func (e *Engine) Recover(ctx context.Context, t *Transaction, how Recovery) error {
	switch t.Status {
	case StatusDone:
		return nil
	case StatusUndone:
		return &RolledBackError{Transaction: t.ID, Cause: errors.New(t.Note)}
	case StatusWait:
		return e.recoverWaiting(ctx, t)
	case StatusUndoing:
		return e.rollBack(ctx, t, errInterrupted)
	case StatusDo, StatusDoing, StatusUndo, StatusHeld, StatusFailed:
	}
	again := t.Status == StatusFailed // a person has put things in order
	forward, err := e.resolve(ctx, t)
	if err != nil {
		return e.stuck(t, err)
	}
	if !again && (how == GoOn || forward) {
		return e.goOn(ctx, t)
	}
	return e.rollBack(ctx, t, errInterrupted)
}

// goOn finishes a plan. Who asked for a confirmation still gets it asked for.
func (e *Engine) goOn(ctx context.Context, t *Transaction) error {
	o := Options{Confirm: time.Duration(t.Confirm) * time.Second}
	if o.Confirm > 0 {
		if err := e.arm(ctx, t, o.Confirm); err != nil {
			return e.rollBack(ctx, t, err)
		}
	}
	return e.proceed(ctx, t, o)
}

// recoverWaiting rolls back what nobody confirmed in time, or before the host
// went down, and goes on with what waited for a reboot.
func (e *Engine) recoverWaiting(ctx context.Context, t *Transaction) error {
	if t.Undone != "" { // that has ended the waiting
		if err := t.write(record{At: e.now(), Step: whole, Status: StatusUndone, Note: "it was undone by " + t.Undone}); err != nil {
			return err
		}
		e.disarm(ctx, t)
		return &RolledBackError{Transaction: t.ID, Cause: errors.New(t.Note)}
	}
	if t.Until.IsZero() {
		if e.waitsForReboot(t) {
			return &WaitError{t.ID, "a reboot"}
		}
		return e.goOn(ctx, t)
	}
	switch boot := e.boot(); {
	case boot != t.waits:
		return e.rollBack(ctx, t, errors.New("the host was restarted before anybody confirmed that it can be reached"))
	case !e.now().Before(t.Until):
		return e.rollBack(ctx, t, errors.New("nobody confirmed it in time"))
	}
	return &WaitError{t.ID, "a confirmation"}
}

// waitsForReboot reports whether the host has not been restarted yet.
func (e *Engine) waitsForReboot(t *Transaction) bool {
	for i := range t.Steps {
		if s := &t.Steps[i]; s.Status == StatusWait && s.Before.Boot != nil {
			return s.Before.Boot.ID == e.boot()
		}
	}
	return false
}

func (e *Engine) stuck(t *Transaction, why error) error {
	stuck := &StuckError{Transaction: t.ID, Why: why}
	if t.Status == StatusFailed {
		return stuck
	}
	if err := t.write(record{At: e.now(), Step: whole, Status: StatusFailed, Note: stuck.Error()}); err != nil {
		stuck.Why = errors.Join(why, err)
	}
	return stuck
}

// resolve finds out of the step that was being done whether it was done.
// forward is true if it is one of packages, which go on.
func (e *Engine) resolve(ctx context.Context, t *Transaction) (forward bool, err error) {
	for i := range t.Steps {
		s := &t.Steps[i]
		if s.Status != StatusDoing {
			continue
		}
		if isPackages(s) {
			return true, e.resolvePackages(ctx, t, i)
		}
		if err := e.resolveStep(ctx, t, i); err != nil {
			return false, fmt.Errorf("step %d, %s %s: %w", i+1, s.Kind, s.Object, err)
		}
	}
	return false, nil
}

func (e *Engine) resolveStep(ctx context.Context, t *Transaction, i int) error {
	s := &t.Steps[i]
	if err := e.tidy(t, i); err != nil {
		return fmt.Errorf("cannot remove what an interrupted run left: %w", err)
	}
	now, err := e.observe(ctx, &s.Step)
	if err != nil {
		return fmt.Errorf("cannot look at it: %w", err)
	}
	switch {
	case s.Kind == plan.Probe, identical(s.Before, now):
		return t.write(record{At: e.now(), Step: i, Status: StatusDo})
	case now.Same(s.After), len(s.Want.Differences(now)) == 0:
		return t.write(record{At: e.now(), Step: i, Status: StatusDone, After: now})
	case e.between(t, s, now):
		return nil // both going on and going back start from here
	}
	return fmt.Errorf("it is neither as before nor as it should become: somebody else changed it (%s); bring it in order by hand, then run lockfast recover", words(s.Before.Differences(now)))
}

// between reports whether an object can be as it is because a step on it was
// interrupted. What only the running system holds is lost when it restarts.
func (e *Engine) between(t *Transaction, s *Step, now plan.State) bool {
	if e.boot() == t.Boot {
		return plan.Between(s.Before, s.After, now)
	}
	if now.Service != nil && s.Before.Service != nil {
		restarted := *now.Service
		restarted.Active = s.Before.Service.Active
		now.Service = &restarted
	}
	return now.Sysctl != nil || plan.Between(s.Before, s.After, now)
}

// resolvePackages lets the package manager complete what it can; going on does
// the rest.
func (e *Engine) resolvePackages(ctx context.Context, t *Transaction, i int) error {
	// What cannot be completed as it is may still be by installing it again:
	// going on tries that, and says what it could not do.
	settled := e.host.Packages.Settle(ctx, t.ID)
	if err := e.tidy(t, i); err != nil {
		return fmt.Errorf("step %d, packages: cannot remove what an interrupted run left: %w", i+1, err)
	}
	s := &t.Steps[i]
	now, err := e.observe(ctx, &s.Step)
	if err != nil {
		return fmt.Errorf("step %d, packages: cannot look at them: %w", i+1, errors.Join(settled, err))
	}
	if settled == nil && s.Want.Same(now) {
		return e.done(ctx, t, i)
	}
	return t.write(record{At: e.now(), Step: i, Status: StatusDo, Before: s.Before})
}
