package secure

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/planner"
	"github.com/lockfast/lockfast/internal/result"
)

// saved are the targets of a plan that was made before: exactly its packages.
func saved(p *result.FixPlan, scan *result.Scan, inv *inventory.Inventory) (planner.Selection, error) {
	chosen := planner.Selection{Left: p.Left}
	if p.Plan == nil {
		return chosen, nil
	}
	if p.Plan.Host != "" && p.Plan.Host != scan.Host.Name {
		return chosen, &RefusedError{[]string{fmt.Sprintf("the plan was made for %s, and this is %s", p.Plan.Host, scan.Host.Name)}}
	}
	if len(p.Plan.Steps) != 1 || p.Plan.Steps[0].Kind != plan.Packages || p.Plan.Steps[0].Want.Packages == nil {
		return chosen, errors.New("the plan is not one of lockfast fix plan: it must have one step, of packages")
	}
	for _, want := range p.Plan.Steps[0].Want.Packages.Packages {
		t := planner.Target{Update: inventory.Update{Package: want.Name, Arch: want.Arch}, Version: want.Version}
		for i := range inv.Updates {
			if u := &inv.Updates[i]; u.Package == want.Name && u.Arch == want.Arch {
				t.Update = *u
			}
		}
		explained := slices.IndexFunc(p.Updates, func(u result.Update) bool { return u.Package == want.Name && u.Arch == want.Arch })
		for i := range scan.Findings {
			if f := &scan.Findings[i]; explained >= 0 && slices.Contains(p.Updates[explained].Closes, f.Key) {
				t.Findings = append(t.Findings, f)
			}
		}
		chosen.Targets = append(chosen.Targets, t)
	}
	return chosen, nil
}

// asSaved compares the plan that was made now with the one that was kept: the
// host, or what is on offer, may have moved on.
func (f *fixing) asSaved(p *result.FixPlan) {
	if p == nil || p.Plan == nil {
		return
	}
	var differences []string
	if f.doc.Plan == nil {
		differences = []string{"nothing of it is to be done any more"}
	} else {
		then, now := p.Plan.Steps[0], f.doc.Plan.Steps[0]
		differences = append(then.Expect.Differences(now.Expect), then.Want.Differences(now.Want)...)
	}
	if len(differences) > 0 {
		const enough = 4
		f.doc.Refused = append(f.doc.Refused, fmt.Sprintf("this host, or what its archive offers, has changed since the plan was made (%s); plan again",
			strings.Join(differences[:min(enough, len(differences))], ", ")))
	}
}
