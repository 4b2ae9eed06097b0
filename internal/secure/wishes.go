package secure

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/result"
)

// Wish is what an object of the host is to be like.
type Wish struct {
	Kind    plan.Kind // WriteFile, RemoveFile, Directory, Symlink or Service
	Object  string
	Why     string
	Content string    // WriteFile
	Mode    uint32    // WriteFile, Directory
	Target  string    // Symlink
	Unit    plan.Unit // Service
	// IfThere leaves a unit out that this host does not have.
	IfThere bool
}

// WishOptions say for what wishes are carried out.
type WishOptions struct {
	Places Places
	Kind   string // of the transaction: "stay-secure"
	Title  string
	Tool   result.Tool
	Events Events
}

// Wishing is a plan of wishes that holds the lock.
type Wishing struct {
	m    *machine
	plan *plan.Plan
}

// BeginWishes takes the lock, recovers what was interrupted, and plans what of
// the wishes is not so yet. Call Close when done.
func BeginWishes(ctx context.Context, o WishOptions, wishes []Wish) (*Wishing, error) {
	m, err := openMachine(o.Places, "lockfast "+o.Kind, o.Events)
	if err != nil {
		return nil, err
	}
	w := &Wishing{m: m}
	if err := m.recoverFirst(ctx, o.Events); err != nil {
		m.close()
		return nil, err
	}
	if w.plan, err = m.wishes(ctx, o, wishes); err != nil {
		m.close()
		return nil, err
	}
	return w, nil
}

// Close lets go of the lock.
func (w *Wishing) Close() { w.m.close() }

// Plan is what would be done; nil is nothing.
func (w *Wishing) Plan() *plan.Plan { return w.plan }

// Apply carries the plan out and returns the transaction.
func (w *Wishing) Apply(ctx context.Context) (id string, err error) {
	if w.plan == nil {
		return "", nil
	}
	t, err := w.m.engine.Run(ctx, w.plan, change.Options{})
	if t != nil {
		id = t.ID
	}
	return id, err
}

func (m *machine) wishes(ctx context.Context, o WishOptions, wishes []Wish) (*plan.Plan, error) {
	files := change.NewDisk("/")
	p := &plan.Plan{
		Schema: plan.Schema, Kind: o.Kind, Title: o.Title, Created: time.Now().UTC(), Tool: strings.TrimSpace(o.Tool.Name + " " + o.Tool.Version),
	}
	for _, w := range withFolders(files, wishes) {
		var step plan.Step
		var err error
		if w.Kind == plan.Service {
			step, err = m.serviceStep(ctx, w)
		} else {
			step, err = fileStep(files, w)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot look at %s: %w", w.Object, err)
		}
		if step.Kind != "" {
			p.Steps = append(p.Steps, step)
		}
	}
	if len(p.Steps) == 0 {
		return nil, nil
	}
	return p, p.Check()
}

// withFolders adds the folders that files need and that are not there.
func withFolders(files change.Disk, wishes []Wish) []Wish {
	var list []Wish
	made := map[string]bool{}
	for _, w := range wishes {
		if w.Kind == plan.WriteFile || w.Kind == plan.Symlink {
			var missing []string
			for dir := path.Dir(w.Object); dir != "/" && !made[dir]; dir = path.Dir(dir) {
				if f, err := files.Observe(dir); err != nil || f.Type != plan.Absent {
					break
				}
				missing, made[dir] = append(missing, dir), true
			}
			slices.Reverse(missing)
			for _, dir := range missing {
				list = append(list, Wish{Kind: plan.Directory, Object: dir, Mode: 0o755, Why: "it is to hold " + path.Base(w.Object)})
			}
		}
		list = append(list, w)
	}
	return list
}

// fileStep is the step that a wish of a file needs; one without a kind is none.
func fileStep(files change.Disk, w Wish) (plan.Step, error) {
	now, err := files.Observe(w.Object)
	if err != nil {
		return plan.Step{}, err
	}
	want := plan.File{Type: plan.Regular, Mode: w.Mode}
	step := plan.Step{Kind: w.Kind, Object: w.Object, Why: w.Why}
	switch w.Kind { //nolint:exhaustive // what is no file is refused below
	case plan.WriteFile:
		sum := sha256.Sum256([]byte(w.Content))
		want.Size, want.SHA256 = int64(len(w.Content)), hex.EncodeToString(sum[:])
		step.Content = []byte(w.Content)
	case plan.RemoveFile:
		want = plan.File{Type: plan.Absent}
	case plan.Directory:
		want.Type = plan.Dir
	case plan.Symlink:
		want = plan.File{Type: plan.Link, Target: w.Target} // symlinks have no mode
	default:
		return plan.Step{}, fmt.Errorf("internal error: a wish cannot be of kind %s", w.Kind)
	}
	step.Expect, step.Want = plan.State{File: &now}, plan.State{File: &want}
	if step.Want.Same(step.Expect) {
		return plan.Step{}, nil
	}
	return step, nil
}

// serviceStep likewise for a unit. One whose file an earlier step of the same
// plan writes is not there yet, so that only whether it runs is expected.
func (m *machine) serviceStep(ctx context.Context, w Wish) (plan.Step, error) {
	if !m.booted {
		return plan.Step{}, fmt.Errorf("systemd does not run here, and nothing else can run the service")
	}
	now, err := m.services.State(ctx, w.Object)
	if err != nil {
		return plan.Step{}, err
	}
	const notThere = "not-found"
	if w.IfThere && now.UnitFile == notThere {
		return plan.Step{}, nil
	}
	expect := plan.Unit{UnitFile: now.UnitFile, Active: now.Active}
	if now.UnitFile == notThere {
		expect.UnitFile = ""
	}
	want := w.Unit
	if (want.UnitFile == "" || want.UnitFile == now.UnitFile) && (want.Active == "" || want.Active == now.Active) {
		return plan.Step{}, nil
	}
	return plan.Step{
		Kind: plan.Service, Object: w.Object, Why: w.Why, Expect: plan.State{Service: &expect}, Want: plan.State{Service: &want},
	}, nil
}

// Transactions returns the ids of a kind's transactions that still stand, the
// newest first.
func Transactions(p Places, kind string) ([]string, error) {
	list, err := History(p)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, t := range slices.Backward(list) {
		if t.Kind == kind && t.Undone == "" && t.Reverts == "" && (t.Status == change.StatusDone || t.Status == change.StatusWait) {
			ids = append(ids, t.ID)
		}
	}
	return ids, nil
}
