package hostfs

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Part is a file of ours that comes in over time. What is there stays when that
// is interrupted, to go on with later. Only its owner can read it.
type Part struct {
	file *os.File
	path string
	have int64 // what was there when it was opened
}

// OpenPart opens a part that keeps its first bytes, or makes one if keep is
// zero. That there are fewer bytes than are to be kept is an error.
func OpenPart(path string, keep int64) (*Part, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular() || info.Size() < keep:
		err = &fs.PathError{Op: "continue", Path: path, Err: fmt.Errorf("has not the %d bytes that it should have", keep)}
	default:
		err = file.Truncate(keep)
	}
	if err == nil {
		_, err = file.Seek(keep, io.SeekStart)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return &Part{file: file, path: path, have: keep}, nil
}

// Head reads what was there when the part was opened.
func (p *Part) Head() io.Reader { return io.NewSectionReader(p.file, 0, p.have) }

// Write adds to the end.
func (p *Part) Write(b []byte) (int, error) { return p.file.Write(b) }

// Sync makes durable what is there.
func (p *Part) Sync() error { return p.file.Sync() }

// Close leaves the part as it is.
func (p *Part) Close() error { return p.file.Close() }

// Finish gives the whole file its name, in the same folder, durably, and closes
// it.
func (p *Part) Finish(name string) error {
	err := p.file.Sync()
	if cerr := p.file.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	dir := filepath.Dir(p.path)
	if err := os.Rename(p.path, filepath.Join(dir, name)); err != nil {
		return err
	}
	return syncDir(dir)
}

// SetModified sets the time at which a file of ours was last changed.
func SetModified(path string, t time.Time) error { return os.Chtimes(path, time.Time{}, t) }
