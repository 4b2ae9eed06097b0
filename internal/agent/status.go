package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/hostsvc"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/stay"
)

// public is where everybody on the host may read the status. It is in /run: what
// it says is of this boot.
const public = "/run/lockfast/status.json"

// publish arms the next wake-up and lets everybody read the status.
func (o Options) publish(s *stay.Status) error {
	if err := hostfs.MkdirAll("/run/lockfast", 0o755); err != nil {
		return fmt.Errorf("cannot make /run/lockfast: %w", err)
	}
	if err := write(public, 0o644, s); err != nil {
		return fmt.Errorf("cannot publish the status: %w", err)
	}
	return nil
}

// Arm makes systemd wake the service at the moment that a status names.
func Arm(ctx context.Context, s *stay.Status, now time.Time) error {
	const soonest = 30 * time.Second
	at := s.Next
	if least := now.Add(soonest); at.Before(least) {
		at = least
	}
	return hostsvc.New(hostexec.System{}).Wake(ctx, wakeTimer, turnUnit, at)
}

// ReadStatus is the status of now for root, and the one that was published last
// for everybody else.
func ReadStatus(ctx context.Context, o Options) (*stay.Status, error) {
	if os.Geteuid() != 0 {
		return readPublic()
	}
	t, err := o.open(false)
	if err != nil {
		return nil, err
	}
	s := o.status(&t.s, t.seen, t.facts(ctx))
	if t.died != "" {
		s.Trouble = append(s.Trouble, o.atWork(t.died))
	}
	return s, nil
}

// atWork says whether a turn is at something now, or died at it.
func (o Options) atWork(doing stay.Action) string {
	unlock, err := hostfs.Lock(o.file(lockFile), "lockfast stay-secure status")
	if _, held := errors.AsType[*hostfs.HeldError](err); held {
		return fmt.Sprintf("a turn is at work now: %s", doing)
	}
	if err == nil {
		unlock()
	}
	return fmt.Sprintf("the last turn ended in the middle of %q; the next one brings it to an end", doing)
}

func readPublic() (*stay.Status, error) {
	data, err := os.ReadFile(public)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errors.New("stay-secure has not run since this host was started, or is off; sudo lockfast stay-secure status tells")
	}
	if err != nil {
		return nil, err
	}
	s := &stay.Status{}
	if err := json.Unmarshal(data, s); err != nil || s.Schema != stay.StatusSchema {
		return nil, fmt.Errorf("cannot read %s: it is not of the format %s", public, stay.StatusSchema)
	}
	return s, nil
}

// status describes a state at a moment.
func (o Options) status(s *stay.State, seen picture, f stay.Facts) *stay.Status {
	d := o.Policy.Decide(*s, f)
	host, _ := os.Hostname() // only for people
	doc := &stay.Status{
		Schema: stay.StatusSchema, Generated: f.Now, Host: host, On: o.on(), Mode: o.Policy.Mode, Windows: o.WindowNames, Reboot: o.Policy.Reboot,
		Looked: seen.At, Summary: seen.Summary, Check: s.Check, Pending: s.Pending, Waits: d.Waits, Last: s.Last, Success: s.Success,
		Paused: s.Paused, GivenUp: s.GivenUp, Next: d.Next, Trouble: append([]string{}, s.Trouble...),
	}
	if !f.Now.Before(s.Paused) {
		doc.Paused = time.Time{}
	}
	doc.Stale = !s.Since.IsZero() && f.Now.Sub(latest(s.Check.OK, s.Since)) > o.StaleAfter
	for i := range seen.Exploited {
		doc.Exploited = append(doc.Exploited, seen.Exploited[i].Key)
	}
	doc.Window = span(o.Policy.Windows, f.Now)
	doc.Person = needsPerson(seen, d.Waits)
	doc.Level = level(doc)
	doc.Exit = exit(doc)
	return doc
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func span(w stay.Windows, now time.Time) *stay.Span {
	if w == nil {
		return nil
	}
	start, end, open := w.Current(now)
	if open && start.IsZero() {
		return nil
	}
	ok := open
	if !open {
		start, end, ok = w.Next(now)
	}
	if !ok {
		return nil
	}
	return &stay.Span{Start: start, End: end, Open: open}
}

// needsPerson lists what nobody but a person can do.
func needsPerson(seen picture, waits []stay.Wait) []stay.Person {
	var list []stay.Person
	for _, w := range waits {
		if w.For == "person" {
			list = append(list, stay.Person{What: w.What, Why: w.Why, Do: w.Do})
		}
	}
	for _, h := range seen.Person {
		list = append(list, stay.Person{What: h.Source + " " + h.Version, Why: h.Why, Do: h.Do})
	}
	for _, l := range seen.Left {
		if strings.Contains(l.Reason, "hold") || strings.Contains(l.Reason, "held") {
			list = append(list, stay.Person{What: l.Package, Why: l.Reason, Do: "apt-mark unhold " + l.Package + ", or accept it with a waiver"})
		}
	}
	for _, k := range seen.Kept {
		if k.New != "" {
			list = append(list, stay.Person{What: k.Path, Why: "your version was kept; the package's new one lies beside it", Do: "compare it with " + k.New})
		}
	}
	slices.SortStableFunc(list, func(a, b stay.Person) int { return strings.Compare(a.What, b.What) })
	return slices.CompactFunc(list, func(a, b stay.Person) bool { return a.What == b.What && a.Why == b.Why })
}

// level says in one sentence how far the host is. What was not looked at is
// unknown, never clean.
func level(s *stay.Status) string {
	sum := s.Summary
	switch {
	case s.Looked.IsZero():
		return "unknown: the host has not been looked at yet"
	case s.Stale:
		return fmt.Sprintf("unknown: the archive has not answered since %s", when(s.Check.OK))
	case len(s.Exploited) > 0:
		return fmt.Sprintf("open to %s that is known to be exploited and may be reached", count(len(s.Exploited), "hole"))
	case sum.Fixable > 0 && sum.WorstGapDays != nil:
		return fmt.Sprintf("%s missing, the oldest for %s", count(sum.Fixable, "fix"), count(*sum.WorstGapDays, "day"))
	case sum.Fixable > 0:
		return fmt.Sprintf("%s missing", count(sum.Fixable, "fix"))
	case sum.NotRunning > 0:
		return fmt.Sprintf("all fixes are installed, %s not running yet", count(sum.NotRunning, "of them is", "of them are"))
	case sum.Blocking > 0:
		return "no fix is known to be missing, but not everything could be looked at"
	}
	return "all fixes on offer are installed and running"
}

func when(t time.Time) string {
	if t.IsZero() {
		return "the service was switched on"
	}
	return t.Format("2006-01-02 15:04 MST")
}

func count(n int, word ...string) string {
	if n == 1 {
		return "1 " + word[0]
	}
	if len(word) > 1 {
		return fmt.Sprintf("%d %s", n, word[1])
	}
	if strings.HasSuffix(word[0], "x") {
		return fmt.Sprintf("%d %ses", n, word[0])
	}
	return fmt.Sprintf("%d %ss", n, word[0])
}

// exit gives a status its exit code: 5 needs a person, 3 could not look.
func exit(s *stay.Status) result.Exit {
	e := result.Exit{Reasons: []string{}}
	switch {
	case s.GivenUp != nil:
		e.Code, e.Reasons = 5, []string{s.GivenUp.Why}
	case s.Stale:
		e.Code, e.Reasons = 3, []string{s.Level}
	case s.Looked.IsZero():
		e.Code, e.Reasons = 3, []string{s.Level}
	}
	return e
}

// on reports whether the service is switched on.
func (o Options) on() bool {
	_, err := os.Lstat(unitFolder + turnTimer)
	return err == nil
}
