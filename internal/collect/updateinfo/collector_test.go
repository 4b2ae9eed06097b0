package updateinfo_test

import (
	"context"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/updateinfo"
	"github.com/lockfast/lockfast/internal/inventory"
)

const (
	dnf4   = "var/cache/dnf/baseos-0123456789abcdef"
	dnf5   = "var/cache/libdnf5/baseos-0123456789abcdef"
	zypper = "var/cache/zypp/raw/repo-update"
)

func (h *host) dnf() inventory.Status {
	return updateinfo.NewDNF().Collect(context.Background(), collect.Host{FS: h.fs}, h.inv)
}

func TestSecurityAdvisories(t *testing.T) {
	for name, place := range map[string][2]string{"dnf 4": {dnf4, ".gz"}, "dnf 5": {dnf5, ".zst"}} {
		t.Run(name, func(t *testing.T) {
			h := alma(rpm("openssl", "1:3.0.7-1.el9"), rpm("bash", "5.1-1.el9"), rpm("sed", "4.8-1.el9"))
			h.metadata(t, place[0], place[1],
				update("security", "ALSA-2024:0002", "Moderate", "2024-03-01 00:00:00", "CVE-2024-0002", "openssl 1 3.0.7 3.el9"),
				update("security", "ALSA-2024:0001", "Important", "2024-01-10", "CVE-2024-0001 CVE-2023-0009", "openssl 1 3.0.7 2.el9", "openssl-libs 1 3.0.7 2.el9"),
				update("bugfix", "ALBA-2024:0003", "None", "2024-04-01", "", "openssl 1 3.0.7 4.el9", "bash 0 5.1 2.el9"),
				update("security", "ALSA-2022:0009", "Critical", "2022-01-01", "CVE-2022-0001", "openssl 1 3.0.7 1.el9"),
			)
			wantStatus(t, h.dnf(), inventory.Succeeded)
			want := []inventory.Update{
				{Package: "bash", Arch: "x86_64", Source: "src-bash", Installed: "5.1-1.el9", Candidate: "5.1-2.el9"},
				{
					Package: "openssl", Arch: "x86_64", Source: "src-openssl", Installed: "1:3.0.7-1.el9", Candidate: "1:3.0.7-4.el9",
					Security: true, Fixed: "1:3.0.7-3.el9", FixedSource: "1:3.0.7-3.el9", Archive: "baseos",
					IDs:      []string{"ALSA-2024:0001", "ALSA-2024:0002", "CVE-2023-0009", "CVE-2024-0001", "CVE-2024-0002"},
					Severity: "Important", Date: time.Date(2024, 1, 10, 0, 0, 0, 0, time.UTC), DateFrom: "updateinfo ALSA-2024:0001, issued 2024-01-10",
				},
			}
			if diff := cmp.Diff(want, h.inv.Updates); diff != "" {
				t.Error(diff)
			}
			archives := []inventory.Archive{{Name: "baseos", Security: true, Date: time.Unix(1700000500, 0).UTC()}}
			if diff := cmp.Diff(archives, h.inv.Archives); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestModulesMatchWithinTheirStream(t *testing.T) {
	node := rpm("nodejs", "1:18.1.0-1.module_el9")
	node.Module = "nodejs:18"
	plain := rpm("nodejs-docs", "1:16.0.0-1.el9")
	h := alma(node, plain)
	stream := func(n string) string {
		return `<module name="nodejs" stream="` + n + `" version="1" context="c" arch="x86_64"/>`
	}
	h.metadata(t, dnf4, ".gz",
		updateIn(stream("20"), "security", "ALSA-20", "Important", "2024-01-01", "", "nodejs 1 20.1.0 1.module_el9", "nodejs-docs 1 20.1.0 1.module_el9"),
		updateIn(stream("18"), "security", "ALSA-18", "Important", "2024-01-01", "", "nodejs 1 18.9.0 1.module_el9"),
		update("security", "ALSA-16", "Important", "2024-01-01", "", "nodejs 1 30.0.0 1.el9"))
	wantStatus(t, h.dnf(), inventory.Succeeded)
	if len(h.inv.Updates) != 1 || h.inv.Updates[0].Fixed != "1:18.9.0-1.module_el9" {
		t.Errorf("%+v", h.inv.Updates)
	}
}

func TestNewestOfSeveralKernelsIsJudged(t *testing.T) {
	h := alma(rpm("kernel-core", "5.14.0-503.el9"), rpm("kernel-core", "5.14.0-427.el9"))
	h.metadata(t, dnf4, ".gz", update("security", "ALSA-1", "Important", "2024-01-01", "", "kernel-core 0 5.14.0 500.el9"))
	wantStatus(t, h.dnf(), inventory.Succeeded)
	if len(h.inv.Updates) != 0 {
		t.Errorf("%+v", h.inv.Updates)
	}
}

func TestZypper(t *testing.T) {
	p := rpm("curl", "8.0.1-1.1")
	p.Vendor = "SUSE LLC <https://www.suse.com/>"
	h := alma(p)
	h.inv.Release = inventory.Release{ID: "opensuse-leap", VersionID: "15.6"}
	h.fs = fstest.MapFS{"etc/zypp/repos.d/u.repo": file("[repo-update]\nenabled=1\nbaseurl=http://z.example.org\n")}
	h.metadata(t, zypper, ".gz",
		update("security", "openSUSE-SLE-15.6-2024-1", "important", "1704067200", "CVE-2024-0001", "curl 0 8.0.1 2.1"),
		`<update status="retracted" type="security"><id>bad</id><pkglist><collection><package name="curl" epoch="0" version="9" release="1" arch="x86_64"/></collection></pkglist></update>`)
	if s := h.dnf(); s.Outcome != inventory.NotApplicable {
		t.Errorf("%+v", s)
	}
	status := updateinfo.NewZypper().Collect(context.Background(), collect.Host{FS: h.fs}, h.inv)
	wantStatus(t, status, inventory.Succeeded)
	if len(h.inv.Updates) != 1 || h.inv.Updates[0].Fixed != "8.0.1-2.1" || h.inv.Updates[0].Date.Year() != 2024 || h.inv.Packages[0].Origin.Kind != inventory.OriginDistribution {
		t.Errorf("%+v %+v", h.inv.Updates, h.inv.Packages)
	}
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	advisory := update("security", "A", "Low", "2024-01-01", "", "a 0 2 1")
	for _, test := range []struct {
		name    string
		change  func(*testing.T, *host)
		outcome inventory.Outcome
		words   []string
	}{
		{"no cache", func(_ *testing.T, _ *host) {}, inventory.Failed, []string{"no metadata of repository baseos", "dnf makecache"}},
		{"one of two", func(t *testing.T, h *host) {
			t.Helper()
			h.metadata(t, dnf4, ".gz", advisory)
			h.fs["etc/yum.repos.d/b.repo"] = file("[appstream]\n")
		}, inventory.Partial, []string{"no metadata of repository appstream"}},
		{"no advisories anywhere", func(t *testing.T, h *host) {
			t.Helper()
			h.metadata(t, dnf4, ".gz", advisory)
			h.fs[dnf4+"/repodata/repomd.xml"] = file(`<repomd><revision>1700000000</revision><data type="primary"/></repomd>`)
		}, inventory.Failed, []string{"carries advisories"}},
		{"truncated", func(t *testing.T, h *host) {
			t.Helper()
			h.metadata(t, dnf4, ".gz", advisory)
			f := h.fs[dnf4+"/repodata/abc-updateinfo.xml.gz"]
			f.Data = f.Data[:len(f.Data)-9]
		}, inventory.Failed, []string{"abc-updateinfo.xml.gz", "dnf makecache"}},
		{"another file", func(t *testing.T, h *host) {
			t.Helper()
			h.metadata(t, dnf4, ".gz", advisory)
			h.fs[dnf4+"/repodata/abc-updateinfo.xml.gz"].Data = packed(t, ".gz", "<updates></updates>")
		}, inventory.Failed, []string{"repomd.xml states"}},
		{"garbage repomd", func(t *testing.T, h *host) {
			t.Helper()
			h.metadata(t, dnf4, ".gz", advisory)
			h.fs[dnf4+"/repodata/repomd.xml"] = file("<html>")
		}, inventory.Failed, []string{"repomd.xml"}},
		{"updateinfo gone", func(t *testing.T, h *host) {
			t.Helper()
			h.metadata(t, dnf4, ".gz", advisory)
			delete(h.fs, dnf4+"/repodata/abc-updateinfo.xml.gz")
		}, inventory.Failed, []string{"cannot open"}},
		{"nothing enabled", func(_ *testing.T, h *host) { h.fs["etc/yum.repos.d/alma.repo"] = file("[x]\nenabled=0\n") }, inventory.Failed, []string{"no repository is enabled"}},
		{"broken configuration", func(t *testing.T, h *host) {
			t.Helper()
			h.metadata(t, dnf4, ".gz", advisory)
			h.fs["etc/yum.repos.d/c.repo"] = file("\nenabled=1\n")
		}, inventory.Partial, []string{"/etc/yum.repos.d/c.repo:2"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := alma(rpm("a", "1-1"))
			test.change(t, h)
			wantStatus(t, h.dnf(), test.outcome, test.words...)
		})
	}
	if s := alma().dnf(); s.Outcome != inventory.NotApplicable {
		t.Errorf("no rpm packages: %+v", s)
	}
}

func TestVendors(t *testing.T) {
	for _, test := range []struct {
		vendor, host string
		kind         inventory.OriginKind
	}{
		{"AlmaLinux", "almalinux", inventory.OriginDistribution},
		{"Red Hat, Inc.", "rhel", inventory.OriginDistribution},
		{"Fedora Project", "fedora", inventory.OriginDistribution},
		{"Fedora Project", "almalinux", inventory.OriginVendor},
		{"PostgreSQL Global Development Group", "rocky", inventory.OriginVendor},
		{"openSUSE", "opensuse-tumbleweed", inventory.OriginDistribution},
		{"", "almalinux", inventory.OriginLocal},
		{"(none)", "almalinux", inventory.OriginLocal},
		{"Somebody", "newdistro", inventory.OriginUnknown},
	} {
		p := rpm("a", "1-1")
		p.Vendor = test.vendor
		h := alma(p)
		h.inv.Release.ID = test.host
		h.metadata(t, dnf4, ".gz", update("security", "A", "Low", "2024-01-01", ""))
		h.dnf()
		if got := h.inv.Packages[0].Origin; got.Kind != test.kind {
			t.Errorf("%s on %s: %+v", test.vendor, test.host, got)
		}
	}
}

func TestApkOrigins(t *testing.T) {
	for repositories, want := range map[string]inventory.OriginKind{
		"https://m.example.org/alpine/v3.20/main\n#https://x.example.org/odd\n@c https://m.example.org/alpine/v3.20/community\n": inventory.OriginDistribution,
		"https://m.example.org/alpine/v3.20/main\nhttps://acme.example.org/apk\n":                                                inventory.OriginUnknown,
		"https://m.example.org/alpine/v3.20/main\nhttps://m.example.org/alpine/edge/testing\n":                                   inventory.OriginUnknown,
		"": inventory.OriginUnknown,
	} {
		inv := &inventory.Inventory{
			Release:  inventory.Release{ID: "alpine", VersionID: "3.20.3"},
			Packages: []inventory.Package{{Manager: inventory.APK, Name: "musl", State: inventory.StateInstalled}, {Manager: inventory.APK, Name: ".deps", State: inventory.StateInstalled}},
		}
		h := collect.Host{FS: fstest.MapFS{"etc/apk/repositories": file(repositories)}}
		wantStatus(t, updateinfo.NewAPK().Collect(context.Background(), h, inv), inventory.Succeeded)
		if got := inv.Packages[0].Origin; got.Kind != want || got.Kind == inventory.OriginUnknown && got.Reason == "" {
			t.Errorf("%q: %+v", repositories, got)
		}
		if inv.Packages[1].Origin.Kind != inventory.OriginLocal {
			t.Errorf("%+v", inv.Packages[1].Origin)
		}
	}
}
