package repack

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	infoDir       = "var/lib/dpkg/info"
	diversionFile = "var/lib/dpkg/diversions"
	maxInfo       = 64 << 20 // the longest list in Debian has under 10 MB
)

// script is a file of the control archive: what dpkg keeps of it.
type script struct {
	mode    fs.FileMode
	modTime time.Time
	data    []byte
}

// infoFiles reads what dpkg keeps beside its status: "NAME.postinst", or
// "NAME:ARCH.postinst" where a package can be installed for several. The key is
// what follows the last dot, as package names have dots, too.
func infoFiles(root Root, name, arch string) (map[string]script, error) {
	set := name + ":" + arch
	there, err := hostfs.Exists(root, path.Join(infoDir, set+".list"))
	if err != nil {
		return nil, fmt.Errorf("cannot read its list of files: %w", err)
	}
	if !there {
		set = name
	}
	entries, err := root.ReadDir(infoDir)
	if err != nil {
		return nil, fmt.Errorf("cannot read dpkg's files of packages: %w", err)
	}
	files := map[string]script{}
	for _, e := range entries {
		ext := path.Ext(e.Name())
		if ext == "" || strings.TrimSuffix(e.Name(), ext) != set {
			continue
		}
		file := path.Join(infoDir, e.Name())
		info, err := fs.Stat(root, file)
		if err != nil {
			return nil, fmt.Errorf("cannot look at dpkg's files of packages: %w", err)
		}
		data, err := hostfs.ReadLimited(root, file, maxInfo)
		if err != nil {
			return nil, fmt.Errorf("cannot read dpkg's files of packages: %w", err)
		}
		files[ext[1:]] = script{info.Mode(), info.ModTime(), data}
	}
	if _, ok := files["list"]; !ok {
		return nil, fmt.Errorf("dpkg has no list of its files: %s/%s.list is not there", infoDir, set)
	}
	return files, nil
}

// listed returns the paths of a package's list, with configuration files that
// it should have, and without doubles.
func listed(list []byte, conffiles map[string]*conffile) ([]string, error) {
	var names []string
	seen := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		name := strings.TrimSuffix(line, "\n")
		if _, ok := inRoot(name); !ok {
			return nil, fmt.Errorf("its list of files has the line %q, which is no path", name)
		}
		if !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	// An archive that was installed without a configuration file leaves it out
	// of the list, too.
	for _, name := range slices.Sorted(maps.Keys(conffiles)) {
		if _, ok := inRoot(name); ok && !seen[name] && !conffiles[name].gone {
			names = append(names, name)
		}
	}
	return names, nil
}

// inRoot turns a path of dpkg into a name of io/fs; dpkg calls the root "/.".
func inRoot(name string) (string, bool) {
	if name == "/." {
		return ".", true
	}
	rest, ok := strings.CutPrefix(name, "/")
	return rest, ok && rest != "." && fs.ValidPath(rest)
}

// diversions returns where files of a package lie that others moved aside. It
// reads groups of three lines: from, to, and who did it (":" is a person).
func diversions(root Root, name string) (map[string]string, error) {
	moved := map[string]string{}
	data, err := hostfs.ReadLimited(root, diversionFile, maxInfo)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(data) == 0 {
		return moved, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read dpkg's diversions: %w", err)
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if len(lines)%3 != 0 {
		return nil, fmt.Errorf("cannot read dpkg's diversions: %d lines of %s are no groups of three", len(lines), diversionFile)
	}
	for group := range slices.Chunk(lines, 3) {
		if group[2] != name { // a package's own file stays where it is
			moved[group[0]] = group[1]
		}
	}
	return moved, nil
}
