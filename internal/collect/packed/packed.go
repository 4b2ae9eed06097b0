package packed

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"io"
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
	if path.Ext(name) == ".xz" {
		r = bufio.NewReaderSize(r, 64<<10) // this one reads single bytes
	}
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

// Limit fails once more than limit bytes were read from r: a small file can
// decompress to any size.
func Limit(r io.Reader, limit int64) io.Reader { return &limited{r, limit} }

type limited struct {
	r    io.Reader
	left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, errors.New("larger than the limit set for such a file")
	}
	return n, err
}
