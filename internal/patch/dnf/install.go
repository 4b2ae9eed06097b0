package dnf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/pkgver"
	"github.com/lockfast/lockfast/internal/plan"
)

// work is what is left to do of an order.
type work struct {
	fresh  []patch.Archive // to other versions, or anew
	again  []patch.Archive // what the database has at this version, but not whole
	remove []patch.Ref
}

func (w work) files() []patch.Archive { return slices.Concat(w.fresh, w.again) }

func (w work) empty() bool { return len(w.fresh)+len(w.again)+len(w.remove) == 0 }

// Install carries out an order in one transaction of dnf, restores marks, and
// reads back.
func (b *backend) Install(ctx context.Context, o patch.Order) error {
	if err := b.four(ctx); err != nil {
		return err
	}
	if err := checkOrder(o); err != nil {
		return err
	}
	db, err := b.database(ctx)
	if err != nil {
		return err
	}
	w, err := left(db, o)
	if err != nil {
		return err
	}
	if err := b.carryOut(ctx, o, w, patch.Unit(o.ID)); err != nil {
		return err
	}
	if err := b.setMarks(ctx, o.Want); err != nil {
		return err
	}
	return b.readBack(ctx, o.Want)
}

func checkOrder(o patch.Order) error {
	if !orderID.MatchString(o.ID) || !filepath.IsAbs(o.Log) || strings.ContainsAny(o.Log, "'\n") {
		return fmt.Errorf("cannot carry out an order with the id %q and the log %q", o.ID, o.Log)
	}
	return nil
}

// left says what an order still needs: it may have been carried out in part.
func left(db database, o patch.Order) (work, error) {
	var w work
	for _, f := range o.Files {
		here := db.newest(keyOf(f.Ref)).Version
		switch {
		case db.has(f.Ref):
		case here != "" && pkgver.CompareRPM(f.Version, here) < 0 && !o.Downgrade:
			return w, fmt.Errorf("cannot install %s %s: %s is installed, and the order allows no older versions", f.Name, f.Version, here)
		default:
			w.fresh = append(w.fresh, f)
		}
	}
	for _, r := range o.Remove {
		for _, p := range db[keyOf(r)] {
			if r.Version == "" || r.Version == p.Version {
				w.remove = append(w.remove, p.Ref)
			}
		}
	}
	// Kernels stay side by side: going back to one means that the newer ones go.
	for _, want := range o.Want {
		if want.Version == "" || !db.has(patch.Ref{Name: want.Name, Arch: want.Arch, Version: want.Version}) {
			continue
		}
		for _, p := range db[key{want.Name, want.Arch}] {
			if pkgver.CompareRPM(p.Version, want.Version) > 0 && !slices.Contains(w.remove, p.Ref) {
				w.remove = append(w.remove, p.Ref)
			}
		}
	}
	return w, nil
}

// carryOut has dnf rehearse the work, then do it.
func (b *backend) carryOut(ctx context.Context, o patch.Order, w work, unit string) error {
	if w.empty() {
		return nil
	}
	running, err := b.launch.Running(ctx, unit)
	if err != nil {
		return fmt.Errorf("cannot see whether %s still runs: %w", unit, err)
	}
	if running {
		return fmt.Errorf("%s still runs: wait for its end", unit)
	}
	if err := b.unlocked(); err != nil {
		return err
	}
	if err := checkFiles(ctx, w.files()); err != nil {
		return err
	}
	script := filepath.Join(filepath.Dir(o.Log), unit+".dnf")
	// dnf takes files in one command only: what is installed anew gets its own
	// run, once everything that it needs is there.
	for _, stage := range []work{{fresh: w.fresh, remove: w.remove}, {again: w.again}} {
		if stage.empty() {
			continue
		}
		if err := b.transact(ctx, o, stage, w, unit, script); err != nil {
			return err
		}
	}
	return note(o.Log, "\n"+markEnd+"\n")
}

// transact is one transaction, which is the work as a whole or a stage of it.
func (b *backend) transact(ctx context.Context, o patch.Order, stage, whole work, unit, script string) error {
	args, err := stage.args(script)
	if err != nil {
		return err
	}
	if err := b.rehearse(ctx, stage, args); err != nil {
		return fmt.Errorf("nothing was installed: %w", err)
	}
	if err := begin(o.Log, whole); err != nil {
		return err
	}
	if err := b.perform(ctx, o, unit, args); err != nil {
		return err // the script stays: dnf may still run, and be about to read it
	}
	if err := hostfs.RemoveAll(script); err != nil {
		return fmt.Errorf("cannot remove dnf's script: %w", err)
	}
	return nil
}

// args are dnf's arguments for a transaction. Files and removals together stand
// in a script. dnf goes on in a script after a command that failed: so that a
// removal never takes with it what was to be installed, those packages are
// protected.
func (w work) args(script string) ([]string, error) {
	var files []string
	for _, f := range w.files() {
		files = append(files, f.Path)
	}
	remove, err := nevras(w.remove)
	if err != nil {
		return nil, err
	}
	verb := "install"
	if len(w.again) > 0 {
		verb = "reinstall"
	}
	switch {
	case len(remove) == 0:
		return slices.Concat(keepAll, []string{verb}, files), nil
	case len(files) == 0:
		return slices.Concat(keepAll, []string{"remove"}, remove), nil
	}
	err = hostfs.Replace(script, 0o600, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "%s '%s'\nremove '%s'\n", verb, strings.Join(files, "' '"), strings.Join(remove, "' '"))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot write dnf's script: %w", err)
	}
	return slices.Concat(keepAll, []string{"--setopt=protected_packages=" + strings.Join(w.protected(), ","), "shell", script}), nil
}

// protected are the packages that must not go.
func (w work) protected() []string {
	names := []string{"dnf", "glob:/etc/dnf/protected.d/*.conf", "glob:/etc/yum/protected.d/*.conf"}
	for _, f := range w.files() {
		if !slices.ContainsFunc(w.remove, func(r patch.Ref) bool { return r.Name == f.Name }) {
			names = append(names, f.Name)
		}
	}
	return names
}

// rehearse compares what dnf would do with the work.
func (b *backend) rehearse(ctx context.Context, w work, args []string) error {
	s, said, err := b.solve(ctx, slices.Concat(noRepos, args)...)
	if err != nil {
		return err
	}
	if len(s.problem) > 0 {
		return errors.New("dnf's solver says: " + strings.Join(s.problem, "; "))
	}
	if s.added == nil {
		return failure("dnf's rehearsal", said)
	}
	for _, f := range w.files() {
		if _, ok := s.added[f.Ref]; !ok {
			return fmt.Errorf("dnf would not install %s %s from %s; is it the file of another package?", f.Name, f.Version, f.Path)
		}
		delete(s.added, f.Ref)
		for old := range s.removed { // what it takes the place of
			if keyOf(old) == keyOf(f.Ref) && !slices.Contains(w.remove, old) {
				delete(s.removed, old)
			}
		}
	}
	for _, r := range w.remove {
		if !s.removed[r] {
			return fmt.Errorf("dnf would not remove %s %s", r.Name, r.Version)
		}
		delete(s.removed, r)
	}
	for r := range s.added {
		return fmt.Errorf("dnf would also install %s %s, which was not ordered", r.Name, r.Version)
	}
	for r := range s.removed {
		return fmt.Errorf("dnf would also remove %s %s, which was not ordered", r.Name, r.Version)
	}
	return nil
}

// setMarks brings the marks of automatic installation to what is wanted. dnf
// takes what it is told to install for wanted by a person.
func (b *backend) setMarks(ctx context.Context, want []plan.Package) error {
	auto, err := b.autoMarks(ctx)
	if err != nil {
		return err
	}
	change := map[bool][]string{}
	for _, w := range want {
		if w.Version == "" || w.Auto == auto[key{w.Name, w.Arch}] {
			continue
		}
		spec, err := nevra(patch.Ref{Name: w.Name, Arch: w.Arch, Version: w.Version})
		if err != nil {
			return err
		}
		change[w.Auto] = append(change[w.Auto], spec)
	}
	for auto, verb := range map[bool]string{true: "remove", false: "install"} {
		if len(change[auto]) == 0 {
			continue
		}
		if _, err := b.must(ctx, slices.Concat(noRepos, []string{"-y", "mark", verb}, change[auto])...); err != nil {
			return fmt.Errorf("cannot restore marks: %w", err)
		}
	}
	return nil
}

// readBack compares the host with what must be true.
func (b *backend) readBack(ctx context.Context, want []plan.Package) error {
	refs := make([]patch.Ref, 0, len(want))
	for _, w := range want {
		refs = append(refs, patch.Ref{Name: w.Name, Arch: w.Arch})
	}
	have, err := b.State(ctx, refs)
	if err != nil {
		return fmt.Errorf("cannot read back what was installed: %w", err)
	}
	var wrong []string
	for i, w := range want {
		h := have[i]
		switch {
		case h.Version != w.Version:
			wrong = append(wrong, fmt.Sprintf("%s is at %s, not at %s", w.Name, orNone(h.Version), orNone(w.Version)))
		case w.Version != "" && h.Auto != w.Auto:
			wrong = append(wrong, fmt.Sprintf("%s has not the mark for automatic installation that it should (%t)", w.Name, w.Auto))
		case w.Version != "" && h.Held != w.Held:
			wrong = append(wrong, fmt.Sprintf("%s has not the lock that it should (%t): only a person can set and lift it (dnf versionlock)", w.Name, w.Held))
		}
	}
	if len(wrong) > 0 {
		return errors.New("the packages are not as ordered: " + strings.Join(wrong, "; "))
	}
	return nil
}

func orNone(version string) string {
	if version == "" {
		return "no version"
	}
	return version
}
