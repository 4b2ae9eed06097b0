package dpkg

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/lockfast/lockfast/internal/inventory"
)

// fields of one stanza that are kept.
type stanza struct {
	name, status, version, arch, source, maintainer []byte
}

// ParseStatus reads a dpkg status file; file names it in errors. A stanza that
// cannot be read is an error that says where: a package is never left out.
func ParseStatus(file string, data []byte) ([]inventory.Package, error) {
	list := make([]inventory.Package, 0, len(data)/900+1) // a stanza has about 900 bytes
	var s stanza
	line, start := 0, 0
	flush := func() error {
		if start == 0 {
			return nil
		}
		p, err := s.toPackage()
		if err != nil {
			return fmt.Errorf("%s:%d: %w", file, start, err)
		}
		list = append(list, p)
		s, start = stanza{}, 0
		return nil
	}
	for len(data) > 0 {
		text := data
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			text, data = data[:i], data[i+1:]
		} else {
			data = nil
		}
		line++
		switch {
		case len(bytes.TrimRight(text, " \t\r")) == 0:
			if err := flush(); err != nil {
				return nil, err
			}
		case text[0] == ' ' || text[0] == '\t': // goes on
			if start == 0 {
				return nil, fmt.Errorf("%s:%d: a line goes on, but no field came before", file, line)
			}
		default:
			if start == 0 {
				start = line
			}
			if err := s.take(text); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file, line, err)
			}
		}
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return list, nil
}

// take notes a field if it is one of those that are kept.
func (s *stanza) take(line []byte) error {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || bytes.IndexByte(line[:colon], ' ') >= 0 {
		return fmt.Errorf("%q is no field", shorten(line))
	}
	var into *[]byte
	switch string(line[:colon]) {
	case "Package":
		into = &s.name
	case "Status":
		into = &s.status
	case "Version":
		into = &s.version
	case "Architecture":
		into = &s.arch
	case "Source":
		into = &s.source
	case "Maintainer":
		into = &s.maintainer
	default:
		return nil
	}
	if *into != nil {
		return fmt.Errorf("field %s stands twice", line[:colon])
	}
	*into = bytes.TrimSpace(line[colon+1:])
	return nil
}

func shorten(line []byte) []byte { return line[:min(len(line), 60)] }

func (s *stanza) toPackage() (inventory.Package, error) {
	p := inventory.Package{Manager: inventory.Dpkg, Name: string(s.name), Version: string(s.version), Arch: string(s.arch), Vendor: string(s.maintainer)}
	if p.Name == "" {
		return p, errors.New("a package without a name")
	}
	var err error
	if p.State, p.Held, err = state(s.status); err != nil {
		return p, fmt.Errorf("package %s: %w", p.Name, err)
	}
	if p.State.Present() && p.Version == "" {
		return p, fmt.Errorf("package %s is installed and has no version", p.Name)
	}
	p.Source, p.SourceVersion = p.Name, p.Version
	if len(s.source) > 0 { // "Source: name" or "Source: name (version)"
		name, version, _ := bytes.Cut(s.source, []byte(" "))
		p.Source = string(name)
		if v := bytes.Trim(version, " ()"); len(v) > 0 {
			p.SourceVersion = string(v)
		}
	}
	return p, nil
}

// state reads "want flag status", as in "install ok installed". A stanza of
// status.d has none and is installed.
func state(text []byte) (s inventory.State, held bool, err error) {
	if len(text) == 0 {
		return inventory.StateInstalled, false, nil
	}
	words := bytes.Fields(text)
	if len(words) != 3 {
		return 0, false, fmt.Errorf("status %q is not of three words", shorten(text))
	}
	held = string(words[0]) == "hold"
	switch string(words[2]) {
	case "installed":
		return inventory.StateInstalled, held, nil
	case "config-files", "not-installed":
		return inventory.StateConfig, held, nil
	case "unpacked", "half-installed", "half-configured", "triggers-awaited", "triggers-pending":
		return inventory.StateBroken, held, nil
	}
	return 0, false, fmt.Errorf("status %q is none that dpkg knows", shorten(text))
}
