package probe

import (
	"bytes"
	"html"
	"strings"
	"unicode"
)

// shownText is how many characters of a title or greeting are kept.
const shownText = 200

// Title returns the text of a page's first title element, its blanks collapsed,
// at most 200 characters; empty if the page has none or breaks off within it. It
// is a mark to know a page by, not a reading of HTML.
func Title(page []byte) string {
	const name = "title"
	for at := range page {
		if rest := page[at:]; rest[0] != '<' || !named(rest[1:], name) {
			continue
		}
		_, inner, _ := bytes.Cut(page[at:], []byte(">"))
		for end := range inner {
			if bytes.HasPrefix(inner[end:], []byte("</")) && named(inner[end+2:], name) {
				return clean(inner[:end])
			}
		}
		return "" // a later one would not end either
	}
	return ""
}

// named reports whether a tag's name begins a text.
func named(text []byte, name string) bool {
	return len(text) > len(name) && bytes.EqualFold(text[:len(name)], []byte(name)) && strings.IndexByte("> \t\r\n", text[len(name)]) >= 0
}

// clean makes one line for people.
func clean(text []byte) string {
	return shorten(printable(strings.Join(strings.Fields(html.UnescapeString(string(text))), " ")))
}

// printable replaces what is no text, bytes that drive a terminal among them, by
// U+FFFD.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// shorten cuts a text for people.
func shorten(s string) string {
	n := 0
	for i := range s {
		if n++; n > shownText {
			return s[:i]
		}
	}
	return s
}

// mask replaces numbers and versions, from a digit to the end of its word, by
// "#": "PHP 8.2.7 - phpinfo()" is the same page after an update of PHP, as is
// "Inbox (3)" after a message.
func mask(s string) string {
	var b strings.Builder
	inNumber := false
	for _, r := range s {
		if inNumber = unicode.IsDigit(r) || inNumber && (unicode.IsLetter(r) || strings.ContainsRune(".+~:_-", r)); !inNumber {
			b.WriteRune(r)
		} else if !strings.HasSuffix(b.String(), "#") {
			b.WriteByte('#')
		}
	}
	return b.String()
}
