package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostsvc"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/secure"
	"github.com/lockfast/lockfast/internal/stay"
)

// mostPlans bounds how often a plan is made anew without what a person has to
// decide.
const mostPlans = 4

// check asks the archive and plans.
func (t *turn) check(ctx context.Context) {
	t.syncAdvisories(ctx)
	pending, err := t.plan(ctx, true)
	if err != nil {
		t.s.CheckFailed(t.now(), oneLine(err))
		if t.s.Reboot != nil || t.s.Stale != nil { // whether the fixed code runs can be seen without the archive
			t.again(ctx)
		}
		return
	}
	t.s.Checked(t.now(), pending)
}

// again plans anew without asking the archive: the host is another now.
func (t *turn) again(ctx context.Context) {
	pending, err := t.plan(ctx, false)
	if err != nil {
		t.trouble = append(t.trouble, "cannot see what is left to do: "+oneLine(err))
		t.s.Check.OK = time.Time{}
		return
	}
	t.s.Planned(pending)
}

// plan looks at the host and keeps what is to be done. What needs a person's
// consent, and what broke this host before, is left out and named, so that the
// rest goes on.
func (t *turn) plan(ctx context.Context, refresh bool) (*stay.Pending, error) {
	survey, person, err := t.survey(ctx, refresh)
	if err != nil {
		return nil, err
	}
	doc := survey.Plan
	if len(doc.Refused) > 0 { // the archive has answered; what it offers is for a person
		person = append(person, heldBack{Source: "all updates", Why: strings.Join(doc.Refused, "; "), Do: "lockfast fix plan"})
		t.see(survey, person)
		return nil, nil
	}
	t.see(survey, person)
	pending := pendingOf(doc)
	if pending == nil {
		return nil, nil
	}
	pending.Found = t.now()
	if err := write(t.o.file(planFile), 0o600, doc); err != nil {
		return nil, fmt.Errorf("cannot keep the plan: %w", err)
	}
	return pending, nil
}

func (t *turn) survey(ctx context.Context, refresh bool) (*secure.Survey, []heldBack, error) {
	o := t.fixOptions()
	o.Refresh = refresh
	var person []heldBack
	for n := 0; ; n++ {
		survey, err := secure.SurveyFix(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		held := t.forPerson(survey.Plan)
		if len(held) == 0 && len(survey.Plan.Refused) > 0 {
			survey, held = t.without(ctx, o, survey)
			return survey, append(person, held...), ctx.Err()
		}
		if len(held) == 0 || n == mostPlans {
			return survey, person, nil
		}
		for _, h := range held {
			o.Exclude = append(o.Exclude, h.Source)
		}
		person = append(person, held...)
		o.Refresh = false
	}
}

// mostLeftOut bounds how many updates are tried as the one that makes a plan
// impossible.
const mostLeftOut = 8

// without looks for the one update without which a plan is not refused, so that
// the others need not wait for a person. If there is none, the plan stays as it
// is.
func (t *turn) without(ctx context.Context, o secure.FixOptions, refused *secure.Survey) (*secure.Survey, []heldBack) {
	var tried []string
	for _, u := range refused.Plan.Updates {
		source := sourceOf(u)
		if slices.Contains(tried, source) {
			continue
		}
		if tried = append(tried, source); len(tried) > mostLeftOut {
			break
		}
		o.Refresh = false
		less := o
		less.Exclude = append(slices.Clone(o.Exclude), source)
		survey, err := secure.SurveyFix(ctx, less)
		if err == nil && len(survey.Plan.Refused) == 0 {
			return survey, []heldBack{{source, u.To, strings.Join(refused.Plan.Refused, "; "), "lockfast fix plan --only " + source}}
		}
	}
	return refused, nil
}

// forPerson lists the updates of a plan that are not for an unattended host.
func (t *turn) forPerson(doc *result.FixPlan) []heldBack {
	var list []heldBack
	add := func(u result.Update, why, do string) {
		source := sourceOf(u)
		if !slices.ContainsFunc(list, func(h heldBack) bool { return h.Source == source }) {
			list = append(list, heldBack{source, u.To, why, do})
		}
	}
	for _, u := range doc.Updates {
		bad := slices.IndexFunc(t.s.Bad, func(b stay.Bad) bool { return b.Package == sourceOf(u) && b.Version == u.To })
		switch {
		case bad >= 0:
			add(u, fmt.Sprintf("version %s broke this host on %s and was taken back: %s", u.To, t.s.Bad[bad].At.Format("2006-01-02"), t.s.Bad[bad].Why),
				"lockfast fix apply --only "+sourceOf(u)+" once the cause is known; a newer version is tried by itself")
		case u.OneWay != "" && u.From != "":
			add(u, "it is not safe to undo: "+u.OneWay, "lockfast fix apply --accept-one-way --only "+sourceOf(u))
		case u.Previous == "none":
			add(u, "it could not be undone: nothing has version "+u.From+" any more", "lockfast fix apply --accept-one-way --only "+sourceOf(u))
		}
	}
	return list
}

func sourceOf(u result.Update) string {
	if u.Source != "" {
		return u.Source
	}
	return u.Package
}

// pendingOf is what a plan would do; nil is nothing.
func pendingOf(doc *result.FixPlan) *stay.Pending {
	if doc.Plan == nil {
		return nil
	}
	p := &stay.Pending{Updates: len(doc.Updates), Bytes: doc.Download}
	h := sha256.New()
	for _, u := range doc.Updates {
		text := fmt.Sprintf("%s %s → %s", u.Package, u.From, u.To)
		if u.From == "" {
			text = fmt.Sprintf("%s (new) %s", u.Package, u.To)
		}
		p.Packages = append(p.Packages, text)
		if u.KEV {
			for _, id := range u.IDs {
				if strings.HasPrefix(id, "CVE-") && !slices.Contains(p.Exploited, id) {
					p.Exploited = append(p.Exploited, id)
				}
			}
		}
	}
	for _, line := range slices.Sorted(slices.Values(p.Packages)) {
		_, _ = h.Write([]byte(line + "\n"))
	}
	const enough = 8
	p.ID = hex.EncodeToString(h.Sum(nil)[:enough])
	return p
}

// see keeps what the look showed, and notes what still runs old code.
func (t *turn) see(survey *secure.Survey, person []heldBack) {
	scan := survey.Scan
	p := picture{At: t.now(), Summary: scan.Summary, Left: survey.Plan.Left, Person: person, Unknown: scan.Unknown, Kept: t.seen.Kept}
	for i := range scan.Findings {
		f := &scan.Findings[i]
		if f.KEV != nil && *f.KEV && f.Status != result.StatusLeftover && (f.Exposed == nil || *f.Exposed) {
			p.Exploited = append(p.Exploited, *f)
		}
	}
	t.picture(p)
	t.followOld(survey)
}

func (t *turn) picture(p picture) {
	t.seen = p
	if err := write(t.o.file(pictureFile), 0o600, p); err != nil {
		t.trouble = append(t.trouble, "cannot keep what was seen: "+oneLine(err))
	}
}

// followOld notes which services run replaced code, and whether only a restart
// of the host helps.
func (t *turn) followOld(survey *secure.Survey) {
	var units, may []string
	reboot := ""
	for _, s := range survey.Stale {
		for _, what := range s.Restart {
			switch {
			case what == "reboot" || hostsvc.NeverRestart(what):
				reboot = s.Package + " was replaced, and what runs its old code cannot be restarted alone"
			case strings.HasSuffix(what, ".service"):
				units = append(units, what)
			}
		}
	}
	slices.Sort(units)
	units = slices.Compact(units)
	for _, u := range units {
		if policy := t.o.Fix.Restart; policy == secure.RestartAll || policy == secure.RestartSafe && hostsvc.SafeToRestart(u) {
			may = append(may, u)
		}
	}
	t.s.RunsOld(t.now(), units, may)
	host := survey.Scan.Host
	switch {
	case host.KernelOutdated != nil && *host.KernelOutdated:
		reboot = "kernel " + host.KernelNewest + " is installed, " + host.KernelRunning + " runs"
	case host.RebootRequired && reboot == "":
		reboot = "the system asks for a restart"
	}
	t.s.NeedsReboot(t.now(), t.boot, reboot)
}

func (t *turn) fixOptions() secure.FixOptions {
	o := t.o.Fix
	o.Scan.Now = t.now()
	o.Exclude = slices.Clone(o.Exclude)
	return o
}

func oneLine(err error) string { return strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; ") }
