package hostfs

import (
	"bufio"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace writes a whole file: to a temporary one in the same folder, synced,
// then renamed over the old one, then the folder is synced. On any error the
// old file is untouched and the temporary one is gone. The temporary name
// begins with a dot, so that drop-in folders do not load it.
//
// A symlink at path is replaced by the file, not followed.
func Replace(path string, perm fs.FileMode, write func(io.Writer) error) (err error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if info, err := os.Lstat(path); err == nil && info.IsDir() {
		return &fs.PathError{Op: "write", Path: path, Err: errors.New("is a directory")}
	}
	temporary := filepath.Join(dir, "."+base+"."+rand.Text()[:8]+".tmp")
	file, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: reason(err)}
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(temporary)
		}
	}()
	if err := fill(file, perm, write); err != nil {
		return fmt.Errorf("write %s: %w", path, reason(err))
	}
	if err := os.Rename(temporary, path); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: reason(err)}
	}
	return syncDir(dir)
}

func fill(file *os.File, perm fs.FileMode, write func(io.Writer) error) error {
	buffered := bufio.NewWriterSize(file, 1<<16)
	if err := write(buffered); err != nil {
		return err
	}
	if err := buffered.Flush(); err != nil {
		return err
	}
	if err := file.Chmod(perm); err != nil && !errors.Is(err, errors.ErrUnsupported) { // whatever the umask
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return file.Close()
}

// MkdirAll makes a folder and those above it.
func MkdirAll(path string, perm fs.FileMode) error { return os.MkdirAll(path, perm) }
