package process

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Limits of one process: the kernel allows 65,530 mappings by default
// (vm.max_map_count), a line is an address range and a path of at most 4 KiB.
const (
	maxMaps = 64 << 20 // bytes
	maxLine = 16 << 10 // bytes
)

// Mapping is a file that a process may execute code of.
type Mapping struct {
	Path    string // absolute, without the kernel's " (deleted)"
	Device  uint64 // major<<32 | minor
	Inode   uint64
	Deleted bool // the kernel says that the file has no name any more
}

// ParseMaps reads a process's memory map (/proc/PID/maps) and calls yield for
// each executable mapping of a file, once per run of equal ones. Memory that
// only looks like a file (shared memory, memfd, devices) is left out. Errors
// are read errors, or say which line of name cannot be read.
func ParseMaps(r io.Reader, name string, yield func(Mapping)) error {
	lines := lineReader{r: r, buf: make([]byte, 0, maxLine)}
	var last []byte
	for number := 1; ; number++ {
		line, err := lines.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		fields, path, ok := cutFields(line)
		if !ok || len(fields.perms) != 4 {
			return fmt.Errorf("%s:%d: %.80q is no mapping", name, number, line)
		}
		if fields.perms[2] != 'x' || len(path) == 0 || path[0] != '/' || bytes.Equal(path, last) {
			continue
		}
		last = append(last[:0], path...)
		m, err := fields.mapping(string(path))
		if err != nil {
			return fmt.Errorf("%s:%d: %w", name, number, err)
		}
		if !transient(m.Path) {
			yield(m)
		}
	}
}

type mapFields struct{ perms, device, inode []byte }

// cutFields takes a line apart: "address perms offset major:minor inode path".
func cutFields(line []byte) (f mapFields, path []byte, ok bool) {
	rest := line
	var word [5][]byte
	for i := range word {
		rest = bytes.TrimLeft(rest, " ")
		end := bytes.IndexByte(rest, ' ')
		if end < 0 {
			end = len(rest)
		}
		if end == 0 {
			return f, nil, false
		}
		word[i], rest = rest[:end], rest[end:]
	}
	return mapFields{perms: word[1], device: word[3], inode: word[4]}, bytes.TrimLeft(rest, " "), true
}

func (f mapFields) mapping(path string) (Mapping, error) {
	major, minor, ok := strings.Cut(string(f.device), ":")
	hi, err1 := strconv.ParseUint(major, 16, 32)
	lo, err2 := strconv.ParseUint(minor, 16, 32)
	inode, err3 := strconv.ParseUint(string(f.inode), 10, 64)
	if !ok || err1 != nil || err2 != nil || err3 != nil {
		return Mapping{}, fmt.Errorf("device %q, inode %q are no numbers", f.device, f.inode)
	}
	m := Mapping{Device: hi<<32 | lo, Inode: inode}
	// The kernel escapes line feeds in paths, and nothing else.
	path = strings.ReplaceAll(path, `\012`, "\n")
	m.Path, m.Deleted = strings.CutSuffix(path, " (deleted)")
	return m, nil
}

// transient reports whether a mapped name is memory, or a place for passing
// files: nothing there comes from a package, and being deleted is its nature.
func transient(path string) bool {
	for _, prefix := range [...]string{
		"/memfd:", "/SYSV", "/dev/", "/[", "/anon_hugepage", "/i915", "/drm ", "/dmabuf:",
		"/run/", "/tmp/", "/var/tmp/", "/var/run/", "/proc/", "/sys/",
	} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}
