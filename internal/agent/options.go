package agent

import (
	"path/filepath"
	"time"

	"github.com/lockfast/lockfast/internal/feed"
	"github.com/lockfast/lockfast/internal/secure"
	"github.com/lockfast/lockfast/internal/stay"
)

// Options are what a turn works with.
type Options struct {
	Fix           secure.FixOptions // where, what, and with which evidence
	Policy        stay.Policy
	RebootDelay   time.Duration // how long people who are logged in are warned
	RebootMessage string
	StaleAfter    time.Duration // an archive that does not answer for so long is told about
	Notices       Notices
	Now           func() time.Time
	Force         bool                           // ask the archive now, whether it is time or not
	Feed          *feed.SyncOptions              // where advisories are fetched; nil: they are not
	Site          Site                           // empty: the units are left as they are
	WindowNames   []string                       // as they were written, for people
	Look          func(now time.Time) stay.Facts // what the moment is like; nil: it is looked at
}

// folder is where the service keeps what it remembers.
func (o Options) folder() string { return filepath.Join(o.Fix.Places.State, "stay") }

func (o Options) file(name string) string { return filepath.Join(o.folder(), name) }

// files of the folder.
const (
	stateFile   = "state.json"
	planFile    = "plan.json"
	pictureFile = "picture.json"
	noticesFile = "notices.json"
	lockFile    = "lock"
)
