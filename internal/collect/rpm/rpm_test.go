package rpm_test

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/rpm"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostexec/hostexectest"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// value is one tagged value of a header under construction.
type value struct {
	tag, kind, count uint32
	data             []byte
}

func text(tag uint32, s string) value { return value{tag, 6, 1, append([]byte(s), 0)} }

func texts(tag uint32, list ...string) value {
	return value{tag, 8, uint32(len(list)), []byte(strings.Join(list, "\x00") + "\x00")}
}

func numbers(tag uint32, list ...uint32) value {
	var b bytes.Buffer
	_ = binary.Write(&b, binary.BigEndian, list)
	return value{tag, 4, uint32(len(list)), b.Bytes()}
}

// header encodes values as rpm's database keeps them.
func header(values ...value) []byte {
	var index, data bytes.Buffer
	for _, v := range values {
		for v.kind == 4 && data.Len()%4 != 0 {
			data.WriteByte(0)
		}
		_ = binary.Write(&index, binary.BigEndian, []uint32{v.tag, v.kind, uint32(data.Len()), v.count})
		data.Write(v.data)
	}
	var out bytes.Buffer
	_ = binary.Write(&out, binary.BigEndian, []uint32{uint32(len(values)), uint32(data.Len())})
	out.Write(index.Bytes())
	out.Write(data.Bytes())
	return out.Bytes()
}

func openssl() []byte {
	return header(text(1000, "openssl-libs"), text(1001, "3.0.7"), text(1002, "20.el9"), numbers(1003, 1), text(1022, "x86_64"), text(1044, "openssl-3.0.7-20.el9.src.rpm"), text(1011, "AlmaLinux"),
		texts(1118, "/usr/lib64/", "/etc/"), texts(1117, "libssl.so.3", "ssl.conf"), numbers(1116, 0, 1))
}

func nodejs() []byte {
	return header(text(1000, "nodejs"), text(1001, "18.1"), text(1002, "1.module_el8"), numbers(1003, 1), text(1022, "x86_64"), text(1044, "nodejs-18.1-1.module_el8.src.rpm"), text(5096, "nodejs:18:8090020240101:abcd"))
}

// database writes headers into a real rpmdb.sqlite below a root.
func database(t *testing.T, headers ...[]byte) *hostfs.Root {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "usr/lib/sysimage/rpm"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "var/lib"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/usr/lib/sysimage/rpm", filepath.Join(dir, "var/lib/rpm")); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "usr/lib/sysimage/rpm/rpmdb.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		if _, err := db.Exec("INSERT INTO Packages (blob) VALUES (?)", h); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	root, err := hostfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

var wantPackages = []inventory.Package{
	{Manager: "rpm", Name: "openssl-libs", Version: "1:3.0.7-20.el9", Arch: "x86_64", Source: "openssl", SourceVersion: "1:3.0.7-20.el9", Vendor: "AlmaLinux", State: inventory.StateInstalled},
	{Manager: "rpm", Name: "nodejs", Version: "1:18.1-1.module_el8", Arch: "x86_64", Source: "nodejs", SourceVersion: "1:18.1-1.module_el8", Module: "nodejs:18", State: inventory.StateInstalled},
}

func TestSQLiteUnderARoot(t *testing.T) {
	host := collect.Host{FS: database(t, openssl(), header(text(1000, "gpg-pubkey"), text(1001, "a"), text(1002, "b")), nodejs())}
	inv := &inventory.Inventory{}
	if s := (rpm.Collector{}).Collect(t.Context(), host, inv); s.Outcome != inventory.Succeeded {
		t.Fatal(s)
	}
	if diff := cmp.Diff(wantPackages, inv.Packages); diff != "" {
		t.Error(diff)
	}
	owner, err := rpm.Collector{}.Owners(t.Context(), host, []string{"/usr/lib64/libssl.so.3", "/etc/passwd"})
	if diff := cmp.Diff(map[string]string{"/usr/lib64/libssl.so.3": "openssl-libs"}, owner); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// Packages list /lib64/x where processes map /usr/lib64/x.
func TestOwnersUnderBothNames(t *testing.T) {
	glibc := header(text(1000, "glibc"), text(1001, "2.34"), text(1002, "1.el9"), texts(1118, "/lib64/"), texts(1117, "libc.so.6"), numbers(1116, 0))
	older := fstest.MapFS{"var/lib/rpm/Packages": {Data: []byte("bdb")}}
	fake := &hostexectest.Fake{Results: map[string]hostexec.Result{
		`rpm -qa --queryformat [%{=NAME}\t%{FILENAMES}\n]`: {Stdout: []byte("bash\t/usr/bin/bash\nodd\t/a\nfeed\nglibc\t/lib64/libc.so.6\n"), Stderr: []byte("warning: Found bdb_ro Packages database\n")},
	}}
	for name, host := range map[string]collect.Host{"sqlite": {FS: database(t, glibc)}, "rpm": {FS: older, Live: true, Exec: fake}} {
		owner, err := rpm.Collector{}.Owners(t.Context(), host, []string{"/usr/lib64/libc.so.6", "/lib64/libc.so.6", "/etc/passwd"})
		if diff := cmp.Diff(map[string]string{"/usr/lib64/libc.so.6": "glibc", "/lib64/libc.so.6": "glibc"}, owner); diff != "" || err != nil {
			t.Errorf("%s: %s %v", name, diff, err)
		}
	}
	if n := len(fake.Calls()); n != 1 {
		t.Errorf("rpm was run %d times", n)
	}
}

func TestDamagedDatabaseIsAFailure(t *testing.T) {
	good := openssl()
	for name, bad := range map[string][]byte{"cut short": good[:len(good)-30], "empty": {}, "nameless": header(text(1001, "1"), text(1002, "1")), "garbage": bytes.Repeat([]byte{0xff}, 64)} {
		inv := &inventory.Inventory{}
		s := rpm.Collector{}.Collect(t.Context(), collect.Host{FS: database(t, good, bad)}, inv)
		if s.Outcome != inventory.Failed || !strings.Contains(s.Reason, "package 2") || len(inv.Packages) > 0 {
			t.Errorf("%s: got %v %q", name, s.Outcome, s.Reason)
		}
	}
	root := database(t, good)
	path := filepath.Join(root.Dir(), "usr/lib/sysimage/rpm/rpmdb.sqlite")
	if err := os.WriteFile(path, []byte("this is no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := (rpm.Collector{}).Collect(t.Context(), collect.Host{FS: root}, &inventory.Inventory{}); s.Outcome != inventory.Failed {
		t.Errorf("no database at all: got %v", s)
	}
	if err := os.WriteFile(path+"-wal", []byte("pending"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s := (rpm.Collector{}).Collect(t.Context(), collect.Host{FS: root}, &inventory.Inventory{}); s.Outcome != inventory.Failed || !strings.Contains(s.Reason, "-wal") {
		t.Errorf("unwritten changes: got %v %q", s.Outcome, s.Reason)
	}
}

const queryLine = `rpm -qa --queryformat %{NAME}\t%{EPOCHNUM}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{SOURCERPM}\t%{MODULARITYLABEL}\t%{VENDOR}\n`

func TestLiveHostAsksRPM(t *testing.T) {
	out := "openssl-libs\t1\t3.0.7\t20.el9\tx86_64\topenssl-3.0.7-20.el9.src.rpm\t(none)\tAlmaLinux\n" +
		"gpg-pubkey\t0\tb86b3716\t61e69f29\t(none)\t(none)\t(none)\t(none)\n" +
		"nodejs\t1\t18.1\t1.module_el8\tx86_64\tnodejs-18.1-1.module_el8.src.rpm\tnodejs:18:8090020240101:abcd\t(none)\n"
	fake := &hostexectest.Fake{Results: map[string]hostexec.Result{queryLine: {Stdout: []byte(out)}}}
	inv := &inventory.Inventory{}
	host := collect.Host{FS: database(t), Live: true, Exec: fake}
	if s := (rpm.Collector{}).Collect(t.Context(), host, inv); s.Outcome != inventory.Succeeded {
		t.Fatal(s)
	}
	if diff := cmp.Diff(wantPackages, inv.Packages); diff != "" {
		t.Error(diff)
	}
	fake.Results[queryLine] = hostexec.Result{Stdout: []byte(out), Stderr: []byte("warning: Found bdb_ro Packages database while attempting sqlite backend: using bdb_ro backend.\n")}
	if s := (rpm.Collector{}).Collect(t.Context(), host, &inventory.Inventory{}); s.Outcome != inventory.Succeeded {
		t.Errorf("a warning: got %v", s)
	}
	for name, r := range map[string]hostexec.Result{
		"skipped":   {Stdout: []byte(out), Stderr: []byte("warning: x\nerror: rpmdb: damaged header #17 retrieved -- skipping.\n")},
		"exit code": {Code: 1, Stderr: []byte("error: cannot open\nmore")}, "complaint": {Stdout: []byte(out), Stderr: []byte("error: rpmdb damaged")}, "short line": {Stdout: []byte("a\tb\n")},
	} {
		fake.Results[queryLine] = r
		if s := (rpm.Collector{}).Collect(t.Context(), host, &inventory.Inventory{}); s.Outcome != inventory.Failed {
			t.Errorf("%s: got %v", name, s)
		}
	}
}

func TestOlderFormatWithoutRPMIsSaid(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "var/lib/rpm"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "var/lib/rpm/Packages"), []byte("bdb"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := hostfs.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	for name, c := range map[string]rpm.Collector{"no runner": {}, "not installed": {RPM: &hostexectest.Fake{}}} {
		s := c.Collect(t.Context(), collect.Host{FS: root}, &inventory.Inventory{})
		if s.Outcome != inventory.Failed || !strings.Contains(s.Reason, "older format") {
			t.Errorf("%s: got %v %q", name, s.Outcome, s.Reason)
		}
	}
}

func TestNoRPMHere(t *testing.T) {
	root, err := hostfs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if s := (rpm.Collector{}).Collect(t.Context(), collect.Host{FS: root}, &inventory.Inventory{}); s.Outcome != inventory.NotApplicable {
		t.Errorf("got %v", s)
	}
}

func FuzzHeader(f *testing.F) {
	f.Add(openssl())
	f.Add(nodejs())
	f.Add(header(texts(1117, "a", "b"), numbers(1116, 0), texts(1118, "/")))
	f.Fuzz(func(t *testing.T, blob []byte) {
		h, err := rpm.ParseHeader(blob)
		if err != nil {
			return
		}
		if p, err := h.Package(); err == nil && (p.Name == "" || p.Version == "") {
			t.Errorf("accepted %+v", p)
		}
	})
}

// Whatever rpm prints, a list is whole or there is none.
func FuzzQuery(f *testing.F) {
	f.Add([]byte("openssl-libs\t1\t3.0.7\t20.el9\tx86_64\topenssl-3.0.7-20.el9.src.rpm\t(none)\tAlmaLinux\n"))
	f.Add([]byte("a\t0\t1\t1\tnoarch\t(none)\tm:1:2:c\tv\nb\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		fake := &hostexectest.Fake{Results: map[string]hostexec.Result{queryLine: {Stdout: out}}}
		host := collect.Host{FS: fstest.MapFS{"var/lib/rpm/Packages": {Data: []byte("bdb")}}, Live: true, Exec: fake}
		inv := &inventory.Inventory{}
		s := rpm.Collector{}.Collect(t.Context(), host, inv)
		if s.Outcome != inventory.Succeeded && len(inv.Packages) > 0 {
			t.Errorf("%v with %d packages", s, len(inv.Packages))
		}
		for _, p := range inv.Packages {
			if p.Name == "" || p.Version == "" || p.Source == "" {
				t.Errorf("accepted %+v", p)
			}
		}
	})
}
