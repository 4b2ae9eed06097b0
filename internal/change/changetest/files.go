package changetest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

// Inode is a file, directory or symlink; several names may share one.
type Inode struct {
	plan.File
	Content []byte
}

// Files are the names of a host.
type Files struct {
	*Faults
	Tree   map[string]*Inode
	Now    func() time.Time
	Mounts map[string]bool
}

// Add puts a name into the tree, as somebody else would.
func (d *Files) Add(name string, f plan.File, content string) {
	if f.MTime.IsZero() {
		f.MTime = d.Now()
	}
	d.Tree[name] = &Inode{File: f, Content: []byte(content)}
}

// Sum is the digest of a content, as states hold it.
func Sum(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func notThere(op, name string) error { return &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist} }

// parent checks that the folder of a path is there.
func (d *Files) parent(op, name string) error {
	for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
		switch n := d.Tree[dir]; {
		case n == nil:
			return notThere(op, name)
		case n.Type != plan.Dir:
			return fmt.Errorf("%s leads through a symlink or something that is no folder", name)
		}
	}
	return nil
}

// Observe describes what stands at a path.
func (d *Files) Observe(name string) (plan.File, error) {
	err := d.parent("look at", name)
	n := d.Tree[name]
	switch {
	case err == nil && n != nil:
	case err == nil, isNotThere(err):
		return plan.File{Type: plan.Absent}, nil
	default:
		return plan.File{}, err
	}
	if d.Mounts[name] {
		return plan.File{}, fmt.Errorf("%s has something mounted on it, which would hide the change; unmount it first", name)
	}
	f := n.File
	f.Xattrs = maps.Clone(f.Xattrs)
	switch f.Type {
	case plan.Regular:
		f.SHA256, f.Size = Sum(n.Content), int64(len(n.Content))
		if links := d.links(n); links > 1 {
			f.Links = links
		}
	case plan.Dir:
		f.MTime = time.Time{}
	case plan.Link, plan.Absent:
	}
	return f, nil
}

func isNotThere(err error) bool {
	return errors.Is(err, fs.ErrNotExist)
}

func (d *Files) links(n *Inode) (count uint64) {
	for _, other := range d.Tree {
		if other == n {
			count++
		}
	}
	return count
}

// Read opens a regular file.
func (d *Files) Read(name string) (io.ReadCloser, error) {
	n := d.Tree[name]
	if n == nil {
		return nil, notThere("open", name)
	}
	return io.NopCloser(bytes.NewReader(n.Content)), nil
}

// Names lists what is in a directory.
func (d *Files) Names(dir string) (names []string, err error) {
	for name := range d.Tree {
		if path.Dir(name) == dir {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names, nil
}

// Put makes a name aside and renames it, with a point between any two calls
// that the real one makes.
func (d *Files) Put(name, temporary string, want plan.File, content io.Reader) error {
	if err := d.parent("write", name); err != nil {
		return err
	}
	aside := path.Join(path.Dir(name), temporary)
	if err := d.build(aside, want, content); err != nil {
		delete(d.Tree, aside)
		return err
	}
	if err := d.rename(aside, name, want.Type); err != nil {
		delete(d.Tree, aside)
		return err
	}
	if err := d.point(); err != nil {
		return err
	}
	d.Tree[name].Flags = want.Flags
	return d.point()
}

func (d *Files) build(aside string, want plan.File, content io.Reader) error {
	if err := d.point(); err != nil {
		return err
	}
	delete(d.Tree, aside)
	n := &Inode{File: plan.File{Type: want.Type, Target: want.Target, Mode: 0o600, MTime: d.Now()}}
	d.Tree[aside] = n
	if err := d.point(); err != nil {
		return err
	}
	if want.Type == plan.Regular {
		data, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		n.Content = data[:len(data)/2]
		if err := d.point(); err != nil {
			return err
		}
		n.Content = data
	}
	return d.attributes(n, want)
}

func (d *Files) rename(aside, name string, kind plan.FileType) error {
	if err := d.point(); err != nil {
		return err
	}
	old := d.Tree[name]
	switch {
	case old == nil:
	case old.Flags != 0:
		return &fs.PathError{Op: "write", Path: name, Err: syscall.EPERM}
	case old.Type == plan.Dir && kind != plan.Dir:
		return &fs.PathError{Op: "write", Path: name, Err: syscall.EISDIR}
	case old.Type != plan.Dir && kind == plan.Dir:
		return &fs.PathError{Op: "write", Path: name, Err: syscall.ENOTDIR}
	}
	d.Tree[name] = d.Tree[aside]
	delete(d.Tree, aside)
	return nil
}

// attributes sets them in the order of the real one.
func (d *Files) attributes(n *Inode, want plan.File) error {
	uid, gid := n.UID, n.GID
	if want.UID >= 0 {
		n.UID = want.UID
	}
	if want.GID >= 0 {
		n.GID = want.GID
	}
	if n.Type != plan.Dir && (n.UID != uid || n.GID != gid) {
		n.Mode &^= 0o4000
		if n.Mode&0o010 != 0 {
			n.Mode &^= 0o2000
		}
		delete(n.Xattrs, "security.capability")
	}
	if err := d.point(); err != nil {
		return err
	}
	n.Mode = want.Mode
	if n.Type == plan.Link {
		n.Mode = 0
	}
	for _, x := range slices.Sorted(maps.Keys(n.Xattrs)) {
		if err := d.point(); err != nil {
			return err
		}
		if _, keep := want.Xattrs[x]; !keep {
			delete(n.Xattrs, x)
		}
	}
	for _, x := range slices.Sorted(maps.Keys(want.Xattrs)) {
		if err := d.point(); err != nil {
			return err
		}
		if n.Xattrs == nil {
			n.Xattrs = map[string][]byte{}
		}
		n.Xattrs[x] = slices.Clone(want.Xattrs[x])
	}
	if err := d.point(); err != nil {
		return err
	}
	if !want.MTime.IsZero() && n.Type != plan.Dir {
		n.MTime = want.MTime
	}
	return d.point()
}

// Adjust sets attributes one after the other.
func (d *Files) Adjust(name string, want plan.File) error {
	if err := d.point(); err != nil {
		return err
	}
	n := d.Tree[name]
	if n == nil {
		return notThere("change", name)
	}
	if n.Flags != 0 {
		n.Flags = 0
		if err := d.point(); err != nil {
			return err
		}
	}
	if err := d.attributes(n, want); err != nil {
		return err
	}
	n.Flags = want.Flags
	return d.point()
}

// Remove removes a file, symlink or empty directory.
func (d *Files) Remove(name string) error {
	if err := d.point(); err != nil {
		return err
	}
	if err := d.parent("remove", name); err != nil {
		return err
	}
	n := d.Tree[name]
	switch {
	case n == nil:
		return notThere("remove", name)
	case n.Flags != 0:
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.EPERM}
	case n.Type == plan.Dir && len(d.below(name)) > 0:
		return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
	}
	delete(d.Tree, name)
	return d.point()
}

func (d *Files) below(dir string) (names []string) {
	for name := range d.Tree {
		if strings.HasPrefix(name, dir+"/") {
			names = append(names, name)
		}
	}
	return names
}
