package updateinfo

import (
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
)

type nameArch struct{ name, arch string }

// newestInstalled maps each installed rpm to the newest of its versions.
func newestInstalled(inv *inventory.Inventory) map[string][]*inventory.Package {
	newest := map[nameArch]*inventory.Package{}
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if p.Manager != inventory.RPM || !p.State.Present() {
			continue
		}
		key := nameArch{p.Name, p.Arch}
		if have := newest[key]; have == nil || pkgver.CompareRPM(p.Version, have.Version) > 0 {
			newest[key] = p
		}
	}
	byName := map[string][]*inventory.Package{}
	for key, p := range newest {
		byName[key.name] = append(byName[key.name], p)
	}
	return byName
}

// offers gathers the advisories whose builds are newer than what is installed.
type offers struct {
	installed map[string][]*inventory.Package
	pending   map[nameArch]*inventory.Update
	severity  map[nameArch]int
}

func newOffers(installed map[string][]*inventory.Package) *offers {
	return &offers{installed: installed, pending: map[nameArch]*inventory.Update{}, severity: map[nameArch]int{}}
}

// relevant keeps an advisory with the builds that are updates here.
func (o *offers) relevant(a *Advisory) []*Advisory {
	a.Builds = slices.DeleteFunc(a.Builds, func(b Build) bool {
		return !slices.ContainsFunc(o.installed[b.Name], func(p *inventory.Package) bool { return b.updates(p) })
	})
	if len(a.Builds) == 0 {
		return nil
	}
	return []*Advisory{a}
}

// updates reports whether a build is an update of an installed package: newer,
// of its architecture (or between it and noarch), within its module stream.
func (b *Build) updates(p *inventory.Package) bool {
	if b.Name != p.Name || b.Module != p.Module {
		return false
	}
	if b.Arch != p.Arch && b.Arch != "noarch" && p.Arch != "noarch" || b.Arch == "src" {
		return false
	}
	return pkgver.CompareRPM(b.Version, p.Version) > 0
}

func (o *offers) add(a *Advisory, archive string) {
	for i := range a.Builds {
		b := &a.Builds[i]
		for _, p := range o.installed[b.Name] {
			if b.updates(p) {
				o.addBuild(a, b, p, archive)
			}
		}
	}
}

func (o *offers) addBuild(a *Advisory, b *Build, p *inventory.Package, archive string) {
	key := nameArch{p.Name, p.Arch}
	u := o.pending[key]
	if u == nil {
		u = &inventory.Update{Package: p.Name, Arch: p.Arch, Source: p.Source, Installed: p.Version}
		o.pending[key] = u
	}
	if u.Candidate == "" || pkgver.CompareRPM(b.Version, u.Candidate) > 0 {
		u.Candidate = b.Version
	}
	if !a.Security() {
		return
	}
	u.Security = true
	if u.Fixed == "" || pkgver.CompareRPM(b.Version, u.Fixed) > 0 {
		u.Fixed, u.FixedSource, u.Archive = b.Version, b.Source, archive
	}
	u.IDs = append(append(u.IDs, a.ID), a.CVEs...)
	if rank := slices.Index(severities(), strings.ToLower(a.Severity)); rank >= 0 && (u.Severity == "" || rank > o.severity[key]) {
		u.Severity, o.severity[key] = a.Severity, rank
	}
	// The oldest missing fix says how long this host has been open.
	if !a.Issued.IsZero() && (u.Date.IsZero() || a.Issued.Before(u.Date)) {
		u.Date, u.DateFrom = a.Issued, "updateinfo "+a.ID+", issued "+a.Issued.Format(time.DateOnly)
	}
}

// severities are the vendors' words, worst last; dnf and SUSE use both pairs.
func severities() []string {
	return []string{"none", "low", "moderate", "medium", "important", "high", "critical"}
}

// updates returns what was gathered, sorted by name and architecture.
func (o *offers) updates() []inventory.Update {
	var all []inventory.Update
	for _, u := range o.pending {
		slices.Sort(u.IDs)
		u.IDs = slices.Compact(u.IDs)
		if u.Security && u.FixedSource == "" {
			u.FixedSource = u.Fixed
		}
		all = append(all, *u)
	}
	slices.SortFunc(all, func(a, b inventory.Update) int {
		return strings.Compare(a.Package+"\x00"+a.Arch, b.Package+"\x00"+b.Arch)
	})
	return all
}
