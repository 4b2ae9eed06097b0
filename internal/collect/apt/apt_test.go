package apt_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/inventory"
)

func TestSecurityUpdateIsFound(t *testing.T) {
	m := debian(pkg("openssl", "3.0.15-1~deb12u1"), pkg("sed", "4.9-1"))
	m.main(stanza("openssl", "3.0.19-1~deb12u2"), stanza("other", "1"), stanza("sed", "4.9-1"))
	m.security(stanza("openssl", "3.0.17-1~deb12u3"))
	wantStatus(t, m.look(t), inventory.Succeeded)
	want := []inventory.Update{{
		Package: "openssl", Arch: "amd64", Source: "openssl", Installed: "3.0.15-1~deb12u1", Candidate: "3.0.19-1~deb12u2",
		Security: true, Fixed: "3.0.17-1~deb12u3", FixedSource: "3.0.17-1~deb12u3", Archive: "Debian bookworm-security main",
	}}
	if diff := cmp.Diff(want, m.inv.Updates); diff != "" {
		t.Error(diff)
	}
	if len(m.inv.Archives) != 2 || m.inv.Archives[0].Name != "Debian bookworm main" || m.inv.Archives[0].Security || !m.inv.Archives[1].Security {
		t.Errorf("archives %+v", m.inv.Archives)
	}
	if got := m.inv.Archives[1].Date.Format("2006-01-02 15:04"); got != "2026-11-21 00:53" {
		t.Errorf("date %s", got)
	}
}

func TestHeldPackageIsStillAnUpdate(t *testing.T) {
	held := pkg("a", "1")
	held.Held = true
	m := debian(held)
	m.main(stanza("a", "1"))
	m.security(stanza("a", "2"))
	m.look(t)
	if u := m.update(t, "a"); !u.Security || u.Fixed != "2" {
		t.Errorf("%+v", u)
	}
}

func TestUpdateOfPointReleaseIsNotSecurity(t *testing.T) {
	m := debian(pkg("sed", "4.9-1"))
	m.main(stanza("sed", "4.9-1+deb12u1"))
	m.security(stanza("x", "1"))
	m.look(t)
	if u := m.update(t, "sed"); u.Security || u.Fixed != "" || u.Candidate != "4.9-1+deb12u1" {
		t.Errorf("%+v", u)
	}
}

func TestKernelArrivesAsNewPackage(t *testing.T) {
	meta := pkg("linux-image-amd64", "6.1.137-1")
	meta.Source, meta.SourceVersion = "linux-signed-amd64", "6.1.137+1"
	headers := pkg("linux-headers-amd64", "6.1.137-1")
	m := debian(meta, headers, pkg("linux-image-6.1.0-37-amd64", "6.1.137-1"))
	m.main(stanza("a", "1"))
	m.security(
		stanza("linux-image-amd64", "6.1.192-2", "Source: linux-signed-amd64 (6.1.192+2)", "Depends: linux-image-6.1.0-52-amd64 (= 6.1.192-2)"),
		stanza("linux-headers-amd64", "6.1.192-2", "Depends: linux-headers-6.1.0-52-amd64 (= 6.1.192-2)"))
	m.look(t)
	u := m.update(t, "linux-image-amd64")
	if !u.NewPackage || !u.Security || u.FixedSource != "6.1.192+2" {
		t.Errorf("%+v", u)
	}
	if u := m.update(t, "linux-headers-amd64"); u.NewPackage {
		t.Errorf("headers are no kernel: %+v", u)
	}
}

func TestKernelWhoseNameStaysIsNoNewPackage(t *testing.T) {
	m := debian(pkg("linux-image-amd64", "6.1.137-1"), pkg("linux-image-6.1.0-37-amd64", "6.1.137-1"))
	m.main(stanza("a", "1"))
	m.security(stanza("linux-image-amd64", "6.1.140-1", "Depends: linux-image-6.1.0-37-amd64 (= 6.1.140-1) | linux-image-none"))
	m.look(t)
	if m.update(t, "linux-image-amd64").NewPackage {
		t.Error("the kernel it needs is installed")
	}
}

func TestKernelWithoutItsMetaPackage(t *testing.T) {
	image := func(name, version string) inventory.Package {
		p := pkg(name, version)
		p.Source, p.SourceVersion = "linux-signed-amd64", version
		return p
	}
	offered := func(name, version string) string {
		return stanza(name, version, "Source: linux-signed-amd64 ("+version+")")
	}
	m := debian(image("linux-image-6.1.0-10-amd64", "6.1.37-1"), image("linux-image-6.1.0-37-amd64", "6.1.137-1"), image("linux-image-6.1.0-37-rt-amd64", "6.1.192-2"))
	m.main(offered("linux-image-6.1.0-60-amd64", "6.1.200-1"))
	m.security(offered("linux-image-6.1.0-51-amd64", "6.1.190-1"), offered("linux-image-6.1.0-52-amd64", "6.1.192-2"), offered("linux-image-6.1.0-52-amd64-dbg", "6.1.199-2"), offered("linux-image-6.1.0-52-rt-amd64", "6.1.192-2"))
	m.look(t)
	want := []inventory.Update{{
		Package: "linux-image-6.1.0-37-amd64", Arch: "amd64", Source: "linux-signed-amd64", Installed: "6.1.137-1",
		Security: true, NewPackage: true, Fixed: "6.1.192-2", FixedSource: "6.1.192-2", Archive: "Debian bookworm-security main",
	}}
	if diff := cmp.Diff(want, m.inv.Updates); diff != "" {
		t.Error(diff)
	}
}

func TestForeignArchitectureStaysApart(t *testing.T) {
	i386 := pkg("libc6", "2.36-9")
	i386.Arch = "i386"
	all := pkg("tzdata", "1")
	all.Arch = "all"
	m := debian(i386, all)
	m.fs["var/lib/dpkg/arch"] = file("amd64\ni386\n")
	m.main(stanza("libc6", "2.36-9+deb12u13"), stanza("tzdata", "2"))
	m.security(stanza("x", "1"))
	m.look(t)
	if len(m.inv.Updates) != 1 || m.inv.Updates[0].Package != "tzdata" {
		t.Errorf("%+v", m.inv.Updates)
	}
}

func TestSecurityFixBehindAPinIsNotHidden(t *testing.T) {
	m := debian(pkg("a", "1"))
	m.main(stanza("a", "1"))
	m.security(stanza("a", "2"))
	m.fs["etc/apt/preferences.d/stay"] = file("Package: a\nPin: version 1\nPin-Priority: 1001\n")
	m.look(t)
	if u := m.update(t, "a"); !u.Security || u.Fixed != "2" || u.Candidate != "" {
		t.Errorf("%+v", u)
	}
}
