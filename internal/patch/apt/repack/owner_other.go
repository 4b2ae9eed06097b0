//go:build !linux

package repack

import "io/fs"

func ownerOf(fs.FileInfo) (owner, bool) { return owner{}, false }

func hasCapability(fs.File) (bool, error) { return false, nil }
