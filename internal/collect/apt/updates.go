package apt

import (
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// pending lists the updates of what is installed.
type pending struct {
	archives []archive
	all      *catalogue
	policy   policy
	present  map[string]bool // names installed or provided by something installed
}

// update says what is offered above the installed version, false when nothing
// is. A security update counts even where a pin keeps it away: Candidate is
// then empty. Only an archive pinned below zero is taken at its word, and only
// for packages that do not come from the distribution.
func (u *pending) update(p *inventory.Package) (inventory.Update, bool) {
	var fix, next *offer
	above := slices.DeleteFunc(u.all.of(p), func(o offer) bool { return pkgver.CompareDpkg(o.version, p.Version) <= 0 })
	if len(above) == 0 {
		return inventory.Update{}, false
	}
	candidate := u.policy.candidate(p, u.all.of(p))
	for i := range above {
		o := &above[i]
		if u.archives[o.archive].security && !u.excluded(p, o) && (fix == nil || pkgver.CompareDpkg(o.version, fix.version) > 0) {
			fix = o
		}
		if o.version == candidate {
			next = o
		}
	}
	if fix == nil && next == nil {
		return inventory.Update{}, false
	}
	out := inventory.Update{Package: p.Name, Arch: p.Arch, Source: p.Source, Installed: p.Version}
	if next != nil {
		out.Candidate = candidate
		out.NewPackage = u.kernelBehind(next)
	}
	if fix != nil {
		out.Security, out.Fixed, out.FixedSource = true, fix.version, fix.sourceVersion
		out.Archive = u.archives[fix.archive].name
		out.NewPackage = out.NewPackage || u.kernelBehind(fix)
	}
	return out, true
}

func (u *pending) excluded(p *inventory.Package, o *offer) bool {
	return u.policy.of(p, o) < 0 && p.Origin.Kind != inventory.OriginDistribution
}

// kernelBehind reports whether a new version needs a kernel image that is not
// installed: a meta-package. `apt-get upgrade` keeps those back.
func (u *pending) kernelBehind(o *offer) bool {
	for group := range strings.SplitSeq(o.depends, ",") {
		if u.satisfied(group) {
			continue
		}
		for name := range strings.SplitSeq(group, "|") {
			if kernelImage(depended(name)) {
				return true
			}
		}
	}
	return false
}

// kernelImage tells names of images ("linux-image-6.1.0-40-amd64",
// "linux-modules-5.15.0-100-generic") from headers and documentation.
func kernelImage(name string) bool {
	for _, prefix := range []string{"linux-image-", "linux-modules-", "linux-signed-image-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// satisfied reports whether one of the alternatives is installed; versions are
// not compared, since a package that is there can be upgraded with this one.
func (u *pending) satisfied(group string) bool {
	for name := range strings.SplitSeq(group, "|") {
		if name = depended(name); name == "" || u.present[name] {
			return true
		}
	}
	return false
}

// depended is the name in "name:any (>= 1) [arch]".
func depended(relation string) string {
	relation = strings.TrimSpace(relation)
	if i := strings.IndexAny(relation, " :([<"); i >= 0 {
		relation = relation[:i]
	}
	return relation
}

// presentNames are the names of installed packages and what new versions of
// them provide.
func presentNames(c *catalogue) map[string]bool {
	names := make(map[string]bool, len(c.packages))
	for name, k := range c.packages {
		names[name] = true
		for _, o := range k.offers {
			for provided := range strings.SplitSeq(o.provides, ",") {
				names[depended(provided)] = true
			}
		}
	}
	return names
}
