package hostfs

import (
	"io/fs"

	"golang.org/x/sys/unix"
)

// Writable reports whether the file system of a folder can be written to.
func Writable(dir string) (bool, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return false, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return s.Flags&unix.ST_RDONLY == 0, nil
}

// Free returns how many bytes a user other than root may still write to the
// file system of a folder.
func Free(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return int64(s.Bavail) * int64(s.Bsize), nil //nolint:gosec,unconvert // sizes fit, and their types differ between systems
}
