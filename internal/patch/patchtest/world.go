package patchtest

import (
	"testing"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/plan"
)

// Arches are a package manager's words for architectures.
type Arches struct {
	Machine string // "x86_64", "amd64"
	None    string // "noarch", "all"
}

// World makes hosts.
type World struct {
	Arches Arches
	// Host makes a host of its own with the packages of [Installed] at their
	// versions, marked and held as there, and a signed repository over the network
	// with the packages of [Packages] that are on offer, and the fixes of [Fixes].
	// The manager trusts the repository and has its metadata. No package that is
	// not installed has been downloaded.
	Host func(t *testing.T) Host
	// NoHolds says why packages cannot be held; empty: they can, and "kept" is.
	NoHolds string
	// NoAdvisories says why the repository's metadata name no advisories; empty:
	// they do.
	NoAdvisories string
}

// Host is what a case works with.
type Host struct {
	Backend patch.Backend
	Root    string // the host's "/"
	// Network brings the repository's network up or takes it away. It is up at the
	// beginning.
	Network func(up bool)
	// Damage changes a byte in the middle of the repository's file of a package.
	Damage func(name, version string)
	// Forge changes the repository's index, so that its signature is wrong.
	Forge func()
}

// Package is a small package to build: one file /opt/NAME/data, which holds
// the version, and if Config a configuration file /etc/NAME.conf too, which
// differs from version to version and is kept when it was changed.
type Package struct {
	Name    string
	Version string // in full: "1:2-1" is epoch 1, version 2, release 1
	NoArch  bool   // for every architecture
	Needs   []string
	Config  bool
	Absent  bool // no repository has it
}

// Fix is an advisory that a repository's metadata name.
type Fix struct {
	ID, CVE, Severity string
	Name, Version     string
}

// Packages are what there is.
func Packages() []Package {
	return []Package{
		{Name: "app", Version: "1-1", Config: true},
		{Name: "app", Version: "2-1", Config: true, Needs: []string{"lib"}}, // the security fix
		{Name: "app", Version: "3-1", Config: true, Needs: []string{"lib"}}, // more than that
		{Name: "lib", Version: "1-1"},                                       // needed anew
		{Name: "tool", Version: "1:1-1", NoArch: true},
		{Name: "tool", Version: "1:2-1", NoArch: true},
		{Name: "kept", Version: "1-1"},
		{Name: "kept", Version: "2-1"},
		{Name: "stuck", Version: "1-1"},
		{Name: "stuck", Version: "2-1", Needs: []string{"nowhere"}}, // cannot be had
		{Name: "gone", Version: "1-1", Absent: true},
	}
}

// Fixes are the advisories. Those that are no security fix are none here.
func Fixes() []Fix {
	return []Fix{
		{ID: "TEST-2024-1", CVE: "CVE-2024-0001", Severity: "Important", Name: "app", Version: "2-1"},
		{ID: "TEST-2024-2", CVE: "CVE-2024-0002", Severity: "Critical", Name: "tool", Version: "1:2-1"},
		{ID: "TEST-2024-3", CVE: "CVE-2024-0003", Severity: "Low", Name: "stuck", Version: "2-1"},
	}
}

// Installed are the packages of a new host, sorted.
func (w World) Installed() []plan.Package {
	return []plan.Package{
		w.at("app", "1-1"), w.at("gone", "1-1"), w.kept(), w.at("stuck", "1-1"), auto(w.at("tool", "1:1-1")),
	}
}

func (w World) kept() plan.Package {
	p := w.at("kept", "1-1")
	p.Held = w.NoHolds == ""
	return p
}

func auto(p plan.Package) plan.Package {
	p.Auto = true
	return p
}

func (w World) arch(name string) string {
	if name == "tool" {
		return w.Arches.None
	}
	return w.Arches.Machine
}

func (w World) at(name, version string) plan.Package {
	return plan.Package{Name: name, Arch: w.arch(name), Version: version}
}

func (w World) ref(name, version string) patch.Ref {
	return patch.Ref{Name: name, Arch: w.arch(name), Version: version}
}

// Run runs the suite.
func Run(t *testing.T, w World) {
	t.Helper()
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *suite)
	}{
		{"State", state},
		{"Refresh", refresh},
		{"Available", available},
		{"Simulate", simulate},
		{"SimulateProblems", simulateProblems},
		{"SimulateAll", simulateAll},
		{"Download", download},
		{"DownloadRefuses", downloadRefuses},
		{"Previous", previous},
		{"InstallAndBack", installAndBack},
		{"InstallRefuses", installRefuses},
		{"Verify", verify},
		{"Repair", repair},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := w.Host(t)
			c.run(t, &suite{World: w, Host: h, b: h.Backend, dir: t.TempDir()})
		})
	}
}
