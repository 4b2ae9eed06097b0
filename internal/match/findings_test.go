package match_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/result"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func know(rows store, cves ...advisory.CVE) match.Knowledge {
	return match.Knowledge{
		Ecosystems: []advisory.Ecosystem{debian}, Rows: rows, HasKEV: true, HasEPSS: true, Complete: true, Now: now,
		CVE: func(id advisory.ID) (advisory.CVE, bool, error) {
			i := slices.IndexFunc(cves, func(c advisory.CVE) bool { return c.ID == id })
			if i < 0 {
				return advisory.CVE{}, false, nil
			}
			return cves[i], true, nil
		},
	}
}

func find(t *testing.T, inv *inventory.Inventory, k match.Knowledge) match.Outcome {
	t.Helper()
	out, err := match.Findings(inv, k)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func keys(found []result.Finding) []string {
	list := []string{}
	for i := range found {
		list = append(list, found[i].Key)
	}
	slices.Sort(list)
	return list
}

func TestOneLineForAnAdvisoryAndItsCVEs(t *testing.T) {
	dsa := row(debian, "openssl", "DSA-5000-1", advisory.Range{Introduced: "0", Fixed: "3.0.2"})
	dsa.IDs = []advisory.ID{"CVE-2026-0001", "CVE-2026-0002"}
	dsa.FixDate = now.AddDate(0, 0, -40)
	cve := row(debian, "openssl", "DEBIAN-CVE-2026-0002", advisory.Range{Introduced: "0", Fixed: "3.0.3"})
	cve.IDs = []advisory.ID{"CVE-2026-0002"}
	lib, tool := deb("libssl3", "3.0.1"), deb("openssl", "3.0.1")
	lib.Source = "openssl"
	inv := &inventory.Inventory{Release: inventory.Release{ID: "debian"}, Packages: []inventory.Package{lib, tool}}
	out := find(t, inv, know(store{}.add(dsa, cve),
		advisory.CVE{ID: "CVE-2026-0001", Severity: advisory.SeverityHigh, Score: 7.5, CVSS: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", HasEPSS: true, EPSS: 0.2},
		advisory.CVE{ID: "CVE-2026-0002", HasEPSS: true, EPSS: 0.6, KEV: &advisory.KEV{Added: now.AddDate(0, 0, -5), Due: now.AddDate(0, 0, -2), Ransomware: true}},
	))
	if len(out.Findings) != 1 {
		t.Fatalf("got %d findings, want 1", len(out.Findings))
	}
	f := out.Findings[0]
	if f.InstalledVersion != "3.0.1" || f.FixedVersion != "3.0.3" {
		t.Errorf("got %s → %s: the fix must repair everything", f.InstalledVersion, f.FixedVersion)
	}
	if diff := cmp.Diff([]string{"DEBIAN-CVE-2026-0002", "DSA-5000-1", "CVE-2026-0001", "CVE-2026-0002"}, f.IDs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"libssl3", "openssl"}, f.Packages); diff != "" {
		t.Error(diff)
	}
	if f.Severity != "high" || f.SeverityFrom != "CVSS of CVE-2026-0001" || *f.Score != 7.5 {
		t.Errorf("severity %s from %s", f.Severity, f.SeverityFrom)
	}
	if f.KEV == nil || !*f.KEV || !f.Ransomware || !f.KEVEntries[0].Overdue || *f.EPSS != 0.6 {
		t.Errorf("kev %v ransomware %v entries %+v epss %v", f.KEV, f.Ransomware, f.KEVEntries, *f.EPSS)
	}
	if f.GapDays == nil || *f.GapDays != 40 || f.GapFrom != "DSA-5000-1" {
		t.Errorf("gap %v from %s", f.GapDays, f.GapFrom)
	}
}

func TestWithoutKEVDataExploitationIsUnknown(t *testing.T) {
	r := row(debian, "nginx", "CVE-2026-0001", advisory.Range{Fixed: "2"})
	inv := &inventory.Inventory{Packages: []inventory.Package{deb("nginx", "1")}}
	for name, change := range map[string]func(*match.Knowledge){
		"none":  func(k *match.Knowledge) { k.HasKEV = false },
		"stale": func(k *match.Knowledge) { k.KEVStale = true },
	} {
		k := know(store{}.add(r))
		change(&k)
		if f := find(t, inv, k).Findings[0]; f.KEV != nil {
			t.Errorf("%s: kev is %v, want unknown", name, *f.KEV)
		}
	}
	if f := find(t, inv, know(store{}.add(r))).Findings[0]; f.KEV == nil || *f.KEV {
		t.Errorf("with current data kev is %v, want false", f.KEV)
	}
}

func TestPackageManagerAloneStandsAsEvidence(t *testing.T) {
	inv := &inventory.Inventory{
		Release: inventory.Release{ID: "debian"}, Packages: []inventory.Package{deb("perl", "5.36-1"), deb("bash", "5.2")},
		Updates: []inventory.Update{
			{Package: "perl", Arch: "amd64", Source: "perl", Installed: "5.36-1", Candidate: "5.36-2", Fixed: "5.36-2", FixedSource: "5.36-2", Security: true, Archive: "Debian-Security"},
			{Package: "bash", Arch: "amd64", Source: "bash", Installed: "5.2", Candidate: "5.3"},
		},
	}
	out := find(t, inv, match.Knowledge{Now: now})
	if diff := cmp.Diff([]string{"debian:perl@5.36-1"}, keys(out.Findings)); diff != "" {
		t.Fatal(diff)
	}
	f := out.Findings[0]
	if f.Severity != "unknown" || f.KEV != nil || f.GapDays != nil || f.FixedVersion != "5.36-2" || f.Evidence[0].Kind != "package-manager" {
		t.Errorf("got %+v", f)
	}
}

func TestDisagreementIsShown(t *testing.T) {
	inv := &inventory.Inventory{
		Packages: []inventory.Package{deb("nginx", "1"), deb("perl", "1")},
		Archives: []inventory.Archive{{Name: "Debian-Security", Security: true}},
		Updates:  []inventory.Update{{Package: "perl", Arch: "amd64", Installed: "1", Candidate: "2", Fixed: "2", FixedSource: "2", Security: true}},
	}
	out := find(t, inv, know(store{}.add(row(debian, "nginx", "CVE-2026-0001", advisory.Range{Fixed: "2"}))))
	for _, f := range out.Findings {
		if f.Disagreement == "" {
			t.Errorf("%s: only one of the two kinds of evidence names it, and nothing is said", f.Key)
		}
	}
}

func kernelHost(running string, versions ...string) *inventory.Inventory {
	inv := &inventory.Inventory{Release: inventory.Release{ID: "debian"}, Live: true}
	inv.Kernel.Running = running
	for _, v := range versions {
		name := "linux-image-" + v + "-amd64"
		p := deb(name, v)
		p.Source, p.SourceVersion = "linux-signed-amd64", v
		inv.Packages = append(inv.Packages, p)
		inv.Kernel.Installed = append(inv.Kernel.Installed, inventory.InstalledKernel{Release: v + "-amd64", Package: name, Version: v})
	}
	return inv
}

func TestKernels(t *testing.T) {
	linux := store{}.add(row(debian, "linux", "CVE-2026-0009", advisory.Range{Introduced: "0", Fixed: "6.1.50"}))
	cases := []struct {
		name string
		inv  *inventory.Inventory
		want []string
	}{
		{"running and newest are old", kernelHost("6.1.40-amd64", "6.1.40"), []string{"debian:linux@6.1.40"}},
		{"fixed kernel is on disk, old one runs", kernelHost("6.1.40-amd64", "6.1.40", "6.1.50"), []string{"debian:linux@6.1.40#not-running"}},
		{"fixed kernel runs, old one is left", kernelHost("6.1.50-amd64", "6.1.40", "6.1.50"), []string{"debian:linux@6.1.40#leftover"}},
		{"fixed kernel runs alone", kernelHost("6.1.50-amd64", "6.1.50"), []string{}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, keys(find(t, c.inv, know(linux)).Findings)); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("same name, newer build on disk than booted", func(t *testing.T) {
		inv := kernelHost("6.1.50-amd64", "6.1.50")
		inv.Kernel.Version = "6.1.49"
		f := find(t, inv, know(linux)).Findings
		if len(f) != 1 || f[0].Status != result.StatusRestart || !slices.Equal(f[0].Restart, []string{"reboot"}) {
			t.Errorf("got %+v", f)
		}
	})
}

// rpm keeps several kernels under one name, each in several packages.
func TestRPMKernels(t *testing.T) {
	inv := &inventory.Inventory{Release: inventory.Release{ID: "almalinux"}, Live: true}
	inv.Kernel.Running = "5.14.0-503.el9.x86_64"
	for _, version := range []string{"5.14.0-503.el9", "5.14.0-427.el9"} { // in no order
		for _, name := range []string{"kernel", "kernel-core", "kernel-modules"} {
			p := rpm(name, version, "")
			p.Source = "kernel"
			inv.Packages = append(inv.Packages, p)
		}
		inv.Kernel.Installed = append(inv.Kernel.Installed, inventory.InstalledKernel{Release: version + ".x86_64", Package: "kernel-core", Version: version})
	}
	rows := store{}
	for _, name := range []string{"kernel", "kernel-core", "kernel-modules"} {
		rows.add(row(alma, name, "ALSA-2024:1", advisory.Range{Introduced: "0", Fixed: "5.14.0-503.el9"}))
	}
	k := know(rows)
	k.Ecosystems = []advisory.Ecosystem{alma}
	if diff := cmp.Diff([]string{"almalinux:kernel@5.14.0-427.el9#leftover"}, keys(find(t, inv, k).Findings)); diff != "" {
		t.Error(diff)
	}
	inv.Kernel.Running = "5.14.0-427.el9.x86_64"
	if diff := cmp.Diff([]string{"almalinux:kernel@5.14.0-427.el9#not-running"}, keys(find(t, inv, k).Findings)); diff != "" {
		t.Error(diff)
	}
	inv.Updates = []inventory.Update{{Package: "kernel-core", Arch: "x86_64", Installed: "5.14.0-503.el9", Fixed: "5.14.0-600.el9", FixedSource: "5.14.0-600.el9", Security: true, IDs: []string{"ALSA-2024:2"}}}
	if got := keys(find(t, inv, k).Findings); !slices.Contains(got, "almalinux:kernel@5.14.0-503.el9") {
		t.Errorf("the update belongs to the newest kernel: %v", got)
	}
}

// A fix that is installed while its old version still runs keeps its CVEs and
// its gap until the restart.
func TestReplacedVersionStillRuns(t *testing.T) {
	p := deb("libssl3", "3.0.15-1")
	p.Previous = "3.0.14-1+b2"
	inv := &inventory.Inventory{
		Release: inventory.Release{ID: "debian"}, Packages: []inventory.Package{p},
		Processes: []inventory.Process{{PID: 7, Command: "nginx", Mapped: []string{"libssl3"}, Replaced: []inventory.Replaced{{Path: "/x", Package: "libssl3"}}}},
	}
	r := row(debian, "libssl3", "DSA-5764-1", advisory.Range{Introduced: "0", Fixed: "3.0.15-1"})
	r.IDs, r.FixDate = []advisory.ID{"CVE-2024-6119"}, now.AddDate(0, 0, -9)
	// Holes that the installed version has as well are lines of their own, once.
	unfixed := row(debian, "libssl3", "CVE-2026-0002", advisory.Range{Introduced: "0"})
	newer := row(debian, "libssl3", "CVE-2026-0003", advisory.Range{Introduced: "0", Fixed: "3.0.16-1"})
	want := []string{"debian:libssl3@3.0.14-1#not-running", "debian:libssl3@3.0.15-1", "debian:libssl3@3.0.15-1#no-fix"}
	if diff := cmp.Diff(want, keys(find(t, inv, know(store{}.add(r, unfixed, newer))).Findings)); diff != "" {
		t.Error(diff)
	}
	f := find(t, inv, know(store{}.add(r))).Findings
	if len(f) != 1 || f[0].Status != result.StatusRestart || f[0].InstalledVersion != "3.0.14-1" || *f[0].GapDays != 9 || len(f[0].Restart) != 0 {
		t.Errorf("got %+v", f)
	}
	inv.Processes = nil
	if f := find(t, inv, know(store{}.add(r))).Findings; len(f) != 0 {
		t.Errorf("after the restart: %+v", f)
	}
}

func TestHeadersDoNotInheritTheKernelsCVEs(t *testing.T) {
	p := deb("linux-libc-dev", "6.1.40")
	p.Source = "linux"
	inv := &inventory.Inventory{
		Release: inventory.Release{ID: "debian"}, Packages: []inventory.Package{p},
		Updates: []inventory.Update{{Package: "linux-libc-dev", Arch: "amd64", Installed: "6.1.40", Candidate: "6.1.50", Fixed: "6.1.50", FixedSource: "6.1.50", Security: true, IDs: []string{"CVE-2026-0009"}}},
	}
	out := find(t, inv, know(store{}.add(row(debian, "linux", "CVE-2026-0009", advisory.Range{Fixed: "6.1.50"})), advisory.CVE{ID: "CVE-2026-0009", KEV: &advisory.KEV{}}))
	if len(out.Findings) != 1 {
		t.Fatalf("got %d findings, want the pending update alone", len(out.Findings))
	}
	if f := out.Findings[0]; len(f.IDs) != 0 || f.KEV == nil || *f.KEV || f.Severity != "none" || f.FixedVersion != "6.1.50" {
		t.Errorf("got ids %v kev %v severity %s", f.IDs, f.KEV, f.Severity)
	}
}

func TestForeignPackageIsUnknownNotFixed(t *testing.T) {
	p := deb("nginx", "99.1")
	p.Origin = inventory.Origin{Kind: inventory.OriginVendor, Archive: "nginx.org stable"}
	r := row(debian, "nginx", "DSA-1", advisory.Range{Fixed: "1.22"})
	r.IDs = []advisory.ID{"CVE-2026-0005"}
	out := find(t, &inventory.Inventory{Packages: []inventory.Package{p}}, know(store{}.add(r), advisory.CVE{ID: "CVE-2026-0005", Severity: advisory.SeverityCritical}))
	if len(out.Findings) != 0 || len(out.Unknown) != 1 {
		t.Fatalf("got %d findings, %d unknown", len(out.Findings), len(out.Unknown))
	}
	u := out.Unknown[0]
	if diff := cmp.Diff([]string{"DSA-1", "CVE-2026-0005"}, u.IDs); diff != "" || u.Severity != "critical" {
		t.Errorf("%s severity %s", diff, u.Severity)
	}
}
