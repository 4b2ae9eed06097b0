package changetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/plan"
)

// World is a host in memory with its journal.
type World struct {
	Faults   *Faults
	Files    *Files
	Storage  *Storage
	Services *Services
	Sysctls  *Sysctls
	Packages *Packages
	Probes   *Probes
	Boot     string
	Clock    time.Time // goes on by a millisecond each time it is looked at
}

// New returns an empty host.
func New() *World {
	w := &World{Faults: &Faults{}, Boot: "boot-1", Clock: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	w.Files = &Files{Faults: w.Faults, Tree: map[string]*Inode{}, Now: w.Now, Mounts: map[string]bool{}}
	w.Storage = &Storage{Faults: w.Faults, Files: map[string][]byte{}}
	w.Services = &Services{Faults: w.Faults, Units: map[string]plan.Unit{}}
	w.Sysctls = &Sysctls{Faults: w.Faults, Values: map[string]string{}}
	w.Probes = &Probes{}
	w.Packages = &Packages{Faults: w.Faults, Files: w.Files, Versions: map[string]string{}, Half: map[string]string{}, Writes: map[string]map[string]string{}, Fails: map[string]error{}}
	return w
}

// Now is the time.
func (w *World) Now() time.Time {
	w.Clock = w.Clock.Add(time.Millisecond)
	return w.Clock
}

// Engine is a new process on the host.
func (w *World) Engine() (*change.Engine, *change.Journal) {
	j := change.NewJournal(w.Storage)
	return change.New(change.Host{
		Files: w.Files, Services: w.Services, Sysctls: w.Sysctls, Packages: w.Packages, Probes: w.Probes,
		BootID: func() (string, error) { return w.Boot, nil }, Now: w.Now,
	}, j), j
}

// Snapshot is everything about the host that undo restores, a line a thing.
func (w *World) Snapshot() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w.Files.Tree)) {
		n := w.Files.Tree[name]
		fmt.Fprintf(&b, "%s %s %04o %d:%d flags %x", name, n.Type, n.Mode, n.UID, n.GID, n.Flags)
		switch n.Type {
		case plan.Regular:
			fmt.Fprintf(&b, " %q %s", n.Content, n.MTime.Format(time.RFC3339Nano))
		case plan.Link:
			fmt.Fprintf(&b, " -> %s %s", n.Target, n.MTime.Format(time.RFC3339Nano))
		case plan.Dir, plan.Absent:
		}
		for _, x := range slices.Sorted(maps.Keys(n.Xattrs)) {
			fmt.Fprintf(&b, " %s=%x", x, n.Xattrs[x])
		}
		b.WriteByte('\n')
	}
	for _, unit := range slices.Sorted(maps.Keys(w.Services.Units)) {
		u := w.Services.Units[unit]
		fmt.Fprintf(&b, "unit %s %s %s\n", unit, u.UnitFile, u.Active)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Sysctls.Values)) {
		fmt.Fprintf(&b, "sysctl %s = %s\n", name, w.Sysctls.Values[name])
	}
	for _, name := range slices.Sorted(maps.Keys(w.Packages.Versions)) {
		fmt.Fprintf(&b, "package %s %s\n", name, w.Packages.Versions[name])
	}
	for _, name := range slices.Sorted(maps.Keys(w.Packages.Half)) {
		fmt.Fprintf(&b, "half-installed %s %s\n", name, w.Packages.Half[name])
	}
	return b.String()
}

// Left names what no end of a transaction may leave: temporaries.
func (w *World) Left() (names []string) {
	for name := range w.Files.Tree {
		if strings.Contains(name, "/.lockfast-") {
			names = append(names, name)
		}
	}
	return names
}

// Services are units.
type Services struct {
	*Faults
	Units map[string]plan.Unit
}

// State describes a unit; the links follow from its unit-file state.
func (s *Services) State(_ context.Context, unit string) (plan.Unit, error) {
	u, ok := s.Units[unit]
	if !ok {
		return plan.Unit{UnitFile: "not-found", Active: "inactive"}, nil
	}
	if u.UnitFile == "enabled" {
		u.Links = map[string]string{"/etc/systemd/system/multi-user.target.wants/" + unit: "/usr/lib/systemd/system/" + unit}
	}
	return u, nil
}

// Set brings a unit to a state in steps: a mask is lifted first.
func (s *Services) Set(_ context.Context, unit string, want plan.Unit) error {
	u := s.Units[unit]
	set := func() error {
		if err := s.point(); err != nil {
			return err
		}
		s.Units[unit] = u
		return s.point()
	}
	if want.UnitFile != "" && want.UnitFile != u.UnitFile {
		if u.UnitFile == "masked" {
			u.UnitFile = "disabled"
			if err := set(); err != nil {
				return err
			}
		}
		u.UnitFile = want.UnitFile
		if err := set(); err != nil {
			return err
		}
	}
	if want.Active != "" && want.Active != u.Active {
		u.Active = want.Active
		return set()
	}
	return nil
}

// Sysctls are kernel parameters.
type Sysctls struct {
	*Faults
	Values map[string]string
}

// Get reads a parameter.
func (s *Sysctls) Get(name string) (string, error) {
	v, ok := s.Values[name]
	if !ok {
		return "", notThere("read", name)
	}
	return v, nil
}

// Set writes a parameter.
func (s *Sysctls) Set(name, value string) error {
	if err := s.point(); err != nil {
		return err
	}
	s.Values[name] = value
	return s.point()
}

// Probes hold unless Fails says otherwise.
type Probes struct{ Fails map[string]error }

// Probe judges.
func (p *Probes) Probe(_ context.Context, name string) error { return p.Fails[name] }

// Packages is a package manager. Installing goes through a half-installed state.
type Packages struct {
	*Faults
	Files    *Files
	Versions map[string]string
	Half     map[string]string            // name → version whose installation did not end
	Writes   map[string]map[string]string // "name version" → path → content: what its scripts do to configuration; "" removes
	Fails    map[string]error             // "name version": cannot be installed
	Settled  int                          // calls of Settle
}

// State describes packages and configuration files, those named or all below /etc.
func (p *Packages) State(_ context.Context, want plan.PackageSet) (plan.PackageSet, error) {
	var set plan.PackageSet
	for _, k := range want.Packages {
		k.Version = p.Versions[k.Name]
		k.Archive, k.SHA256 = "", ""
		set.Packages = append(set.Packages, k)
	}
	paths := slices.Collect(maps.Keys(want.Conffiles))
	if want.Conffiles == nil {
		for name, n := range p.Files.Tree {
			if strings.HasPrefix(name, "/etc/") && n.Type != plan.Dir {
				paths = append(paths, name)
			}
		}
	}
	set.Conffiles = map[string]plan.File{}
	for _, name := range paths {
		f, err := p.Files.Observe(name)
		if err != nil {
			return set, err
		}
		set.Conffiles[name] = f
	}
	return set, nil
}

// Set installs package after package.
func (p *Packages) Set(ctx context.Context, _ string, want plan.PackageSet) error {
	for _, k := range want.Packages {
		if p.Versions[k.Name] == k.Version && p.Half[k.Name] == "" {
			continue
		}
		if err := p.point(); err != nil {
			return err
		}
		p.Half[k.Name] = k.Version
		if err := p.install(ctx, k.Name); err != nil {
			return err
		}
	}
	return nil
}

func (p *Packages) install(_ context.Context, name string) error {
	version := p.Half[name]
	key := name + " " + version
	if err := p.Fails[key]; err != nil {
		return err
	}
	for _, file := range slices.Sorted(maps.Keys(p.Writes[key])) {
		if err := p.point(); err != nil {
			return err
		}
		if content := p.Writes[key][file]; content != "" {
			p.Files.Add(file, plan.File{Type: plan.Regular, Mode: 0o644}, content)
		} else {
			delete(p.Files.Tree, file)
		}
	}
	if err := p.point(); err != nil {
		return err
	}
	p.Versions[name] = version
	delete(p.Half, name)
	if version == "" {
		delete(p.Versions, name)
	}
	return p.point()
}

// Settle completes what is half installed, or gives it up.
func (p *Packages) Settle(ctx context.Context, _ string) error {
	p.Settled++
	for _, name := range slices.Sorted(maps.Keys(p.Half)) {
		if err := p.install(ctx, name); err != nil {
			if p.Fails[name+" "+p.Half[name]] == nil {
				return err
			}
			delete(p.Half, name) // it stays at its old version
		}
	}
	return nil
}
