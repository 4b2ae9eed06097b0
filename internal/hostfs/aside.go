package hostfs

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
)

// maxAside bounds one file that is copied aside: a package database has under
// 1 GB, a file with holes in it may claim anything.
const maxAside = 4 << 30

// CopyAside copies files of a host into a new temporary folder, by their last
// element, for programs that want to write beside what they read. Call remove
// when done.
func CopyAside(fsys fs.FS, names []string) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "lockfast-")
	if err != nil {
		return "", nil, fmt.Errorf("cannot copy aside: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) } // ours, in the folder for such things
	for _, name := range names {
		if err := copyOut(fsys, name, filepath.Join(dir, path.Base(name))); err != nil {
			remove()
			return "", nil, fmt.Errorf("cannot copy %s aside: %w", name, err)
		}
	}
	return dir, remove, nil
}

func copyOut(fsys fs.FS, name, to string) error {
	from, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }()
	file, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(file, io.LimitReader(from, maxAside+1))
	if err == nil && n > maxAside {
		err = fmt.Errorf("it is larger than %d bytes", int64(maxAside))
	}
	if err != nil {
		_ = file.Close()
		return err
	}
	return file.Close()
}
