package match

import (
	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/inventory"
)

// PairID names a distinct package at a distinct version, as a [Fleet] knows it.
type PairID uint32

// Fleet evaluates many hosts of one release. Hosts share packages, so each
// distinct pair of package and version is judged once, and a host is a list of
// pairs. It is not safe for concurrent use while pairs are being added.
type Fleet struct {
	ecosystems []advisory.Ecosystem
	rows       Rows
	ids        map[pair]PairID
	pairs      []inventory.Package
	hits       [][]Hit             // by PairID
	byName     map[string][]PairID // source and binary names → pairs, for new advisories
}

// pair is what a verdict depends on.
type pair struct {
	manager                              inventory.Manager
	name, version, source, sourceVersion string
	module, vendor                       string
	origin                               inventory.Origin
}

// NewFleet returns an empty fleet of hosts that the ecosystems speak of.
func NewFleet(ecosystems []advisory.Ecosystem, rows Rows) *Fleet {
	return &Fleet{ecosystems: ecosystems, rows: rows, ids: map[pair]PairID{}, byName: map[string][]PairID{}}
}

// Add returns the pair of a package, and judges it if it is new. Packages that
// are not present have no verdict; leave them out.
func (f *Fleet) Add(p *inventory.Package) (PairID, error) {
	key := pair{p.Manager, p.Name, p.Version, p.Source, p.SourceVersion, p.Module, p.Vendor, p.Origin}
	if id, known := f.ids[key]; known {
		return id, nil
	}
	kept := *p
	kept.State = inventory.StateInstalled
	answer, err := Packages([]inventory.Package{kept}, f.ecosystems, f.rows)
	if err != nil {
		return 0, err
	}
	id := PairID(len(f.pairs)) //nolint:gosec // a fleet has far fewer than 2³² distinct pairs
	f.ids[key] = id
	f.pairs = append(f.pairs, kept)
	f.hits = append(f.hits, answer.Hits)
	source, _ := Source(&kept)
	f.byName[source] = append(f.byName[source], id)
	if kept.Name != source {
		f.byName[kept.Name] = append(f.byName[kept.Name], id)
	}
	return id, nil
}

// Refresh judges the pairs of one package name again, when advisories of it
// have changed, and returns those whose verdict may differ: only hosts with
// one of them need another look.
func (f *Fleet) Refresh(name string) ([]PairID, error) {
	ids := f.byName[name]
	for _, id := range ids {
		answer, err := Packages(f.pairs[id:id+1], f.ecosystems, f.rows)
		if err != nil {
			return nil, err
		}
		f.hits[id] = answer.Hits
	}
	return ids, nil
}

// Evaluate calls each for every pair of a host that something applies to, and
// returns how many hits there are.
func (f *Fleet) Evaluate(host []PairID, each func(*inventory.Package, []Hit)) int {
	total := 0
	for _, id := range host {
		if hits := f.hits[id]; len(hits) > 0 {
			total += len(hits)
			if each != nil {
				each(&f.pairs[id], hits)
			}
		}
	}
	return total
}
