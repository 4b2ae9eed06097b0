package advisory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/inventory"
)

func TestEcosystemsFor(t *testing.T) {
	have := []advisory.Ecosystem{
		"Debian:11", "Debian:12", "Debian:13", "Ubuntu:22.04:LTS", "Ubuntu:22.04", "Ubuntu:Pro:22.04:LTS", "Ubuntu:22.10", "AlmaLinux:8", "AlmaLinux:9", "AlmaLinux",
		"Rocky Linux:9", "Red Hat:enterprise_linux:9::appstream", "Red Hat:enterprise_linux:9::baseos", "Red Hat:enterprise_linux:9.2::baseos", "Red Hat:rhel_eus:9.2::baseos",
		"SUSE:Linux Enterprise Server 15 SP5", "SUSE:Linux Enterprise Server 15 SP5-LTSS", "SUSE:Linux Enterprise Module for Basesystem 15 SP5", "SUSE:Linux Enterprise Server 15 SP50",
		"SUSE:Linux Enterprise Module for Basesystem 15 SP6", "SUSE:Linux Enterprise Micro 5.5", "openSUSE:Leap 15.5", "openSUSE:Tumbleweed", "Alpine:v3.18", "Alpine:v3.1",
	}
	cases := []struct {
		id, version string
		expected    advisory.Ecosystem
		want        []advisory.Ecosystem
	}{
		{"debian", "12", "Debian:12", []advisory.Ecosystem{"Debian:12"}},
		{"debian", "12.5", "Debian:12", []advisory.Ecosystem{"Debian:12"}},
		{"debian", "1", "Debian:1", nil},
		{"debian", "", "", nil},
		{"ubuntu", "22.04", "Ubuntu:22.04:LTS", []advisory.Ecosystem{"Ubuntu:22.04", "Ubuntu:22.04:LTS"}},
		{"ubuntu", "22.10", "Ubuntu:22.10", []advisory.Ecosystem{"Ubuntu:22.10"}},
		{"ubuntu", "23.04", "Ubuntu:23.04", nil},
		{"almalinux", "9.4", "AlmaLinux:9", []advisory.Ecosystem{"AlmaLinux", "AlmaLinux:9"}},
		{"rocky", "9.3", "Rocky Linux:9", []advisory.Ecosystem{"Rocky Linux:9"}},
		{"rhel", "9.4", "Red Hat:enterprise_linux:9", []advisory.Ecosystem{"Red Hat:enterprise_linux:9::appstream", "Red Hat:enterprise_linux:9::baseos"}},
		{"centos", "9", "", nil},
		{"sles", "15.5", "SUSE:Linux Enterprise Server 15 SP5", []advisory.Ecosystem{
			"SUSE:Linux Enterprise Module for Basesystem 15 SP5", "SUSE:Linux Enterprise Server 15 SP5", "SUSE:Linux Enterprise Server 15 SP5-LTSS",
		}},
		{"opensuse-leap", "15.5", "openSUSE:Leap 15.5", []advisory.Ecosystem{"openSUSE:Leap 15.5"}},
		{"opensuse-tumbleweed", "20260101", "openSUSE:Tumbleweed", []advisory.Ecosystem{"openSUSE:Tumbleweed"}},
		{"alpine", "3.18.4", "Alpine:v3.18", []advisory.Ecosystem{"Alpine:v3.18"}},
		{"alpine", "3.21.0_alpha20240807", "", nil},
		{"plan9", "4", "", nil},
	}
	for _, c := range cases {
		rel := inventory.Release{ID: c.id, VersionID: c.version}
		expected, ok := advisory.ExpectedEcosystem(rel)
		if expected != c.expected || ok != (c.expected != "") {
			t.Errorf("%s %s: expected %q, %t", c.id, c.version, expected, ok)
		}
		if diff := cmp.Diff(c.want, advisory.EcosystemsFor(rel, have)); diff != "" {
			t.Errorf("%s %s: %s", c.id, c.version, diff)
		}
	}
}

func TestEcosystemNames(t *testing.T) {
	for eco, want := range map[advisory.Ecosystem]advisory.Names{
		"Debian:12": advisory.NamesSource, "Ubuntu:22.04:LTS": advisory.NamesSource, "Alpine:v3.18": advisory.NamesSource, "Rocky Linux:9": advisory.NamesSource,
		"SUSE:Linux Enterprise Server 15 SP5": advisory.NamesSource, "openSUSE:Leap 15.5": advisory.NamesSource,
		"AlmaLinux:9": advisory.NamesBinary, "Red Hat:enterprise_linux:9::baseos": advisory.NamesBinary, "npm": 0,
	} {
		if eco.Names() != want {
			t.Errorf("%s: %d", eco, eco.Names())
		}
		if _, known := eco.Scheme(); known != (want != 0) {
			t.Errorf("%s: scheme known %t", eco, known)
		}
	}
}

func TestRowIDs(t *testing.T) {
	cases := []struct {
		row  advisory.Row
		all  []advisory.ID
		cves []advisory.ID
	}{
		{advisory.Row{ID: "DSA-1-1", IDs: []advisory.ID{"CVE-2024-10000", "CVE-2024-9999", "GHSA-x"}}, []advisory.ID{"DSA-1-1", "CVE-2024-10000", "CVE-2024-9999", "GHSA-x"}, []advisory.ID{"CVE-2024-10000", "CVE-2024-9999"}},
		{advisory.Row{ID: "DEBIAN-CVE-2024-0001"}, []advisory.ID{"DEBIAN-CVE-2024-0001", "CVE-2024-0001"}, []advisory.ID{"CVE-2024-0001"}},
		{advisory.Row{ID: "UBUNTU-CVE-2024-0001", IDs: []advisory.ID{"CVE-2024-0001"}}, []advisory.ID{"UBUNTU-CVE-2024-0001", "CVE-2024-0001"}, []advisory.ID{"CVE-2024-0001"}},
		{advisory.Row{ID: "XCVE-2024-0001", IDs: []advisory.ID{"CVE-24-1", "CVE-2024-01", "CVE-2024-1234567890"}}, []advisory.ID{"XCVE-2024-0001", "CVE-24-1", "CVE-2024-01", "CVE-2024-1234567890"}, nil},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.all, c.row.AllIDs()); diff != "" {
			t.Errorf("%s: %s", c.row.ID, diff)
		}
		if diff := cmp.Diff(c.cves, c.row.CVEs()); diff != "" {
			t.Errorf("%s: %s", c.row.ID, diff)
		}
	}
}
