package zypper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/pkgver"
	"github.com/lockfast/lockfast/internal/plan"
)

const (
	// queryFormat is one line for each installed package; pkgid names the very
	// build. The last two are "(none)" and 0 for a package file.
	queryFormat = `%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{LONGSIZE}\t%{SIGMD5}\t%{INSTALLTIME}\t%{DBINSTANCE}\n`

	autoInstalled = "var/lib/zypp/AutoInstalled"
	marksLimit    = 16 << 20
)

// installed is one package of rpm's database.
type installed struct {
	patch.Ref
	disk  int64
	pkgid string
	since int64 // seconds since 1970
	entry int64 // number in the database; later ones are higher
}

// database are all installed packages: several entries of one key are kernels
// side by side, or what an interrupted run left.
type database map[key][]installed

// newest is the highest version of a package, with the empty version when it is
// not installed.
func (d database) newest(k key) installed {
	best := installed{Ref: patch.Ref{Name: k.name, Arch: k.arch}}
	for _, p := range d[k] {
		if best.Version == "" || pkgver.CompareRPM(p.Version, best.Version) > 0 {
			best = p
		}
	}
	return best
}

func (d database) has(r patch.Ref) bool {
	return slices.ContainsFunc(d[keyOf(r)], func(p installed) bool { return p.Version == r.Version })
}

// database reads rpm's database.
func (b *backend) database(ctx context.Context) (database, error) {
	result, err := b.rpm(ctx, "rpm", "-qa", "--qf", queryFormat)
	if err != nil {
		return nil, err
	}
	if result.Code != 0 {
		return nil, failed("rpm -qa", result.Code, oneLine(string(result.Stderr)))
	}
	return parseDatabase(string(result.Stdout))
}

func parseDatabase(text string) (database, error) {
	d := database{}
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 9 || f[0] == "" || f[2] == "" || f[3] == "" {
			return nil, fmt.Errorf("cannot read what rpm printed of a package: %q", oneLine(line))
		}
		if f[0] == "gpg-pubkey" { // keys, which rpm keeps as packages
			continue
		}
		disk, err := strconv.ParseInt(f[5], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("cannot read the size that rpm printed of package %s: %q", f[0], oneLine(f[5]))
		}
		since, err := strconv.ParseInt(f[7], 10, 64)
		if err != nil && f[7] != "(none)" {
			return nil, fmt.Errorf("cannot read when package %s was installed: %q", f[0], oneLine(f[7]))
		}
		number, err := strconv.ParseInt(f[8], 10, 64)
		if err != nil && f[8] != "(none)" {
			return nil, fmt.Errorf("cannot read the number that rpm's database gives package %s: %q", f[0], oneLine(f[8]))
		}
		p := installed{Ref: patch.Ref{Name: f[0], Arch: f[4], Version: evr(f[1], f[2], f[3])}, disk: disk, pkgid: f[6], since: since, entry: number}
		d[keyOf(p.Ref)] = append(d[keyOf(p.Ref)], p)
	}
	return d, nil
}

// State reads versions from rpm's database, marks and locks from zypper. Of
// several versions side by side it is the one that is asked for, else the
// highest.
func (b *backend) State(ctx context.Context, refs []patch.Ref) ([]plan.Package, error) {
	db, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	auto, err := b.autoMarks()
	if err != nil {
		return nil, err
	}
	held, err := b.held(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]plan.Package, 0, len(refs))
	for _, r := range refs {
		p := plan.Package{Name: r.Name, Arch: r.Arch, Version: db.newest(keyOf(r)).Version}
		if r.Version != "" && db.has(r) {
			p.Version = r.Version
		}
		if p.Version != "" {
			p.Auto, p.Held = auto[r.Name], held[r.Name]
		}
		out = append(out, p)
	}
	return out, nil
}

// autoMarks are the names of packages that were installed because others need
// them. Without the file there are none.
func (b *backend) autoMarks() (map[string]bool, error) {
	lines, err := b.autoLines()
	marks := map[string]bool{}
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			marks[line] = true
		}
	}
	return marks, err
}

func (b *backend) autoLines() ([]string, error) {
	host, err := b.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = host.Close() }()
	data, err := hostfs.ReadLimited(host, autoInstalled, marksLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read which packages were installed automatically: %w", err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"), nil
}

// held are the names of installed packages that a lock matches, as zypper
// itself decides: locks may be patterns. Repositories are left out, so that
// nothing is fetched.
func (b *backend) held(ctx context.Context) (map[string]bool, error) {
	s, err := b.list(ctx, []int{exitNoRepos}, "--no-refresh", "--disable-repositories", "locks", "--solvables")
	if err != nil {
		return nil, fmt.Errorf("cannot read the locks: %w", err)
	}
	held := map[string]bool{}
	if s.Locks == nil {
		return nil, errors.New("cannot read the locks: zypper listed none, not even an empty list")
	}
	for _, l := range s.Locks.Locks {
		for _, m := range l.Matches {
			if m.Installed == "true" && (m.Kind == "package" || m.Kind == "") {
				held[m.Name] = true
			}
		}
	}
	return held, nil
}
