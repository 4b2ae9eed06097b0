package secure

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/exposure"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/result"
)

// suspect is the packages of one source package that were updated together.
type suspect struct {
	source   string
	packages []string
	weight   int
}

// isolate looks for the package that broke the host and takes only that one
// back: the most suspect first, one after the other, each put forward again if
// it was not the one. A version that would reopen a known exploited, exposed
// hole is never restored without a person.
func (m *machine) isolate(ctx context.Context, fx *Fixing, doc *result.Fix, t *change.Transaction, checks *baseline, broken []string) error {
	ev := fx.o.Events
	ev.note("after the update this does not work any more: %s", strings.Join(broken, ", "))
	const most = 6 // attempts: each is two runs of the package manager
	list := m.suspects(fx, broken)
	var refused []string
	for _, s := range list[:min(most, len(list))] {
		if hole := reopens(fx.f.doc.Updates, s.packages); hole != "" {
			refused = append(refused, fmt.Sprintf("%s (%s)", s.source, hole))
			continue
		}
		ev.phase("taking %s back, which is suspected", s.source)
		back, err := m.takeBack(ctx, fx, t, s)
		if err != nil {
			doc.Status = fixPerson
			return &NeedsPersonError{fmt.Errorf("%s broke with the update, and %s could not be taken back: %w", strings.Join(broken, ", "), s.source, err)}
		}
		m.revive(ctx, broken)
		still, judgements := m.judge(ctx, checks)
		if len(still) == 0 {
			doc.Health = judgements
			doc.Status = fixPartly
			doc.GoneBack = append(doc.GoneBack, goneBack(fx.f.doc.Updates, s, back, broken))
			return &change.RolledBackError{Transaction: back.ID, Cause: fmt.Errorf("%s broke %s", s.source, strings.Join(broken, ", ")), Kept: "the other packages stay updated"}
		}
		if err := m.putForward(ctx, back); err != nil {
			doc.Status = fixPerson
			return &NeedsPersonError{fmt.Errorf("%s was taken back on suspicion and cannot be put forward again: %w", s.source, err)}
		}
	}
	doc.Status = fixPerson
	if len(refused) > 0 {
		return &NeedsPersonError{fmt.Errorf("%s does not work any more since the update; going back with %s would reopen a known exploited hole that is exposed here, so it was not done: decide, then run lockfast undo %s", strings.Join(broken, ", "), strings.Join(refused, ", "), t.ID)}
	}
	return &NeedsPersonError{fmt.Errorf("%s does not work any more since the update, and no single package was found to be the cause; lockfast undo %s takes all of it back", strings.Join(broken, ", "), t.ID)}
}

// suspects ranks what was updated by how much it has to do with what broke.
func (m *machine) suspects(fx *Fixing, broken []string) []suspect {
	bySource := map[string]*suspect{}
	var order []string
	for _, u := range fx.f.doc.Updates {
		if u.From == "" {
			continue
		}
		source := u.Source
		if bySource[source] == nil {
			bySource[source] = &suspect{source: source}
			order = append(order, source)
		}
		bySource[source].packages = append(bySource[source].packages, u.Package)
	}
	list := make([]suspect, 0, len(order))
	for _, source := range order {
		s := bySource[source]
		s.weight = involvement(fx.f.inv, s.packages, broken)
		if m.configures(s.packages, broken) {
			s.weight += configuring
		}
		list = append(list, *s)
	}
	slices.SortStableFunc(list, func(a, b suspect) int { return b.weight - a.weight })
	return list
}

// configuring is what it weighs that a package brings files for a broken unit:
// more than a library that it maps, less than its program.
const configuring = 30

// configures reports whether a package brings files into a folder that is named
// like a broken unit: /etc/nginx/conf.d/site.conf and nginx.service.
func (m *machine) configures(packages, broken []string) bool {
	for _, name := range packages {
		lists, err := fs.Glob(m.root, "var/lib/dpkg/info/"+name+"*.list")
		if err != nil {
			continue
		}
		for _, list := range lists {
			if base := strings.TrimSuffix(path.Base(list), ".list"); base != name && !strings.HasPrefix(base, name+":") {
				continue
			}
			const limit = 8 << 20
			data, err := hostfs.ReadLimited(m.root, list, limit)
			if err != nil {
				continue // it only weighs less
			}
			for _, b := range broken {
				if unit, ok := strings.CutSuffix(b, ".service"); ok && strings.Contains(string(data), "/etc/"+unit+"/") {
					return true
				}
			}
		}
	}
	return false
}

// involvement weighs evidence from before the update: the program of a broken
// unit counts most, then libraries that it maps, then whoever listens.
func involvement(inv *inventory.Inventory, packages, broken []string) int {
	weight := 0
	for i := range inv.Processes {
		p := &inv.Processes[i]
		if !slices.Contains(broken, p.Unit) && !listensFor(inv, p.PID, broken) {
			continue
		}
		for _, name := range packages {
			switch {
			case name == p.Package:
				weight += 100
			case slices.Contains(p.Mapped, name):
				weight += 10
			}
		}
	}
	facts := exposure.Of(inv, packages)
	if len(facts.ExposedOn) > 0 {
		weight++
	}
	for _, b := range broken { // a unit that is named like its package
		if slices.Contains(packages, strings.TrimSuffix(b, ".service")) {
			weight += 50
		}
	}
	return weight
}

// listensFor reports whether a process listens on the port of a broken URL.
func listensFor(inv *inventory.Inventory, pid int, broken []string) bool {
	return slices.ContainsFunc(inv.Listeners, func(l inventory.Listener) bool {
		if l.PID != pid && !slices.Contains(l.Holders, pid) {
			return false
		}
		return slices.ContainsFunc(broken, func(url string) bool { return portOf(url) == l.Port })
	})
}

// reopens says which known exploited, exposed hole going back would reopen.
func reopens(updates []result.Update, packages []string) string {
	for _, u := range updates {
		if slices.Contains(packages, u.Package) && u.KEV && (u.Exposed == nil || *u.Exposed) {
			return strings.Join(u.IDs, " ")
		}
	}
	return ""
}

// takeBack makes and runs a plan that brings the packages of a suspect, and
// those that depend on exactly their new versions, back.
func (m *machine) takeBack(ctx context.Context, fx *Fixing, t *change.Transaction, s suspect) (*change.Transaction, error) {
	step := &t.Steps[0]
	var from, to []plan.Package
	for i, p := range step.After.Packages.Packages {
		source := sourceOf(fx.f.inv, p.Name)
		if slices.Contains(s.packages, p.Name) || source == s.source {
			before := step.Expect.Packages.Packages[i]
			if before.Version != "" && before.Archive == "" {
				return nil, fmt.Errorf("%s %s was not kept", before.Name, before.Version)
			}
			want := step.Want.Packages.Packages[i] // carries the archive that leads forward again
			from, to = append(from, want), append(to, before)
		}
	}
	p := &plan.Plan{
		Schema: plan.Schema, Kind: "fix", Title: "taking back " + s.source, Created: fx.o.Scan.Now.UTC(), Tool: fx.f.doc.Plan.Tool, Host: fx.f.doc.Plan.Host,
		Steps: []plan.Step{{
			Kind: plan.Packages, Object: step.Object, Why: "it broke the host",
			Expect: plan.State{Packages: &plan.PackageSet{Packages: from}}, Want: plan.State{Packages: &plan.PackageSet{Packages: to}},
		}},
	}
	return m.engine.Run(ctx, p, change.Options{})
}

// putForward takes the taking back back.
func (m *machine) putForward(ctx context.Context, back *change.Transaction) error {
	list, err := m.journal.List()
	if err != nil {
		return err
	}
	reversal, err := m.engine.PlanUndo(ctx, back, list, change.Refuse)
	if err != nil || reversal.Plan == nil {
		return err
	}
	_, err = m.engine.Run(ctx, reversal.Plan, change.Options{Reverts: back.ID})
	return err
}

// revive starts what broke again: a unit that failed does not come back by
// itself when its package does.
func (m *machine) revive(ctx context.Context, broken []string) {
	if !m.booted {
		return
	}
	var units []string
	for _, b := range broken {
		if !strings.Contains(b, "://") {
			units = append(units, b)
		}
	}
	_ = m.services.Restart(ctx, units) // whether it helped is judged right after
}

func goneBack(updates []result.Update, s suspect, back *change.Transaction, broken []string) result.GoneBack {
	g := result.GoneBack{Packages: s.packages, Why: "with it this did not work any more: " + strings.Join(broken, ", "), Transaction: back.ID}
	for _, u := range updates {
		if slices.Contains(s.packages, u.Package) {
			g.From, g.To = u.To, u.From
		}
	}
	return g
}

func sourceOf(inv *inventory.Inventory, name string) string {
	for i := range inv.Packages {
		if inv.Packages[i].Name == name {
			source, _ := match.Source(&inv.Packages[i])
			return source
		}
	}
	return name
}
