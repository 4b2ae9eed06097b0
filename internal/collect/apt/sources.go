package apt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// Source is one enabled binary source of sources.list(5).
type Source struct {
	URI           string   // "http://archive.example/debian"
	Suites        []string // "bookworm-security"; one ending in "/" is a path to a flat archive
	Components    []string
	Architectures []string // empty: all of the host
	Trusted       bool     // trusted=yes: signatures are not asked for
	File          string   // where it is configured
	Line          int
}

// ParseSources reads a file of sources: deb822 when the name ends in
// ".sources", else one source a line. Sources that are disabled or of source
// packages are left out.
func ParseSources(name string, data []byte) ([]Source, error) {
	if strings.HasSuffix(name, ".sources") {
		return parseSourcesFile(name, data)
	}
	return parseSourcesList(name, data)
}

func parseSourcesFile(name string, data []byte) ([]Source, error) {
	blocks, err := paragraphs(name, data)
	if err != nil {
		return nil, err
	}
	var all []Source
	for _, p := range blocks {
		if disabled(p.fields["enabled"]) || !slices.Contains(p.words("types"), "deb") {
			if p.fields["types"] == "" && !disabled(p.fields["enabled"]) {
				return nil, fmt.Errorf("%s:%d: a source without Types", name, p.line)
			}
			continue
		}
		uris, suites := p.words("uris"), p.words("suites")
		if len(uris) == 0 || len(suites) == 0 {
			return nil, fmt.Errorf("%s:%d: a source without URIs or Suites", name, p.line)
		}
		for _, uri := range uris {
			all = append(all, Source{
				URI: uri, Suites: suites, Components: p.words("components"), Architectures: p.words("architectures"),
				Trusted: enabled(p.fields["trusted"]), File: name, Line: p.line,
			})
		}
	}
	return all, nil
}

func enabled(value string) bool {
	return slices.Contains([]string{"yes", "true", "1", "on", "with", "enable"}, strings.ToLower(value))
}

func disabled(value string) bool {
	return slices.Contains([]string{"no", "false", "0", "off", "without", "disable"}, strings.ToLower(value))
}

func parseSourcesList(name string, data []byte) ([]Source, error) {
	var all []Source
	number := 0
	for line := range bytes.Lines(data) {
		number++
		text, _, _ := strings.Cut(string(line), "#")
		kind, rest, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(text, "\t", " ")), " ")
		if kind == "" || kind == "deb-src" {
			continue
		}
		s, err := parseSourceLine(kind, strings.TrimSpace(rest))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, number, err)
		}
		s.File, s.Line = name, number
		all = append(all, s)
	}
	return all, nil
}

func parseSourceLine(kind, rest string) (Source, error) {
	var s Source
	if kind != "deb" {
		return s, fmt.Errorf("unknown kind of source %q", clip(kind))
	}
	if strings.HasPrefix(rest, "[") {
		options, after, ok := strings.Cut(rest[1:], "]")
		if !ok {
			return s, fmt.Errorf("options without a closing bracket")
		}
		s.setOptions(options)
		rest = after
	}
	uri, rest := firstWord(strings.TrimSpace(rest))
	words := strings.Fields(rest)
	if uri == "" || len(words) == 0 {
		return s, fmt.Errorf("a source without an address or a suite")
	}
	s.URI, s.Suites, s.Components = uri, words[:1], words[1:]
	return s, nil
}

// firstWord splits off an address; a cdrom's name stands in brackets and may
// hold blanks.
func firstWord(text string) (word, rest string) {
	end := 0
	if i := strings.IndexByte(text, '['); i >= 0 && i < strings.IndexByte(text+" ", ' ') {
		end = max(strings.IndexByte(text, ']'), 0)
	}
	i := strings.IndexByte(text[end:], ' ')
	if i < 0 {
		return text, ""
	}
	return text[:end+i], text[end+i:]
}

func (s *Source) setOptions(options string) {
	for option := range strings.FieldsSeq(options) {
		key, value, _ := strings.Cut(option, "=")
		switch strings.TrimSuffix(key, "+") {
		case "arch":
			s.Architectures = strings.Split(value, ",")
		case "trusted":
			s.Trusted = enabled(value)
		}
	}
}

// badInFileNames are the characters apt writes as %xx in the names of lists.
const badInFileNames = "\\|{}[]<>\"^~_=!@#$%^&*"

// listName is the name apt gives the local copy of an address: without scheme
// and user, slashes as underscores.
func listName(uri string) string {
	if scheme, rest, ok := strings.Cut(uri, ":"); ok && !strings.ContainsAny(scheme, "/[") {
		uri = rest
	}
	if rest, ok := strings.CutPrefix(uri, "//"); ok {
		host, path, slash := strings.Cut(rest, "/")
		host = host[strings.LastIndexByte(host, '@')+1:]
		uri = host
		if slash {
			uri += "/" + path
		}
	}
	var b strings.Builder
	for i := range len(uri) {
		c := uri[i]
		switch {
		case c == '/':
			b.WriteByte('_')
		case c <= ' ' || c >= 0x7f || strings.IndexByte(badInFileNames, c) >= 0:
			fmt.Fprintf(&b, "%%%02x", c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// suiteAddress is where the Release file of a suite lies, with a closing slash
// unless the suite is a path that has none.
func suiteAddress(uri, suite string) string {
	if !strings.HasSuffix(uri, "/") {
		uri += "/"
	}
	switch {
	case suite == "/":
		return uri
	case strings.HasSuffix(suite, "/"):
		return uri + suite
	}
	return uri + "dists/" + suite + "/"
}

// flat reports whether a suite is a path to an archive without components.
func flat(suite string) bool { return strings.HasSuffix(suite, "/") }
