package zypper

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
)

// parseUpdateinfo passes the package versions that each patch ships to each.
// The same patch may come several times with different packages.
func parseUpdateinfo(r io.Reader, each func(patchName string, builds []patch.Ref)) error {
	d := xml.NewDecoder(r)
	inside := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && inside {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return errors.New("no <updates> in it")
		}
		if err != nil {
			return err
		}
		start, ok := token.(xml.StartElement)
		switch {
		case !ok:
			continue
		case !inside && start.Name.Local == "updates":
			inside = true
			continue
		case !inside || start.Name.Local != "update":
			return fmt.Errorf("unexpected element <%s>", start.Name.Local)
		}
		name, builds, err := decodePatch(d, &start)
		if err != nil {
			return err
		}
		each(name, builds)
	}
}

func decodePatch(d *xml.Decoder, start *xml.StartElement) (string, []patch.Ref, error) {
	var x struct {
		ID       string `xml:"id"`
		Packages []struct {
			Name    string `xml:"name,attr"`
			Epoch   string `xml:"epoch,attr"`
			Version string `xml:"version,attr"`
			Release string `xml:"release,attr"`
			Arch    string `xml:"arch,attr"`
		} `xml:"pkglist>collection>package"`
	}
	if err := d.DecodeElement(&x, start); err != nil {
		return "", nil, err
	}
	name := strings.TrimSpace(x.ID)
	if name == "" {
		return "", nil, errors.New("a patch without an id")
	}
	builds := make([]patch.Ref, 0, len(x.Packages))
	for _, p := range x.Packages {
		if p.Name == "" || p.Version == "" || p.Release == "" {
			return "", nil, fmt.Errorf("patch %s: a package without name, version or release", name)
		}
		builds = append(builds, patch.Ref{Name: p.Name, Arch: p.Arch, Version: evr(p.Epoch, p.Version, p.Release)})
	}
	return name, builds, nil
}

// patchKey names a patch of one repository.
type patchKey struct{ alias, name string }

// shipped returns what the wanted patches ship.
func (b *backend) shipped(ctx context.Context, fsys fs.FS, all []*metadata, wanted map[patchKey]bool) (map[patchKey][]patch.Ref, error) {
	builds := map[patchKey][]patch.Ref{}
	for _, m := range all {
		if m.files["updateinfo"].name == "" {
			continue
		}
		err := m.read(ctx, fsys, "updateinfo", func(r io.Reader) error {
			return parseUpdateinfo(r, func(name string, refs []patch.Ref) {
				if k := (patchKey{m.repo.Alias, name}); wanted[k] {
					builds[k] = append(builds[k], refs...)
				}
			})
		})
		if err != nil {
			return nil, fmt.Errorf("repository %s: %w", m.repo.Alias, err)
		}
	}
	for k := range wanted {
		if len(builds[k]) == 0 {
			return nil, fmt.Errorf("zypper lists patch %s of repository %s, but the metadata here do not say what it ships: run zypper refresh --force", k.name, k.alias)
		}
	}
	return builds, nil
}
