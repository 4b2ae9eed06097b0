package zypper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// logLimit bounds the log of one run.
const logLimit = 256 << 20

// begunSteps are the steps of a log that did not end. Without a log nothing was
// begun.
func begunSteps(log string) ([]step, error) {
	here, err := hostfs.Open("/")
	if err != nil {
		return nil, err
	}
	defer func() { _ = here.Close() }()
	data, err := hostfs.ReadLimited(here, local(log), logLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot see what was interrupted: %w", err)
	}
	return unended(string(data)), nil
}

func unended(log string) []step {
	var open []step
	for line := range strings.Lines(log) {
		s, ok := parseStep(line)
		if !ok {
			continue
		}
		open = slices.DeleteFunc(open, func(o step) bool { return o.pkg == s.pkg })
		if !s.done {
			open = append(open, s)
		}
	}
	return open
}

// finish carries out again what was begun and did not end: the files of such a
// package may be of both versions, whatever the database says.
func (b *backend) finish(ctx context.Context, o patch.Order, begun []step) ([]patch.Broken, error) {
	if len(begun) == 0 {
		return nil, nil
	}
	db, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	w := work{force: true}
	var broken []patch.Broken
	for _, s := range begun {
		ref, ok := parseNEVRA(s.pkg)
		switch {
		case !ok:
			broken = append(broken, patch.Broken{Package: s.pkg, State: stateHalf})
		case s.phase == "Removing" && db.has(ref):
			w.remove = append(w.remove, ref)
		case s.phase == "Removing":
		default:
			file, err := b.fileOf(ctx, o, ref)
			if err != nil {
				return nil, err
			}
			if file.Path == "" {
				broken = append(broken, patch.Broken{Package: ref.Name, State: stateHalf})
				continue
			}
			w.files = append(w.files, file)
		}
	}
	o.Downgrade = true
	if err := b.carryOut(ctx, o, w, patch.Unit(o.ID)+"-repair"); err != nil {
		return nil, fmt.Errorf("cannot complete what was interrupted: %w", err)
	}
	return broken, nil
}

// parseNEVRA reads "alpha-1:1.2-1.x86_64".
func parseNEVRA(s string) (patch.Ref, bool) {
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 {
		return patch.Ref{}, false
	}
	parts := strings.Split(s[:dot], "-")
	if len(parts) < 3 {
		return patch.Ref{}, false
	}
	n := len(parts)
	r := patch.Ref{Name: strings.Join(parts[:n-2], "-"), Arch: s[dot+1:], Version: strings.TrimPrefix(parts[n-2], "0:") + "-" + parts[n-1]}
	_, err := capability(r)
	return r, err == nil
}

// fileOf finds the file of a package among the order's, else in their folder,
// where the digest stands in its name.
func (b *backend) fileOf(ctx context.Context, o patch.Order, r patch.Ref) (patch.Archive, error) {
	dirs := map[string]bool{}
	for _, f := range o.Files {
		if f.Ref == r {
			return f, nil
		}
		dirs[filepath.Dir(f.Path)] = true
	}
	here, err := hostfs.Open("/")
	if err != nil {
		return patch.Archive{}, err
	}
	defer func() { _ = here.Close() }()
	none := strings.Repeat("0", 12)
	pattern := strings.Replace(fileName(r, none), none+".rpm", "*.rpm", 1)
	for dir := range dirs {
		files, err := fs.Glob(here, path.Join(local(dir), pattern))
		if err != nil {
			return patch.Archive{}, err
		}
		for _, file := range files {
			size, digest, err := digestOf(ctx, here, file)
			if err != nil || !strings.HasSuffix(file, "-"+digest[:12]+".rpm") {
				continue // cut short, or not one of ours
			}
			return patch.Archive{Ref: r, Path: "/" + file, SHA256: digest, Size: size}, nil
		}
	}
	return patch.Archive{}, nil
}
