package change_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/change/changetest"
	"github.com/lockfast/lockfast/internal/plan"
)

func TestWhatWouldBreakMoreIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, says string
		plan       func(w *world) *plan.Plan
	}{
		{"hard links", "2 names (hard links)", func(w *world) *plan.Plan {
			w.file("/etc/f", "1")
			w.Files.Tree["/etc/g"] = w.Files.Tree["/etc/f"]
			return steps(w.write("/etc/f", "2"))
		}},
		{"immutable", "chattr -i", func(w *world) *plan.Plan {
			w.file("/etc/f", "1")
			w.Files.Tree["/etc/f"].Flags = 0x10
			return steps(w.write("/etc/f", "2"))
		}},
		{"append only, removed", "append-only", func(w *world) *plan.Plan {
			w.file("/etc/f", "1")
			w.Files.Tree["/etc/f"].Flags = 0x20
			return steps(w.remove("/etc/f"))
		}},
		{"mount", "something mounted", func(w *world) *plan.Plan {
			w.file("/etc/f", "1")
			p := steps(w.write("/etc/f", "2"))
			w.Files.Mounts["/etc/f"] = true
			return p
		}},
		{"file becomes a directory", "would become a directory", func(w *world) *plan.Plan {
			w.file("/etc/f", "1")
			return steps(w.mkdir("/etc/f"))
		}},
		{"directory becomes a file", "would become a file", func(w *world) *plan.Plan {
			w.Files.Add("/etc/d", plan.File{Type: plan.Dir}, "")
			return steps(w.write("/etc/d", "1"))
		}},
		{"through a symlink", "leads through a symlink", func(w *world) *plan.Plan {
			w.Files.Add("/etc/l", plan.File{Type: plan.Link, Target: "/tmp"}, "")
			s := w.write("/etc/f", "1")
			s.Object = "/etc/l/f"
			return steps(s)
		}},
		{"a name that is no text", "no UTF-8", func(w *world) *plan.Plan { return steps(w.write("/etc/\xff", "1")) }},
		{"a target that is no text", "no UTF-8", func(w *world) *plan.Plan {
			w.Files.Add("/etc/l", plan.File{Type: plan.Link, Target: "\xff"}, "")
			return steps(w.write("/etc/l", "1"))
		}},
		{"unknown kind", "does not know its kind", func(*world) *plan.Plan { return steps(plan.Step{Kind: "reformat", Object: "/dev/sda"}) }},
		{"unknown allowance", "does not know", func(w *world) *plan.Plan {
			s := w.write("/etc/f", "1")
			s.Allow = []plan.Allowance{"everything"}
			return steps(s)
		}},
		{"wrong content", "not the one that it wants", func(w *world) *plan.Plan {
			s := w.write("/etc/f", "1")
			s.Content = []byte("2")
			return steps(s)
		}},
		{"no steps", "no steps", func(*world) *plan.Plan { return steps() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			p := c.plan(w)
			was := w.Snapshot()
			tx, err := w.try(p, change.Options{})
			says(t, err, c.says)
			if tx != nil || len(w.Storage.Files) > 0 {
				t.Errorf("there is a transaction: %v", slices.Collect(maps.Keys(w.Storage.Files)))
			}
			equal(t, "refused", w.Snapshot(), was)
		})
	}
}

func TestWaivedSafeguards(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", "1")
	w.Files.Tree["/etc/g"] = w.Files.Tree["/etc/f"]
	w.file("/etc/i", "1")
	w.Files.Tree["/etc/i"].Flags = 0x10
	linked, immutable := w.write("/etc/f", "2"), w.remove("/etc/i")
	linked.Allow, immutable.Allow = []plan.Allowance{plan.AllowHardLinks}, []plan.Allowance{plan.AllowImmutable}
	was := w.Snapshot()
	id := w.run(steps(linked, immutable)).ID
	equal(t, "g", w.content("/etc/g"), "1")
	w.undo(id, change.Refuse)
	equal(t, "undone", w.Snapshot(), was)
}

func TestWithoutThePartItNeeds(t *testing.T) {
	j := change.NewJournal(&changetest.Storage{Faults: &changetest.Faults{}, Files: map[string][]byte{}})
	e := change.New(change.Host{}, j)
	_, err := e.Run(t.Context(), steps(sysctl()), change.Options{})
	says(t, err, "net.a", "cannot be done on this host")
}

// line makes a line of a journal as it is stored.
func line(t *testing.T, record any) string {
	t.Helper()
	data, err := json.Marshal(record)
	must(t, err)
	return fmt.Sprintf("%08x %s\n", crc32.ChecksumIEEE(data), data)
}

func TestJournalsThatAreNotUnderstoodAreRefused(t *testing.T) {
	type fields = map[string]any
	at := "2026-11-23T12:00:00Z"
	for _, c := range []struct {
		name, says string
		spoil      func(log, id string) string
		plan       func(text string) string
	}{
		{name: "damaged line", says: "line 2 is damaged", spoil: func(log, _ string) string { return strings.Replace(log, `"n":2`, `"n":7`, 1) }},
		{name: "damaged last line", says: "is damaged", spoil: func(log, _ string) string { return log[:len(log)-3] + "x}\n" }},
		{name: "missing line", says: "number 3 where 2 should be", spoil: func(log, _ string) string {
			lines := strings.SplitAfter(log, "\n")
			return strings.Join(slices.Delete(lines, 1, 2), "")
		}},
		{name: "unknown status", says: "status 77 that this program does not know; use the newer lockfast", spoil: func(log, _ string) string {
			return log + line(t, fields{"n": 5, "at": at, "step": 0, "status": 77})
		}},
		{name: "unknown field", says: "use the newer lockfast", spoil: func(log, _ string) string {
			return log + line(t, fields{"n": 5, "at": at, "step": 0, "status": 3, "quantum": true})
		}},
		{name: "unknown step", says: "speaks of step 9 of 1", spoil: func(log, _ string) string {
			return log + line(t, fields{"n": 5, "at": at, "step": 8, "status": 3})
		}},
		{name: "newer format", says: "format 2, this program knows 1", spoil: func(_, id string) string {
			return line(t, fields{"n": 1, "at": at, "step": -1, "status": 2, "head": fields{"format": 2, "id": id}})
		}},
		{name: "no head", says: "does not say what it is", spoil: func(string, string) string {
			return line(t, fields{"n": 1, "at": at, "step": -1, "status": 2})
		}},
		{name: "other plan", says: "not the one it began with", plan: func(text string) string { return strings.Replace(text, `"a test"`, `"b test"`, 1) }},
		{name: "unknown kind of step", says: "does not know its kind", plan: func(text string) string { return strings.Replace(text, "sysctl", "sysctx", 1) }},
		{name: "newer plan", says: "use the version of lockfast that made it", plan: func(text string) string { return strings.Replace(text, "lockfast.plan/1", "lockfast.plan/2", 1) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.run(steps(sysctl())).ID
			if c.spoil != nil {
				w.Storage.Files[id+"/log"] = []byte(c.spoil(string(w.Storage.Files[id+"/log"]), id))
			}
			if c.plan != nil {
				w.Storage.Files[id+"/plan.json"] = []byte(c.plan(string(w.Storage.Files[id+"/plan.json"])))
			}
			_, j := w.Engine()
			_, err := j.Load(id)
			says(t, err, c.says, id)
			list, err := j.List()
			says(t, err, c.says)
			if len(list) != 0 {
				t.Errorf("listed all the same: %v", list)
			}
			if _, err := j.Prune(time.Now().AddDate(9, 0, 0)); err == nil || len(w.Storage.Files) == 0 {
				t.Errorf("pruned all the same: %v", err)
			}
		})
	}
}

// A journal that ends anywhere in a line is one without that line, and goes on.
func TestTornLastLine(t *testing.T) {
	w := newWorld(t)
	id := w.run(steps(sysctl())).ID
	whole := string(w.Storage.Files[id+"/log"])
	end := strings.LastIndexByte(whole[:len(whole)-1], '\n') + 1
	for at := end; at < len(whole); at++ {
		w.Sysctls.Values["net.a"] = "1"
		w.Storage.Files[id+"/log"] = []byte(whole[:at])
		tx, _ := w.load(id)
		if !tx.Open() {
			t.Fatalf("ended after %d bytes it is %v", at-end, tx.Status)
		}
		is[*change.RolledBackError](t, w.recover(id, change.RollBack))
		tx, _ = w.load(id)
		if tx.Status != change.StatusUndone {
			t.Fatalf("ended after %d bytes it is %v", at-end, tx.Status)
		}
		equal(t, "net.a", w.Sysctls.Values["net.a"], "0")
	}
}

func TestNoTransaction(t *testing.T) {
	w := newWorld(t)
	_, j := w.Engine()
	for _, id := range []string{"", "../../etc/passwd", "20261123-120000-ABCD"} {
		_, err := j.Load(id)
		says(t, err, "is no transaction")
	}
	if _, err := j.Load("20261123-120000-abcd"); !errors.Is(err, change.ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestStuckUntilAPersonHasHelped(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", "0")
	w.file("/etc/g", "0")
	was := w.Snapshot()
	old := *w.Files.Tree["/etc/f"]
	w.Probes.Fails = map[string]error{"p": errTest}
	p := steps(w.write("/etc/g", "1"), w.write("/etc/f", "1"), plan.Step{Kind: plan.Probe, Object: "p", Why: "a test"})
	tx, err := w.try(p, change.Options{Step: func(_ *change.Transaction, i int) {
		if i == 2 {
			w.file("/etc/f", "theirs")
		}
	}})
	stuck := is[*change.StuckError](t, err)
	says(t, stuck, tx.ID, "/etc/f", "needs a person", "lockfast recover", errTest.Error())
	equal(t, "f", w.content("/etc/f"), "theirs")
	is[*change.StuckError](t, w.recover(tx.ID, change.GoOn))
	_, err = w.planUndo(tx.ID, change.Refuse)
	says(t, err, "lockfast recover first")
	w.Files.Tree["/etc/f"] = &old
	is[*change.RolledBackError](t, w.recover(tx.ID, change.GoOn))
	equal(t, "rolled back", w.Snapshot(), was)
}

// Between one recovery and the next somebody may change what was found not to
// be done.
func TestFoundNotDoneIsLookedAtAgain(t *testing.T) {
	for at := 1; ; at++ {
		w := newWorld(t)
		w.file("/etc/f", "0")
		p := steps(w.write("/etc/f", "1"))
		w.Faults.Arm(at, changetest.Kill)
		killed, err := changetest.Survive(func() error { _, err := w.try(p, change.Options{}); return err })
		if !killed {
			must(t, err)
			return
		}
		w.Faults.Disarm()
		_, j := w.Engine()
		list, err := j.List()
		must(t, err)
		if len(list) == 0 || list[0].Steps[0].Status != change.StatusDoing || w.content("/etc/f") != "0" {
			continue
		}
		for again := 1; list[0].Steps[0].Status == change.StatusDoing; again++ { // until "do" is written
			w.Faults.Arm(again, changetest.Kill)
			if killed, err = changetest.Survive(func() error { return w.recover(list[0].ID, change.GoOn) }); !killed {
				t.Fatal(err)
			}
			w.Faults.Disarm()
			list, err = j.List()
			must(t, err)
		}
		if list[0].Steps[0].Status != change.StatusDo {
			t.Fatalf("it is %v", list[0].Steps[0].Status)
		}
		w.file("/etc/f", "theirs")
		if err := w.recover(list[0].ID, change.GoOn); err == nil {
			t.Errorf("killed at %d: no error", at)
		}
		equal(t, "f", w.content("/etc/f"), "theirs")
	}
}

func TestPrune(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/a", "a")
	w.file("/etc/b", "b")
	w.file("/etc/c", "c")
	old := w.run(steps(w.write("/etc/a", "A")))
	undone := w.run(steps(w.write("/etc/b", "B")))
	_, undo := w.undo(undone.ID, change.Refuse)
	waiting, err := w.try(steps(w.write("/etc/w", "1"), reboot()), change.Options{})
	is[*change.WaitError](t, err)
	w.Storage.Files["20200101-000000-abcd/plan.json"] = []byte("died before its first word")
	w.Storage.Files["blobs/.tmp"] = []byte("left by a crash")
	w.Clock = w.Clock.AddDate(0, 0, 10)
	_, redo := w.undo(undo.ID, change.Refuse)
	recent := w.run(steps(w.write("/etc/c", "C")))

	_, j := w.Engine()
	removed, err := j.Prune(w.Clock.AddDate(0, 0, -5))
	must(t, err)
	if !slices.Equal(removed, []string{old.ID}) {
		t.Errorf("removed %v, want %s", removed, old.ID)
	}
	for _, tx := range []*change.Transaction{undone, undo, waiting, redo, recent} { // the chain of undoing stays together
		w.load(tx.ID)
	}
	for name := range w.Storage.Files {
		if strings.HasPrefix(name, "2020") || strings.HasSuffix(name, ".tmp") || strings.HasPrefix(name, old.ID) {
			t.Errorf("%s is still there", name)
		}
	}
	if _, err := j.Blob(changetest.Sum([]byte("a"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("content of what was pruned: %v", err)
	}
	w.undo(recent.ID, change.Refuse)
	w.undo(redo.ID, change.Refuse)
	equal(t, "c", w.content("/etc/c"), "c")
	equal(t, "b", w.content("/etc/b"), "b")
}
