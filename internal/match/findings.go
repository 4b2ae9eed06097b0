package match

import (
	"slices"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/result"
)

// Knowledge is what is known of vulnerabilities at the time of a scan.
type Knowledge struct {
	Ecosystems []advisory.Ecosystem // those that speak of this host
	Rows       Rows                 // nil: no store is loaded
	// CVE answers what KEV, EPSS and CVSS say of a CVE; false when nothing.
	CVE      func(advisory.ID) (advisory.CVE, bool, error)
	HasKEV   bool // a KEV source is loaded
	KEVStale bool // … but too old to say "not exploited"
	HasEPSS  bool
	Complete bool // the advisories cover every package of the release
	Now      time.Time
}

// Outcome is everything match can say of a host.
type Outcome struct {
	Findings []result.Finding // unranked; exposure fields are still unknown
	Unknown  []result.Unknown // packages that may be affected
	// Uncovered are the source packages without any row, sorted.
	Uncovered []string
	// Foreign are binary packages of archives whose advisories are not
	// loaded and that no loaded advisory names, by archive.
	Foreign map[string][]string
}

// Findings matches a host against what is known. Without rows it rests on the
// package manager's own evidence alone. An error means that no answer can be
// given because a part of the knowledge could not be read.
func Findings(inv *inventory.Inventory, k Knowledge) (Outcome, error) {
	pkgs := withRunning(inv)
	answer := Answer{}
	if k.Rows != nil {
		var err error
		if answer, err = Packages(pkgs, k.Ecosystems, k.Rows); err != nil {
			return Outcome{}, err
		}
	}
	out := Outcome{Foreign: map[string][]string{}}
	enrich := &enricher{know: k, seen: map[advisory.ID]entry{}}
	for _, g := range build(inv, pkgs, answer).list {
		f, err := g.finding(inv, k, enrich)
		if err != nil {
			return Outcome{}, err
		}
		out.Findings = append(out.Findings, f)
	}
	var err error
	if out.Unknown, err = unknowns(pkgs, answer, enrich); err != nil {
		return Outcome{}, err
	}
	out.survey(inv, answer)
	return out, nil
}

// survey notes which packages nobody's advisories spoke of.
func (out *Outcome) survey(inv *inventory.Inventory, answer Answer) {
	uncovered := map[string]bool{}
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if !p.State.Present() || answer.Covered != nil && answer.Covered[i] {
			continue
		}
		source, _ := Source(p)
		uncovered[source] = true
		switch p.Origin.Kind {
		case inventory.OriginVendor, inventory.OriginBackports, inventory.OriginLocal:
			name := p.Origin.Archive
			if name == "" {
				name = "no configured archive"
			}
			out.Foreign[name] = append(out.Foreign[name], p.Name)
		case inventory.OriginUnknown, inventory.OriginDistribution:
		}
	}
	out.Uncovered = sortedKeys(uncovered)
	for _, names := range out.Foreign {
		slices.Sort(names)
	}
}

// unknowns merges hits that nobody can decide to one entry per source package
// and reason.
func unknowns(pkgs []inventory.Package, answer Answer, enrich *enricher) ([]result.Unknown, error) {
	type key struct{ source, version, why string }
	at := map[key]int{}
	var list []result.Unknown
	worst := []advisory.Severity{}
	for i := range answer.Hits {
		hit := &answer.Hits[i]
		if hit.State != Unknown {
			continue
		}
		p := &pkgs[hit.Package]
		source, version := Source(p)
		k := key{source, version, hit.Why}
		n, ok := at[k]
		if !ok {
			n = len(list)
			at[k] = n
			list = append(list, result.Unknown{What: source + " " + version, Why: hit.Why})
			worst = append(worst, advisory.SeverityUnknown)
		}
		u := &list[n]
		u.Packages = append(u.Packages, p.Name)
		for _, id := range hit.Row.AllIDs() {
			u.IDs = append(u.IDs, string(id))
		}
		severity, kev, err := enrich.row(hit.Row)
		if err != nil {
			return nil, err
		}
		worst[n] = max(worst[n], severity)
		u.KEV = u.KEV || kev
	}
	for n := range list {
		u := &list[n]
		u.Severity = worst[n].String()
		slices.Sort(u.Packages)
		u.Packages = slices.Compact(u.Packages)
		u.IDs = sortIDs(u.IDs)
	}
	return list, nil
}
