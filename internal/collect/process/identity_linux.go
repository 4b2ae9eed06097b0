package process

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// identify says which file a name leads to, false when it cannot be seen.
func identify(fsys fs.FS, name string) (fileID, bool) {
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return fileID{}, false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, false
	}
	return fileID{device: uint64(unix.Major(stat.Dev))<<32 | uint64(unix.Minor(stat.Dev)), inode: stat.Ino}, true
}

// gone reports whether an error means that the process ended meanwhile: its
// directory is no more, or the kernel says that there is no such process.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}
