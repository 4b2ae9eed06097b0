package unattended

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// pattern is one line of Origins-Pattern, or a pair of Allowed-Origins, that
// archives are matched with.
type pattern struct {
	tests   []test
	partial bool // it matches only some components of an archive
}

type test struct {
	field string
	match *regexp.Regexp
}

// pair reads an entry of Allowed-Origins: "origin:archive", or with a space.
func pair(entry string, distro map[string]string) (pattern, error) {
	var origin, suite string
	if i := unescapedColon(entry); i >= 0 {
		origin, suite = entry[:i], entry[i+1:]
		if unescapedColon(suite) >= 0 {
			return pattern{}, errors.New("it has more than one colon")
		}
	} else {
		words := strings.Fields(entry)
		if len(words) != 2 {
			return pattern{}, errors.New("it is no pair of an origin and an archive")
		}
		origin, suite = words[0], words[1]
	}
	p := pattern{}
	origin = strings.ReplaceAll(origin, `\:`, ":")
	for _, t := range []struct{ field, glob string }{{"o", origin}, {"a", suite}} {
		if err := p.add(t.field, strings.ReplaceAll(t.glob, `\,`, ","), distro); err != nil {
			return pattern{}, err
		}
	}
	return p, nil
}

func unescapedColon(s string) int {
	for i := range len(s) {
		if s[i] == ':' && (i == 0 || s[i-1] != '\\') {
			return i
		}
	}
	return -1
}

// keywords reads an entry of Origins-Pattern: "origin=Debian,label=Debian".
func keywords(entry string, distro map[string]string) (pattern, error) {
	p := pattern{}
	const comma = "\x00" // in no entry: a file with it is no text
	for token := range strings.SplitSeq(strings.ReplaceAll(strings.TrimSpace(entry), `\,`, comma), ",") {
		what, glob, ok := strings.Cut(token, "=")
		if !ok || strings.Contains(glob, "=") {
			return pattern{}, fmt.Errorf("%q is no keyword=value", clip(token))
		}
		glob = strings.ReplaceAll(strings.TrimSpace(glob), comma, ",")
		if err := p.add(strings.TrimSpace(what), glob, distro); err != nil {
			return pattern{}, err
		}
	}
	return p, nil
}

func (p *pattern) add(what, glob string, distro map[string]string) error {
	field, ok := map[string]string{
		"o": "o", "origin": "o", "l": "l", "label": "l", "a": "a", "suite": "a", "archive": "a",
		"c": "c", "component": "c", "site": "site", "n": "n", "codename": "n",
	}[what]
	if !ok {
		return fmt.Errorf("unattended-upgrades has no keyword %q", clip(what))
	}
	value, err := substitute(glob, distro)
	if err != nil {
		return err
	}
	if field == "c" {
		p.partial = p.partial || value != "*"
		return nil
	}
	match, err := fnmatch(value)
	if err != nil {
		return err
	}
	p.tests = append(p.tests, test{field, match})
	return nil
}

// substitute puts in ${distro_id} and ${distro_codename}; there are no others.
func substitute(s string, distro map[string]string) (string, error) {
	var unknown []string
	out := os.Expand(s, func(name string) string {
		value, ok := distro[name]
		if !ok && name != "$" {
			unknown = append(unknown, name)
		}
		if name == "$" {
			return "$"
		}
		return value
	})
	if len(unknown) > 0 {
		return "", fmt.Errorf("unattended-upgrades has no ${%s}", clip(unknown[0]))
	}
	return out, nil
}

// fnmatch makes an expression of a shell pattern as Python reads it: a star also
// matches a slash.
func fnmatch(glob string) (*regexp.Regexp, error) {
	var b strings.Builder
	for i := 0; i < len(glob); i++ {
		switch glob[i] {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		case '[':
			n := strings.IndexByte(glob[min(i+2, len(glob)):], ']') // one that comes first is meant
			if n < 0 {
				b.WriteString(`\[`)
				continue
			}
			set := glob[i+1 : i+2+n]
			i += n + 2
			not := ""
			if strings.HasPrefix(set, "!") {
				not, set = "^", set[1:]
			}
			set = strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "^", `\^`).Replace(set)
			b.WriteString("[" + not + set + "]")
		default:
			b.WriteString(regexp.QuoteMeta(glob[i : i+1]))
		}
	}
	re, err := regexp.Compile(`(?s)\A` + b.String() + `\z`)
	if err != nil {
		return nil, fmt.Errorf("%q is no pattern", clip(glob))
	}
	return re, nil
}

// matches reports whether updates of an archive are taken, or of some of its
// components.
func (p pattern) matches(a Archive) bool {
	field := map[string]string{"o": a.Origin, "l": a.Label, "a": a.Suite, "n": a.Codename, "site": a.Site}
	return !slices.ContainsFunc(p.tests, func(t test) bool { return !t.match.MatchString(field[t.field]) })
}
