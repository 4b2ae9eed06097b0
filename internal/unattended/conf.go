package unattended

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxFile bounds a file that is read; the largest that packages ship are below
// 10 kB.
const maxFile = 1 << 20

// Parse reads a file in the format of apt.conf(5) over what is in the tree, and
// returns the files that it wants included: they are not followed. The name is
// for errors. After an error the tree is no longer worth anything.
//
// The format is what apt's own reader does with it, since the manual leaves
// most of it open; each oddity below is one of apt's.
func (t *Tree) Parse(name string, data []byte) (included []string, err error) {
	if len(data) > maxFile {
		return nil, fmt.Errorf("cannot read %s: it is larger than %d bytes", name, maxFile)
	}
	r := reader{tree: t}
	number := 0
	for line := range strings.SplitSeq(string(data), "\n") {
		number++
		if strings.Contains(line, "\x00") {
			return nil, fmt.Errorf("cannot read %s: line %d: it is no text", name, number)
		}
		if err := r.line(line); err != nil {
			return nil, fmt.Errorf("cannot read %s: line %d: %w", name, number, err)
		}
	}
	if len(r.pending) > 0 {
		return nil, fmt.Errorf("cannot read %s: %q at its end has no semicolon", name, clip(string(r.pending)))
	}
	return r.included, nil
}

type reader struct {
	tree     *Tree
	pending  []byte   // what came since the last semicolon or brace
	scope    string   // the option whose braces are open
	outer    []string // scopes around it
	comment  bool     // inside /* */
	included []string
}

const space = " \t\n\v\f\r"

func (r *reader) line(line string) error {
	line = strings.Trim(strings.ReplaceAll(line, "\t", "        "), space)
	text := r.uncomment(line)
	if text == "" {
		return nil
	}
	start, quoted := 0, false // a quote never reaches over the end of a line
	for i := range len(text) {
		if text[i] == '"' {
			quoted = !quoted
		}
		if quoted || strings.IndexByte("{;}", text[i]) < 0 {
			continue
		}
		r.join(strings.Trim(text[start:i], space))
		start = i + 1
		if err := r.end(text[i]); err != nil {
			return err
		}
	}
	r.join(strings.TrimRight(strings.TrimLeft(text[start:], " \t"), " \t\n\r"))
	return nil
}

func (r *reader) join(text string) {
	if len(r.pending) > 0 && text != "" {
		r.pending = append(r.pending, ' ')
	}
	r.pending = append(r.pending, text...)
}

// uncomment takes comments out of a line. "//" goes first, also inside /* */.
func (r *reader) uncomment(line string) string {
	if r.comment {
		_, after, ends := strings.Cut(line, "*/")
		if !ends {
			return ""
		}
		line, r.comment = after, false
	}
	line, _, _ = cutOutside(line, "//", nil)
	line, _, _ = cutOutside(line, "#", []string{"#clear", "#include", "#x-apt-configure-index"})
	var kept strings.Builder
	for {
		before, after, begins := cutOutside(line, "/*", nil)
		kept.WriteString(before)
		if !begins {
			return kept.String()
		}
		_, rest, ends := strings.Cut(after, "*/")
		if !ends {
			r.comment = true
			return kept.String()
		}
		line = rest
	}
}

// cutOutside is strings.Cut for a mark that is in no quotes and does not begin
// one of the words that are no comments.
func cutOutside(line, mark string, words []string) (before, after string, found bool) {
	quoted := false
	for i := range len(line) {
		if line[i] == '"' {
			quoted = !quoted
		}
		if quoted || line[i] != mark[0] || !strings.HasPrefix(line[i:], mark) {
			continue
		}
		if !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(line[i:], word) }) {
			return line[:i], line[i+len(mark):], true
		}
	}
	return line, "", false
}

// end carries out what a semicolon or a brace ends.
func (r *reader) end(mark byte) error {
	if len(r.pending) == 0 {
		switch mark {
		case '{':
			return errors.New("a block begins without a name")
		case '}':
			r.leave()
		}
		return nil
	}
	tag, value, valued, err := words(string(r.pending), mark == '{')
	if err != nil {
		return err
	}
	r.pending = r.pending[:0]
	if mark == '{' {
		if len(r.outer) >= maxDepth {
			return fmt.Errorf("braces are more than %d deep", maxDepth)
		}
		r.outer = append(r.outer, r.scope)
		r.scope = joined(r.scope, tag)
		if valued {
			return r.tree.Set(r.scope, value)
		}
		return nil
	}
	err = r.option(tag, value)
	if mark == '}' {
		r.leave()
	}
	return err
}

func joined(scope, tag string) string {
	if scope == "" {
		return tag
	}
	return scope + "::" + tag
}

func (r *reader) leave() {
	r.scope = ""
	if last := len(r.outer) - 1; last >= 0 {
		r.scope, r.outer = r.outer[last], r.outer[:last]
	}
}

func (r *reader) option(tag, value string) error {
	directive, is := strings.CutPrefix(tag, "#")
	switch {
	case !is && tag == "" && value == "#clear":
		return errors.New("#clear names no option")
	case !is:
		return r.tree.Set(joined(r.scope, tag), value)
	case r.scope != "":
		return fmt.Errorf("%s in braces", clip(tag))
	}
	switch directive {
	case "clear":
		r.tree.Clear(value)
	case "include":
		r.included = append(r.included, value)
	case "x-apt-configure-index": // only for apt's own tests
	default:
		return fmt.Errorf("apt has no directive %s", clip(tag))
	}
	return nil
}
