package dnf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// fileName is what a package file is called in our folder. The digest in it
// keeps two builds of one version apart; the rest is for people, and for dnf,
// which wants the ending.
func fileName(r patch.Ref, digest string) string {
	return r.Name + "-" + withoutEpoch(r.Version) + "." + r.Arch + "-" + digest[:min(12, len(digest))] + ".rpm"
}

func withoutEpoch(version string) string {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		return rest
	}
	return version
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

// stoppable ends with its context.
type stoppable struct {
	ctx context.Context //nolint:containedctx // lives for one reading only
	r   io.Reader
}

func (s *stoppable) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.r.Read(p)
}

// checkFiles makes sure that package files are what the order says: the digest
// was verified when they were fetched, and they have lain about since.
func checkFiles(ctx context.Context, files []patch.Archive) error {
	here, err := hostfs.Open("/")
	if err != nil {
		return err
	}
	defer func() { _ = here.Close() }()
	for _, f := range files {
		if _, err := nevra(f.Ref); err != nil {
			return err
		}
		if !filepath.IsAbs(f.Path) || !strings.HasSuffix(f.Path, ".rpm") || strings.ContainsAny(f.Path, "'\n") {
			return fmt.Errorf("cannot install %s from %q: dnf wants an absolute path that ends in .rpm", f.Name, f.Path)
		}
		_, digest, err := digestOf(ctx, here, local(f.Path))
		if err != nil {
			return fmt.Errorf("cannot read package file of %s: %w; nothing was installed", f.Name, err)
		}
		if f.SHA256 == "" || digest != f.SHA256 {
			return fmt.Errorf("%s has SHA-256 %s where the order says %q: it was changed since it was fetched; nothing was installed", f.Path, digest, f.SHA256)
		}
	}
	return nil
}

var errUnsigned = errors.New("it is not signed with a key that rpm knows; import the key (rpm --import) if you trust it")

// signed makes sure that a package file has a good signature. Without the
// option, rpmkeys is content with digests.
func (b *backend) signed(ctx context.Context, file string) error {
	r, err := b.rpm(ctx, "rpmkeys", "--checksig", "--define", "_pkgverify_level signature", file)
	if err != nil {
		return err
	}
	if r.Code != 0 {
		return fmt.Errorf("%s: %w", file, errUnsigned)
	}
	return nil
}
