package secure

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/apt"
	"github.com/lockfast/lockfast/internal/patch/apt/repack"
	"github.com/lockfast/lockfast/internal/patch/dnf"
	"github.com/lockfast/lockfast/internal/patch/zypper"
)

// snapshotSources is where a site names archives of older versions.
const snapshotSources = "etc/lockfast/snapshot.sources"

// Manager names the package manager of this host: "apt", "dnf" or "zypper".
func Manager(p Places) (string, error) {
	m, err := openMachine(p, "", Events{})
	if err != nil {
		return "", err
	}
	defer m.close()
	return m.backend.Name(), nil
}

// manager finds the package manager of this host.
func (m *machine) manager(p Places) (patch.Backend, error) {
	runner := hostexec.System{}
	found := func(name string) bool { _, ok := hostexec.Find(name); return ok }
	switch {
	case exists(m.root, "var/lib/dpkg/status"):
		o := apt.Options{Runner: runner, Launcher: m.launcher, FS: m.root, Repack: m.repack, Lists: filepath.Join(p.Cache, "snapshot-lists"), Config: p.Apt}
		o.Offers = func(ctx context.Context) ([]patch.Offer, error) { return m.offers(ctx) }
		if exists(m.root, snapshotSources) {
			o.Snapshot = "/" + snapshotSources
		}
		return apt.New(o), apt.SelfCheck()
	case found("zypper") && found("rpm"):
		return zypper.New(zypper.Options{Runner: runner, Launcher: m.launcher}), nil
	case (found("dnf") || found("dnf5")) && found("rpm"):
		return dnf.New(dnf.Options{Runner: runner, Launcher: m.launcher}), nil
	}
	return nil, errors.New("no package manager that lockfast can change was found (apt, dnf or zypper)")
}

// offers lists what apt's lists offer.
func (m *machine) offers(ctx context.Context) ([]patch.Offer, error) {
	host, err := openHost(ScanOptions{})
	if err != nil {
		return nil, err
	}
	defer host.close()
	inv := host.gather(ctx, ScanOptions{})
	for _, s := range inv.Statuses {
		if s.Collector == "apt" && s.Outcome != inventory.Succeeded {
			return nil, fmt.Errorf("cannot read apt's lists: %s", s.Reason)
		}
	}
	list := make([]patch.Offer, 0, len(inv.Updates))
	for _, u := range inv.Updates {
		version := u.Fixed
		if version == "" {
			version = u.Candidate
		}
		list = append(list, patch.Offer{
			Ref: patch.Ref{Name: u.Package, Arch: u.Arch, Version: version}, Source: u.Source, Installed: u.Installed, Security: u.Security,
			IDs: u.IDs, Severity: u.Severity, Date: u.Date, Archive: u.Archive,
		})
	}
	return list, nil
}

// repack makes a package file of an installed package. Files that people
// changed are left out of it, so that dpkg goes on seeing them as changed.
func (m *machine) repack(ref patch.Ref, dir string) (patch.Archive, error) {
	file := filepath.Join(dir, apt.FileName(ref))
	if err := apt.MarkRepacked(file); err != nil { // first: a file without a note counts as the distribution's
		return patch.Archive{}, err
	}
	err := hostfs.Replace(file, 0o644, func(w io.Writer) error {
		report, err := repack.Deb(m.root, ref.Name, ref.Arch, w, repack.LeaveChanged)
		if err == nil && report.Version != ref.Version { // nothing may lie there under this name
			err = fmt.Errorf("version %s is installed, not %s", report.Version, ref.Version)
		}
		return err
	})
	if err != nil {
		return patch.Archive{}, err
	}
	return apt.Describe(ref, file)
}
