package changetest

import (
	"bytes"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
)

// Storage keeps a journal in memory.
type Storage struct {
	*Faults
	Files map[string][]byte
}

// Write makes a whole file or nothing; killed in its middle it leaves its
// temporary.
func (s *Storage) Write(name string, content io.Reader) error {
	if err := s.point(); err != nil {
		return err
	}
	data, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	if s.due() {
		if s.Mode == Fail {
			return syscall.ENOSPC
		}
		s.Files[path.Join(path.Dir(name), "."+path.Base(name)+".ABCD.tmp")] = data[:len(data)/2]
		panic(Killed{})
	}
	s.Files[name] = data
	return s.point()
}

// Append adds a line, of which a kill leaves any part. A failure leaves nothing,
// a part or all of it: taking it back may fail too.
func (s *Storage) Append(name string, line []byte) error {
	if err := s.point(); err != nil {
		return err
	}
	if s.due() {
		s.Files[name] = slices.Concat(s.Files[name], line[:s.intn(len(line)+1)])
		if s.Mode == Fail {
			return syscall.ENOSPC
		}
		panic(Killed{})
	}
	s.Files[name] = slices.Concat(s.Files[name], line)
	return s.point()
}

// Open reads a file.
func (s *Storage) Open(name string) (io.ReadCloser, error) {
	data, ok := s.Files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// List names what is in a folder.
func (s *Storage) List(folder string) ([]string, error) {
	names := map[string]bool{}
	for name := range s.Files {
		rest := name
		if folder != "" {
			below, ok := strings.CutPrefix(name, folder+"/")
			if !ok {
				continue
			}
			rest = below
		}
		first, _, _ := strings.Cut(rest, "/")
		names[first] = true
	}
	return slices.Sorted(maps.Keys(names)), nil
}

// Remove removes a file, or a folder file by file.
func (s *Storage) Remove(name string) error {
	for _, file := range slices.Sorted(maps.Keys(s.Files)) {
		if file != name && !strings.HasPrefix(file, name+"/") {
			continue
		}
		if err := s.point(); err != nil {
			return err
		}
		delete(s.Files, file)
	}
	return s.point()
}
