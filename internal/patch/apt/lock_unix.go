//go:build unix

package apt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lockfast/lockfast/internal/patch"
)

// unlocked reports who holds one of the package manager's locks, by asking the
// kernel, without taking it. fcntl(2), F_GETLK.
func (*Backend) unlocked(file string) error {
	f, err := os.Open(file) //nolint:gosec // G304: a lock file of dpkg's
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot see whether apt is in use: %w", err)
	}
	defer func() { _ = f.Close() }()
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return fmt.Errorf("cannot see whether apt is in use: %w", err)
	}
	if lock.Type == unix.F_UNLCK {
		return nil
	}
	holder := fmt.Sprintf("process %d", lock.Pid)
	if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", lock.Pid)); err == nil {
		holder = fmt.Sprintf("%s (pid %d)", strings.TrimSpace(string(comm)), lock.Pid)
	}
	return &patch.LockedError{Manager: "apt", Holder: holder}
}
