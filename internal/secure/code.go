package secure

import (
	"errors"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// Exit codes of a change, from the list that all verbs share.
const (
	ExitRefused    = 2 // nothing was changed
	ExitRolledBack = 4
	ExitPerson     = 5
	ExitLocked     = 6
	ExitWaits      = 7
)

// CodeOf is the exit code that the end of a change earns.
func CodeOf(err error) int {
	_, moved := errors.AsType[*change.MovedError](err)
	_, refused := errors.AsType[*RefusedError](err)
	_, conflict := errors.AsType[*change.ConflictError](err)
	_, stuck := errors.AsType[*change.StuckError](err)
	_, person := errors.AsType[*NeedsPersonError](err)
	_, back := errors.AsType[*change.RolledBackError](err)
	_, held := errors.AsType[*hostfs.HeldError](err)
	_, locked := errors.AsType[*patch.LockedError](err)
	_, wait := errors.AsType[*change.WaitError](err)
	switch {
	case err == nil:
		return ExitDone
	case stuck, person:
		return ExitPerson
	case back:
		return ExitRolledBack
	case moved, refused, conflict:
		return ExitRefused
	case held, locked:
		return ExitLocked
	case wait:
		return ExitWaits
	}
	return ExitUnknown
}
