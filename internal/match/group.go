package match

import (
	"cmp"
	"slices"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
	"github.com/lockfast/lockfast/internal/result"
)

// groupKey names one fix: a source package at one installed version. What has
// no fix yet, what is only left on disk and what only waits for a restart are
// separate lines, since what to do about them differs.
type groupKey struct {
	manager inventory.Manager
	source  string
	version string
	status  string
}

// group collects everything that one update would repair.
type group struct {
	key      groupKey
	scheme   pkgver.Scheme
	packages []*inventory.Package // binaries concerned, each once
	hits     []*Hit
	updates  []*inventory.Update
	fixed    string
	reboot   bool // the fix is on disk, the kernel that runs is older
	noCode   bool // built from the kernel's source without being the kernel
	covered  bool // the advisories speak of this source
}

// groups keeps them in the order in which they were first seen.
type groups struct {
	byKey map[groupKey]*group
	list  []*group
}

func (g *groups) at(key groupKey, scheme pkgver.Scheme) *group {
	if found := g.byKey[key]; found != nil {
		return found
	}
	made := &group{key: key, scheme: scheme}
	g.byKey[key] = made
	g.list = append(g.list, made)
	return made
}

func (g *group) add(p *inventory.Package) {
	for _, known := range g.packages {
		if known.Name == p.Name && known.Arch == p.Arch && known.Version == p.Version {
			return
		}
	}
	g.packages = append(g.packages, p)
}

// raise lifts the fixed version so that it repairs this as well.
func (g *group) raise(fixed string) {
	if fixed != "" && (g.fixed == "" || g.scheme.Compare(fixed, g.fixed) > 0) {
		g.fixed = fixed
	}
}

// build sorts hits and the package manager's updates into groups. pkgs are the
// packages the hits point into: those of inv, then what runs in an older version than
// the one on disk.
func build(inv *inventory.Inventory, pkgs []inventory.Package, answer Answer) *groups {
	all := &groups{byKey: map[groupKey]*group{}}
	kernel := kernelsOf(inv)
	for i := range answer.Hits {
		hit := &answer.Hits[i]
		if hit.State == Unknown {
			continue
		}
		p := &pkgs[hit.Package]
		older := hit.Package >= len(inv.Packages)
		if older && !fixedByInstalled(inv, p, hit) {
			continue // the installed version has the same hole, and a line of its own
		}
		source, version := Source(p)
		status := kernel.status(hit, p, older)
		g := all.at(groupKey{p.Manager, source, version, status}, p.Manager.Scheme())
		g.add(p)
		g.hits = append(g.hits, hit)
		g.raise(hit.Fixed)
		g.reboot = g.reboot || status == result.StatusRestart && kernel.known[kernel.keyOf(p)] || kernel.isBooted(p)
		g.covered = true
	}
	addUpdates(all, inv, answer)
	return all
}

// fixedByInstalled reports whether the version on disk of a package that runs
// in an older one has the fix.
func fixedByInstalled(inv *inventory.Inventory, running *inventory.Package, hit *Hit) bool {
	if hit.Fixed == "" {
		return false
	}
	return slices.ContainsFunc(inv.Packages, func(p inventory.Package) bool {
		return p.Name == running.Name && p.Arch == running.Arch && p.State.Present() &&
			p.Manager.Scheme().Compare(versionIn(hit.Row, &p), hit.Fixed) >= 0
	})
}

// status decides which line a hit belongs to.
func (k kernels) status(hit *Hit, p *inventory.Package, older bool) string {
	switch {
	case hit.State == NoFix:
		return result.StatusNoFix
	case older:
		return result.StatusRestart
	case k.leftover(p):
		return result.StatusLeftover
	case k.known[k.keyOf(p)] && k.fixedOnDisk(hit.Fixed, p.Manager.Scheme()):
		return result.StatusRestart
	}
	return result.StatusOpen
}

// addUpdates attaches pending security updates to their groups, or makes one
// for those that no advisory explained.
func addUpdates(all *groups, inv *inventory.Inventory, answer Answer) {
	type nameArch struct{ name, arch string }
	index := make(map[nameArch]int, len(inv.Packages))
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if !p.State.Present() {
			continue
		}
		key := nameArch{p.Name, p.Arch}
		if known, twice := index[key]; !twice || p.Manager.Scheme().Compare(p.Version, inv.Packages[known].Version) > 0 {
			index[key] = i // of several kernels under one name the newest is the one to update
		}
	}
	for i := range inv.Updates {
		u := &inv.Updates[i]
		at, ok := index[nameArch{u.Package, u.Arch}]
		if !u.Security || !ok {
			continue
		}
		p := &inv.Packages[at]
		source, version := Source(p)
		g := groupForUpdate(all, p, groupKey{p.Manager, source, version, result.StatusOpen}, u)
		g.add(p)
		g.updates = append(g.updates, u)
		g.raise(fixedSource(p, u))
		g.covered = g.covered || answer.Covered != nil && answer.Covered[at]
	}
}

// groupForUpdate keeps packages without kernel code on a line of their own:
// the kernel's CVEs are not theirs. The meta-package that brings the next
// kernel belongs to the kernel's line.
func groupForUpdate(all *groups, p *inventory.Package, key groupKey, u *inventory.Update) *group {
	if NoKernelCode(p) && !u.NewPackage {
		key.source = p.Name
		g := all.at(key, p.Manager.Scheme())
		g.noCode = true
		return g
	}
	return all.at(key, p.Manager.Scheme())
}

func fixedSource(p *inventory.Package, u *inventory.Update) string {
	next := *p
	next.Version = cmp.Or(u.Fixed, u.Candidate)
	next.SourceVersion = cmp.Or(u.FixedSource, next.Version)
	_, version := Source(&next)
	return version
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
