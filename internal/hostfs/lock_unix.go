//go:build unix

package hostfs

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// HeldError says that another process has a lock.
type HeldError struct {
	Path   string
	Holder string // what it wrote about itself; may be empty
}

func (e *HeldError) Error() string {
	if e.Holder == "" {
		return e.Path + " is locked by another process"
	}
	return fmt.Sprintf("%s is locked by %s", e.Path, e.Holder)
}

// Lock takes a lock that the kernel lets go of when this process ends, and
// writes into the file who holds it. If another process has it, the error is a
// [HeldError].
func Lock(path, holder string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		text := make([]byte, 512)
		n, _ := file.ReadAt(text, 0) // the holder's name helps people, no more
		_ = file.Close()
		return nil, &HeldError{Path: path, Holder: strings.TrimSpace(string(text[:n]))}
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = file.WriteAt([]byte(holder+"\n"), 0)
	}
	if err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() {
		_ = file.Truncate(0)
		_ = file.Close()
	}, nil
}
