//go:build unix && !linux

package hostfs

import (
	"errors"
	"os"
)

func (*Root) openInRoot(string) (*os.File, error) { return nil, errors.ErrUnsupported }
