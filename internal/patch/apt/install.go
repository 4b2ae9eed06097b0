package apt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/plan"
)

// statusShell gives apt-get a third file descriptor for its status lines: the
// log it prints to. With APT::Status-Fd=1 apt closes dpkg's output, and package
// scripts fail as they print.
const statusShell = `exec "$@" 3>&1`

// install is apt-get without a network, questions, recommendations or removals.
var install = []string{ //nolint:gochecknoglobals // a constant list
	"apt-get", "-y", "-q", "--no-download", "--no-install-recommends", "-o", "APT::Status-Fd=3", "-o", "Dpkg::Use-Pty=0",
	"-o", "Dpkg::Options::=--force-confold", "-o", "APT::Get::AutomaticRemove=false", "-o", "DPkg::Lock::Timeout=60",
}

// Install brings packages to the versions of the files, removes what is to be
// removed, restores marks and holds, and reads back.
func (b *Backend) Install(ctx context.Context, o patch.Order) error {
	if err := b.unlocked(frontend); err != nil {
		return err
	}
	if len(o.Files)+len(o.Remove) > 0 {
		if err := b.install(ctx, o); err != nil {
			return err
		}
	}
	if err := b.marks(ctx, o.Want); err != nil {
		return err
	}
	return b.readBack(ctx, o.Want)
}

func (b *Backend) install(ctx context.Context, o patch.Order) error {
	args := slices.Clone(install)
	if len(o.Remove) == 0 {
		args = append(args, "--no-remove")
	} else {
		args = append(args, "--purge")
	}
	if o.Downgrade {
		args = append(args, "--allow-downgrades")
	}
	args = append(args, "--reinstall") // of what is there in this version, but not whole
	if slices.ContainsFunc(o.Want, func(p plan.Package) bool { return p.Held }) {
		args = append(args, "--allow-change-held-packages")
	}
	var targets []string
	for _, f := range o.Files {
		if err := planned(f); err != nil {
			return err
		}
		targets = append(targets, f.Path)
	}
	only, remove, err := b.only(o)
	if err != nil {
		return err
	}
	defer remove()
	for _, r := range o.Remove {
		targets = append(targets, named(r)+"-")
	}
	args = append(args, only...)
	if len(o.Remove) > 0 {
		if err := b.removesOnly(ctx, o, append(slices.Clone(only), append([]string{"install"}, targets...)...)); err != nil {
			return err
		}
	}
	return b.launch(ctx, o, append(append(args, "install"), targets...))
}

// planned refuses a package file that is not the one of the plan.
func planned(f patch.Archive) error {
	sum, _, err := digest(f.Path)
	if err != nil || sum != f.SHA256 {
		return errors.Join(fmt.Errorf("package file %s is not the one that was planned; nothing was installed", f.Path), err)
	}
	return nil
}

// only shows apt a folder with the files of an order and no others: what else
// lies in our cache must not come in with them. Nor does apt see its lists:
// nothing that they offer may come in, and reading them takes longer than the
// rest of apt's planning.
func (b *Backend) only(o patch.Order) (args []string, remove func(), err error) {
	if len(o.Files) == 0 {
		return nil, func() {}, nil
	}
	dir := filepath.Join(filepath.Dir(o.Files[0].Path), "run-"+o.ID)
	if err := hostfs.RemoveAll(dir); err != nil {
		return nil, nil, fmt.Errorf("cannot make a folder of package files: %w", err)
	}
	lists := filepath.Join(dir, "lists")
	for _, folder := range []string{filepath.Join(dir, "partial"), filepath.Join(lists, "partial")} {
		if err := hostfs.MkdirAll(folder, 0o755); err != nil {
			return nil, nil, fmt.Errorf("cannot make a folder of package files: %w", err)
		}
	}
	for _, f := range o.Files {
		if err := hostfs.Link(f.Path, filepath.Join(dir, filepath.Base(f.Path))); err != nil {
			return nil, nil, fmt.Errorf("cannot make a folder of package files: %w", err)
		}
	}
	args = []string{
		"-o", "Dir::Cache::Archives=" + dir, "-o", "Dir::State::Lists=" + lists,
		"-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=", // apt's own stay as they are
	}
	return args, func() { _ = hostfs.RemoveAll(dir) }, nil
}

// removesOnly asks first, since with a removal apt may remove more.
func (b *Backend) removesOnly(ctx context.Context, o patch.Order, args []string) error {
	changes, err := b.rehearse(ctx, args...)
	if err != nil {
		return fmt.Errorf("apt sees no way: %w", err)
	}
	expected := map[string]int{} // how many of a name: apt does not say the host's own architecture
	for _, r := range o.Remove {
		expected[r.Name]++
	}
	for _, c := range changes {
		if c.To != "" {
			continue
		}
		if expected[c.Name]--; expected[c.Name] < 0 {
			return fmt.Errorf("apt would remove %s too; nothing was changed", c.Name)
		}
	}
	return nil
}

// launch runs a program that outlives us and makes an error of its failure.
func (b *Backend) launch(ctx context.Context, o patch.Order, args []string) error {
	unit := patch.Unit(o.ID)
	var said []string
	code, err := b.o.Launcher.Launch(ctx, patch.Job{
		Unit: unit, Name: "sh", Args: append([]string{"-c", statusShell, "sh"}, args...), Env: quiet, Log: o.Log,
		Line: func(line string) {
			if percent, pkg, phase, ok := parseStatus(line); ok && o.Progress != nil {
				o.Progress(percent, pkg, phase)
			}
			if text, ok := strings.CutPrefix(line, "pmerror:"); ok {
				said = append(said, text)
			} else if text, ok := strings.CutPrefix(line, "E: "); ok {
				said = append(said, text)
			} else if strings.HasPrefix(line, "dpkg: error") {
				said = append(said, line)
			}
		},
	})
	if err != nil {
		return fmt.Errorf("cannot run %s: %w", args[0], err)
	}
	if code != 0 {
		return fmt.Errorf("%s failed (exit %d): %s; see %s", args[0], code, cmp.Or(strings.Join(said[:min(3, len(said))], "; "), "it printed no error"), o.Log)
	}
	return nil
}

// parseStatus reads "pmstatus:nginx:12.5000:Unpacking nginx (amd64)". The
// description may be in any language: people see it.
func parseStatus(line string) (percent int, pkg, phase string, ok bool) {
	rest, ok := strings.CutPrefix(line, "pmstatus:")
	if !ok {
		return 0, "", "", false
	}
	// A package's name may have its architecture: "libssl3:i386:40.0:…".
	parts := strings.SplitN(rest, ":", 4)
	for i := 1; i < len(parts) && i < 3; i++ {
		if value, err := strconv.ParseFloat(parts[i], 64); err == nil && value >= 0 && value <= 100 {
			return int(value), parts[0], strings.Join(parts[i+1:], ":"), true
		}
	}
	return 0, "", "", false
}

// noLists keeps apt from reading what archives offer, which marks have nothing
// to do with and which takes longer than all else.
var noLists = []string{ //nolint:gochecknoglobals // a constant list
	"-o", "Dir::State::Lists=/nonexistent", "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
}

// marks restores what apt and dpkg know beside versions.
func (b *Backend) marks(ctx context.Context, want []plan.Package) error {
	now, err := b.State(ctx, refsOf(want))
	if err != nil {
		return err
	}
	change := map[string][]string{}
	for i, w := range want {
		if w.Version == "" || now[i].Version == "" {
			continue
		}
		name := named(patch.Ref{Name: w.Name, Arch: w.Arch})
		if w.Auto != now[i].Auto {
			verb := map[bool]string{true: "auto", false: "manual"}[w.Auto]
			change[verb] = append(change[verb], name)
		}
		if w.Held != now[i].Held {
			verb := map[bool]string{true: "hold", false: "unhold"}[w.Held]
			change[verb] = append(change[verb], name)
		}
	}
	for _, verb := range []string{"auto", "manual", "hold", "unhold"} {
		if len(change[verb]) == 0 {
			continue
		}
		args := append(slices.Clone(noLists), verb)
		if _, err := b.run(ctx, "apt-mark", append(args, change[verb]...)...); err != nil {
			return fmt.Errorf("cannot restore marks: %w", err)
		}
	}
	return nil
}

func refsOf(list []plan.Package) []patch.Ref {
	refs := make([]patch.Ref, 0, len(list))
	for _, p := range list {
		refs = append(refs, patch.Ref{Name: p.Name, Arch: p.Arch, Version: p.Version})
	}
	return refs
}

func (b *Backend) readBack(ctx context.Context, want []plan.Package) error {
	now, err := b.State(ctx, refsOf(want))
	if err != nil {
		return err
	}
	wanted, have := plan.State{Packages: &plan.PackageSet{Packages: want}}, plan.State{Packages: &plan.PackageSet{Packages: now}}
	if d := wanted.Differences(have); len(d) > 0 {
		return fmt.Errorf("apt ended without an error, but reading back shows %s", strings.Join(d[:min(3, len(d))], ", "))
	}
	broken, err := b.Audit(ctx)
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		return fmt.Errorf("apt ended without an error, but %s is %s", broken[0].Package, broken[0].State)
	}
	return nil
}

// Repair completes what was interrupted: dpkg configures what it unpacked, then
// apt looks for what is missing.
func (b *Backend) Repair(ctx context.Context, o patch.Order) ([]patch.Broken, error) {
	if err := b.unlocked(frontend); err != nil {
		return nil, err
	}
	broken, err := b.Audit(ctx)
	if err != nil || len(broken) == 0 && !b.interrupted() {
		return broken, err
	}
	first := b.launch(ctx, o, []string{"dpkg", "--force-confold", "--configure", "-a"})
	args := slices.Clone(install)
	if len(o.Files) > 0 {
		args = append(args, "-o", "Dir::Cache::Archives="+filepath.Dir(o.Files[0].Path))
	}
	second := b.launch(ctx, o, append(args, "--no-remove", "-f", "install"))
	if broken, err = b.Audit(ctx); err != nil {
		return nil, err
	}
	if len(broken) == 0 {
		return nil, nil // whatever the exit codes said on the way
	}
	third := b.unpackAgain(ctx, o, broken)
	if broken, err = b.Audit(ctx); err != nil || len(broken) == 0 {
		return nil, err
	}
	return broken, errors.Join(first, second, third)
}

// unpackAgain installs the files of an order with dpkg alone, those first that
// dpkg wants to see again before it does anything else with their packages: it
// died while it replaced their files. apt refuses to work on such a host.
func (b *Backend) unpackAgain(ctx context.Context, o patch.Order, broken []patch.Broken) error {
	args := []string{"dpkg", "--force-confold", "--force-downgrade", "--install"}
	var rest []string
	for _, f := range o.Files {
		if f.Name == "" {
			continue // only its folder is known
		}
		if err := planned(f); err != nil {
			return err
		}
		switch {
		case slices.ContainsFunc(broken, func(x patch.Broken) bool { return x.Package == f.Name && strings.Contains(x.State, "reinstreq") }):
			args = append(args, f.Path)
		default:
			rest = append(rest, f.Path)
		}
	}
	if args = append(args, rest...); len(args) == 4 {
		return nil
	}
	return b.launch(ctx, o, args)
}

// interrupted reports whether dpkg has updates it did not merge: then apt
// refuses to work until dpkg --configure -a has run.
func (b *Backend) interrupted() bool {
	entries, err := fsReadDir(b.o.FS, "var/lib/dpkg/updates")
	return err == nil && slices.ContainsFunc(entries, func(name string) bool { _, err := strconv.Atoi(name); return err == nil })
}

// SelfCheck says whether the programs that this backend needs are here.
func SelfCheck() error {
	for _, name := range []string{"apt-get", "apt-cache", "apt-mark", "dpkg", "dpkg-query"} {
		if _, ok := hostexec.Find(name); !ok {
			return fmt.Errorf("%s %w", name, hostexec.ErrNotFound)
		}
	}
	return nil
}
