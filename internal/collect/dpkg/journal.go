package dpkg

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// updatesDir holds what dpkg has changed since it last wrote its status file:
// numbered files, one package each. They stay when dpkg was killed.
const updatesDir = "var/lib/dpkg/updates"

// parseWhole reads a file that dpkg wrote. Without a line end at its end it is
// cut short, and its last value may be wrong; dpkg itself refuses it, too.
func parseWhole(name string, data []byte) ([]inventory.Package, error) {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		lines := 1 + strings.Count(string(data), "\n")
		return nil, fmt.Errorf("%s:%d: the file is cut short: its last line has no end", name, lines)
	}
	return ParseStatus(name, data)
}

// journal brings a list up to date, as dpkg does before it answers.
func journal(fsys fs.FS, list []inventory.Package) ([]inventory.Package, error) {
	entries, err := fs.ReadDir(fsys, updatesDir)
	if errors.Is(err, fs.ErrNotExist) {
		return list, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries { // in the order of their numbers
		if e.Name() == "" || strings.Trim(e.Name(), "0123456789") != "" {
			continue // tmp.i is being written
		}
		name := path.Join(updatesDir, e.Name())
		data, err := hostfs.ReadLimited(fsys, name, maxStatus)
		if err != nil {
			return nil, err
		}
		changed, err := parseWhole(name, data)
		if err != nil {
			return nil, err
		}
		for _, p := range changed {
			list = replace(list, p)
		}
	}
	return list, nil
}

// replace puts p in the place of the same package, or at the end.
func replace(list []inventory.Package, p inventory.Package) []inventory.Package {
	for i := range list {
		if list[i].Name == p.Name && list[i].Arch == p.Arch {
			list[i] = p
			return list
		}
	}
	return append(list, p)
}
