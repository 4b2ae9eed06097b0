package apt_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/apt"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/inventory"
)

const changelog = `a (3) bookworm-security; urgency=high

  * Fix CVE-2026-1111 and
    CVE-2025-2222 (Closes: #1)

 -- Some Body <body@debian.org>  Fri, 02 Oct 2026 10:00:00 +0200

a (2) bookworm-security; urgency=medium

  * CVE-2025-2222.

 -- Some Body <body@debian.org>  Thu, 01 Jan 2026 10:00:00 +0000

a (2~rc) bookworm; urgency=low, binary-only=yes

  * Nothing of weight.

 -- Some Body <body@debian.org>  Wed, 31 Dec 2025 10:00:00 +0000

a (1) unstable; urgency=low

  * CVE-2020-9999, long fixed.

 -- Some Body <body@debian.org>  Wed, 01 Jan 2020 10:00:00 +0000

Old versions: see elsewhere.
`

func everything(*apt.Entry) bool { return true }

func TestParseChangelog(t *testing.T) {
	got, err := apt.ParseChangelog("c", strings.NewReader(changelog), everything)
	if err != nil || len(got) != 4 {
		t.Fatalf("%+v %v", got, err)
	}
	want := apt.Entry{
		Source: "a", Version: "3", Distribution: "bookworm-security", Urgency: "high",
		CVEs: []string{"CVE-2025-2222", "CVE-2026-1111"}, Date: time.Date(2026, 10, 2, 8, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Error(diff)
	}
	for name, text := range map[string]string{
		"empty": "", "other text": "<html>not found</html>\n", "truncated": changelog[:100],
		"no trailer": "a (2) x; urgency=low\n\n  * y\n\na (1) x; urgency=low\n",
	} {
		if got, err := apt.ParseChangelog("c", strings.NewReader(text), everything); err == nil || !strings.HasPrefix(err.Error(), "c:") {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func FuzzParseChangelog(f *testing.F) {
	f.Add(changelog)
	f.Add("a (1) x; urgency=low\n -- A <b>  yesterday\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := apt.ParseChangelog("c", strings.NewReader(text), everything)
		if err == nil && len(entries) == 0 {
			t.Fatal("no entry and no error")
		}
		for _, e := range entries {
			if e.Version == "" || e.Source == "" {
				t.Fatalf("%+v", e)
			}
		}
	})
}

// deb builds a binary package.
func deb(tb testing.TB, compression string, files map[string]string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}); err != nil {
			tb.Fatal(err)
		}
		_, _ = w.Write([]byte(text))
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	data := compress(tb, compression, b.Bytes())
	var ar bytes.Buffer
	ar.WriteString("!<arch>\n")
	for _, m := range []struct {
		name string
		data []byte
	}{{"debian-binary", []byte("2.0\n")}, {"control.tar", []byte("odd")}, {"data.tar" + compression, data}} {
		fmt.Fprintf(&ar, "%-16s%-12d%-6d%-6d%-8s%-10d`\n", m.name, 0, 0, 0, "100644", len(m.data))
		ar.Write(m.data)
		if len(m.data)%2 == 1 {
			ar.WriteByte('\n')
		}
	}
	return ar.Bytes()
}

func compress(tb testing.TB, compression string, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	switch compression {
	case ".gz":
		return gzipped(tb, string(data))
	case ".xz":
		w, err := xz.NewWriter(&b)
		if err != nil {
			tb.Fatal(err)
		}
		_, _ = w.Write(data)
		_ = w.Close()
		return b.Bytes()
	case ".zst":
		w, err := zstd.NewWriter(&b)
		if err != nil {
			tb.Fatal(err)
		}
		_, _ = w.Write(data)
		_ = w.Close()
		return b.Bytes()
	}
	return data
}

func TestReadDeb(t *testing.T) {
	for _, compression := range []string{"", ".gz", ".xz", ".zst"} {
		for name, files := range map[string]map[string]string{
			"debian": {"./usr/bin/a": "x", "./usr/share/doc/a/changelog.Debian.gz": string(gzipped(t, changelog)), "./usr/share/doc/a/changelog.gz": string(gzipped(t, "upstream"))},
			"native": {"./usr/share/doc/a/changelog.gz": string(gzipped(t, changelog))},
			"plain":  {"./usr/share/doc/a/changelog.Debian": changelog, "./usr/share/doc/b/changelog.Debian": "b"},
		} {
			got, err := apt.ReadDeb(context.Background(), "d", "a", bytes.NewReader(deb(t, compression, files)))
			if err != nil || string(got) != changelog {
				t.Errorf("%s %s: %q %v", compression, name, got, err)
			}
		}
	}
	whole := deb(t, ".gz", map[string]string{"./x": strings.Repeat("y", 5000)})
	if got, err := apt.ReadDeb(context.Background(), "d", "a", bytes.NewReader(whole)); got != nil || err != nil {
		t.Errorf("%q %v", got, err)
	}
	for n := range len(whole) {
		if n%2 == 0 && n < len(whole)-16 {
			if _, err := apt.ReadDeb(context.Background(), "d", "a", bytes.NewReader(whole[:n])); err == nil {
				t.Fatalf("cut at %d of %d: no error", n, len(whole))
			}
		}
	}
}

func FuzzReadDeb(f *testing.F) {
	f.Add(deb(f, ".gz", map[string]string{"./usr/share/doc/a/changelog.Debian": changelog}))
	f.Add(deb(f, "", map[string]string{"./usr/share/doc/a/changelog.gz": string(gzipped(f, changelog))}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = apt.ReadDeb(context.Background(), "d", "a", bytes.NewReader(data))
	})
}

// pendingA is a host with a security update of a from 1 to 3.
func pendingA() *machine {
	m := debian(pkg("a", "1"), pkg("a-bin", "1:1"))
	m.inv.Packages[1].Source, m.inv.Packages[1].SourceVersion = "a", "1"
	m.main(stanza("b", "1"))
	m.security(stanza("a", "3"), stanza("a-bin", "1:3", "Source: a (3)"))
	return m
}

func wantChanges(t *testing.T, m *machine) {
	t.Helper()
	for _, name := range []string{"a", "a-bin"} {
		u := m.update(t, name)
		if diff := cmp.Diff([]string{"CVE-2025-2222", "CVE-2026-1111"}, u.IDs); diff != "" {
			t.Error(name, diff)
		}
		if u.DateFrom != "changelog of a 2" || u.Date.Format(time.DateOnly) != "2026-01-01" {
			t.Errorf("%s: the oldest missing fix dates the gap: %s %v", name, u.DateFrom, u.Date)
		}
	}
}

func TestChangelogOfDownloadedPackage(t *testing.T) {
	m := pendingA()
	m.fs["var/cache/apt/archives/a-bin_1%3a3_amd64.deb"] = &fstest.MapFile{Data: deb(t, ".xz", map[string]string{"./usr/share/doc/a-bin/changelog.Debian.gz": string(gzipped(t, changelog))})}
	wantStatus(t, m.look(t), inventory.Succeeded)
	wantChanges(t, m)
}

func TestChangelogOfDownloadedCandidate(t *testing.T) {
	m := pendingA()
	m.main(stanza("a", "4"))
	newer := "a (4) bookworm; urgency=low\n\n  * CVE-2026-4444\n\n -- Some Body <body@debian.org>  Fri, 02 Nov 2026 10:00:00 +0200\n\n" + changelog
	m.fs["var/cache/apt/archives/a_4_amd64.deb"] = &fstest.MapFile{Data: deb(t, ".zst", map[string]string{"./usr/share/doc/a/changelog.Debian": newer})}
	wantStatus(t, m.look(t), inventory.Succeeded)
	wantChanges(t, m)
}

func TestDamagedDownloadedPackageIsSaid(t *testing.T) {
	m := pendingA()
	m.fs["var/cache/apt/archives/a_3_amd64.deb"] = file("no package")
	wantStatus(t, m.look(t), inventory.Partial, "a_3_amd64.deb")
}

// runner answers apt-get.
type runner struct {
	result hostexec.Result
	err    error
	calls  []string
}

func (r *runner) Run(_ context.Context, cmd hostexec.Cmd) (hostexec.Result, error) {
	r.calls = append(r.calls, cmd.Name+" "+strings.Join(cmd.Args, " "))
	return r.result, r.err
}

func TestChangelogIsAskedForOnlyWhenWanted(t *testing.T) {
	r := &runner{result: hostexec.Result{Stdout: []byte(changelog)}}
	m := pendingA()
	wantStatus(t, m.look(t, func(h *collect.Host) { h.Exec = r }), inventory.Succeeded)
	if len(r.calls) != 0 {
		t.Errorf("%q", r.calls)
	}
	m = pendingA()
	wantStatus(t, m.look(t, func(h *collect.Host) { h.Exec, h.Changelogs = r, true }), inventory.Succeeded)
	wantChanges(t, m)
	if diff := cmp.Diff([]string{"apt-get -qq changelog a:amd64=3"}, r.calls); diff != "" {
		t.Error("once for each source", diff)
	}
}

func TestAskingEndsWithoutANetwork(t *testing.T) {
	r := &runner{result: hostexec.Result{Code: 100, Stderr: []byte("E: Could not resolve host")}}
	var pkgs []inventory.Package
	var fixes []string
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		pkgs = append(pkgs, pkg(name, "1"))
		fixes = append(fixes, stanza(name, "2"))
	}
	m := debian(pkgs...)
	m.main(stanza("x", "1"))
	m.security(fixes...)
	wantStatus(t, m.look(t, func(h *collect.Host) { h.Exec, h.Changelogs = r, true }), inventory.Partial, "3 failures in a row")
	if len(r.calls) != 3 || len(m.inv.Updates) != 6 {
		t.Errorf("%q", r.calls)
	}
}

func TestChangelogThatCannotBeHadIsSaid(t *testing.T) {
	for name, r := range map[string]*runner{
		"failed":      {result: hostexec.Result{Code: 100, Stderr: []byte("E: Changelog unavailable for a=3\nmore")}},
		"not started": {err: errors.New("cannot start apt-get")},
		"empty":       {},
		"too old":     {result: hostexec.Result{Stdout: []byte(changelog[strings.Index(changelog, "a (1)"):])}},
	} {
		t.Run(name, func(t *testing.T) {
			m := pendingA()
			status := m.look(t, func(h *collect.Host) { h.Exec, h.Changelogs = r, true })
			wantStatus(t, status, inventory.Partial, "cannot get the changelog of a")
			if u := m.update(t, "a"); !u.Security || len(u.IDs) != 0 {
				t.Errorf("%+v", u)
			}
		})
	}
}
