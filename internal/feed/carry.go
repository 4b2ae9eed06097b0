package feed

import (
	"errors"
	"io/fs"

	"github.com/lockfast/lockfast/internal/advisory"
)

// carry adds what the old store has of sources that are not imported now. No
// old store is nothing to carry; one that cannot be read is an error, because
// what it has would be lost.
func (g *gatherer) carry(path string) error {
	err := withStore(path, func(old *advisory.Store) error {
		meta := old.Meta()
		fresh := g.freshSources()
		for _, s := range meta.Sources {
			if !fresh[s.Name] {
				g.builder.AddSource(s)
			}
		}
		for _, c := range meta.Coverage {
			if !fresh[c.Source] {
				g.builder.MarkPartial(c.Ecosystem, c.Partial)
			}
		}
		err := old.EachRow(func(row advisory.Row) error {
			if fresh["osv/"+row.Ecosystem.Family()] {
				return nil
			}
			return g.builder.Carry(row)
		})
		if err != nil {
			return err
		}
		return old.EachCVE(func(c advisory.CVE) error { return g.carryCVE(c, fresh) })
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// carryCVE leaves out what a source that is imported now says no more: a CVE
// that was taken off the KEV catalogue.
func (g *gatherer) carryCVE(c advisory.CVE, fresh map[string]bool) error {
	if fresh["kev"] {
		c.KEV = nil
	}
	if fresh["epss"] {
		c.HasEPSS = false
	}
	if c.KEV == nil && !c.HasEPSS && c.CVSS == "" {
		return nil
	}
	return g.builder.CarryCVE(c)
}

// freshSources are the names of the sources imported now. Vectors of CVE records
// come in many files, one year at a time: an old one stays until it is replaced.
func (g *gatherer) freshSources() map[string]bool {
	fresh := map[string]bool{"kev": g.scores[kindKEV] != nil, "epss": g.scores[kindEPSS] != nil, "cve": g.scores[kindCVE] != nil}
	for i := range g.seen {
		for eco := range g.seen[i].ecosystems {
			fresh["osv/"+eco.Family()] = true
		}
	}
	return fresh
}
