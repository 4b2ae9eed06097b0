package unattended

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// maxFiles bounds how many files of a folder are read.
const maxFiles = 1000

const partsDir, mainFile = "etc/apt/apt.conf.d", "etc/apt/apt.conf"

// readFiles reads the configuration files of a host that does not run, in the
// order apt reads them.
func readFiles(fsys fs.FS) (t *Tree, included []string, err error) {
	names, err := parts(fsys)
	if err != nil {
		return nil, nil, err
	}
	t = &Tree{}
	for _, name := range append(names, mainFile) {
		data, err := hostfs.ReadLimited(fsys, name, maxFile)
		if errors.Is(err, fs.ErrNotExist) && name == mainFile {
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read /%s: %w", name, reason(err))
		}
		wanted, err := t.Parse("/"+name, data)
		if err != nil {
			return nil, nil, err
		}
		included = append(included, wanted...)
	}
	return t, included, nil
}

// parts are the files of apt.conf.d that apt reads.
func parts(fsys fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(fsys, partsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list /%s: %w", partsDir, reason(err))
	}
	var names []string
	for _, e := range entries {
		name := path.Join(partsDir, e.Name())
		if !isPart(e.Name()) {
			continue
		}
		info, err := fs.Stat(fsys, name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read /%s: %w", name, reason(err))
		}
		if err == nil && info.Mode().IsRegular() {
			names = append(names, name)
		}
	}
	if len(names) > maxFiles {
		return nil, fmt.Errorf("cannot read /%s: it has more than %d files", partsDir, maxFiles)
	}
	return names, nil
}

// isPart tells the files that apt reads from copies and from what editors and
// dpkg leave.
func isPart(name string) bool {
	if strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") {
		return false
	}
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 && name[dot:] != ".conf" {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && (r < '0' || r > '9') && !strings.ContainsRune("_-:.", r)
	})
}

// reason is the cause of a path error, without the path that is named already.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
