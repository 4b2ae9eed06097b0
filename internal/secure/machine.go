package secure

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/hostsvc"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/plan"
)

// Places are the folders that a verb which changes the host works in.
type Places struct {
	State string // "/var/lib/lockfast": the journal below it
	Cache string // "/var/cache/lockfast": package files below it
	Apt   string // apt reads this configuration too; "" is none
}

func (p Places) journal() string { return filepath.Join(p.State, "journal") }

func (p Places) packages(manager string) string { return filepath.Join(p.Cache, "packages", manager) }

// Events are told what goes on; each may be nil.
type Events struct {
	Phase    func(text string)                    // a new phase of the work
	Download func(done, total int64, what string) // bytes
	Install  func(percent int, pkg, phase string) // of the package manager
	Note     func(text string)                    // something that a person should know at once
}

func (e Events) phase(format string, args ...any) {
	if e.Phase != nil {
		e.Phase(fmt.Sprintf(format, args...))
	}
}

func (e Events) note(format string, args ...any) {
	if e.Note != nil {
		e.Note(fmt.Sprintf(format, args...))
	}
}

// machine is the running host with all that changes it.
type machine struct {
	places   Places
	root     *hostfs.Root
	services *hostsvc.Manager
	booted   bool // by systemd
	launcher patch.Launcher
	journal  *change.Journal
	engine   *change.Engine
	backend  patch.Backend
	unlock   func()
}

// launcher adapts hostsvc's to what backends ask for.
type launcher struct{ *hostsvc.Launcher }

func (l launcher) Launch(ctx context.Context, j patch.Job) (int, error) {
	return l.Launcher.Launch(ctx, hostsvc.Job(j))
}

// services adapts hostsvc's to what the engine asks for.
type services struct{ *hostsvc.Manager }

func (s services) State(ctx context.Context, unit string) (plan.Unit, error) {
	u, err := s.Manager.State(ctx, unit)
	return plan.Unit{UnitFile: u.UnitFile, Active: u.Active, Links: u.Links}, err
}

func (s services) Set(ctx context.Context, unit string, want plan.Unit) error {
	return s.Manager.Set(ctx, unit, hostsvc.State{UnitFile: want.UnitFile, Active: want.Active, Links: want.Links})
}

// openMachine opens the running host. With what not empty it also takes the
// lock of those who change it, and needs root.
func openMachine(p Places, what string, ev Events) (*machine, error) {
	if what != "" && os.Geteuid() != 0 {
		return nil, errors.New("changing this host needs root; run it with sudo")
	}
	root, err := hostfs.Open("/")
	if err != nil {
		return nil, err
	}
	m := &machine{places: p, root: root, services: hostsvc.New(hostexec.System{}), booted: hostsvc.Booted(root), unlock: func() {}}
	m.launcher = launcher{hostsvc.NewLauncher(hostexec.System{}, m.booted)}
	m.journal = change.NewJournal(change.Dir(p.journal()))
	if what != "" {
		if m.unlock, err = change.Lock(p.journal(), what); err != nil {
			_ = root.Close()
			return nil, err
		}
	}
	if m.backend, err = m.manager(p); err != nil {
		m.close()
		return nil, err
	}
	m.engine = change.New(m.host(ev), m.journal)
	return m, nil
}

func (m *machine) close() {
	m.unlock()
	m.unlock = func() {} // closing twice is harmless
	_ = m.root.Close()   // only read from
}

// host is what the engine changes.
func (m *machine) host(ev Events) change.Host {
	disk := change.NewDisk("/")
	h := change.Host{Files: disk, Sysctls: change.NewKernel("/proc/sys"), BootID: change.BootID}
	if m.backend != nil {
		h.Packages = &patch.Changes{
			Installer: m.backend, Launcher: m.launcher, Cache: m.places.packages(m.backend.Name()), Log: m.log, Config: "/etc", Observe: disk.Observe, Progress: ev.Install,
		}
	}
	if m.booted {
		h.Services = services{m.services}
		if program, err := os.Executable(); err == nil {
			h.Alarm = change.Systemd{Timers: m.services, Root: "/", Program: program, Args: []string{"--state", m.places.State, "--cache", m.places.Cache}}
		}
	}
	return h
}

// log is the file that a transaction's package manager writes to.
func (m *machine) log(tx string) string { return filepath.Join(m.places.journal(), tx, "output.log") }

// cache makes the folder for package files and returns it.
func (m *machine) cache() (string, error) {
	dir := m.places.packages(m.backend.Name())
	if err := hostfs.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("cannot make folder for package files: %w", err)
	}
	return dir, nil
}

// recoverFirst brings interrupted transactions to an end: a verb that changes
// the host does this before anything else.
func (m *machine) recoverFirst(ctx context.Context, ev Events) error {
	list, err := m.journal.List()
	if err != nil {
		return err
	}
	for _, t := range change.Interrupted(list) {
		ev.phase("recovering %s, which was interrupted", t.ID)
		err := m.engine.Recover(ctx, t, change.RollBack)
		var back *change.RolledBackError
		switch {
		case err == nil:
			ev.note("transaction %s was interrupted and has been completed", t.ID)
		case errors.As(err, &back):
			ev.note("transaction %s was interrupted and has been rolled back", t.ID)
		default:
			return err
		}
	}
	return nil
}

func exists(fsys fs.FS, name string) bool {
	ok, err := hostfs.Exists(fsys, name)
	return ok && err == nil
}
