package secure

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/result"
)

// Statuses of a fix.
const (
	fixNothing = "nothing to do"
	fixDone    = "done"
	fixWaits   = "waits for a reboot"
	fixBack    = "rolled back"
	fixPartly  = "partly taken back"
	fixPerson  = "needs a person"
)

// RefusedError says that a plan cannot be applied as it is; nothing was changed.
type RefusedError struct{ Reasons []string }

func (e *RefusedError) Error() string { return strings.Join(e.Reasons, "; ") }

// Fixing is a fix that is planned and holds the lock: it can be shown, then
// downloaded and applied, or let go.
type Fixing struct {
	m *machine
	f *fixing
	o FixOptions
}

// BeginFix takes the lock, recovers what was interrupted, completes half
// installed packages, and plans. Call Close when done.
func BeginFix(ctx context.Context, o FixOptions) (*Fixing, error) {
	m, err := openMachine(o.Places, "lockfast fix", o.Events)
	if err != nil {
		return nil, err
	}
	fx := &Fixing{m: m, o: o}
	if err := fx.begin(ctx); err != nil {
		m.close()
		return nil, err
	}
	return fx, nil
}

func (fx *Fixing) begin(ctx context.Context) error {
	m, o := fx.m, fx.o
	if err := m.recoverFirst(ctx, o.Events); err != nil {
		return err
	}
	broken, err := m.backend.Audit(ctx)
	if err != nil {
		return err
	}
	if len(broken) > 0 {
		o.Events.phase("completing an interrupted installation (%s is %s)", broken[0].Package, broken[0].State)
		if err := m.repair(ctx, o); err != nil {
			return err
		}
	}
	if o.Refresh && !o.Offline {
		o.Events.phase("refreshing the package manager's lists")
		if err := m.backend.Refresh(ctx); err != nil {
			return err
		}
	}
	o.Events.phase("planning")
	fx.f, err = m.planFix(ctx, o)
	return err
}

// repair completes what others left half installed.
func (m *machine) repair(ctx context.Context, o FixOptions) error {
	if _, err := m.cache(); err != nil {
		return err
	}
	left, err := m.backend.Repair(context.WithoutCancel(ctx), patch.Order{
		ID: "repair-" + strings.ToLower(o.Scan.Now.UTC().Format("20060102-150405")), Log: m.places.journal() + "/repair.log",
		Files: []patch.Archive{{Path: m.places.packages(m.backend.Name()) + "/any"}}, Progress: o.Events.Install,
	})
	if len(left) > 0 {
		return &NeedsPersonError{fmt.Errorf("the installation of %s was interrupted before, and cannot be completed: %w", left[0].Package, err)}
	}
	return err
}

// NeedsPersonError says that something has to be put in order by hand.
type NeedsPersonError struct{ Err error }

func (e *NeedsPersonError) Error() string { return e.Err.Error() }
func (e *NeedsPersonError) Unwrap() error { return e.Err }

// Close lets go of the lock.
func (fx *Fixing) Close() { fx.m.close() }

// Plan is what would be done.
func (fx *Fixing) Plan() *result.FixPlan { return fx.f.doc }

// Download fetches all package files: those to be installed, and those to go
// back to.
func (fx *Fixing) Download(ctx context.Context) error {
	m, f := fx.m, fx.f
	if f.doc.Plan == nil {
		return nil
	}
	dir, err := m.cache()
	if err != nil {
		return err
	}
	fetch := patch.Fetch{Dir: dir, Offline: fx.o.Offline, RateLimit: fx.o.RateLimit, Progress: fx.o.Events.Download}
	if free, err := hostfs.Free(dir); err == nil && f.doc.Download > free {
		return fmt.Errorf("the download needs %s in %s, and %s are free; make room first", Bytes(f.doc.Download), dir, Bytes(free))
	}
	fx.o.Events.phase("keeping the installed versions for undo")
	previous, missing, err := m.backend.Previous(ctx, f.now, fetch)
	if err != nil {
		return err
	}
	fx.o.Events.phase("downloading")
	wanted, err := m.backend.Download(ctx, f.wanted, fetch)
	if err != nil {
		return err
	}
	f.adopt(wanted, previous, missing)
	return nil
}

// adopt writes into the plan which package files lead forward and back.
func (f *fixing) adopt(wanted, previous []patch.Archive, missing []patch.Missing) {
	step := &f.doc.Plan.Steps[0]
	name := func(list []patch.Archive, p *plan.Package) {
		for _, a := range list {
			if a.Name == p.Name && a.Version == p.Version && (a.Arch == p.Arch || a.Arch == "") {
				p.Archive, p.SHA256 = a.Path[strings.LastIndexByte(a.Path, '/')+1:], a.SHA256
			}
		}
	}
	for i := range step.Want.Packages.Packages {
		name(wanted, &step.Want.Packages.Packages[i])
	}
	for i := range step.Expect.Packages.Packages {
		name(previous, &step.Expect.Packages.Packages[i])
	}
	f.doc.Consent = slices.DeleteFunc(f.doc.Consent, func(s string) bool { return strings.Contains(s, "cannot be undone") })
	for i := range f.doc.Updates {
		u := &f.doc.Updates[i]
		for _, a := range previous {
			if a.Name == u.Package && a.Version == u.From {
				u.Previous = a.Origin
				if a.Repacked {
					u.Previous = "repacked"
				}
			}
		}
		for _, lost := range missing {
			if lost.Name == u.Package && lost.Version == u.From {
				u.Previous = "none"
				f.doc.Consent = append(f.doc.Consent, fmt.Sprintf("%s %s → %s cannot be undone: %s", u.Package, u.From, u.To, lost.Why))
			}
		}
	}
}

// Apply downloads what is missing, installs, judges the host, restarts what has
// to be, and scans again. The document says how it ended, also when err is nil.
func (fx *Fixing) Apply(ctx context.Context) (*result.Fix, error) {
	began := time.Now()
	m, f, o := fx.m, fx.f, fx.o
	doc := &result.Fix{
		Schema: result.FixSchema, Generated: o.Scan.Now.UTC(), Tool: o.Scan.Tool, Host: f.scan.Host.Name, Status: fixNothing, Updates: f.doc.Updates,
		Left: f.doc.Left, Before: f.scan.Summary,
	}
	defer func() { doc.Seconds = time.Since(began).Seconds() }()
	if f.doc.Plan == nil {
		if len(f.doc.Refused) > 0 {
			return nil, &RefusedError{f.doc.Refused}
		}
		return doc, fx.followUp(ctx, doc)
	}
	if err := fx.Download(ctx); err != nil {
		return nil, err
	}
	if reasons := fx.refusals(); len(reasons) > 0 {
		return nil, &RefusedError{reasons}
	}
	checks, err := m.baselineOf(ctx, o, f)
	if err != nil {
		return nil, err
	}
	if err := m.hooks(ctx, o, "pre-fix", ""); err != nil {
		return nil, &RefusedError{[]string{err.Error()}}
	}
	o.Events.phase("installing %s", plural(len(f.doc.Updates), "package"))
	t, err := m.engine.Run(ctx, f.doc.Plan, change.Options{})
	if t != nil {
		doc.Transaction, doc.Log = t.ID, m.log(t.ID)
	}
	if err != nil {
		return doc, fx.failed(ctx, doc, err)
	}
	doc.Status = fixDone
	doc.Kept = kept(t)
	doc.Repacked = repacked(f.doc.Updates)
	err = fx.settle(ctx, doc, t, checks)
	if herr := m.hooks(context.WithoutCancel(ctx), o, "post-fix", t.ID); herr != nil {
		o.Events.note("%v", herr)
	}
	return doc, err
}

func (fx *Fixing) refusals() []string {
	reasons := slices.Clone(fx.f.doc.Refused)
	if len(fx.f.doc.Consent) > 0 && !fx.o.Consent {
		reasons = append(reasons, "this needs your explicit consent (--accept-one-way): "+strings.Join(fx.f.doc.Consent, "; "))
	}
	return reasons
}

// failed says how a transaction ended that did not succeed.
func (fx *Fixing) failed(ctx context.Context, doc *result.Fix, err error) error {
	var stuck *change.StuckError
	var back *change.RolledBackError
	switch {
	case errors.As(err, &stuck):
		doc.Status = fixPerson
	case errors.As(err, &back):
		doc.Status = fixBack
	default:
		return err
	}
	if herr := fx.m.hooks(ctx, fx.o, "post-fix", doc.Transaction); herr != nil {
		fx.o.Events.note("%v", herr)
	}
	return err
}

// settle is what follows an installation: restarts, health, the culprit if
// there is one, and the second scan.
func (fx *Fixing) settle(ctx context.Context, doc *result.Fix, t *change.Transaction, checks *baseline) error {
	m, f, o := fx.m, fx.f, fx.o
	ctx = context.WithoutCancel(ctx)
	if err := m.restartStale(ctx, o, doc); err != nil {
		return err
	}
	o.Events.phase("checking that what worked before still works")
	broken, judgements := m.judge(ctx, checks)
	doc.Health = judgements
	var failure error
	if len(broken) > 0 {
		failure = m.isolate(ctx, fx, doc, t, checks, broken)
	}
	differences, err := m.backend.Verify(ctx, closing(f.doc.Updates))
	if err != nil {
		return fmt.Errorf("cannot verify the files of updated packages: %w", err)
	}
	for _, d := range differences {
		if !d.Conffile {
			doc.Altered = append(doc.Altered, d.Package+": "+d.Path+" "+d.What)
		}
	}
	if err := fx.followUp(ctx, doc); err != nil {
		return errors.Join(failure, err)
	}
	if failure == nil && len(doc.Altered) > 0 {
		doc.Status = fixPerson
		failure = &NeedsPersonError{fmt.Errorf("files of updated packages are not as shipped, so their holes are not called closed: %s; reinstall these packages", strings.Join(doc.Altered, ", "))}
	}
	return failure
}

// followUp scans again and says what waits.
func (fx *Fixing) followUp(ctx context.Context, doc *result.Fix) error {
	o := fx.o.Scan
	o.Now = time.Now().UTC()
	scan, inv, err := look(ctx, o)
	if err != nil {
		return fmt.Errorf("the fix was applied, but the host could not be scanned again: %w", err)
	}
	summary := scan.Summary
	doc.After = &summary
	doc.StillOld = stillOld(inv)
	for i := range scan.Findings {
		found := &scan.Findings[i]
		if found.Status == result.StatusRestart && slices.Contains(found.Restart, "reboot") {
			doc.Reboot, doc.RebootWhy = true, fmt.Sprintf("%s still runs replaced code of %s and cannot be restarted alone", commands(found.RunningIn), found.SourcePackage)
		}
	}
	if scan.Host.KernelOutdated != nil && *scan.Host.KernelOutdated {
		doc.Reboot, doc.RebootWhy = true, "kernel "+scan.Host.KernelNewest+" is installed, "+scan.Host.KernelRunning+" runs"
	} else if scan.Host.RebootRequired && !doc.Reboot {
		doc.Reboot, doc.RebootWhy = true, cmp.Or(scan.Host.RebootReason, "the system asks for one")
	}
	if doc.Reboot && (doc.Status == fixDone || doc.Status == fixNothing) {
		doc.Status = fixWaits
	}
	return nil
}

func stillOld(inv *inventory.Inventory) []result.Process {
	var list []result.Process
	for i := range inv.Processes {
		if p := &inv.Processes[i]; len(p.Replaced) > 0 {
			list = append(list, result.Process{PID: p.PID, Command: p.Command, Unit: p.Unit, Replaced: true})
		}
	}
	return list
}

// kept lists configuration files for which the package brought a newer one that
// was put beside them.
func kept(t *change.Transaction) []result.Kept {
	list := []result.Kept{}
	for _, s := range t.Steps {
		if s.After.Packages == nil || s.Before.Packages == nil {
			continue
		}
		for path, f := range s.After.Packages.Conffiles {
			old, had := s.Before.Packages.Conffiles[path]
			if conffile, ok := patch.NewConffile(path); ok && f.Type == plan.Regular && (!had || old.SHA256 != f.SHA256) {
				list = append(list, result.Kept{Path: conffile, New: path})
			}
		}
	}
	slices.SortFunc(list, func(a, b result.Kept) int { return strings.Compare(a.Path, b.Path) })
	return list
}

func repacked(updates []result.Update) []string {
	var list []string
	for _, u := range updates {
		if u.Previous == "repacked" {
			list = append(list, u.Package)
		}
	}
	return list
}
