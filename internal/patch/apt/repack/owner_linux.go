package repack

import (
	"errors"
	"io/fs"
	"syscall"

	"golang.org/x/sys/unix"
)

// ownerOf returns who owns a file, and which file it is among those with
// several names.
func ownerOf(info fs.FileInfo) (owner, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return owner{}, false
	}
	o := owner{uid: int(stat.Uid), gid: int(stat.Gid)}
	if stat.Nlink > 1 && info.Mode().IsRegular() {
		o.shared, o.inode = true, inode{stat.Dev, stat.Ino}
	}
	return o, true
}

// hasCapability reports whether an open file has capabilities(7).
func hasCapability(file fs.File) (bool, error) {
	f, ok := file.(interface{ Fd() uintptr })
	if !ok {
		return false, nil // no file of a kernel
	}
	_, err := unix.Fgetxattr(int(f.Fd()), "security.capability", nil)
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
		return false, nil
	}
	return err == nil, err
}
