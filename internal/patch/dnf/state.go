package dnf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/pkgver"
	"github.com/lockfast/lockfast/internal/plan"
)

const (
	// rpmFormat is one line for each installed package; SIGMD5 names the very
	// build. The last is "(none)" or 0 for a package file.
	rpmFormat = `%{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{LONGSIZE}\t%{SIGMD5}\t%{INSTALLTIME}\t%{DBINSTANCE}\n`

	locksFile  = "etc/dnf/plugins/versionlock.list"
	locksLimit = 4 << 20
)

// installed is one package of rpm's database.
type installed struct {
	patch.Ref
	disk  int64
	build string
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

// find is the entry of a package at a version.
func (d database) find(r patch.Ref) (installed, bool) {
	for _, p := range d[keyOf(r)] {
		if p.Version == r.Version {
			return p, true
		}
	}
	return installed{}, false
}

func (d database) has(r patch.Ref) bool { _, ok := d.find(r); return ok }

// database reads rpm's database.
func (b *backend) database(ctx context.Context) (database, error) {
	r, err := b.rpm(ctx, "rpm", "-qa", "--qf", rpmFormat)
	if err != nil {
		return nil, err
	}
	if r.Code != 0 {
		return nil, failure("rpm -qa", r)
	}
	return parseDatabase(string(r.Stdout))
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
		var numbers [3]int64
		for i, at := range []int{5, 7, 8} {
			n, err := strconv.ParseInt(f[at], 10, 64)
			if err != nil && (at == 5 || f[at] != "(none)") {
				return nil, fmt.Errorf("cannot read a number that rpm printed of package %s: %q", f[0], oneLine(f[at]))
			}
			numbers[i] = n
		}
		p := installed{
			Ref: patch.Ref{Name: f[0], Arch: f[4], Version: evr(f[1], f[2], f[3])}, build: f[6],
			disk: numbers[0], since: numbers[1], entry: numbers[2],
		}
		d[keyOf(p.Ref)] = append(d[keyOf(p.Ref)], p)
	}
	return d, nil
}

// State reads versions from rpm's database, marks and locks from dnf. Of
// several versions side by side it is the one that is asked for, else the
// highest.
func (b *backend) State(ctx context.Context, refs []patch.Ref) ([]plan.Package, error) {
	db, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	auto, err := b.autoMarks(ctx)
	if err != nil {
		return nil, err
	}
	held, err := b.held()
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
			p.Auto, p.Held = auto[keyOf(r)], held[r.Name]
		}
		out = append(out, p)
	}
	return out, nil
}

// autoMarks are the packages that were installed because others need them.
func (b *backend) autoMarks(ctx context.Context) (map[key]bool, error) {
	args := append(slices.Clone(noRepos), "repoquery", "--installed", "--qf", `%{name}\t%{arch}\t%{reason}\n`)
	text, err := b.must(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("cannot read which packages were installed automatically: %w", err)
	}
	return parseReasons(text)
}

// parseReasons reads name, architecture and reason; dnf 5 writes "Weak
// Dependency", dnf 4 "weak-dependency".
func parseReasons(text string) (map[key]bool, error) {
	marks := map[key]bool{}
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) != 3 || f[0] == "" {
			return nil, fmt.Errorf("cannot read why a package was installed: dnf says %q", oneLine(line))
		}
		switch strings.ReplaceAll(strings.ToLower(f[2]), " ", "-") {
		case "dependency", "weak-dependency", "clean":
			marks[key{f[0], f[1]}] = true
		case "user", "external-user", "group", "unknown", "none", "(none)":
		default:
			return nil, fmt.Errorf("cannot read why package %s was installed: dnf says %q", f[0], oneLine(f[2]))
		}
	}
	return marks, nil
}

// held are the names that the versionlock plugin locks. Without its list there
// are none.
func (b *backend) held() (map[string]bool, error) {
	host, err := b.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = host.Close() }()
	data, err := hostfs.ReadLimited(host, locksFile, locksLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read which packages are locked: %w", err)
	}
	return parseLocks(string(data)), nil
}

// lockForm is a line of versionlock's list: "app-0:1-1.*"; "!" before it
// excludes this one version only.
var lockForm = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9._+-]*?)-(?:[0-9*]+:)?[^-:\s]+-[^-:\s]+$`)

func parseLocks(text string) map[string]bool {
	held := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch m := lockForm.FindStringSubmatch(line); {
		case line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "!"):
		case m != nil:
			held[m[1]] = true
		case rpmName.MatchString(line): // a name alone locks it at any version
			held[line] = true
		}
	}
	return held
}
