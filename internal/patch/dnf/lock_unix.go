//go:build unix

package dnf

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// lockOwner asks the kernel who has locked a file, without locking it. The
// number is 0 where the process cannot be seen from here. fcntl(2), F_GETLK; the
// device that /proc/locks states is not the one that stat(2) does on btrfs.
func lockOwner(fsys fs.FS, name string) (pid int, held bool, err error) {
	file, err := fsys.Open(name)
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = file.Close() }()
	numbered, ok := file.(interface{ Fd() uintptr })
	if !ok {
		return 0, false, errors.ErrUnsupported
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(numbered.Fd(), unix.F_GETLK, &lock); err != nil {
		return 0, false, err
	}
	return max(0, int(lock.Pid)), lock.Type != unix.F_UNLCK, nil
}
