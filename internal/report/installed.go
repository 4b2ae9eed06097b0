package report

import (
	"slices"

	"github.com/lockfast/lockfast/internal/result"
)

// packageIndex finds the packages of the inventory that a finding speaks of.
// A name alone is not enough: rpm keeps several kernels under one name, and
// Debian several architectures.
type packageIndex struct {
	list   []result.Package
	exact  map[[3]string][]int
	byName map[string][]int
}

func indexPackages(s *result.Scan) *packageIndex {
	x := &packageIndex{list: s.Inventory, exact: map[[3]string][]int{}, byName: map[string][]int{}}
	for i := range s.Inventory {
		p := &s.Inventory[i]
		key := [3]string{p.Name, p.Version, p.Arch}
		x.exact[key] = append(x.exact[key], i)
		x.byName[p.Name] = append(x.byName[p.Name], i)
	}
	return x
}

// of returns the positions of a finding's packages, ascending: by name, version
// and architecture where the finding gives them.
func (x *packageIndex) of(f *result.Finding) []int {
	if len(f.Binaries) == 0 {
		return x.named(f.Packages)
	}
	var found []int
	for _, b := range f.Binaries {
		found = append(found, x.exact[[3]string{b.Name, b.Version, b.Arch}]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// named returns the positions of all packages of these names, ascending.
func (x *packageIndex) named(names []string) []int {
	var found []int
	for _, n := range names {
		found = append(found, x.byName[n]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// waivedNote says who accepted a finding, until when and why.
func waivedNote(w *result.Waived) string {
	text := "Waived until " + w.Expires + ": " + w.Reason
	if w.By != "" {
		text += " (" + w.By + ")"
	}
	return clean(text)
}
