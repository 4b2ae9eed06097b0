package change

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// Lock takes the lock of a journal's folder: one change at a time. If another
// process has it, the error is a [hostfs.HeldError] that says who.
func Lock(dir, what string) (unlock func(), err error) {
	if err := hostfs.MakePrivate(dir); err != nil {
		return nil, fmt.Errorf("cannot make journal: %w", err)
	}
	unlock, err = hostfs.Lock(filepath.Join(dir, "lock"), fmt.Sprintf("%s (pid %d)", what, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("cannot change this host: %w", err)
	}
	return unlock, nil
}

// Locked reports whether a process is changing the host now.
func Locked(dir string) bool {
	unlock, err := hostfs.Lock(filepath.Join(dir, "lock"), "")
	if err != nil {
		_, held := errors.AsType[*hostfs.HeldError](err)
		return held
	}
	unlock()
	return false
}
