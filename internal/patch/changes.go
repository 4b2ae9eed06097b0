package patch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
	"github.com/lockfast/lockfast/internal/plan"
)

// Changes lets the change engine bring packages from one state to another
// through a backend. Package files come from Cache, by the names and digests in
// the plan.
type Changes struct {
	Installer Installer
	Launcher  Launcher
	Cache     string                               // folder of package files
	Log       func(tx string) string               // file for a transaction's output
	Config    string                               // folder of configuration files that package scripts change: "/etc"
	Observe   func(path string) (plan.File, error) // looks at a configuration file
	Progress  func(percent int, pkg, phase string) // may be nil
}

// Unit is the transient unit that a transaction's installation runs in.
func Unit(tx string) string { return "lockfast-" + tx }

// State describes the packages that want names, and the configuration files
// that want names; if it names none, all that package scripts may change.
func (c *Changes) State(ctx context.Context, want plan.PackageSet) (plan.PackageSet, error) {
	var refs []Ref
	for _, p := range want.Packages {
		refs = append(refs, Ref{Name: p.Name, Arch: p.Arch})
	}
	have, err := c.Installer.State(ctx, refs)
	if err != nil {
		return plan.PackageSet{}, err
	}
	set := plan.PackageSet{Packages: have}
	set.Conffiles, err = c.conffiles(want.Conffiles)
	return set, err
}

// NewConffile reports whether a path is where a package manager put its own
// version of a configuration file because the one in place was changed, and
// which file that is.
func NewConffile(path string) (conffile string, ok bool) {
	for _, suffix := range []string{".dpkg-dist", ".ucf-dist", ".rpmnew"} {
		if base, found := strings.CutSuffix(path, suffix); found {
			return base, true
		}
	}
	return "", false
}

// conffiles describes the files that are named, or all below Config.
func (c *Changes) conffiles(named map[string]plan.File) (map[string]plan.File, error) {
	all := map[string]plan.File{}
	look := func(path string) error {
		f, err := c.Observe(path)
		if err != nil {
			return fmt.Errorf("cannot look at configuration file: %w", err)
		}
		all[path] = f
		return nil
	}
	for path := range named {
		if err := look(path); err != nil {
			return nil, err
		}
	}
	if named != nil || c.Config == "" {
		return all, nil
	}
	err := filepath.WalkDir(c.Config, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist): // it went while we looked
			return nil
		case err != nil:
			return err
		case !d.Type().IsRegular() && d.Type() != fs.ModeSymlink || passing[path]:
			return nil
		}
		return look(path)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot look at configuration files: %w", err)
	}
	return all, nil
}

// passing are files below /etc that are caches, or that the running system
// writes: taking them back would be wrong.
var passing = map[string]bool{ //nolint:gochecknoglobals // a constant list
	"/etc/mtab": true, "/etc/resolv.conf": true, "/etc/adjtime": true, "/etc/ld.so.cache": true, "/etc/.pwd.lock": true, "/etc/hostname": true,
	"/etc/machine-id": true, "/etc/mailname": true, "/etc/motd": true,
	// What brings recovery about at boot is made before a change and goes after it.
	"/etc/systemd/system/lockfast-recover.service": true, "/etc/systemd/system/multi-user.target.wants/lockfast-recover.service": true,
}

// Set brings packages to their versions, marks and holds.
func (c *Changes) Set(ctx context.Context, tx string, want plan.PackageSet) error {
	order, err := c.order(ctx, tx, want)
	if err != nil {
		return err
	}
	first := c.Installer.Install(ctx, order)
	if first == nil {
		return nil
	}
	if _, locked := errors.AsType[*LockedError](first); locked {
		return first
	}
	// Half an installation is worse than either end: what can be completed is, and
	// then what is missing is asked for once more.
	_, _ = c.Installer.Repair(ctx, order) // what it could not do shows in what follows
	if order, err = c.order(ctx, tx, want); err != nil {
		return errors.Join(first, err)
	}
	if err := c.Installer.Install(ctx, order); err != nil {
		return errors.Join(first, err)
	}
	return nil
}

// order finds out what has to be installed and removed.
func (c *Changes) order(ctx context.Context, tx string, want plan.PackageSet) (Order, error) {
	o := Order{ID: tx, Log: c.Log(tx), Want: want.Packages, Progress: c.Progress}
	var refs []Ref
	for _, p := range want.Packages {
		refs = append(refs, Ref{Name: p.Name, Arch: p.Arch})
	}
	have, err := c.Installer.State(ctx, refs)
	if err != nil {
		return o, err
	}
	scheme := map[string]pkgver.Scheme{"apt": inventory.Dpkg.Scheme()}[c.Installer.Name()]
	if c.Installer.Name() != "apt" {
		scheme = inventory.RPM.Scheme()
	}
	for i, p := range want.Packages {
		now := have[i].Version
		switch {
		case p.Version == now && have[i].Broken == "":
		case p.Version == "":
			o.Remove = append(o.Remove, Ref{Name: p.Name, Arch: p.Arch, Version: now})
		case p.Archive == "" || p.SHA256 == "":
			return o, fmt.Errorf("the plan names no package file for %s %s", p.Name, p.Version)
		default:
			o.Downgrade = o.Downgrade || now != "" && scheme.Compare(p.Version, now) < 0
			o.Files = append(o.Files, Archive{
				Ref: Ref{Name: p.Name, Arch: p.Arch, Version: p.Version}, Path: filepath.Join(c.Cache, p.Archive), SHA256: p.SHA256,
			})
		}
	}
	return o, nil
}

// Settle waits for an installation that outlived its lockfast, then completes
// what it left half done.
func (c *Changes) Settle(ctx context.Context, tx string) error {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		running, err := c.Launcher.Running(ctx, Unit(tx))
		if err != nil {
			return fmt.Errorf("cannot see whether the installation still runs: %w", err)
		}
		if !running {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the installation of %s still runs: %w", tx, ctx.Err())
		}
	}
	broken, err := c.Installer.Repair(ctx, Order{ID: tx, Log: c.Log(tx), Progress: c.Progress, Files: []Archive{{Path: filepath.Join(c.Cache, "any")}}})
	if len(broken) > 0 {
		return errors.Join(fmt.Errorf("%s stays %s", broken[0].Package, broken[0].State), err)
	}
	return err
}
