package change_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/change/changetest"
	"github.com/lockfast/lockfast/internal/plan"
)

// The properties below were tried against planted bugs; README.md says which, and
// after how many cases each was found.

// checksGiven is set at the start: rapid.checks is set by checks too.
var checksGiven bool

// TestMain looks at the flags, and is the child that is killed if it is started
// as one.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Visit(func(f *flag.Flag) { checksGiven = checksGiven || f.Name == "rapid.checks" })
	if job := os.Getenv(childVariable); job != "" {
		if err := child(job); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// checks sets how many cases a property is tried with, unless -rapid.checks
// says so.
func checks(t *testing.T, n int) {
	t.Helper()
	if checksGiven {
		return
	}
	if testing.Short() {
		n /= 20
	}
	was := flag.Lookup("rapid.checks").Value.String()
	set := func(v string) {
		if err := flag.Set("rapid.checks", v); err != nil {
			t.Fatal(err)
		}
	}
	set(fmt.Sprint(n))
	t.Cleanup(func() { set(was) })
}

// Paths that plans speak of. Folders come before what is in them.
var (
	folders = []string{"/etc", "/etc/d", "/etc/d/e", "/opt"}
	files   = []string{"/etc/a", "/etc/b", "/etc/d/x", "/etc/d/e/y", "/opt/z"}
	units   = []string{"a.service", "b.service"}
	sysctls = []string{"net.a", "net.b"}
)

var (
	contents = rapid.SampledFrom([]string{"", "a\n", "b\n", "a\nb\nc\n"})
	modes    = rapid.SampledFrom([]uint32{0o600, 0o644, 0o755, 0o4755, 0o2755, 0o2644})
	owners   = rapid.SampledFrom([]int{0, 0, 1000})
	targets  = rapid.SampledFrom([]string{"a", "/etc/b"})
	values   = rapid.SampledFrom([]string{"", "1", "2"})
)

func attributes(t *rapid.T, kind plan.FileType) plan.File {
	f := plan.File{Type: kind, UID: owners.Draw(t, "uid"), GID: owners.Draw(t, "gid")}
	if kind == plan.Link {
		f.Target = targets.Draw(t, "target")
		return f
	}
	f.Mode = modes.Draw(t, "mode")
	for _, x := range []string{"user.a", "security.capability"} {
		if rapid.IntRange(0, 2).Draw(t, "has "+x) == 0 {
			if f.Xattrs == nil {
				f.Xattrs = map[string][]byte{}
			}
			f.Xattrs[x] = []byte(values.Draw(t, x))
		}
	}
	if rapid.IntRange(0, 9).Draw(t, "immutable") == 0 {
		f.Flags = 0x10
	}
	return f
}

// found makes two equal hosts: one that is changed and one that planning tries
// its steps on.
func found(t *rapid.T) (host, model *changetest.World) {
	host, model = changetest.New(), changetest.New()
	add := func(name string, f plan.File, content string) {
		f.MTime = time.Date(2020, 1, 2, 3, 4, 5, len(host.Files.Tree)*1000, time.UTC)
		host.Files.Add(name, f, content)
		f.Xattrs = maps.Clone(f.Xattrs)
		model.Files.Add(name, f, content)
	}
	for _, name := range folders {
		if name == "/etc" || host.Files.Tree[path.Dir(name)] != nil && rapid.Bool().Draw(t, name) {
			f := attributes(t, plan.Dir)
			f.Flags = 0
			add(name, f, "")
		}
	}
	for _, name := range files {
		if host.Files.Tree[path.Dir(name)] == nil {
			continue
		}
		switch rapid.IntRange(0, 3).Draw(t, name) {
		case 0, 1:
			add(name, attributes(t, plan.Regular), contents.Draw(t, "content"))
		case 2:
			add(name, attributes(t, plan.Link), "")
		}
	}
	for _, w := range []*changetest.World{host, model} {
		w.Services.Units = map[string]plan.Unit{"a.service": {UnitFile: "enabled", Active: "active"}, "b.service": {UnitFile: "masked", Active: "inactive"}}
		w.Sysctls.Values = map[string]string{"net.a": "0", "net.b": "1"}
	}
	return host, model
}

// step draws a step that is possible on the model, and does it there.
func step(t *rapid.T, model *changetest.World) (plan.Step, bool) {
	s := plan.Step{Why: "a test", Kind: rapid.SampledFrom([]plan.Kind{
		plan.WriteFile, plan.WriteFile, plan.RemoveFile, plan.Directory, plan.Symlink, plan.Attributes, plan.Attributes, plan.Service, plan.Sysctl, plan.Probe,
	}).Draw(t, "kind")}
	switch s.Kind {
	case plan.Service:
		s.Object = rapid.SampledFrom(units).Draw(t, "unit")
		want := plan.Unit{
			UnitFile: rapid.SampledFrom([]string{"", "enabled", "disabled", "masked"}).Draw(t, "unit file"),
			Active:   rapid.SampledFrom([]string{"", "active", "inactive"}).Draw(t, "active"),
		}
		s.Want.Service = &want
		return s, true
	case plan.Sysctl:
		s.Object = rapid.SampledFrom(sysctls).Draw(t, "sysctl")
		s.Want.Sysctl = &plan.Parameter{Value: rapid.SampledFrom([]string{"0", "1", "2"}).Draw(t, "value")}
		return s, true
	case plan.Probe:
		s.Object = "the host can be reached"
		return s, true
	case plan.WriteFile, plan.RemoveFile, plan.Directory, plan.Symlink, plan.Attributes, plan.Packages, plan.Reboot:
	}
	return fileStep(t, model, s)
}

func fileStep(t *rapid.T, model *changetest.World, s plan.Step) (plan.Step, bool) {
	s.Object = rapid.SampledFrom(slices.Concat(files, folders)).Draw(t, "path")
	now, err := model.Files.Observe(s.Object)
	parent := model.Files.Tree[path.Dir(s.Object)]
	if err != nil || s.Object != "/etc" && s.Object != "/opt" && (parent == nil || parent.Type != plan.Dir) {
		return s, false
	}
	isDir := slices.Contains(folders, s.Object)
	want := now
	switch s.Kind {
	case plan.WriteFile:
		want = attributes(t, plan.Regular)
		s.Content = []byte(contents.Draw(t, "content"))
		want.SHA256, want.Size = changetest.Sum(s.Content), int64(len(s.Content))
	case plan.RemoveFile:
		want = plan.File{Type: plan.Absent}
	case plan.Directory:
		want = attributes(t, plan.Dir)
		want.Flags = 0
	case plan.Symlink:
		want = attributes(t, plan.Link)
	case plan.Attributes:
		a := attributes(t, now.Type)
		want.Mode, want.UID, want.GID, want.Xattrs, want.Flags, want.MTime = a.Mode, a.UID, a.GID, a.Xattrs, a.Flags, time.Time{}
		if now.Type != plan.Regular {
			want.Flags = 0
		}
		if now.Type == plan.Link {
			want.Mode, want.Xattrs = 0, nil
		}
	case plan.Service, plan.Sysctl, plan.Packages, plan.Reboot, plan.Probe:
	}
	if isDir != (s.Kind == plan.Directory) && s.Kind != plan.RemoveFile && s.Kind != plan.Attributes ||
		now.Type == plan.Absent && (s.Kind == plan.RemoveFile || s.Kind == plan.Attributes) {
		return s, false
	}
	s.Expect.File, s.Want.File = &now, &want
	if now.Flags != 0 || want.Flags != 0 {
		s.Allow = []plan.Allowance{plan.AllowImmutable}
	}
	return s, tryOn(model, s, now, want)
}

// tryOn does a step on the model, with what is possible to anybody.
func tryOn(model *changetest.World, s plan.Step, now, want plan.File) bool {
	if now.Type != plan.Absent {
		model.Files.Tree[s.Object].Flags = 0
	}
	var err error
	switch {
	case want.Type == plan.Absent:
		err = model.Files.Remove(s.Object)
	case s.Kind == plan.Attributes, now.Type == plan.Dir:
		err = model.Files.Adjust(s.Object, want)
	default:
		err = model.Files.Put(s.Object, ".model", want, bytes.NewReader(s.Content))
	}
	if err != nil {
		model.Files.Tree[s.Object].Flags = now.Flags
	}
	return err == nil
}

func drawPlan(t *rapid.T, model *changetest.World) *plan.Plan {
	p := &plan.Plan{Schema: plan.Schema, Kind: "lockdown", Title: "a test", Created: time.Unix(0, 0).UTC()}
	for range rapid.IntRange(1, 7).Draw(t, "steps") {
		if s, ok := step(t, model); ok {
			p.Steps = append(p.Steps, s)
		}
	}
	if len(p.Steps) == 0 {
		p.Steps = []plan.Step{{Kind: plan.Probe, Object: "nothing", Why: "a test"}}
	}
	return p
}

// wanted compares the host with what a plan that was carried out leaves.
func wanted(t *rapid.T, host *changetest.World, p *plan.Plan) {
	t.Helper()
	last := map[string]plan.State{}
	for _, s := range p.Steps {
		if s.Want.File != nil {
			last[s.Object] = s.Want
		}
	}
	for object, want := range last {
		now, err := host.Files.Observe(object)
		if err != nil {
			t.Fatal(err)
		}
		if d := want.Differences(plan.State{File: &now}); len(d) > 0 {
			t.Fatalf("done, but %s has %v", object, d)
		}
	}
	for _, s := range p.Steps {
		if s.Kind == plan.Sysctl {
			last[s.Object] = s.Want
		}
	}
	for name, v := range host.Sysctls.Values {
		if want := last[name].Sysctl; want != nil && want.Value != v {
			t.Fatalf("done, but %s is %s, not %s", name, v, want.Value)
		}
	}
}

// killer draws when the process dies next: perhaps never.
func killer(t *rapid.T, w *changetest.World, steps int) {
	w.Faults.Rand = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "torn"), 1))
	w.Faults.Arm(rapid.IntRange(0, 16*steps+12).Draw(t, "killed at"), changetest.Kill)
}

// only returns the newest transaction; nil if there is none.
func newest(t *rapid.T, j *change.Journal) (*change.Transaction, []*change.Transaction) {
	t.Helper()
	list, err := j.List()
	if err != nil {
		t.Fatalf("the journal cannot be read: %v", err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	return list[len(list)-1], list
}

// carryOut runs a plan with kills and recovers until an end, and returns the
// transaction, nil if nothing came of it. last is the newest one before it.
func carryOut(t *rapid.T, w *changetest.World, p *plan.Plan, o change.Options, kills int, last string) *change.Transaction {
	t.Helper()
	how := rapid.SampledFrom([]change.Recovery{change.RollBack, change.GoOn}).Draw(t, "recovery")
	e, j := w.Engine()
	if kills > 0 {
		killer(t, w, len(p.Steps))
	}
	var tx *change.Transaction
	killed, err := changetest.Survive(func() (err error) { tx, err = e.Run(t.Context(), p, o); return err })
	if !killed && err != nil {
		t.Fatalf("not killed, but: %v", err)
	}
	for k := 1; killed; k++ {
		w.Faults.Disarm()
		e, j = w.Engine()
		if tx, _ = newest(t, j); tx == nil || tx.ID == last {
			return nil // it died before its first word
		}
		if !tx.Open() {
			break
		}
		if k < kills {
			killer(t, w, len(p.Steps))
		}
		killed, err = changetest.Survive(func() error { return e.Recover(t.Context(), tx, how) })
		if back := (*change.RolledBackError)(nil); !killed && err != nil && !errors.As(err, &back) {
			t.Fatalf("recovery: %v", err)
		}
	}
	w.Faults.Disarm()
	tx, err = j.Load(tx.ID)
	if err != nil {
		t.Fatal(err)
	}
	if tx.Open() || tx.Status == change.StatusFailed {
		t.Fatalf("after all recoveries the transaction is %v: %s", tx.Status, tx.Note)
	}
	return tx
}

func same(t *rapid.T, what, want, got string) {
	t.Helper()
	if want != got {
		t.Fatalf("%s:\n%s\ninstead of\n%s", what, got, want)
	}
}

func tidied(t *rapid.T, w *changetest.World) {
	t.Helper()
	if left := w.Left(); len(left) > 0 {
		t.Fatalf("left behind: %v", left)
	}
}

func TestKilledAnywhereIsAllOrNothingAndCanBeUndone(t *testing.T) {
	checks(t, 20_000)
	rapid.Check(t, func(t *rapid.T) {
		w, model := found(t)
		p := drawPlan(t, model)
		start := w.Snapshot()
		tx := carryOut(t, w, p, change.Options{}, rapid.IntRange(0, 4).Draw(t, "kills"), "")
		tidied(t, w)
		if tx == nil || tx.Status == change.StatusUndone {
			same(t, "rolled back", start, w.Snapshot())
			return
		}
		wanted(t, w, p)
		takeBack(t, w, tx.ID, start)
		if !rapid.Bool().Draw(t, "undo the undo") {
			return
		}
		_, j := w.Engine()
		undo, _ := newest(t, j)
		if undo.ID == tx.ID {
			return // there was nothing to take back
		}
		takeBack(t, w, undo.ID, "")
		wanted(t, w, p)
	})
}

// takeBack undoes a transaction, with kills, until it is undone.
func takeBack(t *rapid.T, w *changetest.World, id, start string) {
	t.Helper()
	after := w.Snapshot()
	for attempt := 0; ; attempt++ {
		e, j := w.Engine()
		_, all := newest(t, j)
		tx := all[slices.IndexFunc(all, func(t *change.Transaction) bool { return t.ID == id })]
		r, err := e.PlanUndo(t.Context(), tx, all, change.Refuse)
		if err != nil {
			t.Fatalf("undo: %v", err)
		}
		if r.Plan == nil {
			break
		}
		undo := carryOut(t, w, r.Plan, change.Options{Reverts: id}, max(0, 2-attempt), all[len(all)-1].ID)
		tidied(t, w)
		if undo != nil && undo.Status == change.StatusDone {
			break
		}
		same(t, "undo was rolled back", after, w.Snapshot())
	}
	if start != "" {
		same(t, "undone", start, w.Snapshot())
	}
}

func TestAnErrorAnywhereRollsBack(t *testing.T) {
	checks(t, 5_000)
	rapid.Check(t, func(t *rapid.T) {
		w, model := found(t)
		p := drawPlan(t, model)
		start := w.Snapshot()
		w.Faults.Rand = rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "torn"), 1))
		at := rapid.IntRange(1, 16*len(p.Steps)+12).Draw(t, "fails at")
		w.Faults.Arm(at, changetest.Fail)
		e, j := w.Engine()
		tx, err := e.Run(t.Context(), p, change.Options{})
		if w.Faults.Seen() < at {
			if err != nil {
				t.Fatalf("nothing failed, but: %v", err)
			}
			return
		}
		if tx == nil && err != nil {
			same(t, "refused", start, w.Snapshot())
			return
		}
		if err == nil { // the operation was one that may fail: tidying up
			wanted(t, w, p)
			return
		}
		if _, back := errors.AsType[*change.RolledBackError](err); !back {
			t.Fatalf("got %v", err)
		}
		same(t, "rolled back", start, w.Snapshot())
		tidied(t, w)
		last, _ := newest(t, j)
		if last.Status != change.StatusUndone {
			t.Fatalf("the journal says %v", last.Status)
		}
	})
}

func TestAHostThatMovedOnIsLeftAlone(t *testing.T) {
	checks(t, 3_000)
	rapid.Check(t, func(t *rapid.T) {
		w, model := found(t)
		p := drawPlan(t, model)
		var objects []string
		seen := map[string]bool{}
		for _, s := range p.Steps {
			if s.Expect.File != nil && !seen[s.Object] {
				seen[s.Object] = true
				objects = append(objects, s.Object)
			}
		}
		if len(objects) == 0 {
			t.Skip("no step expects anything")
		}
		meddle(t, w, rapid.SampledFrom(objects).Draw(t, "moved"))
		start := w.Snapshot()
		e, j := w.Engine()
		_, err := e.Run(t.Context(), p, change.Options{})
		if _, moved := errors.AsType[*change.MovedError](err); !moved {
			t.Fatalf("got %v", err)
		}
		same(t, "refused", start, w.Snapshot())
		if last, _ := newest(t, j); last != nil {
			t.Fatal("there is a transaction")
		}
	})
}

// meddle changes an object as somebody else would.
func meddle(t *rapid.T, w *changetest.World, name string) {
	n := w.Files.Tree[name]
	if n == nil {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if w.Files.Tree[dir] == nil {
				w.Files.Add(dir, plan.File{Type: plan.Dir, Mode: 0o700, UID: 4711}, "")
			}
		}
		w.Files.Add(name, plan.File{Type: plan.Regular, Mode: 0o640, UID: 4711}, "theirs\n")
		return
	}
	what := rapid.IntRange(0, 3).Draw(t, "meddle")
	switch {
	case what == 0 && n.Type == plan.Regular:
		n.Content = []byte("theirs\n")
	case what == 1 && n.Type != plan.Link:
		n.Mode = 0o1711
	case what == 2 && n.Type != plan.Link:
		n.Xattrs = maps.Clone(n.Xattrs)
		if n.Xattrs == nil {
			n.Xattrs = map[string][]byte{}
		}
		n.Xattrs["user.theirs"] = []byte("")
	default:
		n.UID = 4711
	}
}

func TestWhatOthersChangedBeforeRecoveryIsNotTouched(t *testing.T) {
	checks(t, 5_000)
	rapid.Check(t, func(t *rapid.T) {
		w, model := found(t)
		p := drawPlan(t, model)
		e, j := w.Engine()
		killer(t, w, len(p.Steps))
		killed, _ := changetest.Survive(func() error { _, err := e.Run(t.Context(), p, change.Options{}); return err })
		w.Faults.Disarm()
		tx, _ := newest(t, j)
		if !killed || tx == nil || !tx.Open() {
			t.Skip("not killed")
		}
		var objects []string
		for _, s := range tx.Steps {
			if s.Want.File != nil && s.Status != change.StatusDo && !slices.Contains(objects, s.Object) {
				objects = append(objects, s.Object)
			}
		}
		if len(objects) == 0 {
			t.Skip("nothing was begun")
		}
		object := rapid.SampledFrom(objects).Draw(t, "changed")
		if below := func(name string) bool { return strings.HasPrefix(name, object+"/") }; slices.ContainsFunc(slices.Collect(maps.Keys(w.Files.Tree)), below) {
			t.Skip("a folder's own attributes only")
		}
		meddle(t, w, object)
		theirs, err := w.Files.Observe(object)
		if err != nil {
			t.Skip("its folder is gone")
		}
		e, _ = w.Engine()
		err = e.Recover(t.Context(), tx, change.RollBack)
		if _, stuck := errors.AsType[*change.StuckError](err); !stuck {
			t.Fatalf("got %v", err)
		}
		now, err := w.Files.Observe(object)
		if err != nil {
			t.Fatal(err)
		}
		if d := (plan.State{File: &theirs}).Differences(plan.State{File: &now}); len(d) > 0 {
			t.Fatalf("%s was touched: %v", object, d)
		}
	})
}
