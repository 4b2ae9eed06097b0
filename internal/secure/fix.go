package secure

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/exposure"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/planner"
	"github.com/lockfast/lockfast/internal/result"
)

// FixOptions say what to update and how.
type FixOptions struct {
	Scan       ScanOptions
	Places     Places
	All        bool
	Only       []string
	Exclude    []string
	MinAge     time.Duration
	MinAgeKEV  bool
	Refresh    bool            // bring the package manager's lists up to date first
	Offline    bool            // use only what is in our cache
	RateLimit  int64           // bytes a second
	Consent    bool            // to what the plan lists under needs_consent
	NoNew      bool            // nothing may be installed anew, also where an update needs it
	Saved      *result.FixPlan // carry out this one, which was made before; what chooses updates is not looked at
	Watch      bool            // it will be applied: note meanwhile what works now
	Sandboxed  bool            // we run in a unit that sees the host read-only: hooks run outside of it
	Restart    RestartPolicy
	Probes     string // file of service probes
	Hooks      string // folder of hooks
	Downgrades planner.Downgrades
	Events     Events
}

// PlanFix says what a fix would do. Nothing on the host is changed, but that
// with Refresh the package manager's lists are fetched, and that since when a
// fix is on offer is remembered where that may be written.
func PlanFix(ctx context.Context, o FixOptions) (*result.FixPlan, error) {
	survey, err := SurveyFix(ctx, o)
	if err != nil {
		return nil, err
	}
	return survey.Plan, nil
}

// Survey is a plan with the scan that it comes from.
type Survey struct {
	Plan  *result.FixPlan
	Scan  *result.Scan
	Stale []exposure.Stale // what runs replaced code
}

// SurveyFix is [PlanFix] for who needs the scan too.
func SurveyFix(ctx context.Context, o FixOptions) (*Survey, error) {
	m, err := openMachine(o.Places, "", o.Events)
	if err != nil {
		return nil, err
	}
	defer m.close()
	if o.Refresh {
		o.Events.phase("refreshing the package manager's lists")
		if err := m.backend.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	f, err := m.planFix(ctx, o)
	if err != nil {
		return nil, err
	}
	return &Survey{f.doc, f.scan, exposure.NotRunning(f.inv)}, nil
}

// fixing is a fix in the making.
type fixing struct {
	doc    *result.FixPlan
	scan   *result.Scan
	inv    *inventory.Inventory
	wanted []patch.Ref // versions to be installed
	now    []patch.Ref // versions that they replace
	works  *watch      // what works before the fix; nil: not looked at yet
}

func (m *machine) planFix(ctx context.Context, o FixOptions) (*fixing, error) {
	scan, inv, err := look(ctx, o.Scan)
	if err != nil {
		return nil, err
	}
	f := &fixing{scan: scan, inv: inv}
	if o.Watch {
		f.works = m.startWatch(ctx, o, inv)
	}
	chosen, err := choose(o, scan, inv)
	if err != nil {
		return nil, err
	}
	f.doc = &result.FixPlan{
		Schema: result.FixPlanSchema, Generated: o.Scan.Now.UTC(), Tool: o.Scan.Tool, Host: scan.Host, Manager: m.backend.Name(),
		Left: chosen.Left, Unknown: scan.Unknown, Before: scan.Summary,
	}
	if limited, ok := m.backend.(patch.Limited); ok {
		f.doc.Limits = limited.Limits()
	}
	if err := m.audit(ctx, f); err != nil {
		return nil, err
	}
	sim, err := m.simulate(ctx, f, chosen, o)
	if err != nil {
		return nil, err
	}
	if err := m.describe(ctx, f, chosen, sim, o); err != nil {
		return nil, err
	}
	f.asSaved(o.Saved)
	f.decide()
	return f, nil
}

// choose selects the updates, and remembers since when each has been on offer.
func choose(o FixOptions, scan *result.Scan, inv *inventory.Inventory) (planner.Selection, error) {
	age, err := openSeen(o.Places.State, o.Scan.Now)
	if err != nil {
		return planner.Selection{}, err
	}
	chosen := planner.Select(inv, scan.Findings, scan.Waived, planner.Options{
		All: o.All, Only: o.Only, Exclude: o.Exclude, MinAge: o.MinAge, MinAgeKEV: o.MinAgeKEV, Seen: age.at, Now: o.Scan.Now,
	})
	noteAll(inv, scan, age)
	if err := age.keep(); err != nil && o.MinAge > 0 {
		o.Events.note("since when fixes have been seen cannot be remembered: %v", err)
	}
	if o.Saved != nil {
		return saved(o.Saved, scan, inv)
	}
	return chosen, nil
}

// noteAll remembers since when every fix has been seen, planned or not.
func noteAll(inv *inventory.Inventory, scan *result.Scan, age *seen) {
	for i := range scan.Findings {
		if f := &scan.Findings[i]; f.Status == result.StatusOpen && f.FixedVersion != "" {
			age.at(f.SourcePackage, f.FixedVersion)
		}
	}
	for i := range inv.Updates {
		u := &inv.Updates[i]
		for _, version := range []string{u.Candidate, u.Fixed, u.FixedSource} {
			if version != "" {
				age.at(cmp.Or(u.Source, u.Package), version)
			}
		}
	}
}

func (m *machine) audit(ctx context.Context, f *fixing) error {
	broken, err := m.backend.Audit(ctx)
	if err != nil {
		return err
	}
	for _, b := range broken {
		f.doc.Broken = append(f.doc.Broken, b.Package+" ("+b.State+")")
	}
	return nil
}

// simulate asks the package manager what the targets take with them. What it
// will not do is left; what would remove a package is not done at all.
func (m *machine) simulate(ctx context.Context, f *fixing, chosen planner.Selection, o FixOptions) (patch.Simulation, error) {
	request := patch.Request{NewOK: !o.NoNew}
	for _, t := range chosen.Targets {
		request.Targets = append(request.Targets, patch.Ref{Name: t.Update.Package, Arch: t.Update.Arch, Version: t.Version})
	}
	sim, err := m.backend.Simulate(ctx, request)
	if err != nil {
		if len(f.doc.Broken) == 0 {
			return sim, err
		}
		return sim, fmt.Errorf("%w; an interrupted installation (%s) stands in the way: lockfast fix apply completes it first", err, strings.Join(f.doc.Broken, ", "))
	}
	for _, p := range sim.Problems {
		f.leaveTarget(chosen, p.Package, p.Why)
	}
	for _, c := range sim.Changes {
		if c.To == "" {
			f.doc.Refused = append(f.doc.Refused, fmt.Sprintf("the update would remove %s %s, which lockfast does not do; exclude what asks for it (--exclude), or do it by hand", c.Name, c.From))
		}
	}
	return sim, nil
}

func (f *fixing) leaveTarget(chosen planner.Selection, name, why string) {
	for _, t := range chosen.Targets {
		if t.Update.Package != name {
			continue
		}
		if len(t.Findings) == 0 {
			f.doc.Left = append(f.doc.Left, result.Left{Package: name, Reason: why, IDs: t.Update.IDs})
		}
		for _, found := range t.Findings {
			f.doc.Left = append(f.doc.Left, result.Left{
				Finding: found.Key, Package: name, Reason: why, IDs: found.IDs, Severity: found.Severity, KEV: found.KEV != nil && *found.KEV,
			})
		}
	}
}

// describe fills the document from what the package manager would do.
func (m *machine) describe(ctx context.Context, f *fixing, chosen planner.Selection, sim patch.Simulation, o FixOptions) error {
	for _, c := range sim.Changes {
		if c.To == "" {
			continue
		}
		f.wanted = append(f.wanted, patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.To})
		if c.From != "" {
			f.now = append(f.now, patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.From})
		}
		f.doc.Updates = append(f.doc.Updates, f.update(c, chosen))
		f.doc.Disk += c.Disk
	}
	slices.SortStableFunc(f.doc.Updates, func(a, b result.Update) int { return urgency(b) - urgency(a) })
	if len(f.wanted) == 0 {
		return nil
	}
	if err := m.previous(ctx, f, o); err != nil {
		return err
	}
	if err := m.conffiles(ctx, f); err != nil {
		return err
	}
	f.restarts()
	if err := m.space(f, sim, o); err != nil {
		return err
	}
	return m.steps(ctx, f, o)
}

// urgency orders updates for people: exploited, exposed, the rest.
func urgency(u result.Update) int {
	score := 0
	if u.KEV {
		score += 4
	}
	if u.Exposed != nil && *u.Exposed {
		score += 2
	}
	if len(u.Closes) > 0 {
		score++
	}
	return score
}

func (f *fixing) update(c patch.Change, chosen planner.Selection) result.Update {
	u := result.Update{
		Package: c.Name, Arch: c.Arch, From: c.From, To: c.To, Archive: c.Archive, Size: c.Size, Source: planner.Source(f.inv, c.Name, c.Arch),
	}
	i := slices.IndexFunc(chosen.Targets, func(t planner.Target) bool { return t.Update.Package == c.Name })
	if i < 0 {
		u.Why = "another update needs it"
		u.Necessary = u.Why
		return u
	}
	t := chosen.Targets[i]
	u.IDs, u.Why = t.Update.IDs, "a newer version is on offer"
	if t.Update.Security {
		u.Why = "a security update is on offer"
	}
	for _, found := range t.Findings {
		u.Closes = append(u.Closes, found.Key)
		u.IDs = append(u.IDs, found.IDs...)
		u.KEV = u.KEV || found.KEV != nil && *found.KEV
		u.Severity, u.Exposed, u.Why = found.Severity, found.Exposed, found.Reason
		if found.EPSS != nil && (u.EPSS == nil || *found.EPSS > *u.EPSS) {
			u.EPSS = found.EPSS
		}
	}
	slices.Sort(u.IDs)
	u.IDs = slices.Compact(u.IDs)
	return u
}

// restarts says what runs the code that is about to be replaced.
func (f *fixing) restarts() {
	var names []string
	for _, u := range f.doc.Updates {
		names = append(names, u.Package)
		if strings.HasPrefix(u.Package, "linux-image-") && u.From == "" || u.Package == "kernel" || u.Package == "kernel-core" || u.Package == "kernel-default" {
			f.doc.Reboot, f.doc.RebootWhy = true, "a new kernel runs only after a reboot"
		}
	}
	facts := exposure.Of(f.inv, names)
	for _, what := range facts.Restart {
		switch {
		case what == "reboot":
			if !f.doc.Reboot {
				f.doc.Reboot, f.doc.RebootWhy = true, "the message bus (or init) runs code that is replaced, and cannot be restarted alone"
			}
		case strings.Contains(what, "(pid "):
		default:
			f.doc.Restarts = append(f.doc.Restarts, what)
		}
	}
	for _, p := range facts.RunningIn {
		if p.Unit == "" || strings.HasSuffix(p.Unit, ".scope") {
			f.doc.RestartPID = append(f.doc.RestartPID, p)
		}
	}
}

// decide says what a caller gets: 0 nothing to do or a plan that can be
// applied, 2 one that cannot, 3 a scan that could not look.
func (f *fixing) decide() {
	e := &f.doc.Exit
	if f.scan.Exit.Code == 3 {
		e.Code, e.Reasons = 3, f.scan.Exit.Reasons
	}
	if len(f.doc.Refused) > 0 {
		e.Code, e.Reasons = 2, append(e.Reasons, f.doc.Refused...)
	}
}

// steps makes the plan itself: one run of the package manager.
func (m *machine) steps(ctx context.Context, f *fixing, o FixOptions) error {
	have, err := m.backend.State(ctx, f.wanted)
	if err != nil {
		return err
	}
	want := slices.Clone(have)
	for i := range want {
		want[i].Version = f.wanted[i].Version
		if have[i].Version == "" {
			want[i].Auto = true // it is there because another one needs it
		}
	}
	sortPackages(have)
	sortPackages(want)
	f.doc.Plan = &plan.Plan{
		Schema: plan.Schema, Kind: "fix", Title: title(f.doc), Created: o.Scan.Now.UTC(), Tool: strings.TrimSpace(o.Scan.Tool.Name + " " + o.Scan.Tool.Version), Host: f.scan.Host.Name,
		Steps: []plan.Step{{
			Kind: plan.Packages, Object: m.backend.Name(), Why: "missing fixes",
			Expect: plan.State{Packages: &plan.PackageSet{Packages: have}}, Want: plan.State{Packages: &plan.PackageSet{Packages: want}},
		}},
	}
	return nil
}

func sortPackages(list []plan.Package) {
	slices.SortFunc(list, func(a, b plan.Package) int {
		return strings.Compare(a.Name+" "+a.Arch, b.Name+" "+b.Arch)
	})
}

func title(d *result.FixPlan) string {
	security := 0
	for _, u := range d.Updates {
		if len(u.Closes) > 0 || len(u.IDs) > 0 {
			security++
		}
	}
	if security == 0 {
		return plural(len(d.Updates), "update")
	}
	return fmt.Sprintf("%s, %d of them close holes", plural(len(d.Updates), "update"), security)
}
