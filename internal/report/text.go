package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lockfast/lockfast/internal/result"
)

// clean makes a string safe to print: control characters, and the Unicode ones
// that reorder or hide text, become visible escapes.
func clean(s string) string {
	if strings.IndexFunc(s, unsafe) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			b.WriteString("\uFFFD")
		case r < 0x100 && unsafe(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case unsafe(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unsafe(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

// cut shortens a clean string to width columns.
func cut(s string, width int) string {
	if columns(s) <= width {
		return s
	}
	if width <= 1 {
		return strings.Repeat("…", max(0, width))
	}
	used := 0
	for i, r := range s {
		used += runeColumns(r)
		if used > width-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// pad fills a clean string with blanks up to width columns, or cuts it.
func pad(s string, width int) string {
	s = cut(s, width)
	return s + strings.Repeat(" ", max(0, width-columns(s)))
}

func columns(s string) int {
	n := 0
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

// runeColumns is 2 for wide East Asian characters, 0 for combining ones.
func runeColumns(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r):
		return 0
	case r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 || r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60 || r >= 0x1f300 && r <= 0x1f64f || r >= 0x20000 && r <= 0x3fffd):
		return 2
	}
	return 1
}

// wrap breaks a clean string into lines of at most width columns, at blanks
// where there are any.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		for columns(word) > width { // longer than a line: break it
			head := prefix(word, width)
			if line != "" {
				lines, line = append(lines, line), ""
			}
			lines = append(lines, head)
			word = word[len(head):]
		}
		switch {
		case line == "":
			line = word
		case columns(line)+1+columns(word) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// prefix is the longest beginning of s that fits, at least one character.
func prefix(s string, width int) string {
	used := 0
	for i, r := range s {
		if used += runeColumns(r); used > width && i > 0 {
			return s[:i]
		}
	}
	return s
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// names joins package names, at most n of them.
func names(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:n], ", ") + fmt.Sprintf(" +%d", len(list)-n)
}

// cves are the CVE ids of a finding.
func cves(f *result.Finding) []string {
	var list []string
	for _, id := range f.IDs {
		if strings.HasPrefix(id, "CVE-") {
			list = append(list, id)
		}
	}
	return list
}

func yes(p *bool) bool { return p != nil && *p }

// age says hours in words.
func age(hours *int64) string {
	switch {
	case hours == nil:
		return "age unknown"
	case *hours < 48:
		return plural(int(*hours), "hour", "hours") + " old"
	}
	return plural(int(*hours/24), "day", "days") + " old"
}

// databases are the collectors without which nothing is known of packages.
var databases = [...]string{"release", "dpkg", "rpm", "apk"}

// looked reports whether an empty list of findings may be taken as "none".
func looked(s *result.Scan) bool {
	for _, u := range s.Unknown {
		if u.Blocking {
			return false
		}
	}
	return !slices.ContainsFunc(s.Host.Collectors, func(c result.Status) bool {
		return c.Outcome == "failed" && slices.Contains(databases[:], c.Collector)
	})
}

// headline is the answer in one sentence.
func headline(s *result.Scan) string {
	sum := &s.Summary
	var parts []string
	if sum.Fixable > 0 {
		parts = append(parts, plural(sum.Fixable, "security fix is missing", "security fixes are missing"))
	}
	if sum.NotRunning > 0 {
		parts = append(parts, plural(sum.NotRunning, "fix is installed but not running", "fixes are installed but not running"))
	}
	if sum.NoFix > 0 {
		parts = append(parts, plural(sum.NoFix, "package has holes without a fix yet", "packages have holes without a fix yet"))
	}
	switch {
	case len(parts) == 0 && !looked(s):
		return "No missing fix was seen, but not everything could be looked at: see what is unknown."
	case len(parts) == 0:
		return "No security fix is missing."
	}
	text := strings.Join(parts, ", ")
	if sum.KnownExploited > 0 {
		text += fmt.Sprintf("; %d known to be exploited", sum.KnownExploited)
	}
	if sum.Exposed > 0 {
		text += fmt.Sprintf("; %d exposed", sum.Exposed)
	}
	if sum.WorstGapDays != nil {
		text += fmt.Sprintf("; worst patch gap %s", plural(*sum.WorstGapDays, "day", "days"))
	}
	if !looked(s) {
		text += "; and not everything could be looked at"
	}
	return text + "."
}
