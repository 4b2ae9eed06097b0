package apt_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect/apt"
)

func TestParseSources(t *testing.T) {
	list := "# deb http://off.example.org x y\n\n" +
		"deb [ arch=amd64,arm64 trusted=yes ] http://user:pass@a.example.org:8080/debian/ bookworm main contrib\n" +
		"deb\tfile:/srv/repo ./\n" +
		"deb cdrom:[Debian GNU/Linux 12]/ bookworm main\n"
	got, err := apt.ParseSources("/x.list", []byte(list))
	want := []apt.Source{
		{URI: "http://user:pass@a.example.org:8080/debian/", Suites: []string{"bookworm"}, Components: []string{"main", "contrib"}, Architectures: []string{"amd64", "arm64"}, Trusted: true, File: "/x.list", Line: 3},
		{URI: "file:/srv/repo", Suites: []string{"./"}, Components: []string{}, File: "/x.list", Line: 4},
		{URI: "cdrom:[Debian GNU/Linux 12]/", Suites: []string{"bookworm"}, Components: []string{"main"}, File: "/x.list", Line: 5},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	stanzas := "Types: deb\nURIs: http://a.example.org\n  http://b.example.org\nSuites: x\nComponents: main\n# a comment\nEnabled: yes\n\nEnabled: no\nTypes: deb\nURIs: http://off.example.org\nSuites: x\n\nTypes: deb-src\nURIs: u\nSuites: x\n"
	got, err = apt.ParseSources("/x.sources", []byte(stanzas))
	if err != nil || len(got) != 2 || got[1].URI != "http://b.example.org" || got[0].Line != 1 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestBadSourcesNameTheirLine(t *testing.T) {
	for name, text := range map[string]string{
		"/a.list":    "\nrpm http://x y z\n",
		"/b.list":    "\ndeb http://x.example.org\n",
		"/c.list":    "\ndeb [arch=amd64 http://x.example.org y z\n",
		"/d.sources": "\nTypes: deb\nSuites: x\n",
		"/e.sources": "\nURIs: http://x\nSuites: x\n",
		"/f.sources": "\n continued\n",
	} {
		if got, err := apt.ParseSources(name, []byte(text)); err == nil || !strings.Contains(err.Error(), name+":2:") {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func TestParseReleaseDashEscapes(t *testing.T) {
	r, err := apt.ParseRelease("r", []byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: X\n- -odd: field\nDate: Sat, 21 Nov 2026 00:53:02 +0100\nMD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 7 main/binary-amd64/Packages.xz\n d41d8cd98f00b204e9800998ecf8427e 7 main/source/Sources\n-----BEGIN PGP SIGNATURE-----\n"))
	if err != nil || r.Origin != "X" || r.Date.Hour() != 23 || len(r.Indexes) != 1 || r.Indexes["main/binary-amd64/Packages.xz"].Size != 7 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestBadReleasesNameTheirLine(t *testing.T) {
	for _, text := range []string{
		"Origin: x\nno field\n",
		"Origin: x\nDate: yesterday\n",
		"SHA256:\n zz 7 main/binary-amd64/Packages\n",
		"SHA256:\n d41d8cd98f00b204e9800998ecf8427ed41d8cd98f00b204e9800998ecf8427e -7 main/binary-amd64/Packages\n",
		"SHA256:\n d41d8c 7 main/binary-amd64/Packages\n",
	} {
		if r, err := apt.ParseRelease("r", []byte(text)); err == nil || !strings.HasPrefix(err.Error(), "r:2: ") {
			t.Errorf("%q: %+v %v", text, r, err)
		}
	}
	if _, err := apt.ParseRelease("r", nil); err == nil {
		t.Error("an empty Release file is no Release file")
	}
}

// wanted reads a Packages file and returns the versions of what is called a.
func wanted(r io.Reader) (versions []string, stanzas int, err error) {
	err = apt.ParsePackages("p", r, func(pkg, _ []byte) bool { stanzas++; return string(pkg) == "a" }, func(s apt.Stanza) error {
		versions = append(versions, string(s.Field("Version")))
		return nil
	})
	return versions, stanzas, err
}

func TestParsePackagesInAnyChunks(t *testing.T) {
	text := "\n\n" + stanza("a", "1") + "\n\n" + stanza("b", "1") + "\nVersion: 2\nPackage: a\n\n" + "Package: a\nLong: " + strings.Repeat("x", 600<<10) + "\nVersion: 3"
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(text + "\n"), "bytes": iotest.OneByteReader(strings.NewReader(text + "\n")),
		"with EOF": iotest.DataErrReader(strings.NewReader(text + "\n")), "halves": iotest.HalfReader(strings.NewReader(text + "\n")),
	} {
		versions, n, err := wanted(r)
		if diff := cmp.Diff([]string{"1", "2", "3"}, versions); diff != "" || n != 4 || err != nil {
			t.Error(name, n, err, diff)
		}
	}
	if _, _, err := wanted(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Error(err)
	}
	if _, _, err := wanted(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(text)))); !errors.Is(err, iotest.ErrTimeout) {
		t.Error(err)
	}
	if _, _, err := wanted(strings.NewReader(stanza("a", "1") + "\n\nVersion: 1\n\n")); err == nil || !strings.HasPrefix(err.Error(), "p:9: ") {
		t.Error(err)
	}
	if _, _, err := wanted(strings.NewReader("Package: a\n" + strings.Repeat("x", 9<<20))); err == nil {
		t.Error("a stanza without end is refused")
	}
}

func FuzzParsePackages(f *testing.F) {
	f.Add([]byte(stanza("a", "1") + "\n" + stanza("b", "2")))
	f.Add([]byte("\n\nPackage: a\n\n\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		versions, n, err := wanted(bytes.NewReader(data))
		versions2, n2, err2 := wanted(iotest.OneByteReader(bytes.NewReader(data)))
		if n != n2 || cmp.Diff(versions, versions2) != "" || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("depends on the size of reads: %v %v, %v %v", n, n2, err, err2)
		}
	})
}

func FuzzParseRelease(f *testing.F) {
	f.Add([]byte("Origin: Debian\nDate: Sat, 21 Nov 2026 00:53:02 UTC\nSHA256:\n d41d8cd98f00b204e9800998ecf8427ed41d8cd98f00b204e9800998ecf8427e 7 main/binary-amd64/Packages\n"))
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\n\nOrigin: x\n-----BEGIN PGP SIGNATURE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := apt.ParseRelease("r", data)
		for path, file := range r.Indexes {
			if err == nil && (file.Size < 0 || path == "") {
				t.Fatalf("%q %+v", path, file)
			}
		}
	})
}

func FuzzParseSources(f *testing.F) {
	f.Add("deb [arch=amd64] http://a.example.org/debian bookworm main\n", false)
	f.Add("Types: deb\nURIs: http://a.example.org\nSuites: x\n", true)
	f.Add("deb cdrom:[x y]/ a b", false)
	f.Fuzz(func(t *testing.T, text string, stanzas bool) {
		name := "x.list"
		if stanzas {
			name = "x.sources"
		}
		sources, err := apt.ParseSources(name, []byte(text))
		for _, s := range sources {
			if err == nil && (s.URI == "" || len(s.Suites) == 0 || s.Line < 1) {
				t.Fatalf("%+v", s)
			}
		}
	})
}

func FuzzParsePreferences(f *testing.F) {
	f.Add("Package: *\nPin: release a=stable, o=Debian\nPin-Priority: 900\n\nExplanation: x\nPackage: src:a /b/ c*\nPin: version 1.*\nPin-Priority: -1\n")
	f.Add("Package: a\nPin: origin \"\"\nPin-Priority: 1001\n")
	f.Fuzz(func(t *testing.T, text string) {
		pins, err := apt.ParsePreferences("p", []byte(text))
		for _, p := range pins {
			if err == nil && (p.Priority == 0 || len(p.Packages) == 0 || p.Kind == 0) {
				t.Fatalf("%+v", p)
			}
		}
	})
}
