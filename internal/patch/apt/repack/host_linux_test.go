package repack_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch/apt/repack"
)

// installed is when everything on the hosts of these tests was installed.
var installed = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// host is a root with a package database.
type host struct {
	t   *testing.T
	dir string
}

func newHost(t *testing.T) host {
	t.Helper()
	h := host{t, t.TempDir()}
	h.write("/var/lib/dpkg/status", "", 0o644)
	must(t, os.MkdirAll(h.at("/var/lib/dpkg/info"), 0o755))
	h.write("/etc/passwd", fmt.Sprintf("root:x:0:0::/root:/bin/sh\nme:x:%d:%d::/:/bin/sh\n", os.Getuid(), os.Getgid()), 0o644)
	h.write("/etc/group", fmt.Sprintf("root:x:0:\nours:x:%d:\n", os.Getgid()), 0o644)
	return h
}

func (h host) at(path string) string { return filepath.Join(h.dir, path) }

// write makes a file, and the folders above it.
func (h host) write(path, text string, mode os.FileMode) {
	h.t.Helper()
	must(h.t, os.MkdirAll(filepath.Dir(h.at(path)), 0o755))
	must(h.t, os.WriteFile(h.at(path), []byte(text), 0o600))
	must(h.t, os.Chmod(h.at(path), mode))
	must(h.t, os.Chtimes(h.at(path), installed, installed.Add(time.Millisecond)))
}

func (h host) link(target, path string) {
	h.t.Helper()
	must(h.t, os.MkdirAll(filepath.Dir(h.at(path)), 0o755))
	must(h.t, os.Symlink(target, h.at(path)))
}

// status adds a stanza.
func (h host) status(text string) {
	h.t.Helper()
	old, err := os.ReadFile(h.at("/var/lib/dpkg/status"))
	must(h.t, err)
	h.write("/var/lib/dpkg/status", string(old)+text+"\n", 0o644)
}

// list writes the list of files of the package "web".
func (h host) list(names ...string) {
	h.t.Helper()
	h.info("web.list", strings.Join(names, "\n")+"\n", 0o644)
}

func (h host) info(name, text string, mode os.FileMode) {
	h.t.Helper()
	h.write("/var/lib/dpkg/info/"+name, text, mode)
}

func (h host) open() *hostfs.Root {
	h.t.Helper()
	root, err := hostfs.Open(h.dir)
	must(h.t, err)
	h.t.Cleanup(func() { must(h.t, root.Close()) })
	return root
}

// repack writes the archive of a package, and reads it.
func (h host) repack(pkg, arch string, options ...repack.Option) (deb, repack.Report) {
	h.t.Helper()
	var out, again bytes.Buffer
	report, err := repack.Deb(h.open(), pkg, arch, &out, options...)
	must(h.t, err)
	if _, err := repack.Deb(h.open(), pkg, arch, &again, options...); err != nil || !bytes.Equal(out.Bytes(), again.Bytes()) {
		h.t.Errorf("the same package gives another archive: %v", err)
	}
	d, err := readDeb(out.Bytes())
	must(h.t, err)
	return d, report
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func digest(text string) string { return fmt.Sprintf("%x", md5.Sum([]byte(text))) }

// item is one entry of a tar archive.
type item struct {
	*tar.Header
	body string
}

// deb is an archive as read back.
type deb struct{ control, data []item }

func (d deb) names() []string {
	var names []string
	for _, i := range d.data {
		names = append(names, i.Name)
	}
	return names
}

func find(t *testing.T, items []item, name string) item {
	t.Helper()
	i := slices.IndexFunc(items, func(i item) bool { return i.Name == name })
	if i < 0 {
		t.Fatalf("%s is not in the archive", name)
	}
	return items[i]
}

// readDeb reads an archive strictly: the members of deb(5) and nothing else.
func readDeb(data []byte) (d deb, err error) {
	data, ok := bytes.CutPrefix(data, []byte("!<arch>\n"))
	if !ok {
		return d, errors.New("no ar archive")
	}
	for _, name := range []string{"debian-binary", "control.tar.gz", "data.tar.gz"} {
		if len(data) < 60 || strings.TrimRight(string(data[:16]), " ") != name || string(data[58:60]) != "`\n" {
			return d, fmt.Errorf("%q is not the header of %s", data[:min(60, len(data))], name)
		}
		size, err := strconv.Atoi(strings.TrimRight(string(data[48:58]), " "))
		if err != nil || len(data) < 60+size+size%2 {
			return d, fmt.Errorf("%s: size %q: %v", name, data[48:58], err)
		}
		body := data[60 : 60+size]
		data = data[60+size+size%2:]
		switch name {
		case "debian-binary":
			if string(body) != "2.0\n" {
				return d, fmt.Errorf("format %q", body)
			}
		case "control.tar.gz":
			d.control, err = readTar(body)
		case "data.tar.gz":
			d.data, err = readTar(body)
		}
		if err != nil {
			return d, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(data) > 0 {
		return d, fmt.Errorf("%d bytes behind the archive", len(data))
	}
	return d, nil
}

func readTar(data []byte) (list []item, err error) {
	gz, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	for archive := tar.NewReader(gz); ; {
		head, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		body, err := io.ReadAll(archive)
		if err != nil {
			return nil, err
		}
		if head.Format != tar.FormatGNU {
			return nil, fmt.Errorf("%s is in format %v", head.Name, head.Format)
		}
		list = append(list, item{head, string(body)})
	}
}
