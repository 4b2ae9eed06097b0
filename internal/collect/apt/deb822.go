package apt

import (
	"bytes"
	"fmt"
	"strings"
)

// paragraph is one block of deb822(5) fields; names are in lower case.
type paragraph struct {
	line   int // of its first field, from 1
	fields map[string]string
}

func (p paragraph) words(name string) []string { return strings.Fields(p.fields[name]) }

// paragraphs splits a deb822 file as apt reads its own configuration: comment
// lines are dropped anywhere, lines that begin with a blank continue a field.
func paragraphs(name string, data []byte) ([]paragraph, error) {
	var all []paragraph
	var field string
	open := false
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text := string(bytes.TrimRight(line, "\r\n\t "))
		switch {
		case strings.HasPrefix(text, "#"):
			continue
		case text == "":
			open, field = false, ""
			continue
		case text[0] == ' ' || text[0] == '\t':
			if field == "" {
				return nil, fmt.Errorf("%s:%d: continued line without a field before it", name, number)
			}
			all[len(all)-1].fields[field] += "\n" + strings.TrimSpace(text)
			continue
		}
		key, value, ok := strings.Cut(text, ":")
		if !ok || key == "" || strings.ContainsAny(key, " \t\x00") {
			return nil, fmt.Errorf("%s:%d: not a field: %q", name, number, clip(text))
		}
		if !open {
			all = append(all, paragraph{line: number, fields: map[string]string{}})
			open = true
		}
		field = strings.ToLower(key)
		all[len(all)-1].fields[field] = strings.TrimSpace(value)
	}
	return all, nil
}

// clip shortens what is quoted in an error.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
