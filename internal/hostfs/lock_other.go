//go:build !unix

package hostfs

import (
	"errors"
	"fmt"
)

// HeldError says that another process has a lock.
type HeldError struct{ Path, Holder string }

func (e *HeldError) Error() string { return e.Path + " is locked by " + e.Holder }

// Lock is not supported on this system.
func Lock(path, _ string) (unlock func(), err error) {
	return nil, fmt.Errorf("lock %s: %w on this system", path, errors.ErrUnsupported)
}
