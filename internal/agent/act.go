package agent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostsvc"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/secure"
	"github.com/lockfast/lockfast/internal/stay"
)

// download keeps everything ready that the pending plan needs, also the way
// back.
func (t *turn) download(ctx context.Context) {
	id := t.s.Pending.ID
	fx, err := t.begin(ctx, func(*secure.FixOptions) {})
	if err != nil {
		t.notBegun(ctx, id, err)
		return
	}
	defer fx.Close()
	if err := fx.Download(ctx); err != nil {
		t.notBegun(ctx, id, err)
		return
	}
	if held := t.forPerson(fx.Plan()); len(held) > 0 { // known only now: nothing has the version that is installed
		t.s.NotTried(t.now(), id, held[0].Source+": "+held[0].Why)
		return
	}
	if err := write(t.o.file(planFile), 0o600, fx.Plan()); err != nil {
		t.notBegun(ctx, id, err)
		return
	}
	t.s.Downloaded(t.now())
}

// begin plans exactly what was kept, on the host as it is now.
func (t *turn) begin(ctx context.Context, change func(*secure.FixOptions)) (*secure.Fixing, error) {
	o := t.fixOptions()
	plan, err := t.o.loadPlan()
	if err != nil {
		return nil, fmt.Errorf("cannot read the plan that was kept: %w", err)
	}
	o.Saved = plan
	change(&o)
	return secure.BeginFix(ctx, o)
}

// notBegun notes that nothing was changed: a host that moved on is planned for
// anew, everything else is tried again.
func (t *turn) notBegun(ctx context.Context, id string, err error) {
	if secure.CodeOf(err) == secure.ExitRefused {
		t.s.NotTried(t.now(), id, oneLine(err))
		t.again(ctx)
		return
	}
	if secure.CodeOf(err) == secure.ExitPerson {
		t.s.Installed(t.now(), t.o.Policy, id, stay.Outcome{At: t.now(), Status: "needs a person", Code: secure.ExitPerson, Error: oneLine(err)}, nil)
		return
	}
	t.s.NotTried(t.now(), id, oneLine(err))
}

// install installs what lies ready, without a network.
func (t *turn) install(ctx context.Context, exploited bool) {
	id := t.s.Pending.ID
	change := func(o *secure.FixOptions) { o.Offline, o.Watch = true, true }
	if exploited {
		id += "/exploited"
		only := t.s.Pending.Exploited
		change = func(o *secure.FixOptions) { o.Saved, o.Only, o.Offline, o.Watch = nil, only, true, true }
	}
	release, err := hostsvc.Inhibit(ctx, hostexec.System{}, "shutdown:sleep", "Security updates are being installed")
	if err != nil {
		t.o.Fix.Events.Phase("shutdown is not held off: " + oneLine(err))
	} else {
		defer release()
	}
	fx, err := t.begin(ctx, change)
	if err != nil {
		t.notBegun(ctx, id, err)
		return
	}
	defer fx.Close()
	doc, err := fx.Apply(ctx)
	if doc == nil || doc.Transaction == "" && err != nil {
		t.notBegun(ctx, id, err)
		return
	}
	t.installed(id, doc, err)
	fx.Close()
	t.again(ctx)
}

func (t *turn) installed(id string, doc *result.Fix, err error) {
	outcome := stay.Outcome{At: t.now(), Transaction: doc.Transaction, Status: doc.Status, Code: secure.CodeOf(err), Updates: len(doc.Updates)}
	if err != nil {
		outcome.Error = oneLine(err)
	}
	var bad []stay.Bad
	for _, g := range doc.GoneBack {
		for _, u := range doc.Updates {
			if slices.Contains(g.Packages, u.Package) {
				bad = append(bad, stay.Bad{Package: sourceOf(u), Version: u.To, Why: g.Why, At: t.now()})
			}
		}
	}
	t.s.Installed(t.now(), t.o.Policy, id, outcome, bad)
	p := t.seen
	p.Kept = doc.Kept
	if doc.After != nil {
		p.Summary, p.At = *doc.After, t.now()
	}
	t.picture(p)
	why := ""
	if doc.Reboot {
		why = doc.RebootWhy
	}
	t.s.NeedsReboot(t.now(), t.boot, why)
}

// restart restarts the services that still run replaced code.
func (t *turn) restart(ctx context.Context) {
	t.s.Restarted(t.now())
	r, err := secure.RestartStale(ctx, t.fixOptions())
	if err != nil {
		t.broken = append(t.broken, oneLine(err))
	}
	if r != nil && len(r.Units) > 0 {
		t.again(ctx) // does the fixed code run now?
	}
}

// reboot lets the site's hooks drain the host, then restarts it.
func (t *turn) reboot(ctx context.Context) {
	boot := t.facts(ctx).Boot
	if err := secure.BeforeReboot(ctx, t.fixOptions()); err != nil {
		t.s.Rebooting(t.now(), "", oneLine(err))
		t.trouble = append(t.trouble, "the host was not restarted: "+oneLine(err))
		return
	}
	message := strings.TrimSpace(t.o.RebootMessage)
	if err := secure.Reboot(ctx, t.o.RebootDelay, message); err != nil {
		t.s.Rebooting(t.now(), "", oneLine(err))
		t.trouble = append(t.trouble, oneLine(err))
		return
	}
	t.s.Rebooting(t.now(), boot, "")
}
