//go:build unix

package hostfs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Map shows a whole file as memory, read-only; only the parts that are read
// are loaded. Call unmap when done; data must not be used afterwards.
func Map(path string) (data []byte, unmap func() error, err error) {
	file, err := os.OpenFile(path, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, nil, err
	}
	switch size := info.Size(); {
	case !info.Mode().IsRegular():
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: errors.New("is not a file")}
	case size == 0:
		return nil, func() error { return nil }, nil
	default:
		data, err = unix.Mmap(int(file.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_PRIVATE)
		if err != nil {
			return nil, nil, fmt.Errorf("map %s: %w", path, err)
		}
		return data, func() error { return unix.Munmap(data) }, nil
	}
}
