package patch

import (
	"context"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

// Ref names a package at a version.
type Ref struct {
	Name, Arch, Version string // Arch as the manager says, "all" and "noarch" among them
}

// Offer is a newer version of an installed package.
type Offer struct {
	Ref
	Source    string // source package
	Installed string // version that is installed
	Security  bool
	IDs       []string // advisories where the metadata name them
	Severity  string   // the vendor's rating where the metadata name it
	Date      time.Time
	Archive   string // which archive offers it; for people
}

// Change is what happens to one package in a transaction. From "" installs it
// anew, To "" removes it.
type Change struct {
	Name, Arch, From, To string
	Archive              string // which archive To comes from; for people
	Size                 int64  // of the package file in bytes; 0 when unknown
	Disk                 int64  // change of the disk space used, in bytes; 0 when unknown
	Requested            bool   // it was asked for; else another change needs it
}

// Request is what a simulation is asked.
type Request struct {
	Targets []Ref // these packages to these versions
	All     bool  // instead of Targets: everything that can be updated, nothing removed
	NewOK   bool  // packages may be installed anew where a target needs them
}

// Problem is a target that the manager will not bring to its version.
type Problem struct {
	Package string
	Why     string // one sentence
}

// Simulation is what a request would do. Nothing is removed unless a Change
// says so.
type Simulation struct {
	Changes  []Change
	Problems []Problem
}

// Archive is a package file in a folder of ours, verified against the signed
// metadata it was found by.
type Archive struct {
	Ref
	Path     string // absolute
	SHA256   string // hexadecimal
	Size     int64
	Origin   string // "archive", "cache" (the manager's own), "snapshot" or "repacked"
	Repacked bool   // made from the installed files: not what the distribution signed
}

// Missing is a package file that could not be had.
type Missing struct {
	Ref
	Why string
}

// Fetch says how package files are fetched.
type Fetch struct {
	Dir       string                            // folder for the files; it exists
	Offline   bool                              // no network: only what is here already
	RateLimit int64                             // bytes a second; 0 is no limit
	Progress  func(done, total int64, s string) // may be nil; bytes, and what is being fetched
}

// Order is what to install, remove and mark in one run.
type Order struct {
	ID     string // of the transaction: names the transient unit, [a-z0-9-]
	Log    string // absolute path of the file that output is appended to
	Files  []Archive
	Remove []Ref
	Want   []plan.Package // what must be true afterwards: versions, auto marks and holds
	// Downgrade allows versions below the installed ones.
	Downgrade bool
	Progress  func(percent int, pkg, phase string) // may be nil
}

// Broken is a package whose installation did not come to its end.
type Broken struct {
	Package string
	State   string // the manager's word: "half-configured", "unpacked" …
}

// Difference is a file of a package that is not as the package shipped it.
type Difference struct {
	Package, Path string
	What          string // the manager's letters: "??5??????"
	Conffile      bool
}

// Source answers what could be installed. An error means "could not look",
// never "nothing there".
type Source interface {
	// Refresh brings the manager's metadata up to date over the network. A bad
	// signature, a missing archive or a clock that makes them invalid is an error.
	Refresh(ctx context.Context) error
	// Available lists the updates on offer, security or not, by the metadata
	// that are here.
	Available(ctx context.Context) ([]Offer, error)
	// Simulate says what a request would do, without doing it.
	Simulate(ctx context.Context, r Request) (Simulation, error)
	// Download brings package files into f.Dir. What is there already with the
	// right digest is kept, what is half there is resumed. An error means that
	// not all of them are there; files that are complete stay.
	Download(ctx context.Context, refs []Ref, f Fetch) ([]Archive, error)
	// Previous brings the package files of installed versions into f.Dir: from
	// the manager's cache, the archives, else repacked where the manager can.
	Previous(ctx context.Context, refs []Ref, f Fetch) ([]Archive, []Missing, error)
}

// Installer reads and changes the package database.
type Installer interface {
	// Name is "apt", "dnf" or "zypper".
	Name() string
	// State reads version, marks and holds of packages, by name and
	// architecture; packages that are not installed have no version.
	State(ctx context.Context, refs []Ref) ([]plan.Package, error)
	// Install carries out an order with no network and no questions, in a unit of
	// its own that outlives us, waits for its end and reads back: an error unless
	// everything in Want is true. Changed configuration files are kept.
	Install(ctx context.Context, o Order) error
	// Repair completes what was interrupted. It returns what is still broken.
	Repair(ctx context.Context, o Order) ([]Broken, error)
	// Audit lists packages whose installation did not come to its end.
	Audit(ctx context.Context) ([]Broken, error)
	// Verify compares installed files with what their packages shipped.
	Verify(ctx context.Context, names []string) ([]Difference, error)
}

// Backend is a package manager.
type Backend interface {
	Source
	Installer
}

// Limited is implemented by backends that cannot do everything; each limit is
// one sentence for people.
type Limited interface {
	Limits() []string
}

// Launcher runs a program that outlives us: if this process dies, the program
// goes on.
type Launcher interface {
	// Launch runs a job to its end and returns its exit code. If ctx ends, the
	// program is left alone, and the error says so.
	Launch(ctx context.Context, j Job) (code int, err error)
	// Running reports whether a job of this unit name still runs.
	Running(ctx context.Context, unit string) (bool, error)
}

// Job is a program to launch.
type Job struct {
	Unit string // "lockfast-20261123-114501-ab12": the transient unit's name without suffix
	Name string // program, without a slash
	Args []string
	Env  []string
	Log  string            // output is appended to this file
	Line func(line string) // each line of output as it comes; may be nil
}

// Configured is implemented by backends whose packages own configuration files
// that people change.
type Configured interface {
	// Conffiles lists the configuration files of installed packages, absolute
	// paths, sorted.
	Conffiles(ctx context.Context, refs []Ref) ([]string, error)
}

// LockedError says that another program is using the package manager.
type LockedError struct {
	Manager string
	Holder  string // "apt-get (pid 812)"
}

func (e *LockedError) Error() string {
	return e.Manager + " is in use by " + e.Holder + "; wait for it, then run this again"
}

// Outlook is implemented by backends that can say before anything is fetched
// where the package file of an installed version will come from.
type Outlook interface {
	// Outlook maps refs to "cache", "archive" or "repacked"; those that cannot be
	// had are not in it. dir is our folder for package files.
	Outlook(ctx context.Context, refs []Ref, dir string) (map[Ref]string, error)
}

// ChangedConffiles is implemented by backends that can say which configuration
// files of packages people changed.
type ChangedConffiles interface {
	ChangedConffiles(ctx context.Context, refs []Ref) ([]string, error)
}
