package match_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/pkgver"
)

const (
	debian = advisory.Ecosystem("Debian:12")
	alma   = advisory.Ecosystem("AlmaLinux:8")
)

// store is a fake of the advisory store.
type store map[string][]advisory.Row

func (s store) Lookup(eco advisory.Ecosystem, pkg string) ([]advisory.Row, error) {
	return s[string(eco)+" "+pkg], nil
}

func (s store) add(rows ...advisory.Row) store {
	for _, r := range rows {
		key := string(r.Ecosystem) + " " + r.Package
		s[key] = append(s[key], r)
	}
	return s
}

func row(eco advisory.Ecosystem, pkg, id string, ranges ...advisory.Range) advisory.Row {
	return advisory.Row{Ecosystem: eco, Package: pkg, ID: advisory.ID(id), Kind: advisory.KindSecurity, Ranges: ranges}
}

func deb(name, version string) inventory.Package {
	return inventory.Package{
		Manager: inventory.Dpkg, Name: name, Version: version, Source: name, SourceVersion: version, Arch: "amd64",
		State: inventory.StateInstalled, Origin: inventory.Origin{Kind: inventory.OriginDistribution},
	}
}

func rpm(name, version, module string) inventory.Package {
	return inventory.Package{
		Manager: inventory.RPM, Name: name, Version: version, Source: name, SourceVersion: version, Arch: "x86_64", Module: module,
		State: inventory.StateInstalled, Origin: inventory.Origin{Kind: inventory.OriginDistribution},
	}
}

func TestJudge(t *testing.T) {
	fixed := row(debian, "nginx", "DSA-1", advisory.Range{Introduced: "0", Fixed: "1.22.1-9+deb12u3"})
	with := func(r advisory.Row, change func(*advisory.Row)) advisory.Row { change(&r); return r }
	from := func(p inventory.Package, kind inventory.OriginKind) inventory.Package { p.Origin.Kind = kind; return p }
	cases := []struct {
		name  string
		p     inventory.Package
		row   advisory.Row
		state match.State // 0: does not apply
		fixed string
	}{
		{"below the fix", deb("nginx", "1.22.1-9"), fixed, match.Open, "1.22.1-9+deb12u3"},
		{"at the fix", deb("nginx", "1.22.1-9+deb12u3"), fixed, 0, ""},
		{"newer point release", deb("nginx", "1.22.1-9+deb12u4"), fixed, 0, ""},
		{"tilde sorts before", deb("nginx", "1.22.1-9+deb12u3~bpo1"), fixed, match.Open, "1.22.1-9+deb12u3"},
		{"no fix yet", deb("nginx", "1"), row(debian, "nginx", "CVE-1", advisory.Range{Introduced: "0"}), match.NoFix, ""},
		{"not introduced yet", deb("nginx", "1"), row(debian, "nginx", "CVE-1", advisory.Range{Introduced: "2", Fixed: "3"}), 0, ""},
		{"last affected", deb("nginx", "2"), row(debian, "nginx", "CVE-1", advisory.Range{LastAffected: "2"}), match.NoFix, ""},
		{"after last affected", deb("nginx", "3"), row(debian, "nginx", "CVE-1", advisory.Range{LastAffected: "2"}), 0, ""},
		{"between two spans", deb("nginx", "2"), row(debian, "nginx", "CVE-1", advisory.Range{Introduced: "0", Fixed: "1"}, advisory.Range{Introduced: "3", Fixed: "4"}), 0, ""},
		{"in the second span", deb("nginx", "3.5"), row(debian, "nginx", "CVE-1", advisory.Range{Introduced: "0", Fixed: "1"}, advisory.Range{Introduced: "3", Fixed: "4"}), match.Open, "4"},
		{"listed version", deb("nginx", "1.5"), with(row(debian, "nginx", "CVE-1"), func(r *advisory.Row) { r.Versions = []string{"1.4", "1.5"} }), match.NoFix, ""},
		{"fixed in what is no version", deb("nginx", "1"), row(debian, "nginx", "CVE-1", advisory.Range{Fixed: "nginx 1.2 or so"}), match.Unknown, ""},
		{"withdrawn", deb("nginx", "1"), with(fixed, func(r *advisory.Row) { r.Withdrawn = true }), 0, ""},
		{"not affected", deb("nginx", "1"), with(fixed, func(r *advisory.Row) { r.Verdict = advisory.VerdictNotAffected }), 0, ""},
		{"ignored", deb("nginx", "1"), with(fixed, func(r *advisory.Row) { r.Verdict = advisory.VerdictIgnored }), 0, ""},
		{"bug fix", deb("nginx", "1"), with(fixed, func(r *advisory.Row) { r.Kind = advisory.KindBugfix }), 0, ""},
		{"another binary of the source", deb("nginx", "1"), with(fixed, func(r *advisory.Row) { r.Binaries = []string{"nginx-core"} }), 0, ""},
		{"vendor's version is above", from(deb("nginx", "99"), inventory.OriginVendor), fixed, match.Unknown, "1.22.1-9+deb12u3"},
		{"vendor's version is below", from(deb("nginx", "1"), inventory.OriginVendor), fixed, match.Unknown, "1.22.1-9+deb12u3"},
		{"backports", from(deb("nginx", "1.24-1~bpo12+1"), inventory.OriginBackports), fixed, match.Unknown, "1.22.1-9+deb12u3"},
		{"built here, above", from(deb("nginx", "99"), inventory.OriginLocal), fixed, match.Unknown, "1.22.1-9+deb12u3"},
		{"built here, below", from(deb("nginx", "1"), inventory.OriginLocal), fixed, match.Open, "1.22.1-9+deb12u3"},
		{"module in its stream", rpm("nodejs", "1:18.1-1", "nodejs:18"), with(row(alma, "nodejs", "ALSA-1", advisory.Range{Fixed: "1:18.9-1"}), func(r *advisory.Row) { r.Module = "nodejs:18" }), match.Open, "1:18.9-1"},
		{"module of another stream", rpm("nodejs", "1:16.1-1", "nodejs:16"), with(row(alma, "nodejs", "ALSA-1", advisory.Range{Fixed: "1:18.9-1"}), func(r *advisory.Row) { r.Module = "nodejs:18" }), 0, ""},
		{"no module", rpm("nodejs", "1:16.1-1", ""), with(row(alma, "nodejs", "ALSA-1", advisory.Range{Fixed: "1:18.9-1"}), func(r *advisory.Row) { r.Module = "nodejs:18" }), 0, ""},
		{"module, record without", rpm("nodejs", "1:16.1-1", "nodejs:16"), row(alma, "nodejs", "ALSA-1", advisory.Range{Fixed: "1:18.9-1"}), 0, ""},
		{"module of unknown stream", rpm("nodejs", "1:16.1-1", "nodejs:16"), with(row(alma, "nodejs", "ALSA-1", advisory.Range{Fixed: "1:18.9-1"}), func(r *advisory.Row) { r.Module = "?" }), match.Unknown, ""},
		{"named twice: the lower build has the fix", rpm("crun", "1.14-2+3858", ""), row(alma, "crun", "ALSA-1", advisory.Range{Introduced: "0", Fixed: "1.14-2+3858"}, advisory.Range{Introduced: "0", Fixed: "1.14-2+3876"}), 0, ""},
		{"named twice: below both", rpm("crun", "1.14-1", ""), row(alma, "crun", "ALSA-1", advisory.Range{Introduced: "0", Fixed: "1.14-2+3858"}, advisory.Range{Introduced: "0", Fixed: "1.14-2+3876"}), match.Open, "1.14-2+3858"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			scheme, _ := c.row.Ecosystem.Scheme()
			hit, ok := match.Judge(&c.p, &c.row, scheme)
			if ok != (c.state != 0) || ok && (hit.State != c.state || hit.Fixed != c.fixed) {
				t.Errorf("got %v state %d fixed %q, want state %d fixed %q", ok, hit.State, hit.Fixed, c.state, c.fixed)
			}
		})
	}
}

func TestRemovedPackagesAreNotThere(t *testing.T) {
	p := deb("nginx", "1")
	p.State = inventory.StateConfig
	answer, err := match.Packages([]inventory.Package{p}, []advisory.Ecosystem{debian}, store{}.add(row(debian, "nginx", "DSA-1", advisory.Range{Fixed: "2"})))
	if err != nil || len(answer.Hits) != 0 {
		t.Errorf("got %v, %v", answer.Hits, err)
	}
}

type broken struct{}

func (broken) Lookup(advisory.Ecosystem, string) ([]advisory.Row, error) {
	return nil, errors.New("block 3 is damaged")
}

func TestDamagedStoreIsNoAnswer(t *testing.T) {
	_, err := match.Packages([]inventory.Package{deb("nginx", "1")}, []advisory.Ecosystem{debian}, broken{})
	if err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("got %v", err)
	}
}

func TestSourceOfSignedPackages(t *testing.T) {
	cases := []struct{ name, version, source, sourceVersion, wantName, wantVersion string }{
		{"linux-image-6.1.0-40-amd64", "6.1.153-1", "linux-signed-amd64", "6.1.153+1", "linux", "6.1.153-1"},
		{"linux-image-6.5.0-1-generic", "6.5.0-1.1", "linux-signed-hwe-6.5", "6.5.0-1.1", "linux-hwe-6.5", "6.5.0-1.1"},
		{"grub-efi-amd64-signed", "1+2.06+13+deb12u1", "grub-efi-amd64-signed", "1+2.06+13+deb12u1", "grub2", "2.06-13+deb12u1"},
		{"libssl3", "3.0.17-1~deb12u2", "openssl", "3.0.17-1~deb12u2", "openssl", "3.0.17-1~deb12u2"},
	}
	for _, c := range cases {
		p := inventory.Package{Manager: inventory.Dpkg, Name: c.name, Version: c.version, Source: c.source, SourceVersion: c.sourceVersion}
		if name, version := match.Source(&p); name != c.wantName || version != c.wantVersion {
			t.Errorf("%s: got %s %s, want %s %s", c.name, name, version, c.wantName, c.wantVersion)
		}
	}
}

func TestNoKernelCode(t *testing.T) {
	cases := map[string]bool{
		"linux-image-6.1.0-40-amd64": false, "linux-image-unsigned-6.5.0-1-generic": false, "linux-modules-6.5.0-1-generic": false,
		"linux-image-amd64": true, "linux-headers-6.1.0-40-amd64": true, "linux-libc-dev": true, "linux-perf-6.1": true, "bpftool": true,
	}
	for name, want := range cases {
		p := inventory.Package{Manager: inventory.Dpkg, Name: name, Source: "linux", Version: "1", SourceVersion: "1"}
		if got := match.NoKernelCode(&p); got != want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	ssl := deb("linux-base", "4.9") // a source of its own
	if match.NoKernelCode(&ssl) {
		t.Error("linux-base is not built from the kernel's source")
	}
}

// A newer installed version never makes a host worse against records that are
// closed by a fix, and the fix itself always repairs.
func TestNewerIsNeverWorse(t *testing.T) {
	version := rapid.StringMatching(`[0-9]{1,2}(\.[0-9]{1,2}){0,2}(~rc[0-9])?-[0-9](\+deb12u[0-9])?`)
	rapid.Check(t, func(t *rapid.T) {
		r := row(debian, "p", "CVE-1", advisory.Range{Introduced: "0", Fixed: version.Draw(t, "fixed")})
		old, younger := version.Draw(t, "old"), version.Draw(t, "new")
		if pkgver.CompareDpkg(old, younger) > 0 {
			old, younger = younger, old
		}
		before, after := deb("p", old), deb("p", younger)
		_, wasOpen := match.Judge(&before, &r, pkgver.Dpkg)
		_, isOpen := match.Judge(&after, &r, pkgver.Dpkg)
		if isOpen && !wasOpen {
			t.Fatalf("%s → %s opened %s", old, younger, r.Ranges[0].Fixed)
		}
		repaired := deb("p", r.Ranges[0].Fixed)
		if _, open := match.Judge(&repaired, &r, pkgver.Dpkg); open {
			t.Fatalf("the fix %s does not repair", r.Ranges[0].Fixed)
		}
	})
}
