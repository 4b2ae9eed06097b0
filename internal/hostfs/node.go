package hostfs

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// NodeType is what kind of thing a name is.
type NodeType string

// Node types. Other things (devices, sockets, pipes) are refused.
const (
	Absent    NodeType = "absent"
	Regular   NodeType = "file"
	Directory NodeType = "directory"
	Symlink   NodeType = "symlink"
)

// Node is everything about a name but its content.
type Node struct {
	Type   NodeType
	Size   int64             // bytes; regular files
	Target string            // of a symlink
	Mode   uint32            // 07777
	UID    int               // -1 leaves the owner alone when written
	GID    int               // -1 likewise
	Xattrs map[string][]byte // all that can be listed
	Flags  uint32            // FlagImmutable, FlagAppend
	Links  uint64            // hard links
	MTime  time.Time         // zero: now
	Mount  bool              // something is mounted here
}

// Flags of ioctl_iflags(2) that stop a file from being replaced.
const (
	FlagImmutable uint32 = 0x10
	FlagAppend    uint32 = 0x20
)

// Tree changes single names below a directory that is seen as "/". Unlike
// [Root] it follows no symlink anywhere: a name that leads through one is an
// error, so nobody can turn a change to another place.
type Tree struct {
	dir string
}

// NewTree returns the tree below dir.
func NewTree(dir string) *Tree { return &Tree{dir: dir} }

// split checks an absolute path and returns its folder's elements and its last
// one.
func split(path string) (folders []string, base string, err error) {
	name, absolute := strings.CutPrefix(path, "/")
	if !absolute || !fs.ValidPath(name) || name == "." {
		return nil, "", &fs.PathError{Op: "change", Path: path, Err: errors.New("is not a plain absolute path")}
	}
	elements := strings.Split(name, "/")
	return elements[:len(elements)-1], elements[len(elements)-1], nil
}

func throughLink(path string) error {
	return fmt.Errorf("%s leads through a symlink or something that is no folder; name the real path", path)
}
