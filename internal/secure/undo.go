package secure

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/result"
)

// UndoOptions say what to take back and how.
type UndoOptions struct {
	Places      Places
	Transaction string // "" is the last one that can be undone
	Choice      change.Choice
	// Exploited allows versions that reopen a known exploited, exposed hole.
	Exploited bool
	Events    Events
}

// Undoing is an undo that is planned and holds the lock.
type Undoing struct {
	m        *machine
	of       *change.Transaction
	reversal *change.Reversal
	o        UndoOptions
}

// BeginUndo takes the lock, recovers what was interrupted, and plans. Call
// Close when done.
func BeginUndo(ctx context.Context, o UndoOptions) (*Undoing, error) {
	m, err := openMachine(o.Places, "lockfast undo", o.Events)
	if err != nil {
		return nil, err
	}
	u := &Undoing{m: m, o: o}
	if err := u.begin(ctx); err != nil {
		m.close()
		return nil, err
	}
	return u, nil
}

func (u *Undoing) begin(ctx context.Context) error {
	if err := u.m.recoverFirst(ctx, u.o.Events); err != nil {
		return err
	}
	list, err := u.m.journal.List()
	if err != nil {
		return err
	}
	if u.of, err = undoable(list, u.o.Transaction); err != nil {
		return err
	}
	u.reversal, err = u.m.engine.PlanUndo(ctx, u.of, list, u.o.Choice)
	return err
}

// undoable finds the transaction to undo.
func undoable(list []*change.Transaction, id string) (*change.Transaction, error) {
	for _, t := range slices.Backward(list) {
		switch {
		case id != "" && t.ID == id:
			return t, nil
		case id == "" && t.Undone == "" && t.Reverts == "" && (t.Status == change.StatusDone || t.Status == change.StatusWait):
			return t, nil
		}
	}
	if id != "" {
		return nil, fmt.Errorf("transaction %s: %w", id, change.ErrUnknown)
	}
	return nil, errors.New("there is nothing to undo; see lockfast history")
}

// Close lets go of the lock.
func (u *Undoing) Close() { u.m.close() }

// Document says what would be done.
func (u *Undoing) Document() *result.Undo {
	d := &result.Undo{Schema: result.UndoSchema, Of: u.of.ID, Title: u.of.Title, Status: "planned", Exact: u.reversal.Exact(), Plan: u.reversal.Plan}
	for _, c := range u.reversal.Kept {
		d.Kept = append(d.Kept, c.Object+": "+c.Why)
	}
	d.Merged = u.reversal.Merged
	for _, s := range u.reversal.OneWay {
		d.OneWay = append(d.OneWay, fmt.Sprintf("%s %s: %s", s.Kind, s.Object, s.OneWay))
	}
	return d
}

// Apply takes the transaction back and proves it: every object is compared with
// its before-record, and packages with what they ship.
func (u *Undoing) Apply(ctx context.Context) (*result.Undo, error) {
	began := time.Now()
	d := u.Document()
	d.Status = "nothing to do"
	if u.reversal.Plan == nil {
		return d, nil
	}
	if packages := packageNames(u.reversal.Plan); len(packages) > 0 {
		differences, err := u.m.backend.Verify(ctx, packages)
		if err != nil {
			return nil, fmt.Errorf("cannot verify the packages before going back: %w", err)
		}
		d.AlteredBefore = len(differences)
	}
	u.o.Events.phase("taking %s back", u.of.ID)
	t, err := u.m.engine.Run(ctx, u.reversal.Plan, change.Options{Reverts: u.of.ID})
	if t != nil {
		d.Transaction, d.Log = t.ID, u.m.log(t.ID)
	}
	if err != nil {
		d.Status, d.Exact = "failed", false
		return d, err
	}
	d.Status = "done"
	for _, s := range t.Steps {
		d.Compared += compared(s)
	}
	if err := u.verify(ctx, d); err != nil {
		return d, err
	}
	d.Seconds = time.Since(began).Seconds()
	return d, nil
}

// compared counts the objects that the engine read back and compared.
func compared(s change.Step) int {
	if s.Want.Packages == nil {
		return 1
	}
	return len(s.Want.Packages.Packages) + len(s.Want.Packages.Conffiles)
}

func (u *Undoing) verify(ctx context.Context, d *result.Undo) error {
	packages := packageNames(u.reversal.Plan)
	if len(packages) == 0 {
		return nil
	}
	var present []string
	for _, s := range u.reversal.Plan.Steps {
		if s.Want.Packages == nil {
			continue
		}
		for _, p := range s.Want.Packages.Packages {
			if p.Version != "" {
				present = append(present, p.Name)
			}
		}
	}
	differences, err := u.m.backend.Verify(ctx, present)
	if err != nil {
		return fmt.Errorf("the packages went back, but their files could not be verified: %w", err)
	}
	for _, x := range differences {
		if !x.Conffile {
			d.Altered = append(d.Altered, x.Package+": "+x.Path+" "+x.What)
		}
	}
	d.Exact = d.Exact && len(d.Altered) == 0
	return nil
}

func packageNames(p *plan.Plan) []string {
	var names []string
	for _, s := range p.Steps {
		if s.Want.Packages == nil {
			continue
		}
		for _, k := range s.Want.Packages.Packages {
			names = append(names, k.Name)
		}
	}
	return names
}

// History reads the journal; it changes nothing and needs no lock.
func History(p Places) ([]*change.Transaction, error) {
	list, err := change.NewJournal(change.Dir(p.journal())).List()
	if errors.Is(err, fs.ErrPermission) {
		return list, errors.New("the journal can be read by root only; run it with sudo")
	}
	return list, err
}

// Busy reports whether a process is changing the host now.
func Busy(p Places) bool { return os.Geteuid() == 0 && change.Locked(p.journal()) }

// Diff shows what a step did to a file.
func Diff(p Places, s *change.Step) string {
	return change.New(change.Host{Files: change.NewDisk("/")}, change.NewJournal(change.Dir(p.journal()))).Diff(s)
}

// Prune removes transactions that ended before a moment, and the package files
// that no other one needs to be undone.
func Prune(p Places, before time.Time) (removed []string, err error) {
	unlock, err := change.Lock(p.journal(), "lockfast history prune")
	if err != nil {
		return nil, err
	}
	defer unlock()
	journal := change.NewJournal(change.Dir(p.journal()))
	if removed, err = journal.Prune(before); err != nil {
		return removed, err
	}
	list, err := journal.List()
	if err != nil {
		return removed, err
	}
	return removed, prunePackages(p, change.Archives(list), before)
}

// prunePackages removes package files that are older than a moment and that no
// transaction needs.
func prunePackages(p Places, needed map[string]bool, before time.Time) error {
	files, err := filepath.Glob(filepath.Join(p.Cache, "packages", "*", "*"))
	if err != nil {
		return err
	}
	tree := hostfs.NewTree("/")
	for _, file := range files {
		info, err := os.Lstat(file)
		if err != nil || !info.Mode().IsRegular() || info.ModTime().After(before) || needed[filepath.Base(file)] || filepath.Base(file) == "lock" {
			continue
		}
		if err := tree.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove package file: %w", err)
		}
	}
	return nil
}

// RecoverOptions say what to bring to an end.
type RecoverOptions struct {
	Places Places
	Boot   bool   // at boot: what waits for a confirmation or a reboot too
	Only   string // this transaction: its time to be confirmed is over
	GoOn   bool   // finish plans instead of rolling back
	Events Events
}

// Recovered is how the recovery of one transaction ended.
type Recovered struct {
	Transaction *change.Transaction
	Err         error // nil: it is done
}

// Recover brings every interrupted transaction to an end.
func Recover(ctx context.Context, o RecoverOptions) ([]Recovered, error) {
	m, err := openMachine(o.Places, "lockfast recover", o.Events)
	if err != nil {
		return nil, err
	}
	defer m.close()
	list, err := m.journal.List()
	if err != nil {
		return nil, err
	}
	how := change.RollBack
	if o.GoOn {
		how = change.GoOn
	}
	var out []Recovered
	for _, t := range list {
		waits := t.Status == change.StatusWait && (o.Boot || t.ID == o.Only || !t.Until.IsZero() && time.Now().After(t.Until))
		again := t.Status == change.StatusFailed && !o.Boot
		if !t.Open() && !waits && !again || o.Only != "" && t.ID != o.Only {
			continue
		}
		o.Events.phase("recovering %s", t.ID)
		out = append(out, Recovered{t, m.engine.Recover(ctx, t, how)})
	}
	return out, nil
}
