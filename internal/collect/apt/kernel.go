package apt

import (
	"regexp"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// kernels follows kernel images: their names hold their interface's version, so
// a newer one has another name. A meta-package brings it; where that is not
// installed, no package of the host ever has an update, and the security fixes
// would go unseen.
type kernels struct {
	image   *regexp.Regexp // captures the flavour of a versioned image: "amd64", "generic"
	offered map[flavour]kernelOffer
}

// flavour is a line of kernels.
type flavour struct{ source, name string }

type kernelOffer struct {
	version, sourceVersion string
	archive                int
}

func newKernels() kernels {
	return kernels{
		image:   regexp.MustCompile(`^linux-image-[0-9][^-]*(?:-[0-9]+)?-(.+)$`),
		offered: map[flavour]kernelOffer{},
	}
}

func (k *kernels) flavour(name, source string) (flavour, bool) {
	if !kernelImage(name) {
		return flavour{}, false
	}
	m := k.image.FindStringSubmatch(name)
	if m == nil {
		return flavour{}, false
	}
	return flavour{source, m[1]}, true
}

// see keeps the newest image of each flavour in a security archive.
func (k *kernels) see(name string, o *offer) {
	f, ok := k.flavour(name, o.source)
	if !ok {
		return
	}
	if have, ok := k.offered[f]; ok && pkgver.CompareDpkg(o.version, have.version) <= 0 {
		return
	}
	k.offered[f] = kernelOffer{o.version, o.sourceVersion, o.archive}
}

// withoutMeta returns an update for the newest installed image of each flavour
// that a security archive has a newer one of, unless the updates already hold
// one of the same source that brings or is a kernel.
func (k *kernels) withoutMeta(inv *inventory.Inventory, updates []inventory.Update, archives []archive) []inventory.Update {
	covered := map[string]bool{}
	for i := range updates {
		if u := &updates[i]; u.Security && (u.NewPackage || kernelImage(u.Package)) {
			covered[u.Source] = true
		}
	}
	newest := map[flavour]int{}
	var order []flavour
	for i := range inv.Packages {
		p := &inv.Packages[i]
		f, ok := k.flavour(p.Name, p.Source)
		if !ok || !p.State.Present() || covered[p.Source] {
			continue
		}
		have, ok := newest[f]
		if !ok {
			order = append(order, f)
		}
		if !ok || pkgver.CompareDpkg(p.Version, inv.Packages[have].Version) > 0 {
			newest[f] = i
		}
	}
	var more []inventory.Update
	for _, f := range order {
		p := &inv.Packages[newest[f]]
		o, ok := k.offered[f]
		if !ok || pkgver.CompareDpkg(o.version, p.Version) <= 0 {
			continue
		}
		more = append(more, inventory.Update{
			Package: p.Name, Arch: p.Arch, Source: p.Source, Installed: p.Version, Security: true, NewPackage: true,
			Fixed: o.version, FixedSource: o.sourceVersion, Archive: archives[o.archive].name,
		})
	}
	return more
}
