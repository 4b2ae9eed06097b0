package repack_test

import (
	"archive/tar"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/patch/apt/repack"
)

const stanza = `Package: web
Status: install ok installed
Priority: optional
Installed-Size: 12
Maintainer: Someone <someone@example.org>
Architecture: amd64
Version: 1:2.3-4
Config-Version: 1:2.3-4
Depends: libc6 (>= 2.36)
Conffiles:
 /etc/web/web.conf ` + "%WEB%" + `
 /etc/web/old.conf 0123456789abcdef0123456789abcdef obsolete
Triggers-Awaited: man-db
Description: a server
 It serves.
 .
 And more.
Homepage: https://example.org
`

const control = `Package: web
Priority: optional
Installed-Size: 12
Maintainer: Someone <someone@example.org>
Architecture: amd64
Version: 1:2.3-4
Depends: libc6 (>= 2.36)
Description: a server
 It serves.
 .
 And more.
Homepage: https://example.org
`

// webHost has a package with one of everything, installed and not touched.
func webHost(t *testing.T) host {
	t.Helper()
	h := newHost(t)
	h.status("Package: web-doc\nStatus: install ok installed\nArchitecture: all\nVersion: 9\n")
	h.status(strings.ReplaceAll(stanza, "%WEB%", digest("shipped\n")))
	h.link("usr/lib", "/lib")
	h.write("/usr/lib/web/mod.so", "module", 0o644)
	h.write("/usr/bin/web", "program", 0o755)
	must(t, os.Chmod(h.at("/usr/bin/web"), 0o755|os.ModeSetuid))
	must(t, os.Link(h.at("/usr/bin/web"), h.at("/usr/bin/webd")))
	h.link("web", "/usr/bin/www")
	h.write("/etc/web/web.conf", "shipped\n", 0o640)
	h.write("/etc/web/old.conf", "old", 0o644)
	must(t, os.MkdirAll(h.at("/var/lib/web"), 0o755))
	must(t, os.Chmod(h.at("/var/lib/web"), 0o770|os.ModeSetgid))
	// The link stands before a file: a list that grew over time is in no order.
	h.list("/.", "/etc", "/etc/web", "/etc/web/web.conf", "/lib", "/lib/web", "/lib/web/mod.so", "/usr", "/usr/bin", "/usr/bin/web", "/usr/bin/www",
		"/usr/bin/webd", "/var", "/var/lib", "/var/lib/web", "/etc/web/old.conf")
	h.info("web.conffiles", "/etc/web/web.conf\n", 0o644)
	h.info("web.md5sums", digest("module")+"  lib/web/mod.so\n"+digest("program")+"  usr/bin/web\n"+digest("program")+"  usr/bin/webd\n", 0o644)
	h.info("web.postinst", "#!/bin/sh\n", 0o755)
	h.info("web.doc.postinst", "of another package", 0o755)
	h.info("web-doc.list", "/.\n", 0o644)
	return h
}

func TestArchive(t *testing.T) {
	h := webHost(t)
	d, report := h.repack("web", "amd64")
	want := repack.Report{Name: "web", Arch: "amd64", Version: "1:2.3-4", Obsolete: []string{"/etc/web/old.conf"}}
	if diff := cmp.Diff(want, report); diff != "" || !report.AsShipped() {
		t.Error(diff)
	}
	names := []string{"./", "./etc/", "./etc/web/", "./etc/web/web.conf", "./lib/", "./lib/web/", "./lib/web/mod.so", "./usr/", "./usr/bin/",
		"./usr/bin/web", "./usr/bin/webd", "./var/", "./var/lib/", "./var/lib/web/", "./usr/bin/www"}
	if diff := cmp.Diff(names, d.names()); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]tar.Header{
		"./lib/":             {Typeflag: tar.TypeDir, Mode: 0o755},
		"./lib/web/mod.so":   {Typeflag: tar.TypeReg, Mode: 0o644},
		"./usr/bin/web":      {Typeflag: tar.TypeReg, Mode: 0o4755},
		"./usr/bin/webd":     {Typeflag: tar.TypeLink, Mode: 0o4755, Linkname: "./usr/bin/web"},
		"./usr/bin/www":      {Typeflag: tar.TypeSymlink, Mode: 0o777, Linkname: "web"},
		"./etc/web/web.conf": {Typeflag: tar.TypeReg, Mode: 0o640},
		"./var/lib/web/":     {Typeflag: tar.TypeDir, Mode: 0o2770},
	} {
		i := find(t, d.data, name)
		if i.Typeflag != want.Typeflag || i.Mode != want.Mode || i.Linkname != want.Linkname {
			t.Errorf("%s is %c %o → %q", name, i.Typeflag, i.Mode, i.Linkname)
		}
		if i.Typeflag == tar.TypeReg && !i.ModTime.Equal(installed) {
			t.Errorf("%s is of %v", name, i.ModTime)
		}
		if i.Uid != os.Getuid() || i.Gid != os.Getgid() || i.Uname == "" || i.Gname == "" {
			t.Errorf("%s belongs to %d %q, %d %q", name, i.Uid, i.Uname, i.Gid, i.Gname)
		}
	}
	if body := find(t, d.data, "./usr/bin/web").body; body != "program" {
		t.Errorf("program %q", body)
	}
}

func TestControl(t *testing.T) {
	h := webHost(t)
	d, _ := h.repack("web", "")
	var names []string
	for _, i := range d.control {
		names = append(names, i.Name)
	}
	if diff := cmp.Diff([]string{"./", "./conffiles", "./control", "./md5sums", "./postinst"}, names); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(control, find(t, d.control, "./control").body); diff != "" {
		t.Error(diff)
	}
	if i := find(t, d.control, "./postinst"); i.Mode != 0o755 || i.body != "#!/bin/sh\n" || i.Uname != "root" {
		t.Errorf("postinst %o %q of %s", i.Mode, i.body, i.Uname)
	}
	must(t, os.Remove(h.at("/var/lib/dpkg/info/web.conffiles")))
	d, _ = h.repack("web", "")
	if body := find(t, d.control, "./conffiles").body; body != "/etc/web/web.conf\n" {
		t.Errorf("conffiles of the status: %q", body)
	}
}

func TestReportSaysWhatIsDifferent(t *testing.T) {
	h := webHost(t)
	h.write("/etc/web/web.conf", "changed\n", 0o640)
	h.write("/usr/lib/web/mod.so", "another", 0o644)
	h.write("/var/lib/web/new", "unknown", 0o644)
	h.list("/.", "/etc", "/etc/web", "/etc/web/web.conf", "/lib", "/lib/web", "/lib/web/mod.so", "/usr", "/usr/bin", "/usr/bin/web", "/usr/bin/gone",
		"/var", "/var/lib", "/var/lib/web", "/var/lib/web/new", "/usr/bin/web/below")
	want := repack.Report{
		Name: "web", Arch: "amd64", Version: "1:2.3-4", Missing: []string{"/usr/bin/gone", "/usr/bin/web/below"},
		Changed: []string{"/etc/web/web.conf"}, Altered: []string{"/lib/web/mod.so"}, Unchecked: []string{"/var/lib/web/new"},
	}
	d, report := h.repack("web", "amd64")
	if diff := cmp.Diff(want, report); diff != "" || report.AsShipped() {
		t.Error(diff)
	}
	if body := find(t, d.data, "./etc/web/web.conf").body; body != "changed\n" {
		t.Errorf("configuration %q", body)
	}
	d, report = h.repack("web", "amd64", repack.LeaveChanged)
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(strings.Join(d.names(), " "), "web.conf") || find(t, d.control, "./conffiles").body != "/etc/web/web.conf\n" {
		t.Errorf("the changed file was not left out, or from the list: %v", d.names())
	}
}

// A configuration file may be deleted, kept elsewhere, or stood for by nothing.
func TestConffilesOfTheAdministrator(t *testing.T) {
	const name = "/etc/web/web.conf"
	h := webHost(t)
	must(t, os.Remove(h.at(name)))
	_, report := h.repack("web", "")
	if diff := cmp.Diff([][]string{{name}, {name}}, [][]string{report.Missing, report.Deleted}); diff != "" {
		t.Error(diff)
	}
	h.write("/srv/web.conf", "mine\n", 0o600)
	h.link("/srv/web.conf", name)
	d, report := h.repack("web", "")
	if i := find(t, d.data, "."+name); i.Typeflag != tar.TypeReg || i.body != "mine\n" || i.Mode != 0o600 || len(report.Changed) != 1 {
		t.Errorf("a file kept elsewhere: %c %o %q, %v", i.Typeflag, i.Mode, i.body, report)
	}
	must(t, os.Remove(h.at(name)))
	must(t, os.Mkdir(h.at(name), 0o755))
	if _, report = h.repack("web", ""); len(report.Deleted) != 1 {
		t.Errorf("a folder instead: %+v", report)
	}
}

// A package that was installed without a configuration file has it in the list
// of those, and in no other.
func TestConffileThatIsNotListed(t *testing.T) {
	h := webHost(t)
	h.list("/.", "/etc", "/etc/web")
	h.info("web.conffiles", "/etc/web/web.conf\nremove-on-upgrade /etc/web/older.conf\n", 0o644)
	h.write("/etc/web/older.conf", "older", 0o644)
	d, _ := h.repack("web", "")
	if diff := cmp.Diff([]string{"./", "./etc/", "./etc/web/", "./etc/web/web.conf"}, d.names()); diff != "" {
		t.Error(diff)
	}
}

func TestDiversions(t *testing.T) {
	h := webHost(t)
	h.write("/usr/bin/web.real", "program", 0o755)
	h.write("/usr/bin/web", "wrapper", 0o755)
	h.write("/usr/lib/web/mod.so", "module", 0o644)
	h.write("/usr/lib/web/mod.so.distrib", "of another", 0o644)
	h.list("/.", "/lib", "/lib/web", "/lib/web/mod.so", "/usr", "/usr/bin", "/usr/bin/web")
	for by, want := range map[string]string{"other": "program", ":": "program", "web": "wrapper"} {
		h.write("/var/lib/dpkg/diversions", "/lib/web/mod.so\n/lib/web/mod.so.distrib\nweb\n/usr/bin/web\n/usr/bin/web.real\n"+by+"\n", 0o644)
		d, report := h.repack("web", "")
		if i := find(t, d.data, "./usr/bin/web"); i.body != want || (len(report.Altered) == 0) != (by != "web") {
			t.Errorf("diverted by %s: %q, %v", by, i.body, report.Altered)
		}
		if i := find(t, d.data, "./lib/web/mod.so"); i.body != "module" {
			t.Errorf("diverted by itself: %q", i.body)
		}
	}
}
