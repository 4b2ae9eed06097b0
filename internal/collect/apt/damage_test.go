package apt_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockfast/lockfast/internal/inventory"
)

const mainList = lists + "deb.example.org_debian_dists_bookworm_main_binary-amd64_Packages"

func whole() *machine {
	m := debian(pkg("a", "1"))
	m.main(stanza("a", "1"))
	m.security(stanza("a", "2"))
	return m
}

func TestNoDpkgHere(t *testing.T) {
	m := debian()
	wantStatus(t, m.look(t), inventory.NotApplicable)
}

func TestNoListsIsAFailure(t *testing.T) {
	m := debian(pkg("a", "1"))
	wantStatus(t, m.look(t), inventory.Failed, "apt-get update")
	if o := m.inv.Packages[0].Origin; o.Kind != inventory.OriginUnknown || o.Reason == "" {
		t.Errorf("origin %+v", o)
	}
}

func TestNoSourcesIsAFailure(t *testing.T) {
	m := whole()
	delete(m.fs, "etc/apt/sources.list")
	m.fs["etc/apt/sources.list.d/none.list"] = file("# empty\n")
	wantStatus(t, m.look(t), inventory.Failed, "no package source is enabled")
}

func TestAptIsNotThere(t *testing.T) {
	m := debian(pkg("a", "1"))
	m.fs = fstest.MapFS{}
	wantStatus(t, m.look(t), inventory.Failed, "apt is not set up")
}

func TestMissingListsOfOneSource(t *testing.T) {
	m := debian(pkg("a", "1"), pkg("home-made", "1"))
	m.main(stanza("a", "1"))
	wantStatus(t, m.look(t), inventory.Partial, "no package lists for", "debian-security", "apt-get update")
	if o := m.inv.Packages[1].Origin; o.Kind != inventory.OriginUnknown {
		t.Errorf("a package in none of the lists that are there may be in one that is not: %+v", o)
	}
}

func TestMissingComponentTheReleaseNames(t *testing.T) {
	m := whole()
	delete(m.fs, mainList)
	wantStatus(t, m.look(t), inventory.Partial, "no package lists for Debian bookworm main")
}

func TestListsInPartialAreIgnored(t *testing.T) {
	m := debian(pkg("a", "1"))
	m.fs[lists+"partial/"+strings.TrimPrefix(mainList, lists)] = file(stanza("a", "2"))
	wantStatus(t, m.look(t), inventory.Failed)
}

func TestListsOfRemovedSourcesAreIgnored(t *testing.T) {
	m := whole()
	m.suite("old.example.org/x/dists/bookworm", mainHead, "main", stanza("a", "9"))
	wantStatus(t, m.look(t), inventory.Succeeded)
	if u := m.update(t, "a"); u.Candidate != "2" {
		t.Errorf("%+v", u)
	}
}

func TestDamagedLists(t *testing.T) {
	good := string(whole().fs[mainList].Data)
	for name, text := range map[string]string{
		"truncated in a line":     good[:len(good)-3],
		"truncated after a line":  strings.TrimSuffix(good, " of it\n"),
		"empty":                   "",
		"garbage":                 "\x00\x01\x02",
		"no package field":        strings.Replace(good, "Package", "Packzge", 1),
		"another byte inside":     strings.Replace(good, "text", "texu", 1),
		"no version":              strings.Replace(good, "Version:", "Virsion:", 1),
		"a list of another suite": stanza("b", "1"),
	} {
		t.Run(name, func(t *testing.T) {
			m := whole()
			m.fs[mainList] = file(text)
			wantStatus(t, m.look(t), inventory.Partial, "/"+mainList, "apt-get update")
			if u := m.update(t, "a"); u.Fixed != "2" {
				t.Errorf("the sound list still counts: %+v", u)
			}
		})
	}
}

func TestCompressedLists(t *testing.T) {
	for _, ending := range []string{".gz", ".lz4"} {
		t.Run(ending, func(t *testing.T) {
			m := whole()
			pack := gzipped
			if ending == ".lz4" {
				pack = lz4ed
			}
			data := pack(t, string(m.fs[mainList].Data))
			delete(m.fs, mainList)
			m.fs[mainList+ending] = &fstest.MapFile{Data: data}
			wantStatus(t, m.look(t), inventory.Succeeded)
			if k := m.inv.Packages[0].Origin.Kind; k != inventory.OriginDistribution {
				t.Errorf("origin %d", k)
			}
			m.fs[mainList+ending] = &fstest.MapFile{Data: data[:len(data)-5]}
			wantStatus(t, m.look(t), inventory.Partial, mainList+ending)
		})
	}
}

func TestDamagedRelease(t *testing.T) {
	m := whole()
	name := lists + "deb.example.org_debian_dists_bookworm_InRelease"
	m.fs[name] = file(strings.Split(string(m.fs[name].Data), "-----BEGIN PGP SIGNATURE")[0])
	wantStatus(t, m.look(t), inventory.Partial, "/"+name, "truncated")
}

func TestExpiredReleaseIsSaid(t *testing.T) {
	m := whole()
	m.inv.Taken = now().AddDate(0, 0, 10)
	wantStatus(t, m.look(t), inventory.Partial, "Debian bookworm-security was valid until 2026-11-28")
}

func TestBrokenConfigurationIsSaid(t *testing.T) {
	m := whole()
	m.fs["etc/apt/sources.list.d/x.sources"] = file("Types: deb\nno colon here\n")
	m.fs["etc/apt/preferences.d/y"] = file("Package: *\nPin: release a=x\nPin-Priority: high\n")
	wantStatus(t, m.look(t), inventory.Partial, "/etc/apt/sources.list.d/x.sources:2", "/etc/apt/preferences.d/y:1")
}
