//go:build !linux

package hostfs

import (
	"errors"
	"fmt"
)

// Writable is not supported on this system.
func Writable(dir string) (bool, error) {
	return false, fmt.Errorf("look at %s: %w on this system", dir, errors.ErrUnsupported)
}

// Free is not supported on this system.
func Free(dir string) (int64, error) {
	return 0, fmt.Errorf("free space of %s: %w on this system", dir, errors.ErrUnsupported)
}
