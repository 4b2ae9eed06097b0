package feed

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
)

// gatherer puts what the documents held into a builder.
type gatherer struct {
	o       Options
	inputs  []input
	seen    []contents // of each input
	builder *advisory.Builder
	scores  map[kind]*scores
}

// contents counts what one input held.
type contents struct {
	records, rows, bad int
	ecosystems         map[advisory.Ecosystem]bool
	others             int // CVEs of KEV, EPSS and CVE records, and documents of them without any
}

// scores is one source of CVEs.
type scores struct {
	input int
	date  time.Time
	cves  []advisory.CVE
	count int
}

func newGatherer(o Options, inputs []input) *gatherer {
	g := &gatherer{
		o: o, inputs: inputs, seen: make([]contents, len(inputs)),
		builder: advisory.NewBuilder(o.Now, o.Tool), scores: map[kind]*scores{},
	}
	for i := range g.seen {
		g.seen[i].ecosystems = map[advisory.Ecosystem]bool{}
	}
	return g
}

// take adds one document's outcome.
func (g *gatherer) take(out outcome) error {
	seen := &g.seen[out.document.input]
	if out.err != nil {
		return g.skip(out.err, seen)
	}
	if out.kind == kindOSV {
		seen.records++
		seen.rows += len(out.record.Rows)
		for i := range out.record.Rows {
			seen.ecosystems[out.record.Rows[i].Ecosystem] = true
		}
		if len(out.record.Rows) == 0 {
			return nil
		}
		return g.builder.AddRecord(out.record)
	}
	seen.others += 1 + len(out.cves)
	return g.takeScores(&out)
}

func (g *gatherer) skip(err error, seen *contents) error {
	if !g.o.SkipBad {
		return err
	}
	seen.bad++
	if g.o.Skipped != nil {
		g.o.Skipped(err)
	}
	return nil
}

// takeScores keeps the newest KEV catalogue and EPSS file; CVE records come in
// many files and add up.
func (g *gatherer) takeScores(out *outcome) error {
	s := g.scores[out.kind]
	switch {
	case s == nil:
		s = &scores{input: out.document.input}
		g.scores[out.kind] = s
	case out.kind != kindCVE && !out.date.After(s.date):
		return nil
	}
	if out.date.After(s.date) {
		s.date, s.input = out.date, out.document.input
	}
	if out.kind != kindCVE {
		s.cves, s.count = out.cves, len(out.cves)
		return nil
	}
	s.count += len(out.cves)
	for i := range out.cves {
		if err := g.builder.AddCVE(out.cves[i]); err != nil {
			return err
		}
	}
	return nil
}

// finish checks that every input gave something, and names the sources.
func (g *gatherer) finish() error {
	for i := range g.inputs {
		if err := g.seen[i].check(g.inputs[i].path); err != nil {
			return err
		}
	}
	for k, s := range g.scores {
		for i := range s.cves {
			if err := g.builder.AddCVE(s.cves[i]); err != nil {
				return err
			}
		}
		g.builder.AddSource(g.scoreSource(k, s))
	}
	for _, s := range g.osvSources() {
		g.builder.AddSource(s)
	}
	return nil
}

func (c *contents) check(path string) error {
	switch {
	case c.rows > 0 || c.others > 0:
		return nil
	case c.records > 0:
		return cannot(path, fmt.Errorf("none of its %d records is of a distribution Lockfast knows (Debian, Ubuntu, AlmaLinux, Rocky Linux, Red Hat, SUSE, openSUSE, Alpine)", c.records))
	case c.bad > 0:
		return cannot(path, fmt.Errorf("none of its %d documents can be read", c.bad))
	}
	return cannot(path, errors.New("it holds nothing usable"))
}

func (g *gatherer) scoreSource(k kind, s *scores) advisory.Source {
	in := g.inputs[s.input]
	source := advisory.Source{Date: s.date, Records: s.count, Fetched: in.fetched, Checked: in.checked, SHA256: in.sha256}
	switch k {
	case kindKEV:
		source.Name, source.Kind = "kev", advisory.SourceKEV
	case kindEPSS:
		source.Name, source.Kind = "epss", advisory.SourceEPSS
	case kindCVE:
		source.Name, source.Kind, source.SHA256 = "cve", advisory.SourceCVE, ""
	case kindOSV:
	}
	return source
}

// osvSources names a source for each family. One that came through several
// inputs is worth what its weakest input is: the oldest check, and fetched only
// if all were.
func (g *gatherer) osvSources() []advisory.Source {
	sources := map[string]advisory.Source{}
	for i, seen := range g.seen {
		in := g.inputs[i]
		names := map[string]bool{}
		for eco := range seen.ecosystems {
			names["osv/"+eco.Family()] = true
		}
		for name := range names {
			s, known := sources[name]
			if !known {
				sources[name] = advisory.Source{Name: name, Kind: advisory.SourceOSV, Fetched: in.fetched, Checked: in.checked, SHA256: in.sha256}
				continue
			}
			s.SHA256 = ""
			if in.checked.Before(s.Checked) {
				s.Checked = in.checked
			}
			if in.fetched != s.Fetched {
				s.Fetched = ""
			}
			sources[name] = s
		}
	}
	return slices.Collect(maps.Values(sources))
}

// markPartial marks the releases of inputs with bad records, and those the
// caller knows to be incomplete.
func (g *gatherer) markPartial() error {
	imported := map[advisory.Ecosystem]bool{}
	for i := range g.seen {
		seen := &g.seen[i]
		for eco := range seen.ecosystems {
			imported[eco] = true
			if seen.bad > 0 {
				g.builder.MarkPartial(eco, fmt.Sprintf("%d unreadable records of its input were skipped", seen.bad))
			}
		}
	}
	for eco, reason := range g.o.Partial {
		if !imported[eco] {
			return fmt.Errorf("cannot mark %s partial: no record of it was imported; the names are those of OSV, such as Debian:12", eco)
		}
		g.builder.MarkPartial(eco, reason)
	}
	return nil
}
