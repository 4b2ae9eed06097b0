package zypper

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// checkFiles makes sure that package files are what the order says: the digest
// was verified when they were fetched, and they have lain about since. It
// reports whether any of them is unsigned.
func (b *backend) checkFiles(ctx context.Context, files []patch.Archive) (anyUnsigned bool, err error) {
	if len(files) == 0 {
		return false, nil
	}
	here, err := hostfs.Open("/")
	if err != nil {
		return false, err
	}
	defer func() { _ = here.Close() }()
	paths := make([]string, 0, len(files))
	for _, f := range files {
		if _, err := capability(f.Ref); err != nil {
			return false, err
		}
		if !filepath.IsAbs(f.Path) || !strings.HasSuffix(f.Path, ".rpm") {
			return false, fmt.Errorf("cannot install %s from %q: zypper wants an absolute path that ends in .rpm", f.Name, f.Path)
		}
		_, digest, err := digestOf(ctx, here, local(f.Path))
		if err != nil {
			return false, fmt.Errorf("cannot read package file of %s: %w", f.Name, err)
		}
		if f.SHA256 == "" || digest != f.SHA256 {
			return false, fmt.Errorf("%s has SHA-256 %s where the order says %q: it was changed since it was fetched; nothing was installed", f.Path, digest, f.SHA256)
		}
		paths = append(paths, f.Path)
	}
	found, err := b.signatures(ctx, paths)
	if err != nil {
		return false, err
	}
	for _, path := range paths {
		anyUnsigned = anyUnsigned || found[path] == unsigned
	}
	return anyUnsigned, nil
}
