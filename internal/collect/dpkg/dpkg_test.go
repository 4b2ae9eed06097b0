package dpkg_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/dpkg"
	"github.com/lockfast/lockfast/internal/inventory"
)

const status = `Package: libssl3
Status: install ok installed
Priority: optional
Section: libs
Maintainer: Debian OpenSSL Team <x@alioth-lists.debian.net>
Architecture: amd64
Multi-Arch: same
Source: openssl (3.0.14-1~deb12u1)
Version: 3.0.14-1~deb12u1+b1
Description: Secure Sockets Layer toolkit
 with a second line
Homepage: https://www.openssl.org/

Package: nginx
Status: hold ok installed
Architecture: all
Version: 1.22.1-9

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1.0

Package: half
Status: install ok half-configured
Architecture: amd64
Version: 2.0
`

func files(extra ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i+1 < len(extra); i += 2 {
		m[extra[i]] = &fstest.MapFile{Data: []byte(extra[i+1])}
	}
	return m
}

func collected(m fstest.MapFS) ([]inventory.Package, inventory.Status) {
	inv := &inventory.Inventory{}
	s := dpkg.Collector{}.Collect(context.Background(), collect.Host{FS: m}, inv)
	return inv.Packages, s
}

func TestCollect(t *testing.T) {
	got, s := collected(files("var/lib/dpkg/status", status))
	if s.Outcome != inventory.Succeeded {
		t.Fatal(s)
	}
	want := []inventory.Package{
		{Manager: "dpkg", Name: "libssl3", Version: "3.0.14-1~deb12u1+b1", Arch: "amd64", Source: "openssl", SourceVersion: "3.0.14-1~deb12u1", State: inventory.StateInstalled, Vendor: "Debian OpenSSL Team <x@alioth-lists.debian.net>"},
		{Manager: "dpkg", Name: "nginx", Version: "1.22.1-9", Arch: "all", Source: "nginx", SourceVersion: "1.22.1-9", State: inventory.StateInstalled, Held: true},
		{Manager: "dpkg", Name: "gone", Version: "1.0", Arch: "amd64", Source: "gone", SourceVersion: "1.0", State: inventory.StateConfig},
		{Manager: "dpkg", Name: "half", Version: "2.0", Arch: "amd64", Source: "half", SourceVersion: "2.0", State: inventory.StateBroken},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestImagesWithoutDpkg(t *testing.T) {
	got, s := collected(files("var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\nArchitecture: all\n", "var/lib/dpkg/status.d/tzdata.md5sums", "not a stanza"))
	if s.Outcome != inventory.Succeeded || len(got) != 1 || got[0].State != inventory.StateInstalled {
		t.Errorf("got %v, %v", got, s)
	}
}

const stanza = "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n"

// A killed dpkg leaves its newest changes beside the status file.
func TestChangesNotYetWrittenBack(t *testing.T) {
	got, s := collected(files(
		"var/lib/dpkg/status", stanza+strings.ReplaceAll(stanza, "Package: a", "Package: b"),
		"var/lib/dpkg/updates/0000", strings.ReplaceAll(stanza, "ok installed", "ok unpacked"),
		"var/lib/dpkg/updates/0001", strings.ReplaceAll(stanza, "Version: 1", "Version: 2"),
		"var/lib/dpkg/updates/0002", strings.ReplaceAll(stanza, "Package: a", "Package: c"),
		"var/lib/dpkg/updates/tmp.i", "half a sta",
	))
	seen := ""
	for _, p := range got {
		seen += fmt.Sprintf("%s %s %d, ", p.Name, p.Version, p.State)
	}
	if s.Outcome != inventory.Succeeded || seen != "a 2 1, b 1 1, c 1 1, " {
		t.Errorf("got %s %v", seen, s)
	}
	got, s = collected(files("var/lib/dpkg/status", stanza, "var/lib/dpkg/updates/0000", "garbage\n"))
	if s.Outcome != inventory.Failed || !strings.Contains(s.Reason, "updates/0000:1") || got != nil {
		t.Errorf("damaged journal: got %v, %v", got, s)
	}
}

// Wherever a status file is cut inside a line, the answer is no list.
func TestCutShortIsSeen(t *testing.T) {
	for end := 1; end < len(status); end++ {
		if status[end-1] == '\n' {
			continue // a whole line less is not to be told from a file that dpkg wrote so
		}
		got, s := collected(files("var/lib/dpkg/status", status[:end]))
		if s.Outcome != inventory.Failed || !strings.Contains(s.Reason, "cut short") || got != nil {
			t.Fatalf("cut after %d bytes: got %v, %v", end, got, s)
		}
	}
}

func TestNoDpkgHere(t *testing.T) {
	if got, s := collected(files()); s.Outcome != inventory.NotApplicable || got != nil {
		t.Errorf("got %v, %v", got, s)
	}
}

func TestGarbageIsNeverSkipped(t *testing.T) {
	cases := map[string]string{
		"Package: a\nno field\nVersion: 1\n":                     "status:2",
		"Package: a\nStatus: install ok installed\n\n":           "no version",
		"Package: a\nStatus: install ok\nVersion: 1\n":           "three words",
		"Package: a\nStatus: install ok excellent\nVersion: 1\n": "none that dpkg knows",
		"Version: 1\nStatus: install ok installed\n":             "status:1: a package without a name",
		" goes on\n":                           "status:1",
		"Package: a\nVersion: 1\nVersion: 2\n": "twice",
		status + "\nPackage: b\nStatus: install ok installed\nVer": "status:31: the file is cut short",
	}
	for text, want := range cases {
		got, s := collected(files("var/lib/dpkg/status", text))
		if s.Outcome != inventory.Failed || !strings.Contains(s.Reason, want) || got != nil {
			t.Errorf("%q: got %v %q, want %q", text, s.Outcome, s.Reason, want)
		}
	}
}

func TestOwners(t *testing.T) {
	m := files(
		"var/lib/dpkg/info/libc6:amd64.list", "/.\n/lib/x86_64-linux-gnu/libc.so.6\n/usr/share/doc\n",
		"var/lib/dpkg/info/nginx.list", "/usr/sbin/nginx\n",
		"var/lib/dpkg/info/dash.list", "/bin/sh\n",
		"var/lib/dpkg/info/vim.list", "/usr/bin/view\n",
		"var/lib/dpkg/info/other.list", "/usr/bin/view\n",
		"var/lib/dpkg/diversions", "/usr/bin/view\n/usr/bin/view.real\nother\n",
	)
	got, err := dpkg.Collector{}.Owners(t.Context(), collect.Host{FS: m}, []string{
		"/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/sbin/nginx", "/usr/bin/sh", "/opt/x", "/usr/bin/view", "/usr/bin/view.real",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"/usr/lib/x86_64-linux-gnu/libc.so.6": "libc6", "/usr/sbin/nginx": "nginx", "/usr/bin/sh": "dash", "/usr/bin/view": "other", "/usr/bin/view.real": "vim"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The order in which the lists are read does not matter.
func TestDiversionByAnyName(t *testing.T) {
	for _, by := range []string{"a", "z"} {
		m := files("var/lib/dpkg/info/m.list", "/bin/view\n", "var/lib/dpkg/info/"+by+".list", "/bin/view\n", "var/lib/dpkg/diversions", "/bin/view\n/bin/view.real\n"+by+"\n")
		got, err := dpkg.Collector{}.Owners(t.Context(), collect.Host{FS: m}, []string{"/usr/bin/view", "/usr/bin/view.real"})
		if diff := cmp.Diff(map[string]string{"/usr/bin/view": by, "/usr/bin/view.real": "m"}, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
	local := files("var/lib/dpkg/info/m.list", "/bin/view\n", "var/lib/dpkg/diversions", "/bin/view\n/bin/view.real\n:\n")
	got, err := dpkg.Collector{}.Owners(t.Context(), collect.Host{FS: local}, []string{"/bin/view", "/bin/view.real"})
	if diff := cmp.Diff(map[string]string{"/bin/view.real": "m"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

const history = `2026-11-20 10:00:00 startup archives unpack
2026-11-20 10:00:01 upgrade libssl3:amd64 3.0.13-1 3.0.14-1
2026-11-20 10:00:01 status half-configured libssl3:amd64 3.0.13-1
2026-11-23 10:00:01 upgrade libssl3:amd64 3.0.14-1 3.0.15-1
2026-11-23 10:00:02 upgrade vim:amd64 1 2
2026-11-23 10:00:03 upgrade cut:amd64 1`

func TestLogTellsWhatRanBefore(t *testing.T) {
	inv := &inventory.Inventory{
		Packages: []inventory.Package{
			{Manager: inventory.Dpkg, Name: "libssl3", Version: "3.0.15-1", State: inventory.StateInstalled}, {Manager: inventory.Dpkg, Name: "vim", Version: "2", State: inventory.StateInstalled},
		},
		Processes: []inventory.Process{{PID: 1, Replaced: []inventory.Replaced{{Path: "/x", Package: "libssl3"}, {Path: "/y"}}}},
	}
	s := dpkg.Log{}.Collect(context.Background(), collect.Host{FS: files("var/log/dpkg.log", history)}, inv)
	if s.Outcome != inventory.Succeeded || inv.Packages[0].Previous != "3.0.14-1" || inv.Packages[1].Previous != "" {
		t.Errorf("got %v, %q, %q", s, inv.Packages[0].Previous, inv.Packages[1].Previous)
	}
}

func FuzzParseLog(f *testing.F) {
	f.Add([]byte(history))
	f.Fuzz(func(t *testing.T, data []byte) {
		dpkg.ParseLog(data, func(pkg, from string) {
			if from == "" {
				t.Errorf("an upgrade of %q from nothing", pkg)
			}
		})
	})
}

// Parsing finds as many packages as there are stanzas, or fails.
func FuzzParseStatus(f *testing.F) {
	f.Add([]byte(status))
	f.Add([]byte("Package: a\nVersion: 1\n\n\n\nPackage: b\nVersion: 2"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := dpkg.ParseStatus("status", data)
		if err != nil {
			return
		}
		for _, p := range list {
			if p.Name == "" || p.State.Present() && p.Version == "" {
				t.Errorf("accepted %+v", p)
			}
		}
		again := ""
		for _, p := range list {
			again += fmt.Sprintf("Package: %s\nVersion: %s\n\n", p.Name, p.Version)
		}
		if second, err := dpkg.ParseStatus("status", []byte(again)); err == nil && len(second) != len(list) {
			t.Errorf("%d packages, printed and read %d", len(list), len(second))
		}
	})
}

func BenchmarkParseStatus(b *testing.B) {
	var text strings.Builder
	for i := range 830 {
		fmt.Fprintf(&text, "Package: package%d\nStatus: install ok installed\nArchitecture: amd64\nSource: source%d\nVersion: 1.%d-1\nDescription: text\n%s\n", i, i/2, i, strings.Repeat(" more text that describes the package\n", 15))
	}
	data := []byte(text.String())
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if list, err := dpkg.ParseStatus("status", data); err != nil || len(list) != 830 {
			b.Fatal(len(list), err)
		}
	}
}
