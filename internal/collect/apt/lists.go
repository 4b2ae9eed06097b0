package apt

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/collect/packed"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

const (
	listsDir = "var/lib/apt/lists"
	// releaseLimit bounds a Release file; Debian's unstable has 300 KiB.
	releaseLimit = 16 << 20
)

// lists is what apt has fetched for the configured sources.
type lists struct {
	archives []archive
	missing  []string // suites whose lists are not there
	problems []string
	expired  []string
}

// finder matches sources with the files below /var/lib/apt/lists.
type finder struct {
	fsys   fs.FS
	host   inventory.Release
	now    time.Time
	native string
	files  map[string]bool
	seen   map[string]bool // lists and suites already taken: a source may be written twice
	out    lists
}

func findLists(fsys fs.FS, c config, host inventory.Release, native string, now time.Time) lists {
	f := finder{fsys: fsys, host: host, now: now, native: native, files: map[string]bool{}, seen: map[string]bool{}}
	entries, err := fs.ReadDir(fsys, listsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.out.problems = append(f.out.problems, fmt.Sprintf("cannot list /%s: %v", listsDir, err))
	}
	for _, e := range entries {
		f.files[e.Name()] = !e.IsDir()
	}
	for i := range c.sources {
		for _, suite := range c.sources[i].Suites {
			f.suite(&c.sources[i], suite, c.architectures)
		}
	}
	return f.out
}

// suite takes the lists of one suite of one source.
func (f *finder) suite(s *Source, suite string, architectures []string) {
	if len(s.Architectures) > 0 {
		architectures = s.Architectures
	}
	suite = strings.ReplaceAll(suite, "$(ARCH)", f.native)
	address := suiteAddress(s.URI, suite)
	base := archive{host: hostOf(s.URI), suite: suite}
	release, err := f.release(address, &base)
	switch {
	case err != nil:
		f.out.problems = append(f.out.problems, err.Error())
	case release == "" && strings.HasPrefix(s.URI, "cdrom:"):
		return // apt-cdrom keeps its lists under the disc's name; nothing new comes from it
	case release == "":
		f.note(&f.out.missing, strings.TrimSuffix(address, "/"))
	}
	f.expiry(&base)
	components := s.Components
	if flat(suite) {
		components = []string{""}
	}
	found := false
	for _, component := range components {
		for _, arch := range architectures {
			found = f.list(address, component, arch, base) || found
		}
	}
	if found && err == nil && release == "" {
		if s.Trusted {
			f.out.missing = slices.DeleteFunc(f.out.missing, func(m string) bool { return m == strings.TrimSuffix(address, "/") })
		} else {
			f.note(&f.out.problems, "the Release file of "+address+" is not there, so the age of its lists is unknown")
		}
	}
}

// release reads the suite's InRelease or Release file, "" when there is none.
func (f *finder) release(address string, a *archive) (string, error) {
	for _, kind := range []string{"InRelease", "Release"} {
		file := listName(address + kind)
		if !f.files[file] {
			continue
		}
		data, err := hostfs.ReadLimited(f.fsys, path.Join(listsDir, file), releaseLimit)
		if err != nil {
			return "", fmt.Errorf("cannot read /%s/%s: %v", listsDir, file, err)
		}
		a.release, err = ParseRelease(path.Join("/", listsDir, file), data)
		if err != nil {
			return "", err
		}
		a.signed = true
		return file, nil
	}
	return "", nil
}

func (f *finder) expiry(a *archive) {
	until := a.release.ValidUntil
	if until.IsZero() || !until.Before(f.now) {
		return
	}
	a.component = ""
	f.note(&f.out.expired, fmt.Sprintf("%s was valid until %s", a.displayName(), until.Format(time.DateOnly)))
}

// note adds a message once.
func (f *finder) note(to *[]string, message string) {
	if !slices.Contains(*to, message) {
		*to = append(*to, message)
	}
}

// list takes one Packages file, and the one of architecture "all" beside it
// where an archive keeps those apart.
func (f *finder) list(address, component, arch string, base archive) bool {
	base.component, base.arch = component, arch
	base.stated = statedPath(component, arch)
	base.describe(f.host)
	if !base.release.NoAllPackages && arch == f.native && component != "" {
		all := base
		all.arch, all.stated = "all", statedPath(component, "all")
		if file := f.file(address, all.stated); file != "" {
			f.take(file, all)
		}
	}
	file := f.file(address, base.stated)
	if file == "" {
		f.absent(&base)
		return false
	}
	f.take(file, base)
	return true
}

func statedPath(component, arch string) string {
	if component == "" {
		return "Packages"
	}
	return component + "/binary-" + arch + "/Packages"
}

// file finds a list as apt keeps it; the lists of a file: source may be used
// where they lie.
func (f *finder) file(address, stated string) string {
	for _, ending := range packed.Endings() {
		if name := listName(address+stated) + ending; f.files[name] {
			return path.Join(listsDir, name)
		}
	}
	local, ok := strings.CutPrefix(address, "file:")
	if !ok {
		return ""
	}
	local = strings.TrimLeft(local, "/")
	for _, ending := range packed.Endings() {
		name := path.Join(local, stated) + ending
		if info, err := fs.Stat(f.fsys, name); err == nil && info.Mode().IsRegular() {
			return name
		}
	}
	return ""
}

func (f *finder) take(file string, a archive) {
	if f.seen[file] {
		return
	}
	f.seen[file] = true
	a.path = file
	f.out.archives = append(f.out.archives, a)
}

// absent reports a list that should be there: the native architecture's, if the
// Release file names it and it is not empty (apt keeps no file for an empty one).
func (f *finder) absent(a *archive) {
	if !a.signed || a.arch != f.native {
		return
	}
	for _, ending := range packed.Endings() {
		stated, ok := a.release.Indexes[a.stated+ending]
		if !ok {
			continue
		}
		if ending == "" && stated.Size > 0 || ending != "" && stated.Size > emptyPacked {
			f.note(&f.out.missing, a.name)
		}
		return
	}
}

// emptyPacked is the size in bytes of the longest compressed form of nothing
// (xz has 32).
const emptyPacked = 64
