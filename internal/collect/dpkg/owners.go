package dpkg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	infoDir       = "var/lib/dpkg/info"
	diversionFile = "var/lib/dpkg/diversions"
	maxList       = 64 << 20 // the longest list in Debian has under 10 MB
)

// Owners returns the package that ships each path, from the lists that dpkg
// keeps. A diverted file belongs to the package that was moved aside for.
func (Collector) Owners(ctx context.Context, host collect.Host, paths []string) (map[string]string, error) {
	entries, err := fs.ReadDir(host.FS, infoDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read file lists: %v", err)
	}
	divert, err := diversions(host.FS)
	if err != nil {
		return nil, err
	}
	wanted := make(map[string][]string, 2*len(paths)) // as a list may name it → as asked for
	for _, p := range paths {
		for _, name := range collect.Aliases(p) {
			if moved := divert.to[name]; moved.from != "" {
				wanted[moved.from] = append(wanted[moved.from], p)
			} else {
				wanted[name] = append(wanted[name], p)
			}
		}
	}
	owner := make(map[string]string, len(paths))
	for _, e := range entries {
		base, ok := strings.CutSuffix(e.Name(), ".list")
		if !ok {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		data, err := hostfs.ReadLimited(host.FS, path.Join(infoDir, e.Name()), maxList)
		if err != nil {
			return nil, fmt.Errorf("cannot read file lists: %v", err)
		}
		pkg, _, _ := strings.Cut(base, ":") // NAME:ARCH.list of multi-arch packages
		match(data, pkg, wanted, divert, owner)
	}
	return owner, nil
}

// match notes the wanted paths that one package lists.
func match(list []byte, pkg string, wanted map[string][]string, divert diverted, owner map[string]string) {
	for len(list) > 0 {
		line := list
		if i := bytes.IndexByte(list, '\n'); i >= 0 {
			line, list = list[:i], list[i+1:]
		} else {
			list = nil
		}
		asked, ok := wanted[string(line)] // no allocation for a look-up
		if !ok {
			continue
		}
		for _, p := range asked {
			// A diverted file lies where it was moved to; under its own name
			// lies the one of the package that diverted it.
			if by, diverts := divert.from[string(line)]; diverts && (by.pkg == pkg) == isMovedTo(p, by.to) {
				continue
			}
			owner[p] = pkg
		}
	}
}

func isMovedTo(asked, to string) bool {
	return slices.Contains(collect.Aliases(asked), to)
}

// diversion is one entry of dpkg-divert(1).
type diversion struct{ from, to, pkg string }

// diverted are all diversions, by where the file was and where it is now.
type diverted struct{ from, to map[string]diversion }

// diversions reads groups of three lines: from, to, package (":" for local).
func diversions(fsys fs.FS) (diverted, error) {
	d := diverted{from: map[string]diversion{}, to: map[string]diversion{}}
	data, err := hostfs.ReadLimited(fsys, diversionFile, maxList)
	if errors.Is(err, fs.ErrNotExist) {
		return d, nil
	}
	if err != nil {
		return d, fmt.Errorf("cannot read diversions: %v", err)
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if len(data) == 0 {
		return d, nil
	}
	if len(lines)%3 != 0 {
		return d, fmt.Errorf("%s: %d lines are no groups of three", diversionFile, len(lines))
	}
	for i := 0; i < len(lines); i += 3 {
		one := diversion{from: lines[i], to: lines[i+1], pkg: lines[i+2]}
		d.from[one.from], d.to[one.to] = one, one
	}
	return d, nil
}
