package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	// readSize is one read; the lists of Debian's main hold about 70,000
	// stanzas of 750 bytes.
	readSize = 256 << 10
	// stanzaLimit bounds one stanza; the longest in Debian's main has 60 KiB.
	stanzaLimit = 4 << 20
)

// Stanza is one block of a Packages file. It is valid during the call it is
// passed to.
type Stanza []byte

// Field returns the first line of a field, without blanks around it, nil when
// the stanza does not have it. name is as archives spell it: "Version".
func (s Stanza) Field(name string) []byte {
	rest := []byte(s)
	for len(rest) > 0 {
		line, after, _ := bytes.Cut(rest, []byte{'\n'})
		if len(line) > len(name) && line[len(name)] == ':' && bytes.EqualFold(line[:len(name)], []byte(name)) {
			return bytes.TrimSpace(line[len(name)+1:])
		}
		rest = after
	}
	return nil
}

// ParsePackages reads a Packages file from r and passes every stanza that want
// accepts to each. want gets the name of the package and, when the stanza names
// it in its second line, as archives do, the source; both are valid during the
// call. Nothing is allocated for stanzas that want refuses. An error names the
// line ("name:line"); an error of each ends the reading and is returned.
func ParsePackages(name string, r io.Reader, want func(pkg, source []byte) bool, each func(Stanza) error) error {
	s := scanner{name: name, r: r, line: 1, buf: make([]byte, 0, readSize)}
	for {
		stanza, err := s.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		pkg, source := names(stanza)
		if len(pkg) == 0 {
			return fmt.Errorf("%s:%d: a stanza without a Package field", name, s.line)
		}
		if !want(pkg, source) {
			continue
		}
		if err := each(stanza); err != nil {
			return fmt.Errorf("%s:%d: %w", name, s.line, err)
		}
	}
}

// names reads the head of a stanza: "Package" comes first and "Source" second
// in every archive; the name is looked for further down as well.
func names(stanza Stanza) (pkg, source []byte) {
	head, rest, _ := bytes.Cut(stanza, []byte{'\n'})
	if !bytes.HasPrefix(head, []byte("Package: ")) {
		return stanza.Field("Package"), nil
	}
	if bytes.HasPrefix(rest, []byte("Source: ")) {
		source = rest[len("Source: "):]
		if i := bytes.IndexAny(source, " \n"); i >= 0 {
			source = source[:i]
		}
	}
	return bytes.TrimSpace(head[len("Package: "):]), source
}

// scanner cuts a stream into stanzas, without knowing its size.
type scanner struct {
	name  string
	r     io.Reader
	buf   []byte
	pos   int // start of what was not returned yet
	seen  int // up to where no blank line was found
	line  int // of the stanza returned last
	lines int // lines of that stanza, to add to line on the next call
	done  bool
}

func (s *scanner) next() (Stanza, error) {
	s.line += s.lines
	s.lines = 0
	for {
		s.skipBlank()
		if i := bytes.Index(s.buf[s.seen:], []byte("\n\n")); i >= 0 {
			return s.take(s.seen + i + 1), nil
		}
		if s.done {
			return s.last()
		}
		s.seen = max(s.pos, len(s.buf)-1)
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

func (s *scanner) skipBlank() {
	for s.pos < len(s.buf) && s.buf[s.pos] == '\n' {
		s.pos++
		s.line++
	}
	s.seen = max(s.seen, s.pos)
}

func (s *scanner) take(end int) Stanza {
	stanza := Stanza(s.buf[s.pos:end])
	s.pos, s.seen = end, end
	s.lines = bytes.Count(stanza, []byte{'\n'})
	return stanza
}

func (s *scanner) last() (Stanza, error) {
	if s.pos == len(s.buf) {
		return nil, io.EOF
	}
	if s.buf[len(s.buf)-1] != '\n' {
		s.line += bytes.Count(s.buf[s.pos:], []byte{'\n'})
		return nil, fmt.Errorf("%s:%d: truncated: the last line does not end", s.name, s.line)
	}
	return s.take(len(s.buf)), nil
}

func (s *scanner) fill() error {
	if s.pos > 0 {
		n := copy(s.buf, s.buf[s.pos:])
		s.buf = s.buf[:n]
		s.seen -= s.pos
		s.pos = 0
	}
	if len(s.buf) == cap(s.buf) {
		if len(s.buf) >= stanzaLimit {
			return fmt.Errorf("%s:%d: a stanza longer than %d bytes", s.name, s.line, stanzaLimit)
		}
		s.buf = append(s.buf, make([]byte, len(s.buf))...)[:len(s.buf)]
	}
	n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if errors.Is(err, io.EOF) {
		s.done = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", s.name, err)
	}
	return nil
}
