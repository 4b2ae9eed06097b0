package apt_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/apt"
)

func captured(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func TestParseSimulation(t *testing.T) {
	for name, want := range map[string][]patch.Change{
		"simulate-multiarch.txt": {
			{Name: "oldmta", Arch: "i386", From: "0.9"},
			{Name: "bind9-libs", Arch: "amd64", To: "1:9.18.33-1", Archive: "localhost"},
			{Name: "bind9", Arch: "amd64", From: "1:9.18.28-1", To: "1:9.18.33-1", Archive: "localhost"},
			{Name: "g++", Arch: "amd64", From: "4:12.2.0-1", To: "4:12.2.0-3", Archive: "localhost"},
			{Name: "libssl3", Arch: "amd64", From: "3.0.15-1", To: "3.0.16-1", Archive: "localhost"},
			{Name: "libssl3", Arch: "i386", From: "3.0.15-1", To: "3.0.16-1", Archive: "localhost"},
			{Name: "mta", Arch: "all", From: "1.0", To: "2.0", Archive: "localhost"},
			{Name: "solo", Arch: "i386", From: "1.0", To: "2.0", Archive: "localhost"},
		},
		"purge.txt": {{Name: "mta", From: "1.0"}, {Name: "oldmta", Arch: "i386", From: "0.9"}},
	} {
		got, err := apt.ParseSimulation(captured(t, name))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestParseSimulationOfAHost(t *testing.T) {
	got, err := apt.ParseSimulation(captured(t, "simulate.txt"))
	if err != nil || len(got) != 20 {
		t.Fatalf("%d changes, %v", len(got), err)
	}
	const security = "Debian-Security:12/oldstable-security"
	for i, want := range map[int]patch.Change{
		0:  {Name: "tzdata", Arch: "all", From: "2025b-0+deb12u2", To: "2026f-0+deb12u1", Archive: security},
		1:  {Name: "libuv1", Arch: "amd64", To: "1.44.2-1+deb12u1", Archive: "Debian:12.15/oldstable, " + security},
		7:  {Name: "libssl-dev", Arch: "amd64", From: "3.0.19-1~deb12u2", To: "3.0.22-1~deb12u2", Archive: security},
		10: {Name: "bind9-host", Arch: "amd64", To: "1:9.18.49-1~deb12u3", Archive: security},
	} {
		if got[i] != want {
			t.Errorf("%d: %+v, want %+v", i, got[i], want)
		}
	}
}

func TestParseSimulationRefusesBrokenLines(t *testing.T) {
	for _, line := range []string{
		"Inst", "Inst ", "Inst curl", "Inst curl [1]", "Inst curl [1] (2", "Inst curl [1] (2 Debian:12 amd64)", "Inst curl [1 (2 Debian [amd64])",
		"Remv", "Remv curl", "Remv curl 7.88", "Purg curl [", "Remv  [1]",
	} {
		if got, err := apt.ParseSimulation([]byte("Reading package lists...\n" + line + "\n")); err == nil || !strings.Contains(err.Error(), line) {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
	got, err := apt.ParseSimulation([]byte("Conf curl (2 Debian:12 [amd64])\nInstalled nothing\nRemvoved\n\n"))
	if got != nil || err != nil {
		t.Errorf("words for people: %+v, %v", got, err)
	}
}

func TestParseURIs(t *testing.T) {
	got, err := apt.ParseURIs(captured(t, "uris-file.txt"))
	const archive = "file:/tmp/apttest/m/repo/."
	want := []patch.Change{
		{Name: "bind9-libs", Arch: "amd64", To: "1:9.18.33-1", Archive: archive, Size: 1000},
		{Name: "bind9", Arch: "amd64", To: "1:9.18.33-1", Archive: archive, Size: 1000},
		{Name: "g++", Arch: "amd64", To: "4:12.2.0-3", Archive: archive, Size: 1000},
		{Name: "libssl3", Arch: "i386", To: "3.0.16-1", Archive: archive, Size: 1000},
		{Name: "libssl3", Arch: "amd64", To: "3.0.16-1", Archive: archive, Size: 1000},
		{Name: "solo", Arch: "i386", To: "2.0", Archive: archive, Size: 1000},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	places, err := apt.ParsePlaces(captured(t, "uris-file.txt"))
	if err != nil || len(places) != 6 || places[2] != archive+"/pool/g%2b%2b_12.2.0-3_amd64.deb" {
		t.Errorf("%q, %v", places, err)
	}
	got, err = apt.ParseURIs(captured(t, "uris.txt"))
	if err != nil || len(got) != 14 {
		t.Fatalf("%d files, %v", len(got), err)
	}
	for i, want := range map[int]patch.Change{
		0: {Name: "base-files", Arch: "amd64", To: "12.4+deb12u15", Archive: "http://deb.debian.org/debian", Size: 70936},
		1: {Name: "tzdata", Arch: "all", To: "2026f-0+deb12u1", Archive: "http://deb.debian.org/debian-security", Size: 307832},
		9: {Name: "bind9-host", Arch: "amd64", To: "1:9.18.49-1~deb12u3", Archive: "http://deb.debian.org/debian-security", Size: 57620},
	} {
		if got[i] != want {
			t.Errorf("%d: %+v, want %+v", i, got[i], want)
		}
	}
}

func TestParseURIsRefusesBrokenLines(t *testing.T) {
	for _, line := range []string{
		"'", "'http://x/a_1_amd64.deb", "'http://x/a_1_amd64.deb'", "'http://x/a_1_amd64.deb' a_1_amd64.deb", "'http://x/a_1_amd64.deb' a_1_amd64.deb many SHA256:0",
		"'http://x/a_1_amd64.deb' a_1_amd64.deb -1", "'http://x/a.deb' a.deb 10", "'http://x/a' a_%zz_amd64.deb 10", "'http://x/a' ..%2fetc%2fx_1_amd64.deb 10", "'http://x/a' a_1_amd64 10",
	} {
		if got, err := apt.ParseURIs([]byte("Reading package lists...\n" + line + "\n")); err == nil || !strings.Contains(err.Error(), "apt-get's line") {
			t.Errorf("%q: %+v, %v", line, got, err)
		}
	}
}

func TestParseListed(t *testing.T) {
	got, installed, err := apt.ParseListed(captured(t, "show.txt"))
	want := []patch.Archive{
		{Ref: patch.Ref{Name: "git", Arch: "amd64", Version: "1:2.39.5-0+deb12u3"}, Size: 7264380, SHA256: "637a85ddd6247fab13bdd0592f2f39aff04ce4dbf0655d3ab553ac359a38ce6f"},
		{Ref: patch.Ref{Name: "curl", Arch: "amd64", Version: "7.88.1-10+deb12u15"}, Size: 315764, SHA256: "0dd9b6bf7a0bd11af2d68a52ec44c2a223fa7c11f9104c36ce1047e1137d4a8f"},
		{Ref: patch.Ref{Name: "curl", Arch: "amd64", Version: "7.88.1-10+deb12u14"}}, // installed, and in no list
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if diff := cmp.Diff([]int64{44890 << 10, 489 << 10, 489 << 10}, installed); diff != "" {
		t.Error(diff)
	}
	for _, text := range []string{"Package: a\nSize: big\n", "Package: a\nSize: -5\n", "Package: a\nInstalled-Size: 1 KiB\n", "Package: a\nInstalled-Size: -1\n", "Package: a\nSize: 99999999999999999999\n"} {
		if got, _, err := apt.ParseListed([]byte(text)); err == nil || !strings.Contains(err.Error(), "of a") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestParseEntries(t *testing.T) {
	for name, want := range map[string][]apt.Entry{
		"entries.txt": {
			{Name: "curl", Arch: "amd64", Version: "7.88.1-10+deb12u14", Present: true}, {Name: "g++", Arch: "amd64", Version: "4:12.2.0-3", Present: true},
			{Name: "git", Arch: "amd64", Version: "1:2.39.5-0+deb12u3", Present: true}, {Name: "perl-modules"}, {Name: "tzdata", Arch: "all", Version: "2025b-0+deb12u2", Present: true},
		},
		"audit.txt": {
			{Name: "gone", Arch: "amd64", Version: "4"}, {Name: "half", Arch: "amd64", Version: "1:2.0-1", Present: true, Broken: "half-configured"},
			{Name: "libssl3", Arch: "amd64", Version: "3.0.16-1", Present: true}, {Name: "libssl3", Arch: "i386", Version: "3.0.16-1", Present: true, Broken: "unpacked"},
			{Name: "nginx", Arch: "amd64", Version: "1.22.1-9", Present: true}, {Name: "reinst", Arch: "all", Version: "3", Present: true, Broken: "half-installed, reinstreq"},
		},
	} {
		got, err := apt.ParseEntries(captured(t, name))
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for _, text := range []string{"\n", "curl\tamd64\t7.88\n", "curl amd64 7.88 install ok installed\n", "a\tb\tc\td\te\tf\tg\n", "\tb\tc\td\te\tf\n"} {
		if got, err := apt.ParseEntries([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestParseExtended(t *testing.T) {
	data := string(captured(t, "extended_states")) + "\nPackage: curl\nArchitecture: amd64\nAuto-Installed: 0\n\nPackage: libssl3\nAuto-Installed: 1\nArchitecture: i386"
	got := apt.ParseExtended([]byte(data))
	for name, want := range map[string]bool{
		"dpkg:amd64": true, "dpkg:all": true, "dpkg:i386": false, "libffi8:amd64": true, "curl:amd64": false, "curl:all": false, "libssl3:i386": true, "libssl3:amd64": false,
	} {
		if got[name] != want {
			t.Errorf("%s: %v", name, got[name])
		}
	}
}

func TestParseVerify(t *testing.T) {
	got, err := apt.ParseVerify("a", []byte("??5?????? c /etc/x y\nmissing   c /etc/z\nmissing     /usr/y\n??5??????   /usr/z\n"))
	want := []patch.Difference{
		{Package: "a", Path: "/etc/x y", What: "??5??????", Conffile: true}, {Package: "a", Path: "/etc/z", What: "missing", Conffile: true},
		{Package: "a", Path: "/usr/y", What: "missing"}, {Package: "a", Path: "/usr/z", What: "??5??????"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, err = apt.ParseVerify("a", captured(t, "verify.txt"))
	if err != nil || len(got) < 3 || !got[0].Conffile || got[1].Conffile {
		t.Errorf("%+v, %v", got, err)
	}
	for _, text := range []string{"\n", "dpkg: package 'a' is not installed\n", "??5??????\n"} {
		if got, err := apt.ParseVerify("a", []byte(text)); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestParseStatus(t *testing.T) {
	for line, want := range map[string]struct {
		percent    int
		pkg, phase string
		ok         bool
	}{
		"pmstatus:nginx:12.5000:Unpacking nginx (amd64)":      {12, "nginx", "Unpacking nginx (amd64)", true},
		"pmstatus:libssl3:i386:40.0:Preparing libssl3 (i386)": {40, "libssl3", "Preparing libssl3 (i386)", true},
		"pmstatus:dpkg-exec:0.0000:Running dpkg":              {0, "dpkg-exec", "Running dpkg", true},
		"pmstatus:nginx:99.9:Configuring: nginx":              {99, "nginx", "Configuring: nginx", true},
		"pmstatus:nginx:NaN:x":                                {}, "pmstatus:nginx:1e300:x": {}, "pmstatus:nginx:-1:x": {},
		"pmstatus:nginx":                           {},
		"pmstatus:":                                {},
		"pmerror:nginx:50.0:script failed":         {},
		"Setting up nginx (1.22.1-9+deb12u3) ...":  {},
		"dlstatus:1:0.0000:Retrieving file 1 of 2": {},
	} {
		percent, pkg, phase, ok := apt.ParseStatus(line)
		if percent != want.percent || pkg != want.pkg || phase != want.phase || ok != want.ok {
			t.Errorf("%q: %d %q %q %v", line, percent, pkg, phase, ok)
		}
	}
}

func TestFileNameIsApts(t *testing.T) {
	for want, r := range map[string]patch.Ref{
		"bind9_1%3a9.18.33-1_amd64.deb":     {Name: "bind9", Arch: "amd64", Version: "1:9.18.33-1"},
		"g++_4%3a12.2.0-3_amd64.deb":        {Name: "g++", Arch: "amd64", Version: "4:12.2.0-3"},
		"libssl3_3.0.22-1~deb12u2_i386.deb": {Name: "libssl3", Arch: "i386", Version: "3.0.22-1~deb12u2"},
		"tool%5fx_1%25_all.deb":             {Name: "tool_x", Arch: "all", Version: "1%"},
	} {
		if got := apt.FileName(r); got != want {
			t.Errorf("%+v: %s, want %s", r, got, want)
		}
		if got, err := apt.ParseFileName(want); got != r || err != nil {
			t.Errorf("%s: %+v, %v", want, got, err)
		}
	}
	for _, name := range []string{"", ".deb", "__.deb", "a_1.deb", "a_1_amd64", "a_1_amd64.rpm", "a_1_b_amd64.deb", "_1_amd64.deb", "a__amd64.deb", "a_1_.deb", "a_%_amd64.deb", "a/b_1_amd64.deb", "%2e%2e%2fb_1_amd64.deb", "a%00_1_amd64.deb"} {
		if got, err := apt.ParseFileName(name); err == nil {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

// Whatever a package is called, its file's name leads back to it, and stays in
// its folder.
func TestFileNameLeadsBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	part := func() string {
		const letters = "az09+-.~:_% AZé%3a"
		text := make([]byte, 1+random.IntN(12))
		for i := range text {
			text[i] = letters[random.IntN(len(letters))]
		}
		return string(text)
	}
	seen := map[string]patch.Ref{}
	for range 20000 {
		r := patch.Ref{Name: part(), Arch: part(), Version: part()}
		name := apt.FileName(r)
		if got, err := apt.ParseFileName(name); got != r || err != nil {
			t.Fatalf("%+v → %s → %+v, %v", r, name, got, err)
		}
		if other, twice := seen[name]; twice && other != r || filepath.Base(name) != name {
			t.Fatalf("%s is the file of %+v, and of %+v", name, other, r)
		}
		seen[name] = r
	}
}
