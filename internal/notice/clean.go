package notice

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes a string that others wrote fit for a mail, a header or a terminal:
// white space, line breaks among it, becomes one blank, and what controls,
// hides or reorders text becomes U+FFFD.
func Clean(s string) string {
	visible := func(r rune) rune {
		switch {
		case unicode.IsSpace(r), unicode.Is(unicode.Z, r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return utf8.RuneError
		}
		return r // invalid bytes come as utf8.RuneError
	}
	return strings.Join(strings.Fields(strings.Map(visible, s)), " ")
}

// cut cleans a string and shortens it to n characters.
func cut(s string, n int) string {
	// Cut before cleaning too: a string may be very long, and cleaning only
	// makes it shorter, but for white space in front of what is wanted.
	s = Clean(s[:min(len(s), 64*n)])
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:n-1]), " ") + "…"
}
