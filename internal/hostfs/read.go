package hostfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// ReadLimited reads a file of at most limit bytes. A larger one is an error,
// never cut short.
func ReadLimited(fsys fs.FS, name string, limit int64) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("is larger than %d bytes", limit)}
	}
	return data, nil
}

// Exists reports whether a name is there. An error other than "not there" is
// returned: not being allowed to look is not absence.
func Exists(fsys fs.FS, name string) (bool, error) {
	_, err := fs.Stat(fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
