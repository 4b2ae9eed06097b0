package zypper

import (
	"fmt"

	"github.com/lockfast/lockfast/internal/patch"
)

// addChange adds one package of one section of zypper's summary.
func addChange(found map[patch.Change]bool, section string, p solvable) error {
	if p.Name == "" || p.Arch == "" || p.Edition == "" {
		return fmt.Errorf("zypper's summary has a package without name, architecture or version in <%s>", section)
	}
	c := patch.Change{Name: p.Name, Arch: p.Arch, From: p.EditionOld, To: p.Edition}
	switch section {
	case "to-install":
		c.From = "" // kernels come beside the older ones
	case "to-remove":
		c.From, c.To = p.Edition, ""
	case "to-upgrade", "to-downgrade", "to-reinstall", "to-change-arch", "to-upgrade-change-arch", "to-downgrade-change-arch":
		if p.EditionOld == "" {
			return fmt.Errorf("zypper's summary has package %s in <%s> without the version it is at", p.Name, section)
		}
	case "to-change-vendor":
		return nil // it also stands under what happens to its version
	default:
		return fmt.Errorf("zypper's summary has packages in <%s>, which is not known here: this version of zypper is too new", section)
	}
	if p.ArchOld != "" && p.ArchOld != p.Arch && c.From != "" && c.To != "" {
		found[patch.Change{Name: p.Name, Arch: p.ArchOld, From: p.EditionOld}] = true
		c.From = ""
	}
	found[c] = true
	return nil
}

// complete adds what zypper's summary does not say: sizes, which repository,
// and what was asked for.
func complete(changes []patch.Change, known index, db database, targets []patch.Ref) {
	for i := range changes {
		c := &changes[i]
		c.Requested = isTarget(targets, *c)
		if at := known.at(patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.To}); len(at) > 0 {
			c.Archive, c.Size, c.Disk = at[0].repo.Alias, at[0].size, at[0].disk
		}
		for _, p := range db[key{c.Name, c.Arch}] {
			if p.Version == c.From {
				c.Disk -= p.disk
			}
		}
	}
}
