//go:build unix

package hostfs

import (
	"io/fs"
	"syscall"
)

// RootOnly reports whether nobody but root may write what a description is of.
func RootOnly(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	return ok && owner.Uid == 0 && info.Mode()&0o022 == 0
}
