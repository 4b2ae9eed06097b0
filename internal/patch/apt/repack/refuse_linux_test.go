package repack_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch/apt/repack"
)

// refused returns why the package "web" cannot be repacked.
func refused(t *testing.T, root repack.Root) string {
	t.Helper()
	_, err := repack.Deb(root, "web", "", io.Discard)
	if err == nil {
		t.Fatal("it was repacked")
	}
	return err.Error()
}

func TestRefusals(t *testing.T) {
	const ok = "Package: web\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n"
	for want, change := range map[string]func(h host){
		"it is not installed":          func(h host) { h.status(strings.Replace(ok, "install ok installed", "deinstall ok config-files", 1)) },
		"dpkg --configure -a":          func(h host) { h.status(strings.Replace(ok, "installed", "half-configured", 1)) },
		"may be of two versions":       func(h host) { h.status(strings.Replace(ok, " ok ", " reinstreq ", 1)) },
		"several architectures":        func(h host) { h.status(ok); h.status(strings.Replace(ok, "amd64", "i386", 1)) },
		"status is cut short":          func(h host) { h.write("/var/lib/dpkg/status", ok+"Descr", 0o644) },
		"is no field":                  func(h host) { h.status(ok + "nonsense\n") },
		"no field came before":         func(h host) { h.write("/var/lib/dpkg/status", "\n x\n"+ok, 0o644) },
		"info/web.list is not there":   func(h host) { h.status(ok); must(h.t, os.Remove(h.at("/var/lib/dpkg/info/web.list"))) },
		`"usr", which is no path`:      func(h host) { h.status(ok); h.list("/.", "usr") },
		`"/../x", which is no path`:    func(h host) { h.status(ok); h.list("/../x") },
		"no groups of three":           func(h host) { h.status(ok); h.write("/var/lib/dpkg/diversions", "/usr/x\n", 0o644) },
		`diverted to "x", which is`:    func(h host) { h.status(ok); h.write("/var/lib/dpkg/diversions", "/usr/x\nx\n:\n", 0o644) },
		"/usr/x: it is a device":       func(h host) { h.status(ok); must(h.t, syscall.Mkfifo(h.at("/usr/x"), 0o600)) },
		"cannot read dpkg's status":    func(h host) { must(h.t, os.Remove(h.at("/var/lib/dpkg/status"))) },
		"cannot read dpkg's diversion": func(h host) { h.status(ok); must(h.t, os.Mkdir(h.at("/var/lib/dpkg/diversions"), 0o755)) },
		"the names of owners":          func(h host) { h.status(ok); must(h.t, os.Remove(h.at("/etc/group"))); h.link("group", "/etc/group") },
	} {
		h := newHost(t)
		must(t, os.Mkdir(h.at("/usr"), 0o755))
		h.list("/.", "/usr", "/usr/x")
		change(h)
		if got := refused(t, h.open()); !strings.Contains(got, want) || !strings.HasPrefix(got, "cannot repack web: ") {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// dpkg was killed: the newest state is in its journal.
func TestJournalCounts(t *testing.T) {
	h := newHost(t)
	h.status("Package: web\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n")
	h.list("/.")
	h.write("/var/lib/dpkg/updates/0001", "Package: web\nStatus: install ok half-configured\nVersion: 2\nArchitecture: amd64\n", 0o644)
	h.write("/var/lib/dpkg/updates/tmp.i", "Pack", 0o644)
	if got := refused(t, h.open()); !strings.Contains(got, "half-configured") {
		t.Errorf("got %q", got)
	}
	h.write("/var/lib/dpkg/updates/0002", "Package: web\nStatus: hold ok installed\nVersion: 2\nArchitecture: amd64\n", 0o644)
	if _, report := h.repack("web", "amd64"); report.Version != "2" {
		t.Errorf("got %+v", report)
	}
}

func TestArchitectures(t *testing.T) {
	h := newHost(t)
	for _, arch := range []string{"amd64", "i386"} {
		h.status("Package: lib1.2\nStatus: install ok installed\nVersion: 1\nArchitecture: " + arch + "\nMulti-Arch: same\n")
		h.info("lib1.2:"+arch+".list", "/.\n/lib-"+arch+"\n", 0o644)
		h.info("lib1.2:"+arch+".shlibs", arch, 0o644)
		h.write("/lib-"+arch, arch, 0o644)
	}
	h.info("lib1.2.shlibs", "of none", 0o644)
	for _, arch := range []string{"amd64", "i386"} {
		d, report := h.repack("lib1.2", arch)
		if find(t, d.control, "./shlibs").body != arch || find(t, d.data, "./lib-"+arch).body != arch || report.Arch != arch {
			t.Errorf("%s: got %+v", arch, report)
		}
	}
}

// altering changes a file between two readings, without its size.
type altering struct {
	*hostfs.Root
	path         string
	opened, from int
	content      string
}

func (a *altering) Open(name string) (fs.File, error) {
	if strings.HasSuffix(a.path, name) {
		if a.opened++; a.opened == a.from {
			if err := os.WriteFile(a.path, []byte(a.content), 0o600); err != nil {
				return nil, err
			}
		}
	}
	return a.Root.Open(name)
}

func TestFilesThatChangeAreErrors(t *testing.T) {
	for _, content := range []string{"same size", "short", "longer than it was"} {
		for from := 1; from <= 2; from++ {
			h := newHost(t)
			h.status("Package: web\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n")
			h.list("/.", "/file")
			h.write("/file", "SAME SIZE", 0o644)
			a := &altering{Root: h.open(), path: h.at("/file"), from: from, content: content}
			_, err := repack.Deb(a, "web", "", io.Discard)
			// Before the first reading, other content of the same size is what there is.
			if first := from == 1 && content == "same size"; (err == nil) != first || err != nil && !strings.Contains(err.Error(), "/file: it changed while it was read") {
				t.Errorf("%q at reading %d: got %v", content, from, err)
			}
		}
	}
}

// grown shows a file that grows behind its description.
type grown struct{ fs.File }

func (g grown) Read(p []byte) (int, error) { return min(len(p), 100), nil }

type growing struct{ *hostfs.Root }

func (g growing) Open(name string) (fs.File, error) {
	file, err := g.Root.Open(name)
	if name == "file" && err == nil {
		return grown{file}, nil
	}
	return file, err
}

func TestFilesThatGrowAreErrors(t *testing.T) {
	h := newHost(t)
	h.status("Package: web\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n")
	h.list("/.", "/file")
	h.write("/file", "a file", 0o644)
	if got := refused(t, growing{h.open()}); !strings.Contains(got, "it changed while it was read") {
		t.Errorf("got %q", got)
	}
}

// noLstat refuses to describe paths through absolute links, as a Root of "/" does.
type noLstat struct{ *hostfs.Root }

func (n noLstat) Lstat(name string) (fs.FileInfo, error) {
	if strings.HasPrefix(name, "data/") {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: errors.New("path escapes from parent")}
	}
	return n.Root.Lstat(name)
}

func TestPathsThroughAbsoluteLinks(t *testing.T) {
	h := newHost(t)
	h.status("Package: web\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n")
	h.list("/.", "/data", "/data/file", "/data/gone")
	h.write("/mnt/data/file", "content", 0o644)
	h.link("/mnt/data", "/data")
	var out bytes.Buffer
	report, err := repack.Deb(noLstat{h.open()}, "web", "", &out)
	must(t, err)
	d, err := readDeb(out.Bytes())
	must(t, err)
	if find(t, d.data, "./data/file").body != "content" || len(report.Missing) != 1 {
		t.Errorf("got %v, %+v", d.names(), report)
	}
	h.link("file", "/mnt/data/link")
	h.list("/data/link")
	if got := refused(t, noLstat{h.open()}); !strings.Contains(got, "/data/link: lstat") {
		t.Errorf("got %q", got)
	}
}

func TestWritersThatFail(t *testing.T) {
	h := webHost(t)
	var whole bytes.Buffer
	_, err := repack.Deb(h.open(), "web", "", &whole)
	must(t, err)
	root := h.open()
	for n := range whole.Len() {
		if _, err := repack.Deb(root, "web", "", &full{n}); !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("no room after %d bytes: got %v", n, err)
		}
	}
}

// full has room for so many bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, syscall.ENOSPC
	}
	return len(p), nil
}

func TestCapabilitiesAreReported(t *testing.T) {
	h := webHost(t)
	// cap_net_raw=ep, as setcap writes it
	data := []byte{1, 0, 0, 2, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	if err := unix.Setxattr(h.at("/usr/lib/web/mod.so"), "security.capability", data, 0); err != nil {
		t.Skipf("cannot set capabilities here: %v", err)
	}
	if _, report := h.repack("web", ""); len(report.Capabilities) != 1 || report.Capabilities[0] != "/lib/web/mod.so" {
		t.Errorf("got %+v", report)
	}
}
