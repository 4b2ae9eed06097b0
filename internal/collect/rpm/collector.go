package rpm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// places are the folders a database may lie in. On newer systems the first is
// a link to one of the others.
var places = [...]string{"var/lib/rpm", "usr/lib/sysimage/rpm", "usr/share/rpm"}

// older are the files of the formats before SQLite: ndb, Berkeley DB.
var older = [...]string{"Packages.db", "Packages"}

const sqliteFile = "rpmdb.sqlite"

// Collector reads the installed packages.
type Collector struct {
	// RPM runs this machine's rpm on a copy of an old database under --root.
	// Nil: such a database cannot be read.
	RPM hostexec.Runner
}

// Name is "rpm".
func (Collector) Name() string { return "rpm" }

// database is the one that is there.
type database struct {
	dir, file string
}

func (d database) sqlite() bool { return d.file == sqliteFile }

// locate returns the database; an empty dir if there is none.
func locate(fsys fs.FS) (database, error) {
	for _, dir := range places {
		for _, file := range append([]string{sqliteFile}, older[:]...) {
			info, err := fs.Stat(fsys, path.Join(dir, file))
			if err == nil && info.Size() > 0 {
				return database{dir, file}, nil
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return database{}, err
			}
		}
	}
	return database{}, nil
}

// Collect adds the installed packages to inv, all or none.
func (c Collector) Collect(ctx context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	db, err := locate(host.FS)
	if err == nil && db.dir == "" {
		return inventory.Status{Outcome: inventory.NotApplicable}
	}
	var list []inventory.Package
	if err == nil {
		list, err = c.read(ctx, host, db)
	}
	if err != nil {
		return inventory.Status{Outcome: inventory.Failed, Reason: "cannot read package database: " + err.Error()}
	}
	inv.Packages = append(inv.Packages, list...)
	return inventory.Status{Outcome: inventory.Succeeded}
}

func (c Collector) read(ctx context.Context, host collect.Host, db database) ([]inventory.Package, error) {
	if host.Exec != nil {
		list, err := query(ctx, host.Exec, "")
		if !errors.Is(err, hostexec.ErrNotFound) {
			return list, err
		}
	}
	if db.sqlite() {
		return readSQLite(ctx, host.FS, path.Join(db.dir, db.file))
	}
	return c.readOlder(ctx, host.FS, db)
}

func readSQLite(ctx context.Context, fsys fs.FS, name string) ([]inventory.Package, error) {
	var list []inventory.Package
	err := headers(ctx, fsys, name, func(h Header) error {
		p, err := h.Package()
		if err != nil {
			return err
		}
		if p.Name != keyPackage {
			list = append(list, p)
		}
		return nil
	})
	return list, err
}

// readOlder lets this machine's rpm read a copy: it may want to write locks.
func (c Collector) readOlder(ctx context.Context, fsys fs.FS, db database) ([]inventory.Package, error) {
	if c.RPM == nil {
		return nil, fmt.Errorf("%s/%s is in an older format, and rpm is not there to read it", db.dir, db.file)
	}
	entries, err := fs.ReadDir(fsys, db.dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), "__db") {
			names = append(names, path.Join(db.dir, e.Name()))
		}
	}
	dir, remove, err := hostfs.CopyAside(fsys, names)
	if err != nil {
		return nil, err
	}
	defer remove()
	list, err := query(ctx, c.RPM, dir)
	switch {
	case errors.Is(err, hostexec.ErrNotFound):
		return nil, fmt.Errorf("%s/%s is in an older format, and rpm is not installed here to read it; install rpm, or scan on the host itself", db.dir, db.file)
	case err != nil:
		return nil, fmt.Errorf("%s/%s is in an older format, and this machine's rpm could not read it: %w", db.dir, db.file, err)
	case len(list) == 0:
		return nil, fmt.Errorf("%s/%s is in an older format, and this machine's rpm found no packages in it; scan on the host itself", db.dir, db.file)
	}
	return list, nil
}

// Owners returns the package that ships each path.
func (Collector) Owners(ctx context.Context, host collect.Host, paths []string) (map[string]string, error) {
	db, err := locate(host.FS)
	if err != nil || db.dir == "" {
		return nil, err
	}
	if !db.sqlite() {
		return ask(ctx, host, paths)
	}
	wanted := collect.Wanted(paths)
	owner := map[string]string{}
	err = headers(ctx, host.FS, path.Join(db.dir, db.file), func(h Header) error {
		name, err := h.text(tagName)
		if err != nil {
			return err
		}
		return h.files(func(p string) {
			for _, asked := range wanted[p] {
				owner[asked] = name
			}
		})
	})
	if err != nil && host.Exec != nil { // rpm may be writing right now
		return ask(ctx, host, paths)
	}
	return owner, err
}

// ask asks rpm for every file of every package, in one call: asking for each
// path would start rpm hundreds of times.
func ask(ctx context.Context, host collect.Host, paths []string) (map[string]string, error) {
	owner := map[string]string{}
	if host.Exec == nil || len(paths) == 0 {
		return owner, nil
	}
	out, err := runRPM(ctx, host.Exec, "-qa", "--queryformat", filesFormat)
	if err != nil {
		return nil, err
	}
	wanted := collect.Wanted(paths)
	for line := range bytes.Lines(out) {
		name, file, ok := bytes.Cut(bytes.TrimSuffix(line, []byte("\n")), []byte("\t"))
		if !ok {
			continue // a file's name may have a line feed in it; code that runs has none
		}
		for _, asked := range wanted[string(file)] {
			owner[asked] = string(name)
		}
	}
	return owner, nil
}
