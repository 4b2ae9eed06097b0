package packed

import (
	"compress/bzip2"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// memoryLimit bounds what a zstd stream may ask for: createrepo_c and dpkg-deb
// stay below 32 MiB even at their highest levels.
const memoryLimit = 128 << 20

// Endings are the endings of compressed files, the plain one ("") first.
func Endings() []string { return []string{"", ".lz4", ".gz", ".xz", ".zst", ".bz2"} }

// NewReader decompresses r as the ending of name says; an ending that names no
// compression means plain. Close releases the decompressor, not r.
func NewReader(r io.Reader, name string) (io.ReadCloser, error) {
	switch path.Ext(name) {
	case ".gz":
		return closable(gzip.NewReader(r))
	case ".zst":
		d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(memoryLimit))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case ".xz":
		d, err := xz.NewReader(r)
		return io.NopCloser(d), err
	case ".lz4":
		return io.NopCloser(lz4.NewReader(r)), nil
	case ".bz2":
		return io.NopCloser(bzip2.NewReader(r)), nil
	}
	return io.NopCloser(r), nil
}

// closable keeps a typed nil out of the interface when opening failed.
func closable(z *gzip.Reader, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	return z, nil
}

// Limit fails once more than max bytes were read from r: a small file can
// decompress to any size.
func Limit(r io.Reader, max int64) io.Reader { return &limited{r, max} }

type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("larger than the limit set for such a file")
	}
	return n, err
}

// ReadFile reads a plain file of at most max bytes.
func ReadFile(fsys fs.FS, name string, max int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read /%s: %w", name, err)
	}
	if int64(len(data)) > max {
		return nil, fmt.Errorf("cannot read /%s: larger than %d bytes", name, max)
	}
	return data, nil
}
