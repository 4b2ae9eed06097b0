package pkgver

import "strings"

// CompareDpkg orders two Debian versions ("[epoch:]upstream[-revision]") as
// `dpkg --compare-versions` does: -1 when a is older than b, 0 when they are
// equal in order, 1 when a is newer. The rules are those of deb-version(7).
//
// Anything goes in. Digits before a first colon are the epoch, of any size; a
// colon that follows something else is a character like others. A missing
// revision equals the revision "0". Callers who must not trust an order among
// strings that are no versions ask [Valid] first.
func CompareDpkg(a, b string) int {
	if a == b {
		return 0
	}
	epochA, a := cutEpoch(a)
	epochB, b := cutEpoch(b)
	if c := compareNumbers(epochA, epochB); c != 0 {
		return c
	}
	upstreamA, revisionA := cutRevision(a)
	upstreamB, revisionB := cutRevision(b)
	if c := compareDpkgPart(upstreamA, upstreamB); c != 0 {
		return c
	}
	return compareDpkgPart(revisionA, revisionB)
}

// cutEpoch splits off the digits before a colon; without both, the epoch is
// empty, which orders as zero.
func cutEpoch(s string) (epoch, rest string) {
	i := digitsAt(s, 0)
	if i == 0 || i == len(s) || s[i] != ':' {
		return "", s
	}
	return s[:i], s[i+1:]
}

// cutRevision splits at the last hyphen: upstream versions may contain hyphens,
// revisions may not.
func cutRevision(s string) (upstream, revision string) {
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, ""
}

// compareDpkgPart orders two upstream versions or two revisions: in turn a run
// of non-digits by character and a run of digits by value, until one differs.
func compareDpkgPart(a, b string) int {
	i := commonPrefix(a, b)
	for i > 0 && isDigit(a[i-1]) { // a number counts as a whole
		i--
	}
	j := i
	for i < len(a) || j < len(b) {
		for dpkgOrder(a, i) != 0 || dpkgOrder(b, j) != 0 {
			x, y := dpkgOrder(a, i), dpkgOrder(b, j)
			if x != y {
				return sign(x - y)
			}
			i++
			j++
		}
		endA, endB := digitsAt(a, i), digitsAt(b, j)
		if c := compareNumbers(a[i:endA], b[j:endB]); c != 0 {
			return c
		}
		i, j = endA, endB
	}
	return 0
}

// dpkgOrder is the weight of the character at i. The end and a digit weigh
// nothing: both end a run of non-digits. The tilde weighs less than the end, so
// that "1.0~rc1" is older than "1.0"; letters weigh less than all other
// characters.
func dpkgOrder(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	switch c := s[i]; {
	case isDigit(c):
		return 0
	case isAlpha(c):
		return int(c)
	case c == '~':
		return -1
	default:
		return int(c) + 256
	}
}
