//go:build !unix

package hostfs

import "io/fs"

// RootOnly cannot be told on this system, so the answer is no.
func RootOnly(fs.FileInfo) bool { return false }
