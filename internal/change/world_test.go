package change_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/change/changetest"
	"github.com/lockfast/lockfast/internal/plan"
)

// Short ways to say what tests are about.

type world struct {
	*changetest.World
	t *testing.T
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{changetest.New(), t}
	w.Files.Add("/etc", plan.File{Type: plan.Dir, Mode: 0o755}, "")
	w.Services.Units = map[string]plan.Unit{"a.service": {UnitFile: "disabled", Active: "inactive"}}
	w.Sysctls.Values = map[string]string{"net.a": "0"}
	return w
}

// file puts a file there, or somebody else's change of it.
func (w *world) file(name, content string) {
	w.t.Helper()
	w.Files.Add(name, plan.File{Type: plan.Regular, Mode: 0o644}, content)
}

func (w *world) content(name string) string {
	w.t.Helper()
	n := w.Files.Tree[name]
	if n == nil {
		return "(absent)"
	}
	return string(n.Content)
}

func regular(content string) *plan.File {
	return &plan.File{Type: plan.Regular, Mode: 0o644, SHA256: changetest.Sum([]byte(content)), Size: int64(len(content))}
}

func (w *world) now(name string) *plan.File {
	w.t.Helper()
	f, err := w.Files.Observe(name)
	must(w.t, err)
	return &f
}

// write is a step that writes a file with mode 0644 over what stands there now.
func (w *world) write(name, content string) plan.Step {
	w.t.Helper()
	return plan.Step{
		Kind: plan.WriteFile, Object: name, Why: "a test", Content: []byte(content),
		Expect: plan.State{File: w.now(name)}, Want: plan.State{File: regular(content)},
	}
}

func (w *world) remove(name string) plan.Step {
	w.t.Helper()
	return plan.Step{Kind: plan.RemoveFile, Object: name, Why: "a test", Expect: plan.State{File: w.now(name)}, Want: plan.State{File: &plan.File{Type: plan.Absent}}}
}

func (w *world) mkdir(name string) plan.Step {
	w.t.Helper()
	return plan.Step{
		Kind: plan.Directory, Object: name, Why: "a test",
		Expect: plan.State{File: w.now(name)}, Want: plan.State{File: &plan.File{Type: plan.Dir, Mode: 0o755}},
	}
}

func (w *world) chmod(name string, mode uint32) plan.Step {
	w.t.Helper()
	want := *w.now(name)
	want.Mode, want.MTime = mode, time.Time{}
	return plan.Step{Kind: plan.Attributes, Object: name, Why: "a test", Expect: plan.State{File: w.now(name)}, Want: plan.State{File: &want}}
}

// sysctl sets net.a, which is 0, to 1.
func sysctl() plan.Step {
	return plan.Step{Kind: plan.Sysctl, Object: "net.a", Why: "a test", Want: plan.State{Sysctl: &plan.Parameter{Value: "1"}}}
}

func steps(list ...plan.Step) *plan.Plan {
	return &plan.Plan{Schema: plan.Schema, Kind: "lockdown", Title: "a test", Steps: list}
}

// try runs a plan.
func (w *world) try(p *plan.Plan, o change.Options) (*change.Transaction, error) {
	w.t.Helper()
	e, _ := w.Engine()
	return e.Run(w.t.Context(), p, o)
}

// run runs a plan that is done.
func (w *world) run(p *plan.Plan) *change.Transaction {
	w.t.Helper()
	tx, err := w.try(p, change.Options{})
	must(w.t, err)
	return tx
}

// load reads a transaction as another process would.
func (w *world) load(id string) (*change.Transaction, []*change.Transaction) {
	w.t.Helper()
	_, j := w.Engine()
	list, err := j.List()
	must(w.t, err)
	for _, tx := range list {
		if tx.ID == id {
			return tx, list
		}
	}
	w.t.Fatalf("no transaction %s", id)
	return nil, nil
}

func (w *world) planUndo(id string, choice change.Choice) (*change.Reversal, error) {
	w.t.Helper()
	tx, list := w.load(id)
	e, _ := w.Engine()
	return e.PlanUndo(w.t.Context(), tx, list, choice)
}

// undo takes a transaction back and returns the one that did.
func (w *world) undo(id string, choice change.Choice) (*change.Reversal, *change.Transaction) {
	w.t.Helper()
	r, err := w.planUndo(id, choice)
	must(w.t, err)
	if r.Plan == nil {
		return r, nil
	}
	tx, err := w.try(r.Plan, change.Options{Reverts: id})
	must(w.t, err)
	return r, tx
}

// killedAt runs a plan whose process dies at an operation.
func (w *world) killedAt(at int, p *plan.Plan, o change.Options) *change.Transaction {
	w.t.Helper()
	w.Faults.Arm(at, changetest.Kill)
	killed, err := changetest.Survive(func() error { _, err := w.try(p, o); return err })
	w.Faults.Disarm()
	if !killed {
		w.t.Fatalf("it was not killed: %v", err)
	}
	_, j := w.Engine()
	list, err := j.List()
	must(w.t, err)
	if len(list) == 0 {
		w.t.Fatal("there is no transaction")
	}
	return list[len(list)-1]
}

func (w *world) recover(id string, how change.Recovery) error {
	w.t.Helper()
	tx, _ := w.load(id)
	e, _ := w.Engine()
	return e.Recover(w.t.Context(), tx, how)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// is returns an error as one of a kind.
func is[E error](t *testing.T, err error) E {
	t.Helper()
	e, ok := errors.AsType[E](err)
	if !ok {
		t.Fatalf("got %v, want a %T", err, e)
	}
	return e
}

func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\ninstead of\n%s", what, got, want)
	}
}

var errTest = errors.New("a test wants this to fail")
