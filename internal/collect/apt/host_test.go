package apt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/pierrec/lz4/v4"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/apt"
	"github.com/lockfast/lockfast/internal/inventory"
)

const lists = "var/lib/apt/lists/"

// now is when the hosts of these tests are looked at.
func now() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }

// machine is a Debian 12 host made of files.
type machine struct {
	fs  fstest.MapFS
	inv *inventory.Inventory
}

func debian(packages ...inventory.Package) *machine {
	return &machine{
		fs: fstest.MapFS{
			"etc/apt/sources.list": file("# a comment\n" +
				"deb http://deb.example.org/debian bookworm main # inline\n" +
				"deb-src http://deb.example.org/debian bookworm main\n" +
				"deb [signed-by=/k.gpg] http://deb.example.org/debian-security bookworm-security main\n"),
		},
		inv: &inventory.Inventory{
			Arch: "amd64", Taken: now(), Packages: packages,
			Release: inventory.Release{ID: "debian", VersionID: "12", Codename: "bookworm"},
		},
	}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func pkg(name, version string) inventory.Package {
	return inventory.Package{
		Manager: inventory.Dpkg, Name: name, Version: version, Arch: "amd64", Source: name, SourceVersion: version,
		State: inventory.StateInstalled, Vendor: "Some Body <body@debian.org>",
	}
}

// suite adds a Release file and one list. head holds the Release's fields, ""
// for Debian's main and "security" for its security suite.
func (m *machine) suite(address, head, component string, stanzas ...string) {
	text := strings.Join(stanzas, "\n")
	stated := component + "/binary-amd64/Packages"
	name := strings.ReplaceAll(address, "/", "_")
	release := fmt.Sprintf("%s\nSHA256:\n %x %d %s\n", head, sha256.Sum256([]byte(text)), len(text), stated)
	m.fs[lists+name+"_InRelease"] = file("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + release + "-----BEGIN PGP SIGNATURE-----\n\nx\n-----END PGP SIGNATURE-----\n")
	m.fs[lists+name+"_"+strings.ReplaceAll(stated, "/", "_")] = file(text)
}

const (
	mainHead     = "Origin: Debian\nLabel: Debian\nSuite: oldstable\nVersion: 12.15\nCodename: bookworm\nDate: Sat, 11 Jul 2026 10:16:37 UTC\nArchitectures: all amd64\nNo-Support-for-Architecture-all: Packages"
	securityHead = "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nVersion: 12\nCodename: bookworm-security\nDate: Sat, 21 Nov 2026 00:53:02 UTC\nValid-Until: Sat, 28 Nov 2026 00:53:02 UTC\nArchitectures: amd64"
	backHead     = "Origin: Debian Backports\nLabel: Debian Backports\nSuite: oldstable-backports\nCodename: bookworm-backports\nDate: Sat, 21 Nov 2026 00:53:02 UTC\nNotAutomatic: yes\nButAutomaticUpgrades: yes"
	nginxHead    = "Origin: nginx\nLabel: nginx\nSuite: bookworm\nCodename: bookworm\nDate: Sat, 21 Nov 2026 00:53:02 UTC"

	mainAddress     = "deb.example.org/debian/dists/bookworm"
	securityAddress = "deb.example.org/debian-security/dists/bookworm-security"
)

func (m *machine) main(stanzas ...string) { m.suite(mainAddress, mainHead, "main", stanzas...) }
func (m *machine) security(stanzas ...string) {
	m.suite(securityAddress, securityHead, "main", stanzas...)
}

// stanza of a package; more are further lines of it.
func stanza(name, version string, more ...string) string {
	head := "Package: " + name + "\n"
	maintainer := "Maintainer: Some Body <body@debian.org>\n"
	for _, line := range more {
		if strings.HasPrefix(line, "Source:") {
			head += line + "\n"
			continue
		}
		if strings.HasPrefix(line, "Maintainer:") {
			maintainer = ""
		}
		maintainer += line + "\n"
	}
	return head + "Version: " + version + "\nArchitecture: amd64\n" + maintainer + "Description: text\n of it\n"
}

// look runs the collector.
func (m *machine) look(t *testing.T, change ...func(*collect.Host)) inventory.Status {
	t.Helper()
	host := collect.Host{FS: m.fs}
	for _, c := range change {
		c(&host)
	}
	return apt.New().Collect(context.Background(), host, m.inv)
}

func (m *machine) update(t *testing.T, name string) inventory.Update {
	t.Helper()
	for _, u := range m.inv.Updates {
		if u.Package == name {
			return u
		}
	}
	t.Fatalf("no update of %s among %+v", name, m.inv.Updates)
	return inventory.Update{}
}

func wantStatus(t *testing.T, got inventory.Status, outcome inventory.Outcome, words ...string) {
	t.Helper()
	if got.Outcome != outcome {
		t.Fatalf("outcome %d, want %d (%s)", got.Outcome, outcome, got.Reason)
	}
	for _, w := range words {
		if !strings.Contains(got.Reason, w) {
			t.Errorf("reason %q does not say %q", got.Reason, w)
		}
	}
}

func gzipped(tb testing.TB, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func lz4ed(tb testing.TB, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := lz4.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
