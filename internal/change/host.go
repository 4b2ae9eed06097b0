package change

import (
	"context"
	"io"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

// Files looks at and changes single paths. Nothing follows a symlink, neither
// at the end of a path nor on the way.
type Files interface {
	// Observe describes what stands at a path, its content's digest included.
	// Nothing there is the type Absent, no error.
	Observe(path string) (plan.File, error)
	// Read opens a regular file.
	Read(path string) (io.ReadCloser, error)
	// Names lists what is in a directory.
	Names(path string) ([]string, error)
	// Put makes a file, symlink or directory complete under the name temporary in
	// the same folder and renames it: the path is at every moment as before or as
	// wanted.
	Put(path, temporary string, want plan.File, content io.Reader) error
	// Adjust sets attributes one after the other; it can be run again.
	Adjust(path string, want plan.File) error
	// Remove removes a file, symlink or empty directory; fs.ErrNotExist if it is
	// not there.
	Remove(path string) error
}

// Services looks at and changes units of the service manager.
type Services interface {
	State(ctx context.Context, unit string) (plan.Unit, error)
	// Set brings a unit to a state and reads back.
	Set(ctx context.Context, unit string, want plan.Unit) error
}

// Sysctls reads and writes running kernel parameters, by dotted name.
type Sysctls interface {
	Get(name string) (string, error)
	Set(name, value string) error
}

// PackageChanges brings packages to versions, all in one run of the manager.
type PackageChanges interface {
	// State describes the packages that want names.
	State(ctx context.Context, want plan.PackageSet) (plan.PackageSet, error)
	// Set brings the packages to their versions, marks and holds, and reads back.
	// It completes what an interrupted run left half done, itself.
	Set(ctx context.Context, tx string, want plan.PackageSet) error
	// Settle completes what an interrupted run left half done, wherever that
	// leads; State says then where.
	Settle(ctx context.Context, tx string) error
}

// Prober judges what must hold for a plan to go on.
type Prober interface {
	Probe(ctx context.Context, name string) error
}

// Alarm calls for recovery when we cannot: after our death or a reboot.
type Alarm interface {
	// Arm makes sure that recovery of a transaction runs at the next boot and, if
	// after is not 0, that much from now.
	Arm(ctx context.Context, tx string, after time.Duration) error
	// Disarm takes back what Arm did for a transaction.
	Disarm(ctx context.Context, tx string) error
}

// Host is what an engine changes. A plan that needs a part that is nil is
// refused before anything is done.
type Host struct {
	Files    Files
	Services Services
	Sysctls  Sysctls
	Packages PackageChanges
	Probes   Prober
	Alarm    Alarm
	BootID   func() (string, error)
	Now      func() time.Time
}
