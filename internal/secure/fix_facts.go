package secure

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/result"
)

// previous says of each update where its way back comes from, and what needs
// consent because there is none.
func (m *machine) previous(ctx context.Context, f *fixing, o FixOptions) error {
	from := map[patch.Ref]string{}
	if outlook, ok := m.backend.(patch.Outlook); ok {
		var err error
		if from, err = outlook.Outlook(ctx, f.now, o.Places.packages(m.backend.Name())); err != nil {
			return err
		}
	} else {
		for _, r := range f.now {
			from[r] = "archive" // known only once it is fetched
		}
	}
	for i := range f.doc.Updates {
		u := &f.doc.Updates[i]
		u.OneWay = o.Downgrades.Unsafe(u.Package)
		switch {
		case u.From == "":
			u.Previous = "new"
		case from[patch.Ref{Name: u.Package, Arch: u.Arch, Version: u.From}] == "":
			u.Previous = "none"
			f.doc.Consent = append(f.doc.Consent, fmt.Sprintf("%s %s → %s cannot be undone: no archive has version %s any more, and it cannot be repacked", u.Package, u.From, u.To, u.From))
		default:
			u.Previous = from[patch.Ref{Name: u.Package, Arch: u.Arch, Version: u.From}]
		}
		if u.OneWay != "" && u.From != "" {
			f.doc.Consent = append(f.doc.Consent, fmt.Sprintf("%s %s → %s is not safe to undo: %s", u.Package, u.From, u.To, u.OneWay))
		}
		if !m.cached(u, o) {
			f.doc.Download += u.Size
		}
	}
	return nil
}

// cached reports whether an update's package file is in our cache; its content
// is verified when it is used.
func (m *machine) cached(u *result.Update, o FixOptions) bool {
	pattern := filepath.Join(o.Places.packages(m.backend.Name()), "*"+u.Package+"*"+strings.NewReplacer(":", "*", "~", "*").Replace(u.To)+"*")
	files, err := filepath.Glob(pattern)
	return err == nil && len(files) > 0
}

// conffiles lists configuration files of the packages that people changed:
// theirs are kept.
func (m *machine) conffiles(ctx context.Context, f *fixing) error {
	changed, ok := m.backend.(patch.ChangedConffiles)
	if !ok {
		return nil
	}
	list, err := changed.ChangedConffiles(ctx, f.now)
	if err != nil {
		return fmt.Errorf("cannot compare configuration files: %w", err)
	}
	f.doc.Conffiles = list
	return nil
}

// space compares what the plan needs with what is free.
func (m *machine) space(f *fixing, sim patch.Simulation, o FixOptions) error {
	host := ""
	if o.Sandboxed {
		host = "/proc/1/root" // the host as the package manager will see it
	}
	need := func(dir string, bytes int64, what string) error {
		free, err := hostfs.Free(host + dir)
		if err != nil {
			return fmt.Errorf("cannot see how much room is left on %s: %w", dir, err)
		}
		if bytes > free {
			f.doc.Refused = append(f.doc.Refused, fmt.Sprintf("%s needs %s on %s, and %s are free; make room first", what, Bytes(bytes), dir, Bytes(free)))
		}
		return nil
	}
	for _, dir := range []string{"/usr", "/etc", "/var/lib"} {
		writable, err := hostfs.Writable(host + dir)
		if err != nil {
			return fmt.Errorf("cannot see whether %s can be written to: %w", dir, err)
		}
		if !writable {
			f.doc.Refused = append(f.doc.Refused, dir+" is mounted read-only, so nothing can be installed; mount it for writing first (mount -o remount,rw)")
		}
	}
	const reserve = 32 << 20 // dpkg unpacks beside what it replaces, logs and the journal grow
	if err := need("/usr", max(0, f.doc.Disk)+reserve, "the update"); err != nil {
		return err
	}
	var kernels int64
	for _, c := range sim.Changes {
		if c.From == "" && strings.HasPrefix(c.Name, "linux-image-") || c.Name == "kernel-core" || c.Name == "kernel-default" {
			kernels++
		}
	}
	if kernels == 0 || !exists(m.root, "boot") {
		return nil
	}
	f.doc.BootNeeds = kernels * m.kernelSize()
	free, err := hostfs.Free(host + "/boot")
	if err != nil {
		return fmt.Errorf("cannot see how much room is left on /boot: %w", err)
	}
	f.doc.BootFree = free
	return need("/boot", f.doc.BootNeeds, "a new kernel")
}

// kernelSize is what one more kernel takes on /boot: as much as the largest of
// each kind of file there, and the initial RAM disk twice, since it is written
// beside the old one.
func (m *machine) kernelSize() int64 {
	largest := map[string]int64{"vmlinuz": 12 << 20, "initrd": 40 << 20, "System.map": 1 << 20, "config": 1 << 20}
	entries, err := m.root.ReadDir("boot")
	if err != nil {
		return 100 << 20
	}
	for _, e := range entries {
		kind, _, _ := strings.Cut(e.Name(), "-")
		kind, _, _ = strings.Cut(kind, ".img")
		info, err := e.Info()
		if _, known := largest[kind]; known && err == nil {
			largest[kind] = max(largest[kind], info.Size())
		}
	}
	return largest["vmlinuz"] + 2*largest["initrd"] + largest["System.map"] + largest["config"]
}

// Bytes writes a number of bytes for people.
func Bytes(n int64) string {
	switch {
	case n < 0:
		return "-" + Bytes(-n)
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", (n+1023)>>10)
	case n < 10<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n < 1<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// closing names the packages of a plan that close an exposed hole.
func closing(updates []result.Update) []string {
	var names []string
	for _, u := range updates {
		if u.Exposed != nil && *u.Exposed && len(u.Closes) > 0 {
			names = append(names, u.Package)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
