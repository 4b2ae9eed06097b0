//go:build !unix

package dnf

import "io/fs"

// lockOwner: there is no rpm here.
func lockOwner(fs.FS, string) (pid int, held bool, err error) { return 0, false, fs.ErrNotExist }
