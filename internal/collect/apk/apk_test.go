package apk_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/apk"
	"github.com/lockfast/lockfast/internal/inventory"
)

const database = `C:Q1abc=
P:libcrypto3
V:3.3.1-r0
A:x86_64
S:1700000
o:openssl
m:Somebody <x@alpinelinux.org>
F:usr/lib
R:libcrypto.so.3
a:0:0:755
Z:Q1xyz=

P:busybox
V:1.36.1-r29
A:x86_64
f:s
F:bin
R:busybox
`

func TestCollect(t *testing.T) {
	for _, place := range []string{"lib/apk/db/installed", "usr/lib/apk/db/installed"} {
		inv := &inventory.Inventory{}
		host := collect.Host{FS: fstest.MapFS{place: {Data: []byte(database)}}}
		if s := (apk.Collector{}).Collect(t.Context(), host, inv); s.Outcome != inventory.Succeeded {
			t.Fatal(s)
		}
		want := []inventory.Package{
			{Manager: "apk", Name: "libcrypto3", Version: "3.3.1-r0", Arch: "x86_64", Source: "openssl", SourceVersion: "3.3.1-r0", State: inventory.StateInstalled, Vendor: "Somebody <x@alpinelinux.org>"},
			{Manager: "apk", Name: "busybox", Version: "1.36.1-r29", Arch: "x86_64", Source: "busybox", SourceVersion: "1.36.1-r29", State: inventory.StateBroken},
		}
		if diff := cmp.Diff(want, inv.Packages); diff != "" {
			t.Error(diff)
		}
		owner, err := apk.Collector{}.Owners(t.Context(), host, []string{"/usr/lib/libcrypto.so.3", "/bin/busybox", "/usr/bin/busybox", "/bin/sh"})
		if diff := cmp.Diff(map[string]string{"/usr/lib/libcrypto.so.3": "libcrypto3", "/bin/busybox": "busybox", "/usr/bin/busybox": "busybox"}, owner); diff != "" || err != nil {
			t.Error(diff, err)
		}
	}
}

func TestGarbageAndAbsence(t *testing.T) {
	for text, want := range map[string]string{"P:a\nV:1\n\ngarbage\n": ":4", "P:a\nA:x\n": ":1: a package without", "V:1\n": "without name", "P:a\nV:1\n\nP:b\nV:1.": ":5: the file is cut short"} {
		inv := &inventory.Inventory{}
		s := apk.Collector{}.Collect(t.Context(), collect.Host{FS: fstest.MapFS{"lib/apk/db/installed": {Data: []byte(text)}}}, inv)
		if s.Outcome != inventory.Failed || !strings.Contains(s.Reason, want) || len(inv.Packages) > 0 {
			t.Errorf("%q: got %v %q", text, s.Outcome, s.Reason)
		}
	}
	if s := (apk.Collector{}).Collect(t.Context(), collect.Host{FS: fstest.MapFS{}}, &inventory.Inventory{}); s.Outcome != inventory.NotApplicable {
		t.Errorf("got %v", s)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(database))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := apk.Parse("installed", data)
		for _, p := range list {
			if err == nil && (p.Name == "" || p.Version == "" || p.Source == "") {
				t.Errorf("accepted %+v", p)
			}
		}
	})
}
