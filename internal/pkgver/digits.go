package pkgver

import "strings"

// isDigit reports whether c is an ASCII digit. Package managers test bytes, not
// runes: no other script's digits count.
func isDigit(c byte) bool {
	return c-'0' <= 9
}

// isLower reports whether c is an ASCII lower-case letter.
func isLower(c byte) bool {
	return c-'a' <= 'z'-'a'
}

// isAlpha reports whether c is an ASCII letter.
func isAlpha(c byte) bool {
	return isLower(c | 0x20)
}

// isAlnum reports whether c is an ASCII letter or digit.
func isAlnum(c byte) bool {
	return isDigit(c) || isAlpha(c)
}

// digitsAt returns the index after the run of digits that starts at i.
func digitsAt(s string, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// commonPrefix returns how many bytes a and b begin with in common: versions
// that are compared mostly differ near their ends.
func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// compareNumbers orders two runs of digits by value. It works on the digits
// themselves, because versions contain dates and hashes that overflow any
// integer type; an empty run is zero.
func compareNumbers(a, b string) int {
	a = trimZeros(a)
	b = trimZeros(b)
	if len(a) != len(b) {
		return sign(len(a) - len(b))
	}
	return strings.Compare(a, b)
}

// trimZeros cuts leading zeros, of "000" all of them.
func trimZeros(s string) string {
	i := 0
	for i < len(s) && s[i] == '0' {
		i++
	}
	return s[i:]
}

// sign reduces n to -1, 0 or 1.
func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
