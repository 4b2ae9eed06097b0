//go:build !unix

package hostfs

import (
	"errors"
	"os"
)

const nonBlock = 0

func (*Root) openInRoot(string) (*os.File, error) { return nil, errors.ErrUnsupported }
