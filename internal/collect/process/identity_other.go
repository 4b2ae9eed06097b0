//go:build !linux

package process

import (
	"errors"
	"io/fs"
)

// identify knows no file numbers here: there is no /proc to compare with.
func identify(fs.FS, string) (fileID, bool) { return fileID{}, false }

// gone reports whether an error means that the process ended meanwhile.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) }
