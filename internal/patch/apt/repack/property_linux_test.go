package repack_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/patch/apt/repack"
)

// Every path of the list comes back with its mode, owner and bytes.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		h := newHost(t)
		h.status("Package: web\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n")
		names := tree(r, h)
		h.list(append([]string{"/."}, names...)...)
		var out bytes.Buffer
		report, err := repack.Deb(h.open(), "web", "", &out)
		if err != nil {
			r.Fatal(err)
		}
		d, err := readDeb(out.Bytes())
		if err != nil {
			r.Fatal(err)
		}
		if len(d.data) != len(names)+1 || len(report.Missing)+len(report.Altered) > 0 {
			r.Fatalf("%d paths gave %d, %+v", len(names), len(d.data), report)
		}
		bodies := map[string]string{}
		for _, i := range d.data {
			bodies[i.Name] = i.body
			if i.Typeflag == tar.TypeLink {
				bodies[i.Name] = bodies[i.Linkname]
			}
			if why := different(h, i, bodies[i.Name]); why != "" {
				r.Errorf("%s: %s", i.Name, why)
			}
		}
	})
}

// tree makes files, folders and links, and returns their paths.
func tree(r *rapid.T, h host) []string {
	element := rapid.StringMatching(`[a-zA-Zäöü0-9 =+:-]{1,90}`)
	folders, files, names := []string{""}, []string(nil), []string(nil)
	for range rapid.IntRange(0, 12).Draw(r, "paths") {
		name := rapid.SampledFrom(folders).Draw(r, "folder") + "/" + element.Draw(r, "name")
		if slices.Contains([]string{"/etc", "/var"}, name) || slices.Contains(names, name) {
			continue
		}
		bits := rapid.Uint32Range(0, 0o777).Draw(r, "mode")
		mode := fs.FileMode(bits) | rapid.SampledFrom([]fs.FileMode{0, fs.ModeSetuid, fs.ModeSetgid, fs.ModeSticky}).Draw(r, "flag")
		switch kind := rapid.IntRange(0, 3).Draw(r, "kind"); {
		case kind == 0:
			must(h.t, os.Mkdir(h.at(name), 0o700))
			must(h.t, os.Chmod(h.at(name), mode|0o700))
			folders = append(folders, name)
		case kind == 1:
			h.link(element.Draw(r, "target"), name)
		case kind == 2 && len(files) > 0:
			must(h.t, os.Link(h.at(rapid.SampledFrom(files).Draw(r, "other")), h.at(name)))
		default:
			h.write(name, strings.Repeat(element.Draw(r, "text"), rapid.SampledFrom([]int{0, 1, 7, 3000}).Draw(r, "times")), mode|0o400)
			files = append(files, name)
		}
		if os.Getuid() == 0 {
			id := rapid.SampledFrom([]int{0, 1, 65534, 3_000_000}).Draw(r, "owner")
			must(h.t, os.Lchown(h.at(name), id, id/2))
			info, err := os.Lstat(h.at(name))
			must(h.t, err)
			if info.Mode()&fs.ModeSymlink == 0 {
				must(h.t, os.Chmod(h.at(name), info.Mode()|mode)) // chown takes setuid away
			}
		}
		names = append(names, name)
	}
	return names
}

// different compares an entry with what is on disk.
func different(h host, i item, body string) string {
	path := h.at(strings.TrimSuffix(strings.TrimPrefix(i.Name, "."), "/"))
	info, err := os.Lstat(path)
	if err != nil {
		return err.Error()
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "no owner"
	}
	if i.Uid != int(stat.Uid) || i.Gid != int(stat.Gid) || i.ModTime.Unix() != stat.Mtim.Sec || uint32(i.Mode) != stat.Mode&0o7777 {
		return fmt.Sprintf("%d:%d %o %v, on disk %d:%d %o", i.Uid, i.Gid, i.Mode, i.ModTime, stat.Uid, stat.Gid, stat.Mode)
	}
	switch i.Typeflag {
	case tar.TypeDir:
		if !info.IsDir() {
			return "no folder"
		}
	case tar.TypeSymlink:
		if target, err := os.Readlink(path); err != nil || target != i.Linkname {
			return fmt.Sprintf("leads to %q, on disk %q, %v", i.Linkname, target, err)
		}
	case tar.TypeReg, tar.TypeLink:
		if data, err := os.ReadFile(path); err != nil || string(data) != body {
			return fmt.Sprintf("other content of %d bytes, %v", len(body), err)
		}
	default:
		return fmt.Sprintf("is of type %c", i.Typeflag)
	}
	return ""
}

// Whatever dpkg's files say, the answer is an error or an archive without the
// fields that dpkg refuses in one.
func FuzzDatabase(f *testing.F) {
	f.Add("Package: web\nStatus: install ok installed\nVersion: 1\nConffiles:\n /etc/passwd 0123456789abcdef0123456789abcdef\n", "/.\n/etc\n/etc/passwd\n", "/etc/passwd\n/etc/group\n:\n", "/etc/x\n")
	f.Fuzz(func(t *testing.T, status, list, diversions, conffiles string) {
		h := newHost(t)
		h.write("/var/lib/dpkg/status", status, 0o644)
		h.write("/var/lib/dpkg/diversions", diversions, 0o644)
		h.info("web.list", list, 0o644)
		h.info("web.conffiles", conffiles, 0o644)
		var out bytes.Buffer
		if _, err := repack.Deb(h.open(), "web", "", &out); err != nil {
			return
		}
		d, err := readDeb(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(find(t, d.control, "./control").body) {
			if strings.HasPrefix(line, "Status:") || strings.HasPrefix(line, "Conffiles:") {
				t.Errorf("the control file has the line %q", line)
			}
		}
		for _, i := range d.data {
			if !strings.HasPrefix(i.Name, "./") || strings.Contains(i.Name, "/../") {
				t.Errorf("the archive has %q", i.Name)
			}
		}
	})
}
