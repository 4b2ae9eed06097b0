package pkgver

import "strings"

// CompareAPK orders two Alpine versions as apk-tools does: -1 when a is older
// than b, 0 when they are equal in order, 1 when a is newer. The grammar and
// the order of suffixes are those of apk-package(5):
//
//	number{.number}…{letter}{_suffix{number}}…{~hash}{-r#}
//
// The first number is ordered by value; so is each further one, unless either
// of the two starts with a zero: then both are ordered as text, so that
// "1.01" < "1.1". Where one version ends and the other goes on, the longer one
// is newer, unless it goes on with a pre-release suffix (alpha, beta, pre, rc).
//
// apk refuses strings outside the grammar. Here they are ordered too: from the
// first place that breaks the grammar on, the rest is ordered by its bytes, and
// is older than the end at the same place.
func CompareAPK(a, b string) int {
	if a == b {
		return 0
	}
	tokenA, tokenB := firstAPKToken(a), firstAPKToken(b)
	for {
		if tokenA.kind != tokenB.kind {
			return sign(int(tokenA.kind) - int(tokenB.kind))
		}
		if c := compareAPKTokens(&tokenA, &tokenB); c != 0 {
			return c
		}
		if tokenA.kind == apkInvalid || tokenA.kind == apkEnd {
			return 0
		}
		tokenA.next()
		tokenB.next()
	}
}

// apkKind is what a token is. The numbers are the order of kinds after an equal
// beginning: "1.0_rc1" < "1.0" < "1.0-r1" < "1.0_p1" < "1.0a" < "1.0.1".
type apkKind uint8

const (
	apkPre      apkKind = 1 // _alpha, _beta, _pre, _rc
	apkInvalid  apkKind = 2
	apkEnd      apkKind = 3
	apkRevision apkKind = 4 // -r#
	apkHash     apkKind = 5 // ~hash
	apkSuffixNo apkKind = 6 // the number of a suffix
	apkPost     apkKind = 7 // _cvs, _svn, _git, _hg, _p
	apkLetter   apkKind = 8
	apkNumber   apkKind = 9  // a number after the first
	apkFirst    apkKind = 10 // the first number
)

// apkToken is one part of a version, and what follows it.
type apkToken struct {
	kind apkKind
	text string // digits, letter or hash; of an invalid token all that is left
	rank int    // of a suffix: its place among the suffixes of its kind
	rest string
}

// firstAPKToken reads the number every version starts with.
func firstAPKToken(s string) apkToken {
	t := apkToken{rest: s}
	t.number(apkFirst, s)
	return t
}

// next reads the token that follows t.
func (t *apkToken) next() {
	if t.rest == "" {
		t.kind, t.text = apkEnd, ""
		return
	}
	inNumbers := t.kind == apkFirst || t.kind == apkNumber
	inSuffix := t.kind == apkPre || t.kind == apkPost
	beforeHash := inNumbers || inSuffix || t.kind == apkLetter || t.kind == apkSuffixNo
	switch c := t.rest[0]; {
	case isLower(c) && inNumbers:
		t.take(apkLetter, 1)
	case c == '.' && inNumbers:
		t.number(apkNumber, t.rest[1:])
	case isDigit(c) && inSuffix:
		t.number(apkSuffixNo, t.rest)
	case c == '_' && beforeHash:
		t.suffix()
	case c == '~' && beforeHash:
		t.hash()
	case c == '-' && (beforeHash || t.kind == apkHash) && strings.HasPrefix(t.rest, "-r"):
		t.number(apkRevision, t.rest[2:])
	default:
		t.take(apkInvalid, len(t.rest))
	}
}

// take makes the first n bytes of the rest a token.
func (t *apkToken) take(kind apkKind, n int) {
	t.kind, t.text, t.rest = kind, t.rest[:n], t.rest[n:]
}

// number makes the digits s starts with a token; s ends with t.rest.
func (t *apkToken) number(kind apkKind, s string) {
	end := digitsAt(s, 0)
	if end == 0 {
		t.take(apkInvalid, len(t.rest))
		return
	}
	t.kind, t.text, t.rest = kind, s[:end], s[end:]
}

// hash reads "~" and the hexadecimal digits after it.
func (t *apkToken) hash() {
	end := 1
	for end < len(t.rest) && (isDigit(t.rest[end]) || t.rest[end]-'a' <= 'f'-'a') {
		end++
	}
	if end == 1 {
		t.take(apkInvalid, len(t.rest))
		return
	}
	t.kind, t.text, t.rest = apkHash, t.rest[1:end], t.rest[end:]
}

// suffix reads "_" and the word after it.
func (t *apkToken) suffix() {
	end := 1
	for end < len(t.rest) && isLower(t.rest[end]) {
		end++
	}
	kind, rank := apkSuffix(t.rest[1:end])
	if kind == apkInvalid {
		end = len(t.rest)
	}
	t.take(kind, end)
	t.rank = rank
}

// apkSuffix returns kind and place of a suffix; apkInvalid for other words.
func apkSuffix(word string) (kind apkKind, rank int) {
	switch word {
	case "alpha":
		return apkPre, 1
	case "beta":
		return apkPre, 2
	case "pre":
		return apkPre, 3
	case "rc":
		return apkPre, 4
	case "cvs":
		return apkPost, 1
	case "svn":
		return apkPost, 2
	case "git":
		return apkPost, 3
	case "hg":
		return apkPost, 4
	case "p":
		return apkPost, 5
	}
	return apkInvalid, 0
}

// compareAPKTokens orders two tokens of the same kind.
func compareAPKTokens(a, b *apkToken) int {
	switch a.kind {
	case apkFirst, apkSuffixNo, apkRevision:
		return compareNumbers(a.text, b.text)
	case apkNumber:
		if a.text[0] == '0' || b.text[0] == '0' {
			return strings.Compare(a.text, b.text)
		}
		return compareNumbers(a.text, b.text)
	case apkPre, apkPost:
		return sign(a.rank - b.rank)
	case apkLetter, apkHash, apkInvalid:
		return strings.Compare(a.text, b.text)
	case apkEnd:
	}
	return 0
}
