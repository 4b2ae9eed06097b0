package updateinfo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	// configLimit bounds a .repo file, repomdLimit a repomd.xml.
	configLimit = 4 << 20
	repomdLimit = 4 << 20
)

// Repository is one section of a .repo file.
type Repository struct {
	ID      string
	Name    string
	Enabled bool
}

// ParseRepositories reads a .repo file (dnf.conf(5)): sections of "key=value"
// lines, continued by indented ones. name is used in errors.
func ParseRepositories(name string, data []byte) ([]Repository, error) {
	var all []Repository
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text := strings.TrimRight(string(line), "\r\n\t ")
		trimmed := strings.TrimSpace(text)
		switch {
		case trimmed == "" || strings.ContainsRune("#;", rune(trimmed[0])):
			continue
		case trimmed[0] == '[':
			id, _, ok := strings.Cut(trimmed[1:], "]")
			if !ok || id == "" {
				return nil, fmt.Errorf("%s:%d: not a section: %q", name, number, clip(trimmed))
			}
			all = append(all, Repository{ID: id, Enabled: true})
			continue
		case text[0] == ' ' || text[0] == '\t':
			continue
		}
		key, value, ok := strings.Cut(trimmed, "=")
		if !ok || len(all) == 0 {
			return nil, fmt.Errorf("%s:%d: not a setting of a repository: %q", name, number, clip(trimmed))
		}
		switch repo := &all[len(all)-1]; strings.TrimSpace(key) {
		case "name":
			repo.Name = strings.TrimSpace(value)
		case "enabled":
			repo.Enabled = !slices.Contains([]string{"0", "no", "false", "off"}, strings.ToLower(strings.TrimSpace(value)))
		}
	}
	return all, nil
}

// layout is where a package manager keeps its configuration and its cache.
type layout struct {
	name    string   // of the collector
	config  []string // folders of .repo files
	caches  []string // folders of one cache folder for each repository
	refresh string   // what to run
}

func dnfLayout() layout {
	return layout{
		name: "dnf", config: []string{"etc/yum.repos.d", "etc/distro.repos.d"},
		caches: []string{"var/cache/libdnf5", "var/cache/dnf"}, refresh: "dnf makecache",
	}
}

func zypperLayout() layout {
	return layout{name: "zypper", config: []string{"etc/zypp/repos.d"}, caches: []string{"var/cache/zypp/raw"}, refresh: "zypper refresh"}
}

// enabled lists the enabled repositories; configured is false when there is no
// .repo file at all.
func (l layout) enabled(fsys fs.FS) (repos []Repository, configured bool, problems []string) {
	for _, dir := range l.config {
		entries, err := fs.ReadDir(fsys, dir)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				problems = append(problems, fmt.Sprintf("cannot list /%s: %v", dir, err))
			}
			continue
		}
		for _, e := range entries {
			if path.Ext(e.Name()) != ".repo" || e.IsDir() {
				continue
			}
			configured = true
			file := path.Join(dir, e.Name())
			data, err := hostfs.ReadLimited(fsys, file, configLimit)
			if err != nil {
				problems = append(problems, fmt.Sprintf("cannot read /%s: %v", file, err))
				continue
			}
			found, err := ParseRepositories("/"+file, data)
			if err != nil {
				problems = append(problems, err.Error())
			}
			repos = append(repos, slices.DeleteFunc(found, func(r Repository) bool { return !r.Enabled })...)
		}
	}
	return repos, configured, problems
}

// folder finds the cache of a repository: dnf appends a dash and 16
// hexadecimal digits of the address to the id, zypper uses the id. Of several
// (an address changed) the newest repomd.xml counts.
func (l layout) folder(fsys fs.FS, id string) string {
	suffix := regexp.MustCompile(`^-[0-9a-f]{16}$`)
	best, newest := "", fs.FileInfo(nil)
	for _, cache := range l.caches {
		entries, err := fs.ReadDir(fsys, cache)
		if err != nil {
			continue
		}
		for _, e := range entries {
			rest, ok := strings.CutPrefix(e.Name(), id)
			if !ok || rest != "" && !suffix.MatchString(rest) {
				continue
			}
			dir := path.Join(cache, e.Name(), "repodata")
			info, err := fs.Stat(fsys, path.Join(dir, "repomd.xml"))
			if err == nil && (newest == nil || info.ModTime().After(newest.ModTime())) {
				best, newest = dir, info
			}
		}
	}
	return best
}
