package zypper

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
)

// entryLimit bounds one package of a list; a kernel's symbols make some 5 MB.
const entryLimit = 64 << 20

// entry is one package file that a repository holds.
type entry struct {
	patch.Ref
	repo     repo
	sha256   string
	size     int64
	disk     int64  // bytes when installed
	location string // below the repository's folder
	source   string // name of the source package
}

type xmlEntry struct {
	Name    string `xml:"name"`
	Arch    string `xml:"arch"`
	Version struct {
		Epoch string `xml:"epoch,attr"`
		Ver   string `xml:"ver,attr"`
		Rel   string `xml:"rel,attr"`
	} `xml:"version"`
	Checksum struct {
		Type  string `xml:"type,attr"`
		Value string `xml:",chardata"`
	} `xml:"checksum"`
	Size struct {
		Package   int64 `xml:"package,attr"`
		Installed int64 `xml:"installed,attr"`
	} `xml:"size"`
	Location struct {
		Href string `xml:"href,attr"`
	} `xml:"location"`
	Source string `xml:"format>sourcerpm"`
}

// parsePrimary passes the packages whose names are wanted to each. Lists have up
// to 400 MB, so that only those are decoded at all.
func parsePrimary(r io.Reader, wanted map[string]bool, each func(entry)) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 64<<10), entryLimit)
	s.Split(splitPackages)
	stated, seen := -1, 0
	for s.Scan() {
		chunk := s.Bytes()
		begin := bytes.Index(chunk, []byte("<package "))
		if stated < 0 {
			var err error
			if stated, err = statedCount(chunk); err != nil {
				return err
			}
		}
		if begin < 0 {
			continue // what follows the last package
		}
		seen++
		if !wanted[quickName(chunk[begin:])] {
			continue
		}
		e, err := decodeEntry(chunk[begin:])
		if err != nil {
			return fmt.Errorf("package %d: %w", seen, err)
		}
		each(e)
	}
	if err := s.Err(); err != nil {
		return err
	}
	if seen != stated {
		return fmt.Errorf("it states %d packages and lists %d", max(stated, 0), seen)
	}
	return nil
}

// splitPackages cuts after each package.
func splitPackages(data []byte, atEOF bool) (advance int, token []byte, err error) {
	end := []byte("</package>")
	if i := bytes.Index(data, end); i >= 0 {
		return i + len(end), data[:i+len(end)], nil
	}
	if !atEOF || len(data) == 0 {
		return 0, nil, nil
	}
	if bytes.Contains(data, []byte("<package ")) || !bytes.Contains(data, []byte("</metadata>")) && !bytes.Contains(data, []byte("/>")) {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return len(data), data, nil
}

// statedCount reads the number of packages that the list states at its head.
func statedCount(head []byte) (int, error) {
	m := regexp.MustCompile(`<metadata\s[^>]*\bpackages="([0-9]{1,8})"`).FindSubmatch(head)
	if m == nil {
		return 0, errors.New("it is no list of packages")
	}
	return strconv.Atoi(string(m[1]))
}

// quickName finds the name without decoding.
func quickName(chunk []byte) string {
	_, rest, _ := bytes.Cut(chunk, []byte("<name>"))
	name, _, _ := bytes.Cut(rest, []byte("</name>"))
	if len(name) > 500 {
		return ""
	}
	return string(bytes.TrimSpace(name))
}

func decodeEntry(chunk []byte) (entry, error) {
	var x xmlEntry
	if err := xml.Unmarshal(chunk, &x); err != nil {
		return entry{}, err
	}
	e := entry{
		Ref:      patch.Ref{Name: strings.TrimSpace(x.Name), Arch: strings.TrimSpace(x.Arch), Version: evr(x.Version.Epoch, x.Version.Ver, x.Version.Rel)},
		size:     x.Size.Package,
		disk:     x.Size.Installed,
		location: strings.TrimPrefix(x.Location.Href, "./"),
		source:   sourceName(x.Source),
	}
	if x.Checksum.Type == "sha256" {
		e.sha256 = strings.ToLower(strings.TrimSpace(x.Checksum.Value))
	}
	if _, err := capability(e.Ref); err != nil {
		return entry{}, err
	}
	if !fs.ValidPath(e.location) {
		return entry{}, fmt.Errorf("%s lies at %q", e.Name, e.location)
	}
	return e, nil
}

// sourceName is the name in "name-version-release.src.rpm".
func sourceName(file string) string {
	base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(file), ".rpm"), ".src")
	parts := strings.Split(strings.TrimSuffix(base, ".nosrc"), "-")
	if len(parts) < 3 {
		return ""
	}
	return strings.Join(parts[:len(parts)-2], "-")
}

// index are the package files that the enabled repositories hold, by name and
// architecture.
type index map[key][]entry

// at returns the files of one package at one version, in the repositories' order.
func (x index) at(r patch.Ref) []entry {
	var found []entry
	for _, e := range x[keyOf(r)] {
		if e.Version == r.Version {
			found = append(found, e)
		}
	}
	return found
}

// index reads the lists of packages of all repositories.
func (b *backend) index(ctx context.Context, fsys fs.FS, all []*metadata, wanted map[string]bool) (index, error) {
	x := index{}
	for _, m := range all {
		err := m.read(ctx, fsys, "primary", func(r io.Reader) error {
			return parsePrimary(r, wanted, func(e entry) {
				e.repo = m.repo
				k := keyOf(e.Ref)
				x[k] = append(x[k], e)
			})
		})
		if err != nil {
			return nil, fmt.Errorf("repository %s: %w", m.repo.Alias, err)
		}
	}
	return x, nil
}
