package change

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// Storage keeps the journal. Names have slashes; everything written is on the
// disk when the call returns.
type Storage interface {
	// Write makes a whole file, or leaves what was there.
	Write(name string, content io.Reader) error
	// Append adds a line to a file, which it makes if needed.
	Append(name string, line []byte) error
	// Open reads a file; fs.ErrNotExist if it is not there.
	Open(name string) (io.ReadCloser, error)
	// List names what is in a folder, sorted; nothing if there is no folder.
	List(folder string) ([]string, error)
	// Remove removes a file, or a folder with all in it.
	Remove(name string) error
}

// Dir is a Storage in a folder of the host that only root may enter.
type Dir string

// Write makes a whole file.
func (d Dir) Write(name string, content io.Reader) error {
	file := filepath.Join(string(d), filepath.FromSlash(name))
	if err := d.folder(path.Dir(name)); err != nil {
		return err
	}
	return hostfs.Replace(file, 0o600, func(w io.Writer) error {
		_, err := io.Copy(w, content)
		return err
	})
}

func (d Dir) folder(name string) error {
	if err := hostfs.MakePrivate(string(d)); err != nil {
		return fmt.Errorf("cannot make journal: %w", err)
	}
	if name == "." {
		return nil
	}
	if err := hostfs.MakePrivate(filepath.Join(string(d), filepath.FromSlash(name))); err != nil {
		return fmt.Errorf("cannot make journal: %w", err)
	}
	return nil
}

// Append adds a line to a file.
func (d Dir) Append(name string, line []byte) error {
	return hostfs.Append(filepath.Join(string(d), filepath.FromSlash(name)), line, 0o600)
}

// Open reads a file.
func (d Dir) Open(name string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(string(d), filepath.FromSlash(name)))
}

// List names what is in a folder.
func (d Dir) List(folder string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(string(d), filepath.FromSlash(folder)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	sort.Strings(names)
	return names, nil
}

// Remove removes a file, or a folder with all in it.
func (d Dir) Remove(name string) error {
	return hostfs.RemoveAll(filepath.Join(string(d), filepath.FromSlash(name)))
}
