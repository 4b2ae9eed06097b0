package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/secure"
	"github.com/lockfast/lockfast/internal/stay"
)

// turn is one turn of the service.
type turn struct {
	o       Options
	s       stay.State
	seen    picture
	did     []stay.Action
	trouble []string // what went wrong in this turn beside what the state holds
	broken  []string // services that a restart broke
	died    stay.Action
	boot    string // id of this boot
	missed  time.Time
	untold  []string // notices that did not reach anybody
	digest  bool     // something may have to be told with the next digest
}

// most is how many actions one turn may take: what needs more has gone in a
// circle, and goes on in the next one.
const most = 12

// Turn takes one turn and returns the status after it. An error means that the
// service could not do its work at all.
func Turn(ctx context.Context, o Options) (*stay.Status, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("changing this host needs root; run it with sudo")
	}
	if err := hostfs.MakePrivate(o.folder()); err != nil {
		return nil, fmt.Errorf("cannot make folder for the state of stay-secure: %w", err)
	}
	unlock, err := hostfs.Lock(o.file(lockFile), "lockfast stay-secure")
	if err != nil {
		return nil, err
	}
	defer unlock()
	t, err := o.open(true)
	if err != nil {
		return nil, err
	}
	if err := t.run(ctx); err != nil {
		return nil, err
	}
	t.tell(ctx)
	t.s.Trouble = append(t.trouble, t.untold...)
	if err := t.o.saveState(&t.s); err != nil {
		return nil, err
	}
	status := t.o.status(&t.s, t.seen, t.facts(ctx))
	if at := o.Notices.Schedule.Next(t.now()); t.digest && len(o.Notices.Sinks) > 0 && !at.IsZero() && at.Before(status.Next) {
		status.Next = at
	}
	return status, o.publish(status)
}

// open reads what is remembered; with repair a damaged memory is moved aside.
func (o Options) open(repair bool) (*turn, error) {
	t := &turn{o: o}
	var err error
	t.s, err = o.loadState(o.Now())
	if repair && errors.Is(err, stay.ErrDamaged) {
		t.s, err = o.beginAnew(err)
	}
	if err != nil {
		return nil, err
	}
	if t.seen, err = o.loadPicture(); err != nil {
		return nil, err
	}
	if o.Force {
		t.s.Check.OK, t.s.Check.Failures = time.Time{}, 0
	}
	t.died = t.s.Doing
	t.s.Doing = ""
	return t, nil
}

// beginAnew goes on without what was remembered: what people said (a pause) and
// what broke this host is lost, so nothing is changed until somebody says so.
func (o Options) beginAnew(damage error) (stay.State, error) {
	now := o.Now().UTC()
	aside := o.file(stateFile) + now.Format(".damaged-20060102-150405")
	data, err := read(o.file(stateFile))
	if err == nil {
		err = hostfs.Replace(aside, 0o600, func(w io.Writer) error { _, err := w.Write(data); return err })
	}
	if err != nil {
		return stay.State{}, fmt.Errorf("%w, and could not be kept aside: %v", damage, err)
	}
	why := fmt.Sprintf("what the service remembered is lost (%v); the file is kept as %s", damage, aside)
	return stay.State{Schema: stay.Schema, Since: now, GivenUp: &stay.GivenUp{At: now, Why: why}}, nil
}

// run carries out one decision after the other. The state is written before and
// after each, so that a turn that dies is known to have died, and at what.
func (t *turn) run(ctx context.Context) error {
	t.boot = t.facts(ctx).Boot
	if err := t.recover(ctx); err != nil {
		return err
	}
	if err := t.o.renew(ctx); err != nil {
		t.trouble = append(t.trouble, "the service's units are not those of this version: "+oneLine(err))
	}
	for n := 0; n < most && ctx.Err() == nil; n++ {
		d := t.o.Policy.Decide(t.s, t.facts(ctx))
		if d.Do == stay.Sleep {
			break
		}
		t.o.Fix.Events.Phase(string(d.Do) + ": " + d.Why)
		t.s.Doing = d.Do
		if err := t.o.saveState(&t.s); err != nil {
			return err
		}
		t.act(ctx, d.Do)
		t.s.Doing = ""
		t.did = append(t.did, d.Do)
		if err := t.o.saveState(&t.s); err != nil {
			return err
		}
		if d.Do == stay.RebootHost {
			break
		}
	}
	t.missed = t.s.Awake(t.o.Policy, t.facts(ctx))
	return nil
}

// recover brings to an end what a turn that died had begun.
func (t *turn) recover(ctx context.Context) error {
	if t.died == "" {
		return nil
	}
	t.trouble = append(t.trouble, fmt.Sprintf("the last turn ended in the middle of %q", t.died))
	done, err := secure.Recover(ctx, secure.RecoverOptions{Places: t.o.Fix.Places, Events: t.o.Fix.Events})
	if err != nil {
		return fmt.Errorf("cannot bring to an end what the last turn had begun: %w", err)
	}
	for _, r := range done {
		why := "completed"
		if r.Err != nil {
			why = oneLine(r.Err)
		}
		t.trouble = append(t.trouble, fmt.Sprintf("transaction %s was interrupted: %s", r.Transaction.ID, why))
		if secure.CodeOf(r.Err) == secure.ExitPerson {
			t.s.GivenUp = &stay.GivenUp{At: t.now(), Why: fmt.Sprintf("transaction %s was interrupted and needs a person: %s", r.Transaction.ID, why)}
		}
	}
	t.again(ctx) // the host may be another than it was planned for
	return nil
}

func (t *turn) act(ctx context.Context, do stay.Action) {
	switch do {
	case stay.AskArchive:
		t.check(ctx)
	case stay.Fetch:
		t.download(ctx)
	case stay.Install:
		t.install(ctx, false)
	case stay.InstallExploit:
		t.install(ctx, true)
	case stay.RestartStale:
		t.restart(ctx)
	case stay.RebootHost:
		t.reboot(ctx)
	case stay.Sleep:
	}
}

func (t *turn) now() time.Time { return t.o.Now().UTC() }
