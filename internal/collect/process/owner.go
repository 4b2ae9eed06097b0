package process

import (
	"context"
	"errors"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/inventory"
)

// ask merges what the package databases say of some paths.
func (c *Collector) ask(ctx context.Context, host collect.Host, paths []string) (map[string]string, error) {
	if len(c.owners) == 0 {
		return nil, errors.New("no package database was read")
	}
	all := make(map[string]string, len(paths))
	for _, o := range c.owners {
		owners, err := o.Owners(ctx, host, paths)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, owners)
	}
	return all, nil
}

// paths lists every path whose owner is asked for, once.
func (s *sight) paths() []string {
	set := map[string]bool{}
	for i := range s.processes {
		p := &s.processes[i]
		for _, file := range p.files {
			set[file] = true
		}
		for _, file := range append([]string{p.Exe}, p.replaced...) {
			for file = original(file); file != "" && !set[file]; file = shorter(file) {
				set[file] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// attribute names the packages of a process's files.
func (p *running) attribute(owners map[string]string) {
	p.Package = owner(owners, p.Exe)
	for _, file := range p.files {
		if name := owners[file]; name != "" {
			p.Mapped = append(p.Mapped, name)
		}
	}
	for i := range p.Replaced {
		r := &p.Replaced[i]
		r.Package = owner(owners, r.Path)
		if r.Package != "" {
			p.Mapped = append(p.Mapped, r.Package)
		}
	}
	if p.Package != "" {
		p.Mapped = append(p.Mapped, p.Package)
	}
	slices.Sort(p.Mapped)
	p.Mapped = slices.Compact(p.Mapped)
}

// replace notes the files that are gone under the names they had, each once.
func (p *running) replace() {
	for _, file := range p.replaced {
		r := inventory.Replaced{Path: original(file)}
		if !slices.Contains(p.Replaced, r) {
			p.Replaced = append(p.Replaced, r)
		}
	}
}

// owner finds who ships a file now, under its own name or that of its soname.
func owner(owners map[string]string, file string) string {
	for file = original(file); file != ""; file = shorter(file) {
		if name := owners[file]; name != "" {
			return name
		}
	}
	return ""
}

// original is the name by which packages know a file. While dpkg replaces a
// file it keeps the old one as NAME.dpkg-tmp, rpm as NAME;1a2b3c4d, and under
// that name the old file goes.
func original(file string) string {
	for _, suffix := range [...]string{".dpkg-tmp", ".dpkg-old", ".dpkg-new"} {
		if name, found := strings.CutSuffix(file, suffix); found {
			return name
		}
	}
	const id = len(";1a2b3c4d")
	if at := len(file) - id; at > 0 && file[at] == ';' && strings.Trim(file[at+1:], "0123456789abcdef") == "" {
		return file[:at]
	}
	return file
}

// shorter drops the last part of a library's version: an update that brings
// libexpat.so.1.9.1 takes libexpat.so.1.8.10 away, and what both packages ship
// under one name is the soname's link, libexpat.so.1. Empty when there is
// nothing left to drop.
func shorter(file string) string {
	dir, base := path.Split(file)
	at := strings.LastIndexByte(base, '.')
	if at < 0 || at == len(base)-1 || strings.Trim(base[at+1:], "0123456789") != "" || !strings.Contains(base[:at], ".so.") {
		return ""
	}
	return dir + base[:at]
}
