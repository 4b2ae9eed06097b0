package unattended

import (
	"errors"
	"fmt"
	"strings"
)

// words takes a statement apart: a name and a value, or a value alone, which is
// an entry of the list around it. A block may have a name alone.
func words(text string, block bool) (tag, value string, valued bool, err error) {
	tag, rest, ok := word(text)
	if !ok {
		return "", "", false, fmt.Errorf("%q has a quote or bracket that does not end", clip(text))
	}
	value, after, ok := quotedWords(rest)
	if !ok {
		value, after, ok = word(rest)
	}
	switch {
	case !ok && rest != "" || ok && after != "":
		return "", "", false, fmt.Errorf("%q is more than a name and a value", clip(text))
	case ok:
		return tag, value, true, nil
	case block:
		return tag, "", false, nil
	}
	return "", tag, true, nil
}

// word reads up to white space that is in no quotes and no brackets. Quotes are
// dropped, %xx is a byte.
func word(text string) (word, rest string, ok bool) {
	if strings.TrimLeft(text, " ") == "" {
		return "", text, false
	}
	end, err := wordEnd(text)
	if err != nil {
		return "", text, false
	}
	var b strings.Builder
	for i := 0; i < end; i++ {
		switch {
		case text[i] == '%' && i+2 < end && isHex(text[i+1]) && isHex(text[i+2]):
			b.WriteByte(hex(text[i+1])<<4 | hex(text[i+2]))
			i += 2
		case text[i] != '"':
			b.WriteByte(text[i])
		}
	}
	return b.String(), strings.TrimLeft(text[end:], space), true
}

var errOpen = errors.New("a quote or bracket does not end")

func wordEnd(text string) (int, error) {
	i := len(text) - len(strings.TrimLeft(text, " "))
	for ; i < len(text) && strings.IndexByte(space, text[i]) < 0; i++ {
		for _, pair := range []string{`""`, "[]"} {
			if text[i] != pair[0] {
				continue
			}
			n := strings.IndexByte(text[i+1:], pair[1])
			if n < 0 {
				return 0, errOpen
			}
			i += n + 1
		}
	}
	return i, nil
}

// quotedWords reads "a" "b" as one value; the white space between is one space.
func quotedWords(text string) (value, rest string, ok bool) {
	i := len(text) - len(strings.TrimLeft(text, " "))
	if i == len(text) {
		return "", text, false
	}
	var b strings.Builder
	for first := i; i < len(text); i++ {
		white := strings.IndexByte(space, text[i]) >= 0
		switch {
		case text[i] == '"':
			n := strings.IndexByte(text[i+1:], '"')
			if n < 0 {
				return "", text, false
			}
			b.WriteString(text[i+1 : i+1+n])
			i += n + 1
		case !white:
			return "", text, false
		case i == first || strings.IndexByte(space, text[i-1]) < 0:
			b.WriteByte(' ')
		}
	}
	return b.String(), "", true
}
