package power

import (
	"context"
	"io/fs"

	"github.com/lockfast/lockfast/internal/hostexec"
)

// State is what was seen; nil is not known.
type State struct {
	OnBattery *bool
	Charge    *int // percent, of all batteries together; nil also if there is none
	Metered   *bool
	Notes     []string // why something is not known
}

// Look looks at the host whose "/" fsys is.
func Look(ctx context.Context, fsys fs.FS, run hostexec.Runner) State {
	var s State
	s.lookAtSupplies(fsys)
	s.askForMetered(ctx, fsys, run)
	return s
}

func (s *State) note(text string) { s.Notes = append(s.Notes, text) }
