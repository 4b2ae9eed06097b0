package apt

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	configDir = "etc/apt"
	// configLimit bounds a file of configuration; keys inside make some long.
	configLimit = 1 << 20
	// filesLimit bounds the files read from one configuration folder.
	filesLimit = 1000
)

// config is apt's own configuration, as far as it decides what is offered.
type config struct {
	sources       []Source
	pins          []Pin
	target        string // APT::Default-Release
	architectures []string
	problems      []string // files that could not be read
}

func readConfig(fsys fs.FS, native string) config {
	c := config{architectures: architectures(fsys, native)}
	for _, name := range c.files(fsys, "sources.list", "sources.list.d", ".list", ".sources") {
		data, ok := c.read(fsys, name)
		if !ok {
			continue
		}
		found, err := ParseSources("/"+name, data)
		if err != nil {
			c.problems = append(c.problems, err.Error())
		}
		c.sources = append(c.sources, found...)
	}
	for _, name := range c.files(fsys, "preferences", "preferences.d", "", ".pref") {
		data, ok := c.read(fsys, name)
		if !ok {
			continue
		}
		found, err := ParsePreferences("/"+name, data)
		if err != nil {
			c.problems = append(c.problems, err.Error())
		}
		c.pins = append(c.pins, found...)
	}
	for _, name := range c.files(fsys, "apt.conf", "apt.conf.d", "", ".conf") {
		if data, ok := c.read(fsys, name); ok {
			c.target = targetRelease(data, c.target)
		}
	}
	return c
}

// read returns a file's content; what could not be read becomes a problem.
func (c *config) read(fsys fs.FS, name string) ([]byte, bool) {
	data, err := hostfs.ReadLimited(fsys, name, configLimit)
	if err == nil {
		return data, true
	}
	if !errors.Is(err, fs.ErrNotExist) {
		c.problems = append(c.problems, fmt.Sprintf("cannot read /%s: %v", name, err))
	}
	return nil, false
}

// files lists a file and the files of a drop-in folder with one of the endings,
// in the order apt reads them: for preferences and apt.conf the folder first.
func (c *config) files(fsys fs.FS, file, dir string, endings ...string) []string {
	entries, err := fs.ReadDir(fsys, path.Join(configDir, dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.problems = append(c.problems, fmt.Sprintf("cannot list /%s: %v", path.Join(configDir, dir), err))
	}
	if len(entries) > filesLimit {
		c.problems = append(c.problems, fmt.Sprintf("/%s holds more than %d files", path.Join(configDir, dir), filesLimit))
		entries = entries[:filesLimit]
	}
	names := []string{path.Join(configDir, file)}
	for _, e := range entries {
		if !e.IsDir() && taken(e.Name(), endings) {
			names = append(names, path.Join(configDir, dir, e.Name()))
		}
	}
	if dir != "sources.list.d" {
		names = append(names[1:], names[0])
	}
	return names
}

// taken reports whether apt reads a drop-in file of this name.
func taken(name string, endings []string) bool {
	for _, c := range name {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("_-.", c) {
			return false
		}
	}
	if strings.HasPrefix(name, ".") {
		return false
	}
	for _, e := range endings {
		if path.Ext(name) == e {
			return true
		}
	}
	return false
}

// architectures are the native one and those of `dpkg --add-architecture`,
// which dpkg keeps together in one file once there are several.
func architectures(fsys fs.FS, native string) []string {
	all := []string{native}
	data, err := hostfs.ReadLimited(fsys, "var/lib/dpkg/arch", configLimit)
	if err != nil {
		return all
	}
	for arch := range strings.FieldsSeq(string(data)) {
		if arch != native {
			all = append(all, arch)
		}
	}
	return all
}

// targetRelease finds APT::Default-Release, written with its full name or
// inside an APT block; the last one counts.
func targetRelease(data []byte, before string) string {
	setting := regexp.MustCompile(`(?im)^[^#/\n]*\bDefault-Release\s+"([^"\n]*)"`)
	for _, m := range setting.FindAllSubmatch(data, -1) {
		before = string(m[1])
	}
	return before
}
