package hostfs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Append adds bytes to the end of a file, makes it if it is not there, and
// syncs it; a new file's folder is synced too.
func Append(path string, data []byte, perm fs.FileMode) error {
	_, err := os.Lstat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, perm)
	if err != nil {
		return err
	}
	if err := appendWhole(file, data); err != nil {
		_ = file.Close()
		return err
	}
	if err := file.Close(); err != nil || !isNew {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// MakePrivate makes a folder that only its owner may enter, and those above it
// as needed, durably.
func MakePrivate(path string) error {
	made, err := makeDir(path, 0o700)
	if err != nil || made {
		return err
	}
	return os.Chmod(path, 0o700) //nolint:gosec // G302: a folder needs the x bit
}

// makeDir makes a folder unless it is there, those above it as needed, and
// syncs the one above each that it made.
func makeDir(path string, perm fs.FileMode) (made bool, err error) {
	err = os.Mkdir(path, perm)
	if errors.Is(err, fs.ErrNotExist) && filepath.Dir(path) != path {
		if _, err := makeDir(filepath.Dir(path), 0o755); err != nil {
			return false, err
		}
		err = os.Mkdir(path, perm)
	}
	switch {
	case err == nil:
		return true, syncDir(filepath.Dir(path))
	case errors.Is(err, fs.ErrExist):
		return false, nil
	}
	return false, err
}

// Link gives a file of ours a second name.
func Link(from, to string) error { return os.Link(from, to) }

// RemoveAll removes a folder of ours with everything in it.
func RemoveAll(path string) error { return os.RemoveAll(path) }

// appendWhole leaves no half of data behind when the disk is full.
func appendWhole(file *os.File, data []byte) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err != nil {
		_ = file.Truncate(info.Size())
	}
	return err
}
