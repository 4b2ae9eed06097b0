package change

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/plan"
)

// Disk is the Files of a host.
type Disk struct{ tree *hostfs.Tree }

// NewDisk returns the files below a folder that is the host's "/".
func NewDisk(dir string) Disk { return Disk{hostfs.NewTree(dir)} }

// Observe describes what stands at a path.
func (d Disk) Observe(path string) (plan.File, error) {
	n, err := d.tree.Node(path)
	if err != nil {
		return plan.File{}, err
	}
	if n.Type == hostfs.Absent {
		return plan.File{Type: plan.Absent}, nil
	}
	if n.Mount {
		return plan.File{}, fmt.Errorf("%s has something mounted on it, which would hide the change; unmount it first", path)
	}
	f := plan.File{
		Type: plan.FileType(n.Type), Size: n.Size, Target: n.Target, Mode: n.Mode, UID: n.UID, GID: n.GID, Xattrs: n.Xattrs, Flags: n.Flags,
	}
	if n.Type != hostfs.Directory { // a folder's time and links change with what is in it
		f.MTime = n.MTime
	}
	if n.Type != hostfs.Regular {
		return f, nil
	}
	if n.Links > 1 {
		f.Links = n.Links
	}
	f.SHA256, f.Size, err = d.sum(path)
	return f, err
}

func (d Disk) sum(path string) (string, int64, error) {
	file, err := d.tree.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

// Read opens a regular file.
func (d Disk) Read(path string) (io.ReadCloser, error) { return d.tree.Open(path) }

// Names lists what is in a directory.
func (d Disk) Names(path string) ([]string, error) { return d.tree.Names(path) }

// Put makes a file, symlink or directory and renames it to its path.
func (d Disk) Put(path, temporary string, want plan.File, content io.Reader) error {
	return d.tree.Put(path, temporary, node(want), content)
}

// Adjust sets attributes.
func (d Disk) Adjust(path string, want plan.File) error { return d.tree.Adjust(path, node(want)) }

// Remove removes a file, symlink or empty directory.
func (d Disk) Remove(path string) error {
	err := d.tree.Remove(path)
	if errors.Is(err, fs.ErrExist) { // ENOTEMPTY
		return fmt.Errorf("%w; somebody put something into it", err)
	}
	return err
}

func node(f plan.File) hostfs.Node {
	return hostfs.Node{
		Type: hostfs.NodeType(f.Type), Target: f.Target, Mode: f.Mode, UID: f.UID, GID: f.GID, Xattrs: f.Xattrs, Flags: f.Flags, MTime: f.MTime,
	}
}

// Kernel is the Sysctls of the running host.
type Kernel struct{ dir string }

// NewKernel returns the kernel parameters below a folder, "/proc/sys".
func NewKernel(dir string) Kernel { return Kernel{dir} }

// file is where a parameter lies: dots are slashes, and slashes (in names of
// network interfaces) are dots. sysctl(8)
func (k Kernel) file(name string) string {
	return "/" + strings.NewReplacer(".", "/", "/", ".").Replace(name)
}

// Get reads a parameter without the blanks around it.
func (k Kernel) Get(name string) (string, error) {
	data, err := os.ReadFile(k.dir + k.file(name))
	if err != nil {
		return "", fmt.Errorf("cannot read kernel parameter %s: %w", name, err)
	}
	return strings.Join(strings.Fields(string(data)), " "), nil
}

// Set writes a parameter.
func (k Kernel) Set(name, value string) error {
	if err := hostfs.NewTree(k.dir).WriteKernel(k.file(name), value+"\n"); err != nil {
		return fmt.Errorf("cannot set kernel parameter %s: %w", name, err)
	}
	return nil
}

// BootID is the id of the running kernel's boot. random(4)
func BootID() (string, error) {
	data, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("cannot read boot id: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}
