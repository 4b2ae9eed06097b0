package report_test

import (
	"time"

	"github.com/lockfast/lockfast/internal/result"
)

var when = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// samples are the scans that every format is tested with.
func samples() map[string]*result.Scan {
	return map[string]*result.Scan{"rich": rich(), "clean": cleanHost(), "blind": blind(), "hostile": hostile(), "kernels": kernels(), "partial": partial()}
}

func base() *result.Scan {
	hours := int64(5)
	date := when.Add(-5 * time.Hour)
	return &result.Scan{
		Schema: result.ScanSchema, Generated: when, Tool: result.Tool{Name: "lockfast", Version: "0.1.0"},
		Host: result.Host{
			Name: "web1", Arch: "amd64", Live: true, Release: "debian 12", ReleaseName: "Debian GNU/Linux 12 (bookworm)", EndOfLife: "2028-06-30", PastEndOfLife: new(false),
			KernelRunning: "6.1.0-40-amd64", KernelNewest: "6.1.0-40-amd64", KernelOutdated: new(false), Packages: 176,
			Collectors: []result.Status{{Collector: "dpkg", Outcome: "succeeded"}},
		},
		Data: []result.Data{
			{Name: "osv/Debian", Kind: "osv", Date: &date, AgeHours: &hours, Trust: "https", Records: 45000, Coverage: "Debian:12: 45000 records, 3000 packages, newest 2026-11-23", Path: "/var/lib/lockfast/advisories.store"},
			{Name: "kev", Kind: "kev", Date: &date, AgeHours: &hours, Trust: "https", Records: 1404},
			{Name: "Debian bookworm-security main", Kind: "archive", Date: &date, AgeHours: &hours, Trust: "archive"},
		},
		Inventory: []result.Package{
			{Manager: "dpkg", Name: "libssl3", Version: "3.0.14-1~deb12u1", Arch: "amd64", Source: "openssl", SourceVersion: "3.0.14-1~deb12u1", Origin: "distribution", PURL: "pkg:deb/debian/libssl3@3.0.14-1~deb12u1?arch=amd64&distro=debian-12"},
			{Manager: "dpkg", Name: "nginx", Version: "99.1", Arch: "amd64", Source: "nginx", SourceVersion: "99.1", Origin: "vendor", Archive: "nginx.org stable", PURL: "pkg:deb/debian/nginx@99.1?arch=amd64&distro=debian-12"},
		},
		Summary: result.Summary{CVEData: true, BySeverity: map[string]int{}},
	}
}

func cleanHost() *result.Scan { return base() }

func rich() *result.Scan {
	s := base()
	due, since := when.AddDate(0, 0, -10), when.AddDate(0, 0, -41)
	s.Inventory = append(s.Inventory, result.Package{Manager: "dpkg", Name: "vim-tiny", Version: "2", Arch: "amd64", Source: "vim", SourceVersion: "2", Origin: "distribution", PURL: "pkg:deb/debian/vim-tiny@2?arch=amd64&distro=debian-12"})
	s.Findings = []result.Finding{
		{
			Key: "debian:openssl@3.0.14-1~deb12u1", Status: result.StatusOpen, SourcePackage: "openssl", Packages: []string{"libssl3", "openssl"},
			Binaries:         []result.Binary{{Name: "libssl3", Version: "3.0.14-1~deb12u1", Arch: "amd64", Manager: "dpkg", Candidate: "3.0.15-1~deb12u1"}},
			InstalledVersion: "3.0.14-1~deb12u1", FixedVersion: "3.0.15-1~deb12u1", IDs: []string{"DSA-5764-1", "CVE-2024-6119"}, Severity: "high", SeverityFrom: "CVSS of CVE-2024-6119", Score: new(7.5),
			KEV: new(true), KEVEntries: []result.KEVEntry{{CVE: "CVE-2024-6119", Added: since, Due: &due, Overdue: true, Ransomware: true, Name: "OpenSSL hole"}}, Ransomware: true, EPSS: new(0.62),
			Exposed: new(true), ExposedOn: []result.Socket{{Protocol: "tcp", Address: "0.0.0.0", Port: 443, Process: "nginx", Filter: "open"}}, Running: new(true),
			RunningIn: []result.Process{{PID: 812, Command: "nginx", Unit: "nginx.service"}}, Restart: []string{"nginx.service"}, GapDays: new(41), FixedSince: &since, GapFrom: "DSA-5764-1",
			Evidence:        []result.Evidence{{Kind: "advisory", Source: "osv/Debian", Detail: "DSA-5764-1: fixed in 3.0.15-1~deb12u1, installed 3.0.14-1~deb12u1"}},
			Reason:          "Known to be exploited, also by ransomware; nginx listens with it on every address, port 443 (tcp); the fix has existed for 41 days.",
			Vulnerabilities: []result.Vulnerability{{ID: "CVE-2024-6119", Severity: "high", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Score: new(7.5), EPSS: new(0.62), KEV: new(true), Summary: "openssl - security update"}},
		},
		{
			Key: "debian:dbus@1.14.10-1~deb12u1#not-running", Status: result.StatusRestart, SourcePackage: "dbus", Packages: []string{"dbus"}, InstalledVersion: "1.14.10-1~deb12u1", FixedVersion: "1.14.10-1~deb12u1",
			Severity: "unknown", Running: new(true), Exposed: new(false), Restart: []string{"reboot"}, RunningIn: []result.Process{{PID: 40, Command: "dbus-daemon", Unit: "dbus.service", Replaced: true}},
			Reason: "Severity unknown; it runs, but no reachable socket is behind it; the fix is installed, but the old code still runs until a reboot.",
		},
		{
			Key: "debian:tar@1.34+dfsg-1.2#no-fix", Status: result.StatusNoFix, SourcePackage: "tar", Packages: []string{"tar"}, InstalledVersion: "1.34+dfsg-1.2", IDs: []string{"CVE-2026-77000"}, Severity: "low", KEV: new(false),
			Held: true, Disagreement: "the two differ", Reason: "Low severity; whether it runs could not be seen; no fix exists yet.",
			Vulnerabilities: []result.Vulnerability{{ID: "CVE-2026-77000", Severity: "low", KEV: new(false)}},
		},
		{
			Key: "debian:linux@6.1.90-1#leftover", Status: result.StatusLeftover, SourcePackage: "linux", Packages: []string{"linux-image-6.1.0-20-amd64"}, InstalledVersion: "6.1.90-1", FixedVersion: "6.1.99-1",
			IDs: []string{"CVE-2025-21000"}, Severity: "critical", Running: new(false), Exposed: new(false), Reason: "An old kernel left on disk.", Vulnerabilities: []result.Vulnerability{{ID: "CVE-2025-21000", Severity: "critical"}},
		},
	}
	s.Waived = []result.Waived{{Finding: result.Finding{
		Key: "debian:vim@2", Status: result.StatusOpen, SourcePackage: "vim", Packages: []string{"vim-tiny"}, Binaries: []result.Binary{{Name: "vim-tiny", Version: "2", Arch: "amd64", Manager: "dpkg"}},
		InstalledVersion: "2", FixedVersion: "3", IDs: []string{"CVE-2026-5555"}, Severity: "low", Reason: "Low severity; it is only installed, nothing runs it now.", Vulnerabilities: []result.Vulnerability{{ID: "CVE-2026-5555", Severity: "low"}},
	}, Reason: "not used", Expires: "2026-12-31", By: "jane"}}
	s.Unknown = []result.Unknown{
		{What: "nginx 99.1", Why: "it comes from nginx.org stable, whose advisories are not loaded", Packages: []string{"nginx"}, IDs: []string{"DSA-9001-1", "CVE-2026-0001"}, Severity: "critical"},
		{What: "origin of some packages", Why: "no lists", Packages: []string{"a", "b", "c", "d"}},
	}
	s.Host.NotLookedInto = []result.Gap{{What: "containers (Docker)", Where: "/var/lib/docker/containers", Count: 2}}
	s.Host.RebootRequired, s.Host.RebootReason = true, "kernel 6.1.0-20-amd64 runs, 6.1.0-40-amd64 is installed"
	previous := when.AddDate(0, 0, -1)
	s.Changes = &result.Changes{Previous: &previous, New: []string{"debian:openssl@3.0.14-1~deb12u1"}, Gone: []string{"debian:curl@1"}}
	s.Listeners = []result.Listener{{Socket: s.Findings[0].ExposedOn[0], Scope: "any", PID: 812, Package: "nginx", Unit: "nginx.service"}}
	s.Summary = result.Summary{
		Findings: 4, Fixable: 1, NotRunning: 1, NoFix: 1, BySeverity: map[string]int{"high": 1, "unknown": 1, "low": 1, "critical": 1}, KnownExploited: 1, Exposed: 1, CVEs: 3, WorstGapDays: new(41),
		WorstGapFinding: "debian:openssl@3.0.14-1~deb12u1", ExposedGapDays: new(41), OldestDataHours: new(int64(5)), Unknown: 2, Waived: 1, ExpiredWaivers: 1, CVEData: true,
	}
	s.Exit = result.Exit{Code: 1, Reasons: []string{"1 finding under --fail-on high"}}
	return s
}

// blind is a host that could not be looked at.
func blind() *result.Scan {
	s := base()
	s.Data = []result.Data{{Name: "osv/Debian", Kind: "osv", Stale: true, Trust: "files"}}
	s.Inventory, s.Host.Packages = nil, 0
	s.Unknown = []result.Unknown{{What: "packages in the dpkg database", Why: "cannot read package database: permission denied; run as root", Blocking: true}}
	s.Summary = result.Summary{Unknown: 1, Blocking: 1, CVEData: false}
	s.Exit = result.Exit{Code: 3, Reasons: []string{"packages in the dpkg database: cannot read"}}
	return s
}

// hostile names things as an attacker would.
func hostile() *result.Scan {
	s := rich()
	evil := "\x1b[31mred\x1b[0m<script>alert(1)</script>\n\u202eoverride \"quoted\" \\ 包裹 " + string(make([]byte, 3)) + "averyveryveryveryveryveryveryveryveryveryverylongname-that-has-no-blank-in-it-and-goes-on-and-on-for-ever"
	s.Host.Name, s.Host.ReleaseName, s.Host.Release = evil, evil, evil
	f := &s.Findings[0]
	f.SourcePackage, f.Reason, f.InstalledVersion, f.Key = evil, evil, evil, evil
	f.Packages, f.IDs = []string{evil}, []string{evil, "CVE-2024-6119"}
	f.Evidence[0].Detail, f.Vulnerabilities[0].Summary = evil, evil
	f.KEVEntries[0].Name = evil
	s.Unknown[0].What, s.Unknown[0].Why = evil, evil
	s.Data[0].Name = evil
	s.Waived[0].Reason = evil
	s.Exit.Reasons[0] = evil
	return s
}

// kernels is an rpm host below --root with three kernels of one name: an old
// one left on disk, one that lacks a fix, and the same package twice without a
// package URL.
func kernels() *result.Scan {
	s := base()
	s.Host.Live, s.Host.Root, s.Host.Release, s.Host.ReleaseName = false, "/mnt/image one", "almalinux 9.4", "AlmaLinux 9.4"
	s.Host.Collectors = []result.Status{{Collector: "rpm", Outcome: "succeeded"}}
	s.Host.KernelOutdated, s.Host.PastEndOfLife = nil, nil
	s.Inventory = nil
	for _, v := range []string{"5.14.0-1.el9", "5.14.0-2.el9"} {
		s.Inventory = append(s.Inventory, result.Package{Manager: "rpm", Name: "kernel-core", Version: v, Arch: "x86_64", Source: "kernel", SourceVersion: v, Origin: "distribution", PURL: "pkg:rpm/almalinux/kernel-core@" + v + "?arch=x86_64"})
	}
	local := result.Package{Manager: "rpm", Name: "tool", Version: "1-1", Arch: "noarch", Source: "tool", SourceVersion: "1-1", Origin: "local"}
	s.Inventory = append(s.Inventory, local, local)
	binary := func(v string) []result.Binary {
		return []result.Binary{{Name: "kernel-core", Version: v, Arch: "x86_64", Manager: "rpm"}}
	}
	vulnerability := []result.Vulnerability{{ID: "CVE-2026-4242", Severity: "critical", Score: new(10.0), Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"}}
	s.Findings = []result.Finding{
		{Key: "almalinux:kernel@5.14.0-2.el9", Status: result.StatusOpen, SourcePackage: "kernel", Packages: []string{"kernel-core"}, Binaries: binary("5.14.0-2.el9"), InstalledVersion: "5.14.0-2.el9", FixedVersion: "5.14.0-3.el9", IDs: []string{"ALSA-2026:1", "CVE-2026-4242"}, Severity: "critical", Score: new(10.0), Restart: []string{"reboot"}, Reason: "Critical severity.", Vulnerabilities: vulnerability},
		{Key: "almalinux:kernel@5.14.0-1.el9#leftover", Status: result.StatusLeftover, SourcePackage: "kernel", Packages: []string{"kernel-core"}, Binaries: binary("5.14.0-1.el9"), InstalledVersion: "5.14.0-1.el9", FixedVersion: "5.14.0-3.el9", IDs: []string{"CVE-2026-4242"}, Severity: "high", Score: new(9.8), Running: new(false), Reason: "An old kernel left on disk.", Vulnerabilities: vulnerability},
	}
	s.Summary = result.Summary{Findings: 2, Fixable: 1, BySeverity: map[string]int{"critical": 1, "high": 1}, CVEs: 1, CVEData: true}
	return s
}

// partial is a host where nothing was found, not everything was seen, and the
// gap in the advisories was accepted.
func partial() *result.Scan {
	s := base()
	s.Host.Collectors = append(s.Host.Collectors, result.Status{Collector: "processes", Outcome: "partial", Reason: "not root"}, result.Status{Collector: "firewall", Outcome: "failed", Reason: "not permitted"})
	s.Unknown = []result.Unknown{
		{What: "what runs", Why: "not root; run as root"},
		{What: "packages of Debian:12 outside the advisories", Why: "its records are partial", Blocking: true, Accepted: true, Packages: []string{"nginx"}},
	}
	s.Summary.Unknown = 2
	return s
}
