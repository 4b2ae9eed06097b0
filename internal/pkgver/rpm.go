package pkgver

import "strings"

// CompareRPM orders two RPM versions ("[epoch:]version[-release]") as rpm
// orders packages (rpm.vercmp of rpm's Lua, the EVR order of librpm): -1 when a
// is older than b, 0 when they are equal in order, 1 when a is newer.
//
// A missing epoch is 0. A missing release is older than any release, an empty
// one too: "1.0" < "1.0-" < "1.0-1". (rpm's dependency matching differs: there a
// missing release matches every release. Advisories name full versions, so
// the package order is the one that counts.) Separators separate and do
// nothing else, so "1.0", "1_0" and "1..0" are equal.
func CompareRPM(a, b string) int {
	if a == b {
		return 0
	}
	epochA, a := cutRPMEpoch(a)
	epochB, b := cutRPMEpoch(b)
	if c := compareNumbers(epochA, epochB); c != 0 {
		return c
	}
	versionA, releaseA, hasA := cutRelease(a)
	versionB, releaseB, hasB := cutRelease(b)
	if c := compareRPMPart(versionA, versionB); c != 0 {
		return c
	}
	switch {
	case hasA && !hasB:
		return 1
	case hasB && !hasA:
		return -1
	}
	return compareRPMPart(releaseA, releaseB)
}

// cutRelease splits at the last hyphen: neither part may contain one.
func cutRelease(s string) (version, release string, found bool) {
	if i := strings.LastIndexByte(s, '-'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// cutRPMEpoch splits off the epoch. Unlike dpkg, rpm takes an empty one for 0.
func cutRPMEpoch(s string) (epoch, rest string) {
	i := digitsAt(s, 0)
	if i == len(s) || s[i] != ':' {
		return "", s
	}
	return s[:i], s[i+1:]
}

// compareRPMPart orders two versions or two releases segment by segment. What
// may follow an equal beginning is, in rising order: a tilde, nothing, a caret,
// letters, digits.
func compareRPMPart(a, b string) int {
	i := commonPrefix(a, b)
	for i > 0 && isAlnum(a[i-1]) { // a segment counts as a whole
		i--
	}
	j := i
	for {
		i, j = skipSeparators(a, i), skipSeparators(b, j)
		kindA, kindB := rpmKindAt(a, i), rpmKindAt(b, j)
		if kindA != kindB {
			return sign(int(kindA) - int(kindB))
		}
		switch kindA {
		case rpmEnd:
			return 0
		case rpmTilde, rpmCaret:
			i++
			j++
		case rpmLetters:
			endA, endB := lettersAt(a, i), lettersAt(b, j)
			if c := strings.Compare(a[i:endA], b[j:endB]); c != 0 {
				return c
			}
			i, j = endA, endB
		case rpmDigits:
			endA, endB := digitsAt(a, i), digitsAt(b, j)
			if c := compareNumbers(a[i:endA], b[j:endB]); c != 0 {
				return c
			}
			i, j = endA, endB
		}
	}
}

// rpmKind is what a segment consists of; the numbers are the order of kinds.
type rpmKind uint8

const (
	rpmTilde   rpmKind = 1 // older than the same without it: "1.0~rc1" < "1.0"
	rpmEnd     rpmKind = 2
	rpmCaret   rpmKind = 3 // newer than the same without it, older than any continuation: "1.0" < "1.0^git1" < "1.0.1"
	rpmLetters rpmKind = 4
	rpmDigits  rpmKind = 5
)

// rpmKindAt says what starts at i, where no separator stands.
func rpmKindAt(s string, i int) rpmKind {
	switch {
	case i >= len(s):
		return rpmEnd
	case s[i] == '~':
		return rpmTilde
	case s[i] == '^':
		return rpmCaret
	case isDigit(s[i]):
		return rpmDigits
	}
	return rpmLetters
}

// skipSeparators returns the index of the first character from i on that is not
// a separator: all but ASCII letters, digits, tilde and caret are.
func skipSeparators(s string, i int) int {
	for i < len(s) && !isAlnum(s[i]) && s[i] != '~' && s[i] != '^' {
		i++
	}
	return i
}

// lettersAt returns the index after the run of letters that starts at i.
func lettersAt(s string, i int) int {
	for i < len(s) && isAlpha(s[i]) {
		i++
	}
	return i
}
