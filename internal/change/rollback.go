package change

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/lockfast/lockfast/internal/plan"
)

// rollBack takes back what a transaction did, in reverse, and says how it
// ended. Packages that reached their versions stay: packages go forward,
// configuration goes back.
func (e *Engine) rollBack(ctx context.Context, t *Transaction, cause error) error {
	ctx = context.WithoutCancel(ctx) // half a way back is worse than none
	kept, err := e.back(ctx, t)
	if err != nil {
		stuck := &StuckError{Transaction: t.ID, Cause: cause, Why: err}
		if werr := t.write(record{At: e.now(), Step: whole, Status: StatusFailed, Note: stuck.Error()}); werr != nil {
			stuck.Why = errors.Join(err, werr)
		}
		return stuck
	}
	status, note := StatusUndone, fmt.Sprint(cause)
	if kept != "" {
		status, note = StatusDone, note+"; the other steps were rolled back"
	}
	if err := t.write(record{At: e.now(), Step: whole, Status: status, Note: note}); err != nil {
		return &StuckError{Transaction: t.ID, Cause: cause, Why: err}
	}
	e.disarm(ctx, t)
	return &RolledBackError{Transaction: t.ID, Cause: cause, Kept: kept}
}

func (e *Engine) back(ctx context.Context, t *Transaction) (stays string, err error) {
	var kept []string
	if err := t.write(record{At: e.now(), Step: whole, Status: StatusUndoing}); err != nil {
		return "", err
	}
	for i := len(t.Steps) - 1; i >= 0; i-- {
		s := &t.Steps[i]
		switch s.Status {
		case StatusDo, StatusUndone, StatusWait, StatusHeld:
			continue
		case StatusDone:
			if isPackages(s) {
				kept = append(kept, "the packages stay at their new versions")
				continue
			}
		case StatusDoing, StatusUndo, StatusUndoing, StatusFailed:
		}
		if err := e.undoStep(ctx, t, i); err != nil {
			return "", fmt.Errorf("step %d, %s %s: %w", i+1, s.Kind, s.Object, err)
		}
		if s.Status == StatusDone {
			kept = append(kept, fmt.Sprintf("%s stays: %s", s.Object, s.OneWay))
		}
	}
	return strings.Join(kept, ", "), nil
}

// undoStep brings a step's object back to its before-record, if it is where we
// left it, and proves it.
func (e *Engine) undoStep(ctx context.Context, t *Transaction, i int) error {
	s := &t.Steps[i]
	if s.Kind == plan.Probe || s.Kind == plan.Reboot {
		return t.write(record{At: e.now(), Step: i, Status: StatusUndone})
	}
	if err := e.tidy(t, i); err != nil {
		return fmt.Errorf("cannot remove what an interrupted run left: %w", err)
	}
	now, err := e.observe(ctx, &s.Step)
	if err != nil {
		return fmt.Errorf("cannot look at it: %w", err)
	}
	switch {
	case identical(s.Before, now):
		return t.write(record{At: e.now(), Step: i, Status: StatusUndone})
	case s.OneWay != "":
		return t.write(record{At: e.now(), Step: i, Status: StatusDone, Note: "stays: " + s.OneWay})
	case !now.Same(s.After) && !e.between(t, s, now):
		return fmt.Errorf("it is neither as before nor as we left it: somebody else changed it (%s); bring it in order by hand, then run lockfast recover", words(s.After.Differences(now)))
	}
	if err := t.write(record{At: e.now(), Step: i, Status: StatusUndoing}); err != nil {
		return err
	}
	if err := e.set(ctx, t, i, now, s.Before); err != nil {
		return fmt.Errorf("cannot bring it back: %w", err)
	}
	if now, err = e.observe(ctx, &s.Step); err != nil {
		return fmt.Errorf("cannot read it back: %w", err)
	}
	if d := s.Before.Differences(now); len(d) > 0 {
		return fmt.Errorf("it was brought back without an error, but reading it back shows %s", words(d))
	}
	return t.write(record{At: e.now(), Step: i, Status: StatusUndone})
}

// identical is Same, and for files the time of the last change too: that is
// restored, though nobody is held to it.
func identical(a, b plan.State) bool {
	if !a.Same(b) {
		return false
	}
	return a.File == nil || a.File.Type != plan.Regular && a.File.Type != plan.Link || a.File.MTime.Equal(b.File.MTime)
}
