// Package apk reads the package database of Alpine: lib/apk/db/installed.
//
// The format is one letter and a colon a line, packages divided by empty lines
// (apk-tools' doc/apk-package.5, "installed database").
package apk

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// maxDatabase bounds the file: an Alpine with everything has under 100 MB.
const maxDatabase = 256 << 20

// places are where the database lies, the newer one last.
var places = [...]string{"lib/apk/db/installed", "usr/lib/apk/db/installed"}

// Collector reads the installed packages.
type Collector struct{}

// Name is "apk".
func (Collector) Name() string { return "apk" }

// Collect adds the installed packages to inv, all or none.
func (Collector) Collect(_ context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	name, data, err := read(host.FS)
	if err == nil && name == "" {
		return inventory.Status{Outcome: inventory.NotApplicable}
	}
	var list []inventory.Package
	if err == nil {
		list, err = Parse(name, data)
	}
	if err != nil {
		return inventory.Status{Outcome: inventory.Failed, Reason: "cannot read package database: " + err.Error()}
	}
	inv.Packages = append(inv.Packages, list...)
	return inventory.Status{Outcome: inventory.Succeeded}
}

// read returns the database that is there; an empty name if none is.
func read(fsys fs.FS) (string, []byte, error) {
	for _, name := range places {
		data, err := hostfs.ReadLimited(fsys, name, maxDatabase)
		if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
			continue
		}
		return name, data, err
	}
	return "", nil, nil
}

// record is what is kept of one package.
type record struct {
	p       inventory.Package
	started int // line on which it began, 0 if it has not
	dir     string
}

// Parse reads the database; file names it in errors. A record that cannot be
// read is an error that says where, and so is a last line without an end: the
// file was cut short, and the line's value may be wrong.
func Parse(file string, data []byte) ([]inventory.Package, error) {
	if len(data) > 0 && data[len(data)-1] != '\n' {
		return nil, fmt.Errorf("%s:%d: the file is cut short: its last line has no end", file, 1+bytes.Count(data, []byte("\n")))
	}
	var list []inventory.Package
	err := walk(file, data, func(*record, string) {}, func(r *record) error {
		if r.p.Name == "" || r.p.Version == "" {
			return fmt.Errorf("%s:%d: a package without name or version", file, r.started)
		}
		p := r.p
		if p.Source == "" {
			p.Source = p.Name
		}
		p.SourceVersion = p.Version // apk knows no source version of its own
		list = append(list, p)
		return nil
	})
	return list, err
}

// walk calls file for each file of a package and done at its end.
func walk(name string, data []byte, file func(*record, string), done func(*record) error) error {
	r := &record{}
	number := 0
	for len(data) > 0 {
		var line []byte
		line, data, _ = bytes.Cut(data, []byte("\n"))
		number++
		if len(line) == 0 {
			if r.started > 0 {
				if err := done(r); err != nil {
					return err
				}
			}
			r = &record{}
			continue
		}
		if len(line) < 2 || line[1] != ':' {
			return fmt.Errorf("%s:%d: %.60q is no field", name, number, line)
		}
		if r.started == 0 {
			r.started = number
			r.p = inventory.Package{Manager: inventory.APK, State: inventory.StateInstalled}
		}
		r.take(line[0], line[2:], file)
	}
	if r.started > 0 {
		return done(r)
	}
	return nil
}

func (r *record) take(field byte, value []byte, file func(*record, string)) {
	switch field {
	case 'P':
		r.p.Name = string(value)
	case 'V':
		r.p.Version = string(value)
	case 'A':
		r.p.Arch = string(value)
	case 'o':
		r.p.Source = string(value)
	case 'm':
		r.p.Vendor = string(value)
	case 'f': // broken: files are missing, or a script failed
		r.p.State = inventory.StateBroken
	case 'F':
		r.dir = string(value)
	case 'R':
		if r.dir == "" {
			file(r, "/"+string(value))
		} else {
			file(r, "/"+r.dir+"/"+string(value))
		}
	}
}

// Owners returns the package that ships each path.
func (Collector) Owners(_ context.Context, host collect.Host, paths []string) (map[string]string, error) {
	name, data, err := read(host.FS)
	if err != nil || name == "" {
		return nil, err
	}
	wanted := collect.Wanted(paths)
	owner := map[string]string{}
	err = walk(name, data, func(r *record, path string) {
		for _, asked := range wanted[path] {
			owner[asked] = r.p.Name
		}
	}, func(*record) error { return nil })
	return owner, err
}
