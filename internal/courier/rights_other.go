//go:build !linux

package courier

import (
	"errors"
	"fmt"
)

func dropRights(name string) error {
	return fmt.Errorf("cannot become user %s: %w on this system", name, errors.ErrUnsupported)
}
