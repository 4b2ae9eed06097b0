package zypper

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

const (
	// zstdMemory bounds what a stream may ask for; createrepo_c stays below 32 MiB.
	zstdMemory = 128 << 20
	// plainLimit bounds a decompressed list; the largest of openSUSE have some 400 MB.
	plainLimit = 2 << 30
)

// read passes the decompressed content of a metadata file to use and compares
// the file with the digest that repomd.xml states.
func (m *metadata) read(ctx context.Context, fsys fs.FS, kind string, use func(io.Reader) error) error {
	stated := m.files[kind]
	name := path.Join(m.dir, stated.name)
	file, err := fsys.Open(name)
	if err != nil {
		return fmt.Errorf("cannot open /%s: %w: run zypper refresh --force", name, err)
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	stored := io.TeeReader(&stoppable{ctx: ctx, r: file}, sum)
	plain, closePlain, err := unpack(stored, name)
	if err != nil {
		return fmt.Errorf("cannot unpack /%s: %w: run zypper refresh --force", name, err)
	}
	defer closePlain()
	used := use(&limited{r: plain, left: plainLimit})
	if _, err := io.Copy(io.Discard, stored); err != nil {
		return fmt.Errorf("cannot read /%s: %w", name, err)
	}
	if hex.EncodeToString(sum.Sum(nil)) != stated.sha256 {
		return fmt.Errorf("/%s is not the file that repomd.xml states (its SHA-256 differs): run zypper refresh --force", name)
	}
	if used != nil {
		return fmt.Errorf("/%s: %w", name, used)
	}
	return nil
}

func unpack(r io.Reader, name string) (plain io.Reader, done func(), err error) {
	switch path.Ext(name) {
	case ".gz":
		z, err := gzip.NewReader(r)
		return z, func() {}, err
	case ".zst":
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(zstdMemory))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	case ".xz":
		z, err := xz.NewReader(bufio.NewReaderSize(r, 64<<10)) // it reads single bytes
		return z, func() {}, err
	case ".xml":
		return r, func() {}, nil
	}
	return nil, nil, fmt.Errorf("its compression %q is not known", path.Ext(name))
}

// limited refuses more than left bytes.
type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errors.New("it is too large when unpacked")
	}
	return n, err
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
