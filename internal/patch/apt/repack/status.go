package repack

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	statusFile = "var/lib/dpkg/status"
	updatesDir = "var/lib/dpkg/updates"
	maxStatus  = 256 << 20 // a Debian with every package there is has 60 MB
)

// stanza is what dpkg's status file says of one package, in its order.
type stanza []field

// field keeps the lines that go on, and the line end.
type field struct{ name, text string }

// get returns a field without the space around it, "" if it is not there.
func (s stanza) get(name string) string {
	for _, f := range s {
		if strings.EqualFold(f.name, name) {
			return strings.TrimSpace(f.text)
		}
	}
	return ""
}

// isStatus names the fields that dpkg adds to those of an archive, and refuses
// in one.
func isStatus(name string) bool {
	return slices.ContainsFunc([]string{"Status", "Conffiles", "Config-Version", "Triggers-Awaited", "Triggers-Pending"},
		func(s string) bool { return strings.EqualFold(s, name) })
}

// control is the stanza as the control file of an archive.
func (s stanza) control() []byte {
	var out bytes.Buffer
	for _, f := range s {
		if !isStatus(f.name) {
			out.WriteString(f.name + ":" + f.text)
		}
	}
	return out.Bytes()
}

// installed finds the stanza of an installed package.
func installed(root Root, name, arch string) (stanza, error) {
	found, err := stanzas(root, name)
	if err != nil {
		return nil, err
	}
	var here []stanza
	for a, s := range found {
		words := strings.Fields(s.get("Status"))
		present := len(words) == 3 && words[2] != "config-files" && words[2] != "not-installed"
		if present && (arch == "" || arch == a) {
			here = append(here, s)
		}
	}
	switch len(here) {
	case 0:
		return nil, errors.New("it is not installed")
	case 1:
		return here[0], whole(here[0].get("Status"))
	}
	return nil, errors.New("it is installed for several architectures: name one")
}

// whole refuses packages whose files may be of two versions.
func whole(status string) error {
	words := strings.Fields(status)
	switch words[2] {
	case "installed", "triggers-awaited", "triggers-pending":
		if words[1] == "ok" {
			return nil
		}
	}
	return fmt.Errorf("its status is %q, so its files may be of two versions: run \"dpkg --configure -a\" first", status)
}

// stanzas returns those of a name by architecture. What dpkg has not yet written
// to its status file is in numbered files beside it; the later one counts.
func stanzas(root Root, name string) (map[string]stanza, error) {
	files := []string{statusFile}
	entries, err := root.ReadDir(updatesDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot read dpkg's journal: %w", err)
	}
	for _, e := range entries {
		if strings.Trim(e.Name(), "0123456789") == "" {
			files = append(files, path.Join(updatesDir, e.Name()))
		}
	}
	found := map[string]stanza{}
	for _, file := range files {
		data, err := hostfs.ReadLimited(root, file, maxStatus)
		if err != nil {
			return nil, fmt.Errorf("cannot read dpkg's status: %w", err)
		}
		if len(data) > 0 && data[len(data)-1] != '\n' {
			return nil, fmt.Errorf("%s is cut short: its last line has no end", file)
		}
		for block := range bytes.SplitSeq(data, []byte("\n\n")) {
			if !bytes.Contains(block, []byte("Package: "+name)) { // most of them: not taken apart
				continue
			}
			s, err := parse(block)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			if s.get("Package") == name {
				found[s.get("Architecture")] = s
			}
		}
	}
	return found, nil
}

// parse takes a stanza apart.
func parse(block []byte) (stanza, error) {
	var s stanza
	for line := range strings.Lines(strings.Trim(string(block), "\n") + "\n") {
		if line[0] == ' ' || line[0] == '\t' {
			if len(s) == 0 {
				return nil, fmt.Errorf("the line %q goes on, but no field came before", line)
			}
			s[len(s)-1].text += line
			continue
		}
		name, text, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("the line %q is no field", line)
		}
		s = append(s, field{name, text})
	}
	return s, nil
}
