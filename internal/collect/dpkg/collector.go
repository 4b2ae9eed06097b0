package dpkg

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

const (
	statusFile = "var/lib/dpkg/status"
	statusDir  = "var/lib/dpkg/status.d"
	maxStatus  = 256 << 20 // a Debian with every package there is has 60 MB
)

// Collector reads the installed packages.
type Collector struct{}

// Name is "dpkg".
func (Collector) Name() string { return "dpkg" }

// Collect adds the installed packages to inv. Anything that cannot be read
// makes it Failed as a whole: half a list of packages is none.
func (Collector) Collect(_ context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	list, found, err := read(host.FS)
	switch {
	case err != nil:
		return inventory.Status{Outcome: inventory.Failed, Reason: err.Error()}
	case !found:
		return inventory.Status{Outcome: inventory.NotApplicable}
	}
	inv.Packages = append(inv.Packages, list...)
	return inventory.Status{Outcome: inventory.Succeeded}
}

// read returns the packages of both places; found is false if neither is there.
func read(fsys fs.FS) (list []inventory.Package, found bool, err error) {
	data, err := hostfs.ReadLimited(fsys, statusFile, maxStatus)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, true, fmt.Errorf("cannot read package database: %v", err)
	case len(data) == 0:
		// A new root has an empty file; an emptied one looks the same. The caller says "no packages".
	default:
		found = true
		if list, err = parseWhole(statusFile, data); err == nil {
			list, err = journal(fsys, list)
		}
		if err != nil {
			return nil, true, fmt.Errorf("cannot read package database: %v", err)
		}
	}
	more, ok, err := readDir(fsys)
	if err != nil {
		return nil, true, err
	}
	return append(list, more...), found || ok, nil
}

// readDir reads status.d, where images without dpkg keep one file a package.
func readDir(fsys fs.FS) (list []inventory.Package, found bool, err error) {
	entries, err := fs.ReadDir(fsys, statusDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, true, fmt.Errorf("cannot read package database: %v", err)
	}
	for _, e := range entries {
		if e.IsDir() || strings.HasSuffix(e.Name(), ".md5sums") || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		name := path.Join(statusDir, e.Name())
		data, err := hostfs.ReadLimited(fsys, name, maxStatus)
		if err != nil {
			return nil, true, fmt.Errorf("cannot read package database: %v", err)
		}
		packages, err := ParseStatus(name, data)
		if err != nil {
			return nil, true, fmt.Errorf("cannot read package database: %v", err)
		}
		list = append(list, packages...)
		found = true
	}
	return list, found, nil
}
