package change

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/plan"
)

// Conflict is an object that is neither as a transaction left it nor as it
// found it: somebody changed it since.
type Conflict struct {
	Step   int // of the transaction, from 1
	Object string
	Why    string
	Diff   string // unified, from what we left to what stands there; files only
}

// ConflictError says that undo would destroy what others did. Nothing was done.
type ConflictError struct {
	Transaction string
	Conflicts   []Conflict
}

func (e *ConflictError) Error() string {
	var list []string
	for _, c := range e.Conflicts {
		list = append(list, fmt.Sprintf("%s (%s)", c.Object, c.Why))
	}
	return fmt.Sprintf("transaction %s cannot be undone exactly: changed since: %s; choose --merge, --keep (leave these as they are) or --force (take them back, keeping a copy in the journal)",
		e.Transaction, strings.Join(list, "; "))
}

// Choice says what undo does with conflicts.
type Choice int

// Choices.
const (
	Refuse Choice = 0
	Keep   Choice = 1 // leave what others changed
	Force  Choice = 2 // take it back all the same; undoing the undo brings it back
	Merge  Choice = 3 // keep others' lines, take back ours, where these do not touch
)

// Reversal is a plan that takes a transaction back, and what it leaves.
type Reversal struct {
	Plan   *plan.Plan // nil: there is nothing to take back
	Kept   []Conflict // left as they are, by choice
	Merged []string   // files that keep others' lines
	OneWay []Step     // steps that cannot be undone
}

// Exact reports whether the host will be as before the transaction.
func (r *Reversal) Exact() bool { return len(r.Kept) == 0 && len(r.Merged) == 0 && len(r.OneWay) == 0 }

// PlanUndo makes the plan that takes a transaction back. Undoing is a
// transaction like any other: it is journalled, recovered and undone as such.
//
// A later transaction that changed one of the same objects, and was not undone
// itself, must be undone first.
func (e *Engine) PlanUndo(ctx context.Context, t *Transaction, all []*Transaction, choice Choice) (*Reversal, error) {
	if err := undoable(t, all); err != nil {
		return nil, err
	}
	u := &undoing{engine: e, choice: choice, left: map[string]plan.State{}, content: map[string][]byte{}, gone: map[string]bool{}}
	p := &plan.Plan{Schema: plan.Schema, Kind: "undo", Title: "undo of " + t.ID + ": " + t.Title, Created: e.now(), Tool: t.Tool}
	var conflicts []Conflict
	for i := len(t.Steps) - 1; i >= 0; i-- {
		s := &t.Steps[i]
		switch {
		case s.Status != StatusDone || s.Kind == plan.Probe || s.Kind == plan.Reboot:
			continue
		case s.OneWay != "":
			u.r.OneWay = append(u.r.OneWay, *s)
			continue
		}
		step, conflict, err := u.reverse(ctx, t, i)
		if err != nil {
			return nil, fmt.Errorf("cannot undo step %d, %s %s: %w", i+1, s.Kind, s.Object, err)
		}
		if conflict != nil {
			conflicts = append(conflicts, *conflict)
		}
		if step != nil {
			p.Steps = append(p.Steps, *step)
			u.planned(step)
		}
	}
	if len(conflicts) > 0 {
		return nil, &ConflictError{Transaction: t.ID, Conflicts: conflicts}
	}
	if len(p.Steps) > 0 {
		u.r.Plan = p
	}
	return &u.r, nil
}

// undoing is a plan to undo in the making.
type undoing struct {
	engine  *Engine
	choice  Choice
	r       Reversal
	left    map[string]plan.State // what the steps so far will have left, by object
	content map[string][]byte     // of files among these
	gone    map[string]bool       // what they will have removed
}

func (u *undoing) planned(s *plan.Step) {
	u.left[objectOf(s)] = s.Want
	if s.Kind == plan.WriteFile {
		u.content[s.Object] = s.Content
	}
	if s.Kind == plan.RemoveFile {
		u.gone[s.Object] = true
	}
}

func undoable(t *Transaction, all []*Transaction) error {
	switch {
	case t.Undone != "":
		return fmt.Errorf("transaction %s was undone already, by %s", t.ID, t.Undone)
	case t.Status == StatusUndone:
		return fmt.Errorf("transaction %s was rolled back: there is nothing to undo", t.ID)
	case t.Status != StatusDone && t.Status != StatusWait:
		return fmt.Errorf("transaction %s is not at its end (%s); run lockfast recover first", t.ID, t.Status)
	}
	objects := map[string]bool{}
	for _, s := range t.Steps {
		for _, o := range s.touches() {
			objects[o] = true
		}
	}
	for _, later := range slices.Backward(all) {
		if later.ID == t.ID {
			break
		}
		if later.Undone != "" || later.Status != StatusDone && later.Status != StatusWait || later.Reverts != "" && reverted(later.Reverts, all) {
			continue
		}
		for _, s := range later.Steps {
			for _, o := range s.touches() {
				if s.Status == StatusDone && objects[o] {
					return fmt.Errorf("transaction %s changed %s later; undo it first (lockfast undo %s)", later.ID, o, later.ID)
				}
			}
		}
	}
	return nil
}

// reverted reports whether a transaction is taken back, so that it and the one
// that took it back cancel out.
func reverted(id string, all []*Transaction) bool {
	return slices.ContainsFunc(all, func(t *Transaction) bool { return t.ID == id && t.Undone != "" })
}

// touches names the objects that a step changes.
func (s *Step) touches() []string {
	switch {
	case s.Kind == plan.Probe || s.Kind == plan.Reboot:
		return nil
	case s.Want.Packages == nil:
		return []string{s.Object}
	}
	names := make([]string, 0, len(s.Want.Packages.Packages))
	for _, p := range s.Want.Packages.Packages {
		names = append(names, s.Object+" "+p.Name+":"+p.Arch)
	}
	return names
}

// reverse makes the step that takes one step back. Neither a step nor a
// conflict means that there is nothing to do.
func (u *undoing) reverse(ctx context.Context, t *Transaction, i int) (*plan.Step, *Conflict, error) {
	s := &t.Steps[i]
	now, planned := u.left[objectOf(&s.Step)]
	if !planned {
		var err error
		if now, err = u.engine.observe(ctx, &s.Step); err != nil {
			return nil, nil, err
		}
	}
	now = restrict(now, s)
	before, after := s.sides(now)
	if identical(before, now) {
		return nil, nil, nil
	}
	want := before
	if !now.Same(after) && !now.Same(before) {
		c := Conflict{Step: i + 1, Object: s.Object, Why: words(after.Differences(now)), Diff: u.engine.conflictDiff(s, now)}
		kept, step, conflict, err := u.settle(s, now, c)
		if err != nil || conflict != nil || step != nil || kept == nil {
			return step, conflict, err
		}
		want = *kept
	}
	if c, err := u.inUse(s, i, now, want); c != nil || err != nil {
		if c != nil && (u.choice == Keep || u.choice == Merge) {
			u.r.Kept = append(u.r.Kept, *c)
			c = nil
		}
		return nil, c, err
	}
	step, err := u.engine.reverseStep(s, now, want)
	return step, nil, err
}

// settle decides a conflict: by a wish other than the one that undo has, by a
// step of its own, by leaving the conflict, or (nothing) by leaving the object.
func (u *undoing) settle(s *Step, now plan.State, c Conflict) (want *plan.State, step *plan.Step, conflict *Conflict, err error) {
	before, _ := s.sides(now)
	switch u.choice {
	case Keep:
		u.r.Kept = append(u.r.Kept, c)
		if kept, ok := keepConffiles(s, now); ok {
			return &kept, nil, nil, nil
		}
		return nil, nil, nil, nil
	case Merge:
		step, conflict, err = u.merge(s, now, c)
		return nil, step, conflict, err
	case Force:
		if s.Kind == plan.Attributes && before.File.Type != now.File.Type {
			c.Why += "; only its attributes were changed, so what stood there was not kept"
			return nil, nil, &c, nil
		}
		return &before, nil, nil, nil
	case Refuse:
	}
	return nil, nil, &c, nil
}

// inUse finds what others put into a directory that would be removed. That is
// never removed with it.
func (u *undoing) inUse(s *Step, i int, now, want plan.State) (*Conflict, error) {
	if now.File == nil || now.File.Type != plan.Dir || want.File.Type != plan.Absent {
		return nil, nil
	}
	names, err := u.engine.host.Files.Names(s.Object)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return u.gone[path.Join(s.Object, name)] })
	if len(names) == 0 {
		return nil, nil
	}
	return &Conflict{Step: i + 1, Object: s.Object, Why: "it is not empty, it has " + words(names)}, nil
}

// sides are what a step found and what it left. A step that sets attributes
// does not know the content: that of now is right on both sides.
func (s *Step) sides(now plan.State) (before, after plan.State) {
	if s.Kind != plan.Attributes || now.File == nil || now.File.Type != plan.Regular || s.Before.File.Type != plan.Regular {
		return s.Before, s.After
	}
	b, a := *s.Before.File, *s.After.File
	if now.File.SHA256 != a.SHA256 {
		b.MTime = now.File.MTime
	}
	b.SHA256, b.Size = now.File.SHA256, now.File.Size
	a.SHA256, a.Size = now.File.SHA256, now.File.Size
	return plan.State{File: &b}, plan.State{File: &a}
}

func (e *Engine) reverseStep(s *Step, now, want plan.State) (*plan.Step, error) {
	step := &plan.Step{Kind: s.Kind, Object: s.Object, Why: "undo: " + s.Why, Expect: now, Want: want, Allow: s.Allow}
	if want.File == nil {
		return step, nil
	}
	if flags := now.File.Flags; flags != 0 && flags == s.After.File.Flags && !slices.Contains(s.Allow, plan.AllowImmutable) {
		step.Allow = append(slices.Clone(s.Allow), plan.AllowImmutable) // it is we who set them
	}
	step.Kind = kindOf(s.Kind, now.File, want.File)
	if step.Kind != plan.WriteFile {
		return step, nil
	}
	content, err := e.kept(want.File.SHA256)
	step.Content = content
	return step, err
}

// kindOf says what kind of step brings a path to a state.
func kindOf(was plan.Kind, now, want *plan.File) plan.Kind {
	switch {
	case want.Type == plan.Absent:
		return plan.RemoveFile
	case was == plan.Attributes, now.Type == want.Type && now.SHA256 == want.SHA256 && now.Target == want.Target:
		return plan.Attributes
	case want.Type == plan.Dir:
		return plan.Directory
	case want.Type == plan.Link:
		return plan.Symlink
	}
	return plan.WriteFile
}

func (e *Engine) kept(sum string) ([]byte, error) {
	blob, err := e.journal.Blob(sum)
	if err != nil {
		return nil, fmt.Errorf("what stood there before is not in the journal any more: %w", err)
	}
	defer func() { _ = blob.Close() }()
	data, err := io.ReadAll(blob)
	if err != nil {
		return nil, err
	}
	if digest(bytes.NewReader(data)) != sum {
		return nil, errDamaged
	}
	return data, nil
}

// keepConffiles takes packages back but leaves the configuration files that
// people changed since. ok is false if versions changed as well.
func keepConffiles(s *Step, now plan.State) (want plan.State, ok bool) {
	if s.Before.Packages == nil || now.Packages == nil {
		return want, false
	}
	after := plan.PackageSet{Packages: s.After.Packages.Packages}
	if d := (plan.State{Packages: &after}).Differences(plan.State{Packages: now.Packages}); len(d) > 0 {
		return want, false
	}
	set := plan.PackageSet{Packages: s.Before.Packages.Packages, Conffiles: map[string]plan.File{}}
	maps.Copy(set.Conffiles, s.Before.Packages.Conffiles)
	for path, f := range now.Packages.Conffiles {
		if left := s.After.Packages.Conffiles[path]; !(plan.State{File: &left}).Same(plan.State{File: &f}) {
			set.Conffiles[path] = f
		}
	}
	return plan.State{Packages: &set}, true
}
