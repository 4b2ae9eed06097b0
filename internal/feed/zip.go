package feed

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"
)

// maxRatio refuses members that claim to unpack to more than this many times
// their size: deflate cannot do better than 1032 to 1, text stays below 50.
const maxRatio = 1000

// isZip recognises zips, also ones without members.
func isZip(magic []byte) bool {
	return string(magic) == "PK\x03\x04" || string(magic) == "PK\x05\x06"
}

// addZip lists the JSON members of a zip. Their names are for messages only:
// nothing is unpacked to disk.
func (f *finder) addZip(number int, path string, r io.ReaderAt, size int64) error {
	archive, err := zip.NewReader(r, size)
	if errors.Is(err, zip.ErrFormat) {
		return cannot(path, errors.New("it begins like a zip but its directory is missing: it was cut off; download it again"))
	}
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return cannot(path, err)
	}
	archive.RegisterDecompressor(zip.Deflate, f.inflaters.open)
	before := len(f.documents)
	for _, member := range archive.File {
		if member.FileInfo().IsDir() || !strings.HasSuffix(strings.ToLower(member.Name), ".json") {
			continue
		}
		name := fmt.Sprintf("%s: %.100q", path, member.Name)
		if member.UncompressedSize64 > maxDocument || member.UncompressedSize64/maxRatio > member.CompressedSize64 {
			return cannot(name, fmt.Errorf("it would unpack to %d bytes", member.UncompressedSize64))
		}
		if err := f.append(document{input: number, name: name, size: int64(member.UncompressedSize64), open: member.Open}); err != nil {
			return err
		}
	}
	if len(f.documents) == before {
		return cannot(path, errors.New("the zip holds no .json file; give the zip of an ecosystem as osv.dev publishes it"))
	}
	return nil
}

// inflaters lends decompressors: one takes 40 KB, more than most records.
type inflaters struct{ pool sync.Pool }

func (p *inflaters) open(in io.Reader) io.ReadCloser {
	if reader, ok := p.pool.Get().(io.ReadCloser); ok {
		if again, ok := reader.(flate.Resetter); ok && again.Reset(in, nil) == nil {
			return &inflater{reader, p}
		}
	}
	return &inflater{flate.NewReader(in), p}
}

type inflater struct {
	io.ReadCloser
	pool *inflaters
}

// Close gives the decompressor back.
func (i *inflater) Close() error {
	if i.pool == nil {
		return nil
	}
	err := i.ReadCloser.Close()
	i.pool.pool.Put(i.ReadCloser)
	i.pool = nil
	return err
}
