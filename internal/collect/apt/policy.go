package apt

import (
	"slices"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// Priorities of apt_preferences(5), "APT's Default Priority Assignments".
const (
	priorityNever         = 1 // NotAutomatic
	priorityInstalled     = 100
	priorityBackports     = 100 // NotAutomatic with ButAutomaticUpgrades
	priorityDefault       = 500
	priorityTargetRelease = 990
	priorityDowngrade     = 1000
)

// policy decides which version apt would install.
type policy struct {
	pins     []Pin // specific ones, in order; the first that matches a version counts
	archives []archive
	priority []int // of each archive
}

// newPolicy sets the priority of each archive: the target release first, then
// the first general pin that matches, then what the archive says of itself.
func newPolicy(pins []Pin, target string, archives []archive) policy {
	p := policy{archives: archives, priority: make([]int, len(archives))}
	for i := range pins {
		if !pins[i].general() {
			p.pins = append(p.pins, pins[i])
		}
	}
	for i := range archives {
		p.priority[i] = archivePriority(&archives[i], pins, target)
	}
	return p
}

func archivePriority(a *archive, pins []Pin, target string) int {
	if target != "" && a.isRelease(target) {
		return priorityTargetRelease
	}
	for i := range pins {
		if pins[i].general() && pins[i].Kind != PinVersion && pins[i].takes("", a) {
			return pins[i].Priority
		}
	}
	switch {
	case a.release.NotAutomatic && a.release.AutoUpgrades:
		return priorityBackports
	case a.release.NotAutomatic:
		return priorityNever
	}
	return priorityDefault
}

// of returns the priority of one offer of a package.
func (p *policy) of(pkg *inventory.Package, o *offer) int {
	own := p.priority[o.archive]
	if own < 0 {
		return own // an archive pinned below zero is never used
	}
	if pin, ok := p.pinned(pkg, o.version, &p.archives[o.archive]); ok {
		return pin
	}
	return own
}

func (p *policy) pinned(pkg *inventory.Package, version string, a *archive) (int, bool) {
	for i := range p.pins {
		if p.pins[i].names(pkg.Name, pkg.Source) && p.pins[i].takes(version, a) {
			return p.pins[i].Priority, true
		}
	}
	return 0, false
}

// candidate is the version apt would install: the one of highest priority, the
// newest among equals, never an older one than the installed below priority
// 1000. It is the installed version when nothing else may come.
func (p *policy) candidate(pkg *inventory.Package, offers []offer) string {
	type choice struct {
		version  string
		priority int
	}
	installed := priorityInstalled
	if pin, ok := p.pinned(pkg, pkg.Version, nil); ok {
		installed = pin
	}
	choices := []choice{{pkg.Version, installed}}
	for i := range offers {
		choices = append(choices, choice{offers[i].version, p.of(pkg, &offers[i])})
	}
	// Newest first, and of one version its highest priority first: a later
	// choice only wins with a higher priority.
	slices.SortStableFunc(choices, func(a, b choice) int {
		if c := pkgver.CompareDpkg(b.version, a.version); c != 0 {
			return c
		}
		return b.priority - a.priority
	})
	best, top := pkg.Version, 0
	for _, c := range choices {
		older := pkgver.CompareDpkg(c.version, pkg.Version) < 0
		if c.priority <= top || older && c.priority < priorityDowngrade {
			continue
		}
		best, top = c.version, c.priority
	}
	return best
}
