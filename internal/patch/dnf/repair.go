package dnf

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// States of broken packages.
const (
	stateDuplicate = "installed twice"
	stateHalf      = "half-installed"
	stateDatabase  = "damaged"
)

// Audit lists packages that are installed twice, which is what a run leaves that
// ends between a new version and the removal of the old one, and a damaged
// database.
func (b *backend) Audit(ctx context.Context) ([]patch.Broken, error) {
	result, err := b.rpm(ctx, "rpmdb", "--verifydb")
	if err != nil {
		return nil, err
	}
	if result.Code != 0 {
		return []patch.Broken{{Package: "rpm's database", State: stateDatabase}}, nil
	}
	twice, err := b.duplicates(ctx)
	if err != nil {
		return nil, err
	}
	var broken []patch.Broken
	for _, k := range twice {
		broken = append(broken, patch.Broken{Package: k.name, State: stateDuplicate})
	}
	return broken, nil
}

// duplicates are packages of which there are several versions, but may not: dnf
// leaves kernels out.
func (b *backend) duplicates(ctx context.Context) ([]key, error) {
	text, err := b.must(ctx, append(slices.Clone(noRepos), "repoquery", "--duplicates", "--qf", `%{name}\t%{arch}\n`)...)
	if err != nil {
		return nil, fmt.Errorf("cannot see which packages are installed twice: %w", err)
	}
	var twice []key
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			continue
		}
		name, arch, ok := strings.Cut(line, "\t")
		if !ok || !rpmName.MatchString(name) || !rpmArch.MatchString(arch) {
			return nil, fmt.Errorf("cannot see which packages are installed twice: dnf says %q", oneLine(line))
		}
		if k := (key{name, arch}); !slices.Contains(twice, k) {
			twice = append(twice, k)
		}
	}
	return twice, nil
}

// Repair completes what an interrupted run left. First the database; then of
// packages that are installed twice the one that was there first goes, with its
// scripts, which is how the run would have ended for it; then, if any package of
// the run is neither untouched nor complete, the run as a whole is carried out
// again: what it had done stays, and what is half done is installed anew. That
// includes the package that dnf spoke of last: its scripts may have been cut off.
func (b *backend) Repair(ctx context.Context, o patch.Order) ([]patch.Broken, error) {
	if err := b.four(ctx); err != nil {
		return nil, err
	}
	if err := checkOrder(o); err != nil {
		return nil, fmt.Errorf("cannot repair: %w", err)
	}
	for _, unit := range []string{patch.Unit(o.ID), patch.Unit(o.ID) + "-repair"} {
		running, err := b.launch.Running(ctx, unit)
		if err != nil {
			return nil, fmt.Errorf("cannot see whether %s still runs: %w", unit, err)
		}
		if running {
			return nil, fmt.Errorf("%s still runs: wait for its end", unit)
		}
	}
	if err := b.unlocked(); err != nil {
		return nil, err
	}
	t, open, err := unended(o.Log)
	if err != nil {
		return nil, err
	}
	if err := b.repairDatabase(ctx); err != nil {
		return nil, err
	}
	if err := b.dropDuplicates(ctx, o); err != nil {
		return nil, err
	}
	var broken []patch.Broken
	if open {
		if broken, err = b.finish(ctx, o, t); err != nil {
			return broken, err
		}
	}
	if len(o.Want) > 0 {
		if err := b.Install(ctx, o); err != nil {
			return broken, err
		}
	}
	more, err := b.Audit(ctx)
	return append(broken, more...), err
}

func (b *backend) repairDatabase(ctx context.Context) error {
	result, err := b.rpm(ctx, "rpmdb", "--verifydb")
	if err != nil || result.Code == 0 {
		return err
	}
	if result, err = b.rpm(ctx, "rpmdb", "--rebuilddb"); err != nil {
		return err
	}
	if result.Code != 0 {
		return failure("rpmdb --rebuilddb", result)
	}
	return nil
}

// dropDuplicates removes what was installed earlier of two installations. Files
// that the later one has too stay. "dnf remove --duplicates" would keep the
// higher version instead, of which an interrupted downgrade has left nothing.
func (b *backend) dropDuplicates(ctx context.Context, o patch.Order) error {
	twice, err := b.duplicates(ctx)
	if err != nil || len(twice) == 0 {
		return err
	}
	db, err := b.database(ctx)
	if err != nil {
		return err
	}
	var old []string
	for _, k := range twice {
		all := slices.SortedFunc(slices.Values(db[k]), func(a, b installed) int {
			return cmp.Or(cmp.Compare(b.since, a.since), cmp.Compare(b.entry, a.entry))
		})
		for _, p := range all[min(1, len(all)):] {
			old = append(old, p.Name+"-"+p.Version+"."+p.Arch)
		}
	}
	if len(old) == 0 {
		return nil
	}
	args := append([]string{"-e", "--nodeps"}, old...)
	code, err := b.launch.Launch(ctx, patch.Job{
		Unit: patch.Unit(o.ID) + "-repair", Name: "rpm", Args: b.rpmArgs(args...), Env: b.jobEnv(), Log: o.Log,
	})
	if err != nil {
		return fmt.Errorf("cannot see the repair to its end: %w", err)
	}
	if code != 0 {
		return fmt.Errorf("rpm %s failed (exit %d): see %s", strings.Join(args, " "), code, o.Log)
	}
	return nil
}

// finish carries out again what did not come to its end.
func (b *backend) finish(ctx context.Context, o patch.Order, t task) ([]patch.Broken, error) {
	db, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	m := mender{b: b, o: o, db: db, last: t.last, seen: map[patch.Ref]bool{}}
	for _, r := range t.install {
		if err := m.install(ctx, r); err != nil {
			return nil, err
		}
	}
	for _, r := range t.remove {
		if db.has(r) && !slices.Contains(m.w.remove, r) {
			m.w.remove = append(m.w.remove, r)
			broken, err := m.damaged(ctx, r)
			if err != nil {
				return nil, err
			}
			m.touched = m.touched || broken
		}
	}
	if !m.touched { // it ended before it began, or with everything whole
		return nil, note(o.Log, "\n"+markEnd+"\n")
	}
	if len(m.lost) > 0 {
		return m.lost, fmt.Errorf("cannot complete what was interrupted: the package file of %s is not here any more", m.lost[0].Package)
	}
	if err := b.carryOut(ctx, o, m.w, patch.Unit(o.ID)+"-repair"); err != nil {
		return nil, fmt.Errorf("cannot complete what was interrupted: %w", err)
	}
	return nil, note(o.Log, "\n"+markEnd+"\n")
}

// mender gathers what a run has left to do.
type mender struct {
	b       *backend
	o       patch.Order
	db      database
	last    patch.Ref // its scripts may not have come to their end
	seen    map[patch.Ref]bool
	w       work
	touched bool // something is half done
	lost    []patch.Broken
}

// install looks at a package that the run was to install.
func (m *mender) install(ctx context.Context, r patch.Ref) error {
	if m.seen[r] {
		return nil
	}
	m.seen[r] = true
	here := m.db.newest(keyOf(r)).Ref
	file, err := m.b.fileOf(ctx, m.o, r)
	if err != nil {
		return err
	}
	damaged := m.last == r
	switch {
	case m.db.has(r):
		if !damaged {
			damaged, err = m.damaged(ctx, r)
		}
		if err != nil || !damaged {
			return err
		}
		m.w.again = append(m.w.again, file)
	case here.Version != "":
		damaged, err = m.damaged(ctx, here)
		m.w.fresh = append(m.w.fresh, file)
	case file.Path != "":
		damaged, err = m.b.strewn(ctx, file.Path)
		m.w.fresh = append(m.w.fresh, file)
	}
	m.touched = m.touched || damaged
	if file.Path == "" && (damaged || here.Version != "") {
		m.lost = append(m.lost, patch.Broken{Package: r.Name, State: stateHalf})
	}
	return err
}

// damaged reports whether files of an installed package, configuration files
// aside, are not as it shipped them.
func (m *mender) damaged(ctx context.Context, r patch.Ref) (bool, error) {
	found, err := m.b.Verify(ctx, []string{r.Name})
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(found, func(d patch.Difference) bool {
		return !d.Conffile && (d.What == "missing" || strings.ContainsAny(d.What, "S5LM"))
	}), nil
}

// strewn reports whether files of a package that is not installed are there.
func (b *backend) strewn(ctx context.Context, file string) (bool, error) {
	result, err := b.rpm(ctx, "rpm", "-qp", "--nosignature", "--qf", `[%{FILEMODES:perms}\t%{FILENAMES}\n]`, file)
	if err != nil {
		return false, err
	}
	if result.Code != 0 {
		return false, failure("rpm -qp", result)
	}
	host, err := b.open()
	if err != nil {
		return false, err
	}
	defer func() { _ = host.Close() }()
	for line := range strings.Lines(string(result.Stdout)) {
		mode, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if ok && !strings.HasPrefix(mode, "d") && strings.HasPrefix(name, "/") {
			if f, err := host.Open(local(name)); err == nil {
				_ = f.Close()
				return true, nil
			}
		}
	}
	return false, nil
}

// fileOf finds the file of a package in the order's folders, where the digest
// stands in its name.
func (b *backend) fileOf(ctx context.Context, o patch.Order, r patch.Ref) (patch.Archive, error) {
	for _, f := range o.Files {
		if f.Ref == r {
			return f, nil
		}
	}
	here, err := hostfs.Open("/")
	if err != nil {
		return patch.Archive{}, err
	}
	defer func() { _ = here.Close() }()
	files, err := candidates(here, o, r)
	if err != nil {
		return patch.Archive{}, err
	}
	for _, file := range files {
		size, digest, err := digestOf(ctx, here, file)
		if err != nil || path.Base(file) != fileName(r, digest) {
			continue // cut short, or not one of ours
		}
		return patch.Archive{Ref: r, Path: "/" + file, SHA256: digest, Size: size}, nil
	}
	return patch.Archive{}, ctx.Err()
}
