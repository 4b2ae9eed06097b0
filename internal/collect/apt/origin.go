package apt

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// judge finds out where installed packages came from.
type judge struct {
	archives []archive
	all      *catalogue
	host     inventory.Release
	gaps     bool // some configured lists are missing or damaged
}

// origin of an installed package. The version is in an archive, or evidence
// decides: an update makes the version before it vanish from its archive, so
// "not there now" alone says nothing.
func (j *judge) origin(p *inventory.Package) inventory.Origin {
	offers := j.all.of(p)
	if found, ok := j.inArchive(p, offers); ok {
		return found
	}
	gone := j.gone(p, offers)
	if gone.Kind == inventory.OriginLocal && j.gaps {
		return inventory.Origin{Reason: "in none of the lists that could be read, and some are missing or damaged: run apt-get update"}
	}
	return gone
}

func (j *judge) gone(p *inventory.Package, offers []offer) inventory.Origin {
	if len(offers) == 0 {
		return j.nameGone(p)
	}
	return j.versionGone(p, offers)
}

// inArchive picks the archive that offers exactly this version. The
// distribution's comes first: the same bytes may be mirrored elsewhere; among
// its own a security archive does.
func (j *judge) inArchive(p *inventory.Package, offers []offer) (inventory.Origin, bool) {
	best := -1
	for i := range offers {
		if offers[i].version != p.Version {
			continue
		}
		if best < 0 || rankOrigin(&j.archives[offers[i].archive]) < rankOrigin(&j.archives[offers[best].archive]) {
			best = i
		}
	}
	if best < 0 {
		return inventory.Origin{}, false
	}
	return j.from(&j.archives[offers[best].archive], ""), true
}

func rankOrigin(a *archive) int {
	switch {
	case a.kind == inventory.OriginDistribution && a.security:
		return 0
	case a.kind == inventory.OriginDistribution:
		return 1
	case a.kind == inventory.OriginBackports:
		return 2
	}
	return 3
}

func (j *judge) from(a *archive, reason string) inventory.Origin {
	if a.other && reason == "" {
		reason = "from another release of the distribution (" + a.release.Codename + ")"
	}
	return inventory.Origin{Kind: a.kind, Archive: a.name, Reason: reason}
}

// newest offer of one kind of archive, nil when there is none.
func (j *judge) newest(offers []offer, kind inventory.OriginKind) *offer {
	var best *offer
	for i := range offers {
		if j.archives[offers[i].archive].kind != kind {
			continue
		}
		if best == nil || pkgver.CompareDpkg(offers[i].version, best.version) > 0 {
			best = &offers[i]
		}
	}
	return best
}

// versionGone judges a package whose name is offered, in other versions only.
func (j *judge) versionGone(p *inventory.Package, offers []offer) inventory.Origin {
	own, vendor, back := j.newest(offers, inventory.OriginDistribution), j.newest(offers, inventory.OriginVendor), j.newest(offers, inventory.OriginBackports)
	if back != nil && strings.Contains(p.Version, "~bpo") && !newer(p, back) {
		return j.from(&j.archives[back.archive], "version no longer in the archive; its number is a backport's")
	}
	if vendor != nil && !newer(p, vendor) && j.likelier(p, vendor, own) {
		return j.from(&j.archives[vendor.archive], "version no longer in the archive; maintainer and numbering are those of this archive's packages")
	}
	if own == nil {
		return inventory.Origin{Kind: inventory.OriginLocal, Reason: "this version is in no configured archive, and no archive of the distribution has the package"}
	}
	if newer(p, own) {
		return inventory.Origin{Kind: inventory.OriginLocal, Reason: "newer than every version in the distribution's archives, and in no other configured archive"}
	}
	if token := j.foreignToken(p.Version, own.version); token != "" {
		return inventory.Origin{Kind: inventory.OriginLocal, Reason: fmt.Sprintf("in no configured archive, and %q in its version is not the distribution's numbering", token)}
	}
	if !sameMaker(p.Vendor, own.maintainer) {
		return inventory.Origin{Reason: fmt.Sprintf("in no configured archive now, and its maintainer (%s) is not the one of the distribution's package (%s)", p.Vendor, own.maintainer)}
	}
	return j.from(&j.archives[own.archive], "version no longer in the archive; same package and maintainer in the distribution's archive")
}

func newer(p *inventory.Package, o *offer) bool {
	return pkgver.CompareDpkg(p.Version, o.version) > 0
}

// likelier reports whether a version that is gone rather came from the vendor's
// archive than from the distribution's.
func (j *judge) likelier(p *inventory.Package, vendor, own *offer) bool {
	byVendor := address(p.Vendor) != "" && address(p.Vendor) == address(vendor.maintainer)
	if own == nil {
		return byVendor || numbering(p.Version) == numbering(vendor.version)
	}
	byOwn := sameMaker(p.Vendor, own.maintainer)
	if byVendor != byOwn {
		return byVendor
	}
	return numbering(p.Version) == numbering(vendor.version) && numbering(p.Version) != numbering(own.version)
}

// nameGone judges a package whose name is in no list, such as a kernel image,
// whose name changes with its interface. Its source speaks for it.
func (j *judge) nameGone(p *inventory.Package) inventory.Origin {
	seen := j.all.sources[p.Source]
	if seen == nil {
		return inventory.Origin{Kind: inventory.OriginLocal, Reason: "in no configured archive"}
	}
	own := seen.version[inventory.OriginDistribution]
	if vendor := seen.version[inventory.OriginVendor]; vendor != "" && own == "" && pkgver.CompareDpkg(p.SourceVersion, vendor) <= 0 {
		return inventory.Origin{Kind: inventory.OriginVendor, Reason: "no longer in the archive; another archive than the distribution's has its source " + p.Source}
	}
	switch {
	case own == "":
		return inventory.Origin{Kind: inventory.OriginLocal, Reason: "in no configured archive"}
	case pkgver.CompareDpkg(p.SourceVersion, own) > 0:
		return inventory.Origin{Kind: inventory.OriginLocal, Reason: "in no configured archive, and newer than every version of its source " + p.Source + " there"}
	case j.foreignToken(p.SourceVersion, own) != "" || !sameMaker(p.Vendor, seen.maintainer[inventory.OriginDistribution]):
		return inventory.Origin{Kind: inventory.OriginLocal, Reason: "in no configured archive; numbering or maintainer are not those of the distribution's source " + p.Source}
	}
	return inventory.Origin{Kind: inventory.OriginDistribution, Reason: "no longer in the archive; a newer version of its source " + p.Source + " is in the distribution's archive"}
}

// sameMaker compares maintainers by their mail addresses. An empty field (some
// tools strip it) is no evidence against.
func sameMaker(a, b string) bool {
	return a == "" || b == "" || address(a) == address(b) || ofDistribution(a)
}

// ofDistribution reports whether a maintainer is the distribution itself or one
// of its teams: teams take packages over from people within a release.
func ofDistribution(maintainer string) bool {
	_, domain, _ := strings.Cut(address(maintainer), "@")
	for _, own := range []string{"debian.org", "debian.net", "ubuntu.com", "canonical.com"} {
		if domain == own || strings.HasSuffix(domain, "."+own) {
			return true
		}
	}
	return false
}

// address is what stands between < and >, in lower case; else the whole.
func address(maintainer string) string {
	if i := strings.LastIndexByte(maintainer, '<'); i >= 0 {
		maintainer = strings.TrimSuffix(strings.TrimSpace(maintainer[i+1:]), ">")
	}
	return strings.ToLower(maintainer)
}

// usualWords are the words Debian and Ubuntu put into revisions: stable updates
// (deb12u1), binary and non-maintainer uploads (+b1, +nmu1), Ubuntu's own.
const usualWords = " deb u b nmu dfsg ds really ubuntu build esm fips git rc pre alpha beta repack squeeze wheezy lenny "

// foreignToken returns a word in the revision of a version that the
// distribution does not use, in general or in its own version of the package.
func (j *judge) foreignToken(version, own string) string {
	for _, word := range letters(revision(version)) {
		if !strings.Contains(usualWords, " "+word+" ") && !strings.Contains(strings.ToLower(own), word) {
			return word
		}
	}
	return ""
}

// revision is what follows the last hyphen; a native package has none and what
// follows its first "+" or "~" is looked at instead.
func revision(version string) string {
	if i := strings.LastIndexByte(version, '-'); i >= 0 {
		return version[i+1:]
	}
	if i := strings.IndexAny(version, "+~"); i >= 0 {
		return version[i:]
	}
	return ""
}

func letters(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return r < 'a' || r > 'z' })
}

// numbering is the form of a version's revision without its numbers:
// "1~bookworm" and "2~bookworm" are numbered alike.
func numbering(version string) string {
	return regexp.MustCompile(`[0-9]+`).ReplaceAllString(revision(version), "#")
}
