package apt_test

import (
	"testing"

	"github.com/lockfast/lockfast/internal/inventory"
)

func TestOrigins(t *testing.T) {
	const nginxMaker = "Maintainer: NGINX Packaging <nginx-packaging@example.com>"
	by := func(p inventory.Package, maintainer, source, sourceVersion string) inventory.Package {
		p.Vendor, p.Source, p.SourceVersion = maintainer, source, sourceVersion
		return p
	}
	for _, test := range []struct {
		name    string
		pkg     inventory.Package
		kind    inventory.OriginKind
		archive string
	}{
		{"main", pkg("sed", "4.9-1"), inventory.OriginDistribution, "Debian bookworm main"},
		{"security", pkg("openssl", "3.0.17-1~deb12u3"), inventory.OriginDistribution, "Debian bookworm-security main"},
		{"backports", pkg("curl", "8.14.1-2~bpo12+1"), inventory.OriginBackports, "Debian bookworm-backports main"},
		{"backport that is gone", pkg("curl", "8.13.0-1~bpo12+1"), inventory.OriginBackports, "Debian bookworm-backports main"},
		{"vendor with a misleadingly high version", by(pkg("nginx", "1.30.0-1~bookworm"), "", "nginx", ""), inventory.OriginVendor, "nginx bookworm nginx"},
		{"vendor's version that is gone", by(pkg("nginx", "1.28.0-1~bookworm"), "NGINX Packaging <nginx-packaging@example.com>", "nginx", ""), inventory.OriginVendor, "nginx bookworm nginx"},
		{"distribution's version that is gone, with a vendor beside", pkg("nginx", "1.22.1-9"), inventory.OriginDistribution, "Debian bookworm main"},
		{"distribution's version that is gone", pkg("openssl", "3.0.15-1~deb12u1"), inventory.OriginDistribution, "Debian bookworm-security main"},
		{"newer than all", pkg("sed", "5.0-1"), inventory.OriginLocal, ""},
		{"rebuilt here", pkg("openssl", "3.0.15-1~deb12u1+acme1"), inventory.OriginLocal, ""},
		{"other maintainer", by(pkg("sed", "4.8-1"), "Acme <it@acme.example>", "sed", "4.8-1"), inventory.OriginUnknown, ""},
		{"nowhere", pkg("acme-agent", "1.0"), inventory.OriginLocal, ""},
		{"old kernel", by(pkg("linux-image-6.1.0-10-amd64", "6.1.37-1"), "Debian Kernel Team <debian-kernel@lists.debian.org>", "linux-signed-amd64", "6.1.37+1"), inventory.OriginDistribution, ""},
		{"kernel built here", by(pkg("linux-image-6.17-acme", "6.17-1"), "Acme <it@acme.example>", "linux-acme", "6.17-1"), inventory.OriginLocal, ""},
		{"from sid", pkg("zig", "0.15-1"), inventory.OriginVendor, "Debian sid main"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := debian(test.pkg)
			m.fs["etc/apt/sources.list.d/more.sources"] = file("Types: deb deb-src\nURIs: http://deb.example.org/debian/\nSuites: bookworm-backports sid\nComponents: main\n\n" +
				"Types: deb\nURIs: https://nginx.example.com/packages/debian\nSuites: bookworm\nComponents: nginx\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n")
			m.main(stanza("sed", "4.9-1"), stanza("openssl", "3.0.16-1~deb12u1"), stanza("nginx", "1.22.1-9+deb12u3"), stanza("curl", "7.88.1-10+deb12u14"))
			m.security(stanza("openssl", "3.0.17-1~deb12u3"), stanza("linux-image-amd64", "6.1.192-2", "Source: linux-signed-amd64 (6.1.192+2)", "Maintainer: Debian Kernel Team <debian-kernel@lists.debian.org>"))
			m.suite("deb.example.org/debian/dists/bookworm-backports", backHead, "main", stanza("curl", "8.14.1-2~bpo12+1"))
			m.suite("deb.example.org/debian/dists/sid", "Origin: Debian\nLabel: Debian\nSuite: unstable\nCodename: sid\nDate: Sat, 21 Nov 2026 00:53:02 UTC", "main", stanza("zig", "0.15-1"))
			m.suite("nginx.example.com/packages/debian/dists/bookworm", nginxHead, "nginx", stanza("nginx", "1.29.1-1~bookworm", nginxMaker), stanza("nginx", "1.30.0-1~bookworm", nginxMaker))
			wantStatus(t, m.look(t), inventory.Succeeded)
			got := m.inv.Packages[0].Origin
			if got.Kind != test.kind || got.Archive != test.archive {
				t.Errorf("origin %+v, want kind %d, archive %q", got, test.kind, test.archive)
			}
			if got.Archive == "" && got.Reason == "" {
				t.Error("no reason given")
			}
		})
	}
}

func TestUbuntuArchives(t *testing.T) {
	m := debian(pkg("a", "1"), pkg("b", "1"))
	m.inv.Release = inventory.Release{ID: "ubuntu", IDLike: []string{"debian"}, VersionID: "22.04", Codename: "jammy"}
	m.fs["etc/apt/sources.list"] = file("deb http://u.example.org/ubuntu jammy main\ndeb http://u.example.org/ubuntu jammy-security main\ndeb http://deb.example.org/debian bookworm main\n")
	head := "Origin: Ubuntu\nLabel: Ubuntu\nCodename: jammy\nDate: Sat, 21 Nov 2026 00:53:02 UTC\nSuite: "
	m.suite("u.example.org/ubuntu/dists/jammy", head+"jammy", "main", stanza("a", "1"))
	m.suite("u.example.org/ubuntu/dists/jammy-security", head+"jammy-security", "main", stanza("a", "2"))
	m.main(stanza("b", "1"))
	wantStatus(t, m.look(t), inventory.Succeeded)
	if u := m.update(t, "a"); !u.Security || u.Archive != "Ubuntu jammy-security main" {
		t.Errorf("%+v", u)
	}
	if o := m.inv.Packages[1].Origin; o.Kind != inventory.OriginVendor {
		t.Errorf("Debian's packages are foreign on Ubuntu: %+v", o)
	}
}
