package zypper

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/pkgver"
	"github.com/lockfast/lockfast/internal/plan"
)

// work is what is left to do of an order.
type work struct {
	files  []patch.Archive
	remove []patch.Ref
	force  bool // install what is installed already
}

// Install carries out an order. Everything that can be known before the first
// change is checked before it: digests, signatures, and that zypper's solver
// would do exactly what was ordered and nothing else.
func (b *backend) Install(ctx context.Context, o patch.Order) error {
	if !idForm.MatchString(o.ID) || !filepath.IsAbs(o.Log) {
		return fmt.Errorf("cannot install: the order has the id %q and the log %q", o.ID, o.Log)
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
			w.files = append(w.files, f)
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
		k := key{want.Name, want.Arch}
		if want.Version == "" || !db.has(patch.Ref{Name: want.Name, Arch: want.Arch, Version: want.Version}) {
			continue
		}
		for _, p := range db[k] {
			if pkgver.CompareRPM(p.Version, want.Version) > 0 && !slices.Contains(w.remove, p.Ref) {
				w.remove = append(w.remove, p.Ref)
			}
		}
	}
	return w, nil
}

// carryOut has zypper rehearse the work, then do it.
func (b *backend) carryOut(ctx context.Context, o patch.Order, w work, unit string) error {
	if len(w.files)+len(w.remove) == 0 {
		return nil
	}
	running, err := b.launch.Running(ctx, unit)
	if err != nil {
		return fmt.Errorf("cannot see whether %s still runs: %w", unit, err)
	}
	if running {
		return fmt.Errorf("%s still runs: wait for its end", unit)
	}
	if err := b.spareRunningKernel(ctx, w); err != nil {
		return err
	}
	anyUnsigned, err := b.checkFiles(ctx, w.files)
	if err != nil {
		return err
	}
	dry, err := b.installArgs(o, w, anyUnsigned, true)
	if err != nil {
		return err
	}
	if err := b.rehearse(ctx, w, dry); err != nil {
		return fmt.Errorf("nothing was installed: %w", err)
	}
	args, err := b.installArgs(o, w, anyUnsigned, false)
	if err != nil {
		return err
	}
	return b.perform(ctx, o, unit, args)
}

// installArgs are the arguments for a run from files. There is no repository
// that anything else could come from, and all files are read and checked before
// the first is installed ("in-advance").
func (b *backend) installArgs(o patch.Order, w work, anyUnsigned, dryRun bool) ([]string, error) {
	args := []string{
		"--no-refresh", "--reposd-dir", filepath.Join(b.cacheDir(), "no-repositories"), "--cache-dir", b.cacheDir(), "--userdata", patch.Unit(o.ID),
		"install", "--details", "--download", "in-advance",
	}
	if dryRun {
		args = append(args, "--dry-run")
	}
	if o.Downgrade {
		args = append(args, "--oldpackage")
	}
	if w.force {
		args = append(args, "--force")
	}
	if anyUnsigned {
		// It says nothing of signed files, which zypper checks all the same.
		args = append(args, "--allow-unsigned-rpm")
	}
	for _, f := range w.files {
		args = append(args, f.Path)
	}
	for _, r := range w.remove {
		c, err := capability(r)
		if err != nil {
			return nil, err
		}
		args = append(args, "!"+c)
	}
	return args, nil
}

// rehearse compares what zypper would do with the work.
func (b *backend) rehearse(ctx context.Context, w work, args []string) error {
	answer, code, err := b.ask(ctx, nil, args...)
	if err != nil {
		return err
	}
	if why := answer.refusal(code); why != "" {
		return errors.New(strings.TrimSuffix(why, "."))
	}
	if answer.errorText() != "" || !dryRunGood(code) {
		return answer.failure("zypper install --dry-run", code)
	}
	changes, err := answer.changes()
	if err != nil {
		return err
	}
	want := map[string]bool{}
	for _, f := range w.files {
		want["install "+f.Name+"."+f.Arch+" "+f.Version] = true
	}
	for _, r := range w.remove {
		want["remove "+r.Name+"."+r.Arch+" "+r.Version] = true
	}
	for _, c := range changes {
		what := "install " + c.Name + "." + c.Arch + " " + c.To
		if c.To == "" {
			what = "remove " + c.Name + "." + c.Arch + " " + c.From
		}
		if !want[what] {
			return fmt.Errorf("zypper would also %s, which was not ordered", what)
		}
		delete(want, what)
	}
	for what := range want {
		return fmt.Errorf("zypper would not %s", what)
	}
	return nil
}

// spareRunningKernel refuses to remove the kernel that runs.
func (b *backend) spareRunningKernel(ctx context.Context, w work) error {
	kernels := slices.DeleteFunc(slices.Clone(w.remove), func(r patch.Ref) bool { return !strings.HasPrefix(r.Name, "kernel-") })
	if len(kernels) == 0 || b.root != "/" {
		return nil
	}
	running, err := b.first(ctx, "uname", "-r")
	if err != nil {
		return fmt.Errorf("cannot see which kernel runs: %w", err)
	}
	// "5.14.21-150400.24.100-default" is of version 5.14.21-150400.24.100.2
	base := running
	if i := strings.LastIndexByte(running, '-'); i > 0 {
		base = running[:i]
	}
	for _, r := range kernels {
		if strings.HasPrefix(r.Version, base) {
			return fmt.Errorf("cannot remove %s %s: it is the kernel that runs; boot the other one first", r.Name, r.Version)
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
			wrong = append(wrong, fmt.Sprintf("%s has not the lock that it should (%t): zypper can only set and lift those that name the package", w.Name, w.Held))
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
