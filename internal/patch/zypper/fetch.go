package zypper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// scratch is the folder, below that for package files, that zypper downloads
// into. What is whole there stays when a download breaks off, and is taken the
// next time.
const scratch = ".zypper"

// fetcher brings package files into a folder.
type fetcher struct {
	b     *backend
	f     patch.Fetch
	known index
	host  fs.FS // the host that is looked after
	here  fs.FS // this machine, where the folder is; the same but in tests

	done, total int64
	silent      map[string]bool // repositories that did not answer
}

func (b *backend) fetcher(ctx context.Context, host fs.FS, refs []patch.Ref, f patch.Fetch) (*fetcher, func(), error) {
	if !filepath.IsAbs(f.Dir) {
		return nil, nil, fmt.Errorf("cannot fetch into %q: it is no absolute path", f.Dir)
	}
	all, err := b.allMetadata(ctx, host) // first: zypper fetches what is missing, asked or not
	if err != nil {
		return nil, nil, err
	}
	known, err := b.index(ctx, host, all, names(refs))
	if err != nil {
		return nil, nil, err
	}
	here, err := hostfs.Open("/")
	if err != nil {
		return nil, nil, err
	}
	x := &fetcher{b: b, f: f, known: known, host: host, here: here, silent: map[string]bool{}}
	for _, r := range refs {
		if at := known.at(r); len(at) > 0 {
			x.total += at[0].size
		}
	}
	return x, func() { _ = here.Close() }, nil
}

// fileName is what a package file is called in our folder. The digest in it
// keeps two builds of one version apart; the rest is for people, and for
// zypper, which wants the ending.
func fileName(r patch.Ref, digest string) string {
	_, version, hasEpoch := strings.Cut(r.Version, ":")
	if !hasEpoch {
		version = r.Version
	}
	return r.Name + "-" + version + "." + r.Arch + "-" + digest[:12] + ".rpm"
}

// isDigest reports whether a text is a SHA-256.
func isDigest(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size
}

// place is where a package file may lie already.
type place struct {
	fsys         fs.FS
	name, origin string
}

// places are zypper's cache and the folder that it downloads into.
func (x *fetcher) places(e entry) []place {
	return []place{
		{x.host, path.Join(packageCache, e.repo.folder(), e.location), "cache"},
		{x.here, path.Join(local(x.scratch()), e.repo.folder(), e.location), "archive"},
	}
}

// scratch is where zypper downloads to.
func (x *fetcher) scratch() string { return filepath.Join(x.f.Dir, scratch) }

// present looks for a package in our folder, then where zypper keeps files. Only
// those with the digest that the metadata state count.
func (x *fetcher) present(ctx context.Context, r patch.Ref) (patch.Archive, bool, error) {
	for _, e := range x.known.at(r) {
		if !isDigest(e.sha256) {
			continue
		}
		target := filepath.Join(x.f.Dir, fileName(r, e.sha256))
		if size, digest, err := digestOf(ctx, x.here, local(target)); err == nil && digest == e.sha256 {
			return patch.Archive{Ref: r, Path: target, SHA256: digest, Size: size, Origin: "archive"}, true, nil
		}
		for _, p := range x.places(e) {
			if _, digest, err := digestOf(ctx, p.fsys, p.name); err != nil || digest != e.sha256 {
				continue
			}
			a, err := x.take(ctx, p.fsys, p.name, r, e.sha256)
			a.Origin = p.origin
			return a, err == nil, err
		}
	}
	return patch.Archive{}, false, ctx.Err()
}

// take copies a file into our folder and reads it back.
func (x *fetcher) take(ctx context.Context, from fs.FS, name string, r patch.Ref, digest string) (patch.Archive, error) {
	target := filepath.Join(x.f.Dir, fileName(r, digest))
	file, err := from.Open(name)
	if err != nil {
		return patch.Archive{}, fmt.Errorf("cannot take package file of %s: %w", r.Name, err)
	}
	defer func() { _ = file.Close() }()
	err = hostfs.Replace(target, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, &stoppable{ctx: ctx, r: file})
		return err
	})
	if err != nil {
		return patch.Archive{}, fmt.Errorf("cannot take package file of %s: %w", r.Name, err)
	}
	size, got, err := digestOf(ctx, x.here, local(target))
	if err != nil {
		return patch.Archive{}, fmt.Errorf("cannot read %s back: %w", target, err)
	}
	if got != digest {
		return patch.Archive{}, fmt.Errorf("%s has SHA-256 %s where the repository states %s", target, got, digest)
	}
	return patch.Archive{Ref: r, Path: target, SHA256: digest, Size: size, Origin: "archive"}, nil
}

// local turns an absolute path into a name of this machine's file system.
func local(absolute string) string {
	return strings.TrimPrefix(filepath.ToSlash(filepath.Clean(absolute)), "/")
}

func digestOf(ctx context.Context, fsys fs.FS, name string) (int64, string, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	n, err := io.Copy(sum, &stoppable{ctx: ctx, r: file})
	if err != nil {
		return 0, "", err
	}
	return n, hex.EncodeToString(sum.Sum(nil)), nil
}

func (x *fetcher) progress(what string) {
	if x.f.Progress != nil {
		x.f.Progress(x.done, x.total, what)
	}
}
