//go:build unix

package hostfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// hostile is a root whose symlinks try to leave it.
func hostile(t *testing.T) (*hostfs.Root, string) {
	t.Helper()
	base := t.TempDir()
	dir := filepath.Join(base, "root")
	must(t, os.MkdirAll(filepath.Join(dir, "etc"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "usr/lib"), 0o755))
	must(t, os.WriteFile(filepath.Join(base, "secret"), []byte("outside"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "secret"), []byte("inside"), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "usr/lib/os-release"), []byte("ID=x"), 0o600))
	for name, target := range map[string]string{
		"etc/os-release": "../usr/lib/os-release", "absolute": "/usr/lib/os-release", "lib": "/usr/lib", "up": "../secret",
		"far": "../../../../secret", "etc/up": "/../../secret", "loop": "loop", "a": "b", "b": "a", "dangling": "nowhere",
	} {
		must(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	root, err := hostfs.Open(dir)
	must(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return root, dir
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLinksStayInside(t *testing.T) {
	root, dir := hostile(t)
	for name, want := range map[string]string{
		"etc/os-release": "ID=x", "absolute": "ID=x", "lib/os-release": "ID=x", "up": "inside", "far": "inside", "etc/up": "inside",
	} {
		data, err := root.ReadFile(name)
		if err != nil || string(data) != want {
			t.Errorf("%s: read %q, %v; want %q", name, data, err, want)
		}
		path, err := root.RealPath(name)
		if err != nil || !strings.HasPrefix(path, dir+"/") {
			t.Errorf("%s leads to %s, %v", name, path, err)
		}
		if info, err := root.Stat(name); err != nil || info.Mode()&fs.ModeSymlink != 0 {
			t.Errorf("%s: stat %v", name, err)
		}
	}
	if target, err := fs.ReadLink(root, "absolute"); err != nil || target != "/usr/lib/os-release" {
		t.Errorf("readlink: %q, %v", target, err)
	}
}

func TestLoopsAndHolesAreErrors(t *testing.T) {
	root, _ := hostile(t)
	for _, name := range []string{"loop", "a", "dangling", "../secret", "/secret", ""} {
		if data, err := root.ReadFile(name); err == nil {
			t.Errorf("%q: read %q", name, data)
		}
		if _, err := root.Stat(name); err == nil {
			t.Errorf("%q: stat went well", name)
		}
	}
}

func TestPipesAreRefused(t *testing.T) {
	root, dir := hostile(t)
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	if _, err := root.ReadFile("pipe"); err == nil {
		t.Error("a pipe was read")
	}
}

func TestOpenSaysWhy(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	for dir, want := range map[string]string{"nowhere": "no such file", file: "not a directory"} {
		_, err := hostfs.Open(dir)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", dir, err)
		}
	}
}

func TestReadLimitedDoesNotCutShort(t *testing.T) {
	root, _ := hostile(t)
	if _, err := hostfs.ReadLimited(root, "secret", 5); err == nil {
		t.Error("a file over the limit was read")
	}
	if data, err := hostfs.ReadLimited(root, "secret", 6); err != nil || string(data) != "inside" {
		t.Errorf("got %q, %v", data, err)
	}
}

func TestReplaceKeepsTheOldFileOnError(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	must(t, hostfs.Replace(path, 0o640, func(w io.Writer) error { _, err := io.WriteString(w, "old"); return err }))
	broken := errors.New("broken")
	err := hostfs.Replace(path, 0o640, func(w io.Writer) error { _, _ = io.WriteString(w, "new"); return broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	data, err := os.ReadFile(path)
	must(t, err)
	entries, err := os.ReadDir(dir)
	must(t, err)
	info, err := os.Stat(path)
	must(t, err)
	if string(data) != "old" || len(entries) != 1 || info.Mode().Perm() != 0o640 {
		t.Errorf("left %q with %v, and %v", data, info.Mode(), entries)
	}
	if err := hostfs.Replace(dir, 0o600, func(io.Writer) error { return nil }); err == nil {
		t.Error("a directory was replaced")
	}
}

func TestMap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(path, []byte("content"), 0o600))
	data, unmap, err := hostfs.Map(path)
	must(t, err)
	if string(data) != "content" {
		t.Errorf("got %q", data)
	}
	must(t, unmap())
	must(t, os.WriteFile(path, nil, 0o600))
	data, unmap, err = hostfs.Map(path)
	must(t, err)
	if len(data) != 0 {
		t.Errorf("got %q", data)
	}
	must(t, unmap())
	if _, _, err := hostfs.Map(filepath.Dir(path)); err == nil {
		t.Error("a directory was mapped")
	}
}
