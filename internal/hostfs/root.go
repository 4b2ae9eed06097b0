package hostfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// maxLinks bounds how many symlinks one path may lead through, as the kernel
// does (path_resolution(7)).
const maxLinks = 40

// Root is a directory seen as a host's "/". Names are those of io/fs: slashes,
// no leading one. It is safe for concurrent use.
type Root struct {
	dir  string
	live bool // dir is "/": the kernel resolves names exactly so already
	root *os.Root
}

var (
	_ fs.ReadFileFS = (*Root)(nil)
	_ fs.ReadDirFS  = (*Root)(nil)
	_ fs.StatFS     = (*Root)(nil)
	_ fs.ReadLinkFS = (*Root)(nil)
)

// Open returns the root below dir, which must be a directory that can be read.
func Open(dir string) (*Root, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot look at root %s: %w", dir, reason(err))
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("cannot look at root %s: it is not a directory", dir)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot look at root %s: %w", dir, reason(err))
	}
	return &Root{dir: dir, live: filepath.Clean(dir) == "/", root: root}, nil
}

// reason is the cause of a path error, without the path that the caller names.
func reason(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// Dir is the directory given to [Open].
func (r *Root) Dir() string { return r.dir }

// Close releases the directory.
func (r *Root) Close() error { return r.root.Close() }

// resolve follows symlinks as in a chroot and returns a name without any,
// except for the last element if follow is false.
func (r *Root) resolve(op, name string, follow bool) (string, error) {
	if !fs.ValidPath(name) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if r.live {
		return name, nil
	}
	done := "."
	rest := name
	for links := 0; rest != "" && rest != "."; {
		element, after, _ := strings.Cut(rest, "/")
		rest = after
		switch element {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done) // of "." is ".": nothing is above the root
			continue
		}
		next := path.Join(done, element)
		if rest == "" && !follow {
			return next, nil
		}
		target, err := r.root.Readlink(next)
		if err != nil { // no link, or not there: what uses the name will say so
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", &fs.PathError{Op: op, Path: name, Err: errors.New("too many symbolic links")}
		}
		target = filepath.ToSlash(target)
		if strings.HasPrefix(target, "/") {
			done = "."
		}
		rest = strings.TrimPrefix(target, "/") + "/" + rest
	}
	return done, nil
}

// Open opens a file or directory for reading. Sockets, pipes and devices are
// refused: reading them could hang or have effects.
func (r *Root) Open(name string) (fs.File, error) {
	file, err := r.open(name)
	if err != nil {
		return nil, named(err, name)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = errors.New("is neither a file nor a directory")
	}
	if err != nil {
		_ = file.Close()
		return nil, &fs.PathError{Op: "open", Path: name, Err: reason(err)}
	}
	return file, nil
}

// open finds and opens a name by the fastest way that resolves it as in a
// chroot.
func (r *Root) open(name string) (*os.File, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	if r.live {
		return os.OpenFile("/"+name, os.O_RDONLY|nonBlock, 0)
	}
	if file, err := r.openInRoot(name); !errors.Is(err, errors.ErrUnsupported) {
		return file, err
	}
	clean, err := r.resolve("open", name, true)
	if err != nil {
		return nil, err
	}
	return r.root.OpenFile(clean, os.O_RDONLY|nonBlock, 0)
}

// ReadFile reads a whole file.
func (r *Root) ReadFile(name string) ([]byte, error) {
	file, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	size := int64(512)
	if info, err := file.Stat(); err == nil {
		size = max(size, info.Size()+1) // one more, to see the end without growing
	}
	data := make([]byte, 0, size)
	for {
		if len(data) == cap(data) {
			data = append(data, 0)[:len(data)]
		}
		n, err := file.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			return data, nil
		}
		if err != nil {
			return nil, named(err, name)
		}
	}
}

// ReadDir lists a directory, sorted by name.
func (r *Root) ReadDir(name string) ([]fs.DirEntry, error) {
	file, err := r.open(name)
	if err != nil {
		return nil, named(err, name)
	}
	defer func() { _ = file.Close() }()
	entries, err := file.ReadDir(-1)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, named(err, name)
}

// Stat describes what a name leads to.
func (r *Root) Stat(name string) (fs.FileInfo, error) {
	if r.live && fs.ValidPath(name) {
		info, err := os.Stat("/" + name)
		return info, named(err, name)
	}
	clean, err := r.resolve("stat", name, true)
	if err != nil {
		return nil, err
	}
	info, err := r.root.Lstat(clean)
	return info, named(err, name)
}

// Lstat describes a name itself, which may be a symlink.
func (r *Root) Lstat(name string) (fs.FileInfo, error) {
	if r.live && fs.ValidPath(name) {
		info, err := os.Lstat("/" + name)
		return info, named(err, name)
	}
	clean, err := r.resolve("lstat", name, false)
	if err != nil {
		return nil, err
	}
	info, err := r.root.Lstat(clean)
	return info, named(err, name)
}

// ReadLink returns where a symlink points, as it is written.
func (r *Root) ReadLink(name string) (string, error) {
	if r.live && fs.ValidPath(name) {
		target, err := os.Readlink("/" + name)
		return target, named(err, name)
	}
	clean, err := r.resolve("readlink", name, false)
	if err != nil {
		return "", err
	}
	target, err := r.root.Readlink(clean)
	return target, named(err, name)
}

// RealPath returns the path on this machine that a name leads to.
func (r *Root) RealPath(name string) (string, error) {
	clean, err := r.resolve("realpath", name, true)
	if err != nil {
		return "", err
	}
	if _, err := r.root.Lstat(clean); err != nil {
		return "", named(err, name)
	}
	return filepath.Join(r.dir, filepath.FromSlash(clean)), nil
}

// named puts the name that the caller used into a path error.
func named(err error, name string) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: p.Op, Path: name, Err: p.Err}
	}
	return err
}
