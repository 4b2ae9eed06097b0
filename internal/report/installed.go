package report

import "github.com/lockfast/lockfast/internal/result"

// packageIndex finds the installed packages that a finding speaks of. Names do
// not suffice: several versions of a kernel are installed under one.
type packageIndex struct {
	scan   *result.Scan
	byName map[string][]int // into Scan.Inventory
}

func index(s *result.Scan) packageIndex {
	x := packageIndex{s, map[string][]int{}}
	for i := range s.Inventory {
		x.byName[s.Inventory[i].Name] = append(x.byName[s.Inventory[i].Name], i)
	}
	return x
}

// of are the packages of a finding, by name, version and architecture.
func (x packageIndex) of(f *result.Finding) (list []int, s *result.Scan) {
	for _, b := range f.Binaries {
		for _, i := range x.byName[b.Name] {
			if p := &x.scan.Inventory[i]; p.Version == b.Version && p.Arch == b.Arch {
				list = append(list, i)
			}
		}
	}
	return list, x.scan
}

// named are all packages of some names.
func (x packageIndex) named(names []string) (list []int, s *result.Scan) {
	for _, name := range names {
		list = append(list, x.byName[name]...)
	}
	return list, x.scan
}
