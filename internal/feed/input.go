package feed

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Limits of what one import reads. The largest published ecosystem (Ubuntu) has
// about 60,000 records in 2026.
const (
	maxDocuments = 2_000_000
	maxUnpacked  = 16 << 30 // bytes, of all documents together
	maxDocument  = 2 << 30  // bytes of one document; OSV records have a lower limit of their own
)

// input is one path given, and how its content came here.
type input struct {
	path    string
	fetched string    // [advisory.Source.Fetched]
	checked time.Time // [advisory.Source.Checked]
	sha256  string    // of the file; empty for folders
}

// document is one file, or one member of a zip.
type document struct {
	input int    // index of the input it belongs to
	name  string // for messages: path, or "path: member"
	size  int64  // bytes, unpacked where that is known
	open  func() (io.ReadCloser, error)
}

// finder lists the documents of inputs.
type finder struct {
	documents []document
	closers   []io.Closer
	unpacked  int64
	inflaters inflaters
}

func (f *finder) close() {
	for _, c := range f.closers {
		_ = c.Close() // only read from
	}
}

// add lists the documents of one input.
func (f *finder) add(ctx context.Context, number int, in *input) error {
	info, err := os.Stat(in.path)
	if err != nil {
		return cannot(in.path, err)
	}
	if !info.IsDir() {
		return f.addFile(number, in.path, in)
	}
	before := len(f.documents)
	err = filepath.WalkDir(in.path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return cannot(path, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return f.visit(number, in, path, entry)
	})
	if err != nil {
		return err
	}
	if len(f.documents) == before {
		return cannot(in.path, errors.New("the folder holds no .json, .zip, .gz or .csv file; name the folder with the advisories"))
	}
	return nil
}

// visit takes the files of a folder that can be advisories by their names:
// unlike a path given by hand, others there are no mistake.
func (f *finder) visit(number int, in *input, path string, entry fs.DirEntry) error {
	if strings.HasPrefix(entry.Name(), ".") && path != in.path {
		if entry.IsDir() {
			return filepath.SkipDir
		}
		return nil
	}
	extension := strings.ToLower(filepath.Ext(path))
	if entry.IsDir() || !slices.Contains([]string{".json", ".zip", ".gz", ".csv"}, extension) {
		return nil
	}
	if extension != ".json" {
		return f.addFile(number, path, nil)
	}
	info, err := os.Stat(path)
	if err != nil {
		return cannot(path, err)
	}
	return f.append(document{input: number, name: path, size: info.Size(), open: func() (io.ReadCloser, error) { return openFile(path) }})
}

// addFile lists a file: itself, or the members if it is a zip. owner takes the
// checksum when the file is the whole input.
func (f *finder) addFile(number int, path string, owner *input) error {
	file, err := openFile(path)
	if err != nil {
		return cannot(path, err)
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return cannot(path, err)
	}
	if owner != nil {
		if owner.sha256, err = sum(file); err != nil {
			_ = file.Close()
			return cannot(path, err)
		}
	}
	magic := make([]byte, 4)
	n, err := file.ReadAt(magic, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = file.Close()
		return cannot(path, err)
	}
	if isZip(magic[:n]) {
		f.closers = append(f.closers, file)
		return f.addZip(number, path, file, info.Size())
	}
	_ = file.Close() // only read from
	if n == 0 {
		return cannot(path, errEmptyFile)
	}
	return f.append(document{input: number, name: path, size: info.Size(), open: func() (io.ReadCloser, error) { return openUnpacked(path) }})
}

func (f *finder) append(d document) error {
	if len(f.documents) >= maxDocuments {
		return cannot(d.name, fmt.Errorf("there are more than %d documents", maxDocuments))
	}
	if f.unpacked += d.size; f.unpacked > maxUnpacked {
		return cannot(d.name, fmt.Errorf("the documents have more than %d bytes together", int64(maxUnpacked)))
	}
	f.documents = append(f.documents, d)
	return nil
}

// openFile opens a regular file; a pipe or a device would hang or never end.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is no regular file")
	}
	return os.Open(path) //nolint:gosec // the path is what the user named
}

// openUnpacked opens a file and unpacks it if it is gzip's.
func openUnpacked(path string) (io.ReadCloser, error) {
	file, err := openFile(path)
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewReader(file)
	if magic, _ := buffered.Peek(2); len(magic) < 2 || magic[0] != 0x1f || magic[1] != 0x8b {
		return readCloser{buffered, file}, nil
	}
	unpacked, err := gzip.NewReader(buffered)
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("it begins like a gzip file: %v", err)
	}
	return readCloser{unpacked, file}, nil
}

type readCloser struct {
	io.Reader
	io.Closer
}

func sum(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// cannot makes the one-line error of an import: the path, and what to do.
func cannot(name string, err error) error {
	if place, ok := errors.AsType[*fs.PathError](err); ok {
		err = place.Err // the path is in the message already
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot import %s: no such file or folder", name)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("cannot import %s: permission denied; run as a user that may read it", name)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("cannot import %s: it ends too early; download it again", name)
	}
	return fmt.Errorf("cannot import %s: %w", name, err)
}
