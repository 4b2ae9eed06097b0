package hostfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// parent opens the folder of a path, without following any symlink on the way,
// and returns it with the path's last element.
func (t *Tree) parent(path string) (dir *os.File, base string, err error) {
	folders, base, err := split(path)
	if err != nil {
		return nil, "", err
	}
	fd, err := unix.Open(t.dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, "", &fs.PathError{Op: "open", Path: t.dir, Err: err}
	}
	for _, element := range folders {
		next, err := unix.Openat(fd, element, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		_ = unix.Close(fd)
		switch {
		case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENOTDIR):
			return nil, "", throughLink(path)
		case err != nil:
			return nil, "", &fs.PathError{Op: "open", Path: path, Err: err}
		}
		fd = next
	}
	return os.NewFile(uintptr(fd), filepath.Dir(path)), base, nil
}

// in runs do on the folder of a path and names the path in its error.
func (t *Tree) in(op, path string, do func(dir int, base string) error) error {
	dir, base, err := t.parent(path)
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if err := do(int(dir.Fd()), base); err != nil {
		return &fs.PathError{Op: op, Path: path, Err: reason(err)}
	}
	return nil
}

// Node describes what stands at a path; nothing there is a type, no error.
func (t *Tree) Node(path string) (Node, error) {
	n := Node{Type: Absent}
	err := t.in("look at", path, func(dir int, base string) (err error) {
		n, err = nodeAt(dir, base)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return Node{Type: Absent}, nil
	}
	return n, err
}

func nodeAt(dir int, base string) (Node, error) {
	var s unix.Statx_t
	if err := unix.Statx(dir, base, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &s); err != nil {
		return Node{}, err
	}
	n := Node{
		Mode: uint32(s.Mode) & 0o7777, UID: int(s.Uid), GID: int(s.Gid), Links: uint64(s.Nlink),
		MTime: time.Unix(s.Mtime.Sec, int64(s.Mtime.Nsec)).UTC(), Mount: s.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0,
	}
	switch s.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		n.Type, n.Size = Regular, int64(s.Size) //nolint:gosec // the kernel has no larger files
	case unix.S_IFDIR:
		n.Type = Directory
	case unix.S_IFLNK:
		n.Type = Symlink
		target, err := readlinkAt(dir, base, s.Size)
		if err != nil {
			return Node{}, err
		}
		n.Target, n.Mode = target, 0 // a symlink's mode means nothing
	default:
		return Node{}, errors.New("is a device, socket or pipe, which is never changed")
	}
	var err error
	if n.Type != Symlink {
		if n.Flags, err = flagsAt(dir, base); err != nil {
			return Node{}, err
		}
	}
	n.Xattrs, err = xattrs(dir, base)
	return n, err
}

func readlinkAt(dir int, base string, size uint64) (string, error) {
	buf := make([]byte, size+256)
	n, err := unix.Readlinkat(dir, base, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

func openAt(dir int, base string) (int, error) {
	return unix.Openat(dir, base, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
}

// flagsAt reads the flags that forbid changes; file systems without such flags
// have none.
func flagsAt(dir int, base string) (uint32, error) {
	fd, err := openAt(dir, base)
	if err != nil {
		return 0, err
	}
	defer func() { _ = unix.Close(fd) }()
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	switch {
	case errors.Is(err, unix.ENOTTY), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return 0, nil
	case err != nil:
		return 0, err
	}
	return flags & (FlagImmutable | FlagAppend), nil
}

func setFlagsAt(dir int, base string, want uint32) error {
	fd, err := openAt(dir, base)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	flags, err := unix.IoctlGetUint32(fd, unix.FS_IOC_GETFLAGS)
	if err != nil {
		return err
	}
	flags = flags&^(FlagImmutable|FlagAppend) | want
	return unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, int(flags))
}

// linkPath names an entry of an open folder for the calls that take no folder.
func linkPath(dir int, base string) string { return fmt.Sprintf("/proc/self/fd/%d/%s", dir, base) }

func xattrs(dir int, base string) (map[string][]byte, error) {
	path := linkPath(dir, base)
	names, err := sized(func(buf []byte) (int, error) { return unix.Llistxattr(path, buf) })
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("list extended attributes: %w", err)
	case len(names) == 0:
		return nil, nil
	}
	all := map[string][]byte{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		value, err := sized(func(buf []byte) (int, error) { return unix.Lgetxattr(path, name, buf) })
		if errors.Is(err, unix.ENODATA) {
			continue // an overlay lists what it does not have
		}
		if err != nil {
			return nil, fmt.Errorf("read extended attribute %s: %w", name, err)
		}
		all[name] = value
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

// sized calls get with a buffer that is large enough, however it grows.
func sized(get func([]byte) (int, error)) ([]byte, error) {
	for {
		n, err := get(nil)
		if err != nil || n == 0 {
			return nil, err
		}
		buf := make([]byte, n)
		n, err = get(buf)
		if errors.Is(err, unix.ERANGE) {
			continue
		}
		return buf[:max(n, 0)], err
	}
}

// Open opens a regular file for reading.
func (t *Tree) Open(path string) (*os.File, error) {
	var file *os.File
	err := t.in("open", path, func(dir int, base string) error {
		fd, err := openAt(dir, base)
		if err != nil {
			return err
		}
		file = os.NewFile(uintptr(fd), path)
		info, err := file.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("is not a file")
		}
		if err != nil {
			_ = file.Close()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return file, nil
}

// Names lists what is in a directory, sorted.
func (t *Tree) Names(path string) (names []string, err error) {
	err = t.in("list", path, func(dir int, base string) error {
		fd, err := unix.Openat(dir, base, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		folder := os.NewFile(uintptr(fd), base)
		defer func() { _ = folder.Close() }()
		names, err = folder.Readdirnames(-1)
		slices.Sort(names)
		return err
	})
	return names, err
}

// Put makes path be n: a file with this content, a symlink or a new directory.
// It is made complete under the name temporary in the same folder (which is
// removed first, if an earlier attempt left it), synced and renamed, so that at
// every moment the path is what it was or what it shall be. The folder is
// synced. A flag in n is set last.
func (t *Tree) Put(path, temporary string, n Node, content io.Reader) error {
	return t.in("write", path, func(dir int, base string) error {
		if err := removeAt(dir, temporary); err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("remove %s: %w", temporary, err)
		}
		if err := build(dir, temporary, n, content); err != nil {
			_ = removeAt(dir, temporary)
			return err
		}
		if err := unix.Renameat(dir, temporary, dir, base); err != nil {
			_ = removeAt(dir, temporary)
			return err
		}
		if n.Flags != 0 {
			if err := setFlagsAt(dir, base, n.Flags); err != nil {
				return err
			}
			if err := syncAt(dir, base, n.Type); err != nil {
				return err
			}
		}
		return unix.Fsync(dir)
	})
}

// build makes a name as n says, all but its flags, and syncs it.
func build(dir int, name string, n Node, content io.Reader) error {
	switch n.Type {
	case Regular:
		return makeFile(dir, name, n, content)
	case Symlink:
		if err := unix.Symlinkat(n.Target, dir, name); err != nil {
			return err
		}
	case Directory:
		if err := unix.Mkdirat(dir, name, 0o700); err != nil {
			return err
		}
	case Absent:
		return errors.New("internal error: absent cannot be made")
	}
	return attributes(dir, name, n)
}

func makeFile(dir int, name string, n Node, content io.Reader) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return err
	}
	file := os.NewFile(uintptr(fd), name)
	defer func() { _ = file.Close() }()
	if _, err := io.Copy(file, content); err != nil {
		return err
	}
	if err := attributes(dir, name, n); err != nil {
		return err
	}
	return file.Sync()
}

// attributes brings owner, mode, extended attributes and time to n, in the
// order in which none undoes another: a new owner clears setuid bits and
// capabilities, an ACL contains the mode's group bits.
func attributes(dir int, name string, n Node) error {
	var s unix.Statx_t
	if err := unix.Statx(dir, name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &s); err != nil {
		return err
	}
	if n.UID >= 0 && n.UID != int(s.Uid) || n.GID >= 0 && n.GID != int(s.Gid) {
		if err := unix.Fchownat(dir, name, n.UID, n.GID, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return fmt.Errorf("set owner: %w", err)
		}
	}
	if n.Type != Symlink {
		if err := chmodAt(dir, name, n.Mode); err != nil {
			return fmt.Errorf("set mode: %w", err)
		}
	}
	if err := setXattrs(dir, name, n.Xattrs); err != nil {
		return err
	}
	if n.MTime.IsZero() || n.Type == Directory {
		return nil
	}
	keep := unix.Timespec{Nsec: unix.UTIME_OMIT}
	mtime, err := unix.TimeToTimespec(n.MTime)
	if err != nil {
		return fmt.Errorf("set time: %w", err)
	}
	if err := unix.UtimesNanoAt(dir, name, []unix.Timespec{keep, mtime}, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return fmt.Errorf("set time: %w", err)
	}
	return nil
}

// chmodAt goes through an open file: fchmodat(2) would follow a symlink that
// somebody puts there meanwhile.
func chmodAt(dir int, name string, mode uint32) error {
	fd, err := openAt(dir, name)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.Fchmod(fd, mode)
}

// label is what the kernel's policy gives to every file by itself; removing it
// is an error.
const label = "security.selinux"

func setXattrs(dir int, name string, want map[string][]byte) error {
	have, err := xattrs(dir, name)
	if err != nil {
		return err
	}
	path := linkPath(dir, name)
	for x := range have {
		if _, keep := want[x]; keep || x == label {
			continue
		}
		if err := unix.Lremovexattr(path, x); err != nil && !errors.Is(err, unix.ENODATA) {
			return fmt.Errorf("remove extended attribute %s: %w", x, err)
		}
	}
	for x, value := range want {
		if old, ok := have[x]; ok && string(old) == string(value) {
			continue
		}
		if err := unix.Lsetxattr(path, x, value, 0); err != nil {
			return fmt.Errorf("set extended attribute %s: %w", x, err)
		}
	}
	return nil
}

// Adjust brings the attributes of what stands at path to n, one after the
// other; type and content stay. It can be run again after any interruption.
func (t *Tree) Adjust(path string, n Node) error {
	return t.in("change", path, func(dir int, base string) error {
		flags := uint32(0)
		if n.Type != Symlink {
			var err error
			if flags, err = flagsAt(dir, base); err != nil {
				return err
			}
			if flags != 0 {
				if err := setFlagsAt(dir, base, 0); err != nil {
					return err
				}
			}
		}
		if err := attributes(dir, base, n); err != nil {
			return err
		}
		if n.Flags != 0 {
			if err := setFlagsAt(dir, base, n.Flags); err != nil {
				return err
			}
		}
		return syncAt(dir, base, n.Type)
	})
}

func syncAt(dir int, base string, kind NodeType) error {
	if kind == Symlink {
		return unix.Fsync(dir)
	}
	fd, err := openAt(dir, base)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	return unix.Fsync(fd)
}

// Remove removes a file, symlink or empty directory, and syncs its folder.
// What is not there is an error that is fs.ErrNotExist.
func (t *Tree) Remove(path string) error {
	return t.in("remove", path, func(dir int, base string) error {
		if err := removeAt(dir, base); err != nil {
			return err
		}
		return unix.Fsync(dir)
	})
}

func removeAt(dir int, base string) error {
	err := unix.Unlinkat(dir, base, 0)
	if errors.Is(err, unix.EISDIR) || errors.Is(err, unix.EPERM) {
		if asDir := unix.Unlinkat(dir, base, unix.AT_REMOVEDIR); !errors.Is(asDir, unix.ENOTDIR) {
			return asDir
		}
	}
	return err
}

// WriteKernel writes a value to a file of the kernel's (below /proc/sys),
// which is not replaced but spoken to.
func (t *Tree) WriteKernel(path, value string) error {
	return t.in("write", path, func(dir int, base string) error {
		fd, err := unix.Openat(dir, base, unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		n, err := unix.Write(fd, []byte(value))
		if err == nil && n != len(value) {
			err = io.ErrShortWrite
		}
		return err
	})
}
