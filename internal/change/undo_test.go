package change_test

import (
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/plan"
)

const before, left, theirs = "a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n"

// changed is a host on which we changed a file, and somebody else changed it
// after us.
func changed(t *testing.T) (*world, string) {
	t.Helper()
	w := newWorld(t)
	w.file("/etc/f", before)
	w.file("/etc/g", "g\n")
	tx := w.run(steps(w.write("/etc/f", left), w.write("/etc/g", "G\n")))
	w.file("/etc/f", theirs)
	return w, tx.ID
}

func TestUndoRefusesWithTheDifference(t *testing.T) {
	w, id := changed(t)
	was := w.Snapshot()
	_, err := w.planUndo(id, change.Refuse)
	e := is[*change.ConflictError](t, err)
	if len(e.Conflicts) != 1 || e.Conflicts[0].Object != "/etc/f" || e.Conflicts[0].Step != 1 {
		t.Errorf("got %+v", e.Conflicts)
	}
	if d := e.Conflicts[0].Diff; !strings.Contains(d, "-e\n+E\n") || strings.Contains(d, "-a\n") {
		t.Errorf("the difference is %s", d)
	}
	says(t, err, id, "/etc/f", "--merge", "--keep", "--force")
	equal(t, "refused", w.Snapshot(), was)
}

func TestUndoKeepsWhatOthersChanged(t *testing.T) {
	w, id := changed(t)
	r, _ := w.undo(id, change.Keep)
	equal(t, "f", w.content("/etc/f"), theirs)
	equal(t, "g", w.content("/etc/g"), "g\n")
	if len(r.Kept) != 1 || r.Exact() {
		t.Errorf("kept %+v, exact %v", r.Kept, r.Exact())
	}
}

func TestForcedUndoCanBeUndone(t *testing.T) {
	w, id := changed(t)
	_, undo := w.undo(id, change.Force)
	equal(t, "f", w.content("/etc/f"), before)
	w.undo(undo.ID, change.Refuse)
	equal(t, "f after undoing the undo", w.content("/etc/f"), theirs)
}

func TestUndoMerges(t *testing.T) {
	w, id := changed(t)
	r, _ := w.undo(id, change.Merge)
	equal(t, "f", w.content("/etc/f"), "a\nb\nc\nd\nE\n")
	equal(t, "g", w.content("/etc/g"), "g\n")
	if len(r.Merged) != 1 || r.Exact() {
		t.Errorf("merged %v, exact %v", r.Merged, r.Exact())
	}
}

func TestUndoMergesAttributesToo(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", before)
	step := w.write("/etc/f", left)
	step.Want.File.Mode = 0o600 // 0644 before
	id := w.run(steps(step)).ID
	n := w.Files.Tree["/etc/f"]
	n.Content, n.GID = []byte(theirs), 7
	w.undo(id, change.Merge)
	equal(t, "f", w.content("/etc/f"), "a\nb\nc\nd\nE\n")
	if now := w.now("/etc/f"); now.Mode != 0o644 || now.GID != 7 {
		t.Errorf("got %+v", now)
	}
}

func TestUndoMergesTwoStepsOnOneFile(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", before)
	first := w.write("/etc/f", left)
	second := w.write("/etc/f", "A\nb\nC\nd\ne\n")
	second.Expect = first.Want
	id := w.run(steps(first, second)).ID
	w.file("/etc/f", "A\nb\nC\nd\nE\n")
	w.undo(id, change.Merge)
	equal(t, "f", w.content("/etc/f"), "a\nb\nc\nd\nE\n")
}

func TestUndoDoesNotMergeTheSameLines(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", before)
	id := w.run(steps(w.write("/etc/f", left))).ID
	w.file("/etc/f", "X\nb\nc\nd\ne\n")
	_, err := w.planUndo(id, change.Merge)
	says(t, err, "/etc/f", "cannot be merged")
	is[*change.ConflictError](t, err)
}

func TestUndoMergesOnlyFiles(t *testing.T) {
	w := newWorld(t)
	id := w.run(steps(sysctl())).ID
	w.Sysctls.Values["net.a"] = "2"
	_, err := w.planUndo(id, change.Merge)
	says(t, err, "net.a", "only files can be merged")
}

func TestUndoOfAttributesLeavesNewContent(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", before)
	id := w.run(steps(w.chmod("/etc/f", 0o600))).ID
	n := w.Files.Tree["/etc/f"]
	n.Content, n.MTime = []byte(theirs), w.Now()
	when := n.MTime
	r, _ := w.undo(id, change.Refuse)
	equal(t, "f", w.content("/etc/f"), theirs)
	if now := w.now("/etc/f"); now.Mode != 0o644 || !now.MTime.Equal(when) || !r.Exact() {
		t.Errorf("got %+v", now)
	}
}

func TestForceCannotBringBackWhatWasNotKept(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", before)
	id := w.run(steps(w.chmod("/etc/f", 0o600))).ID
	w.Files.Add("/etc/f", plan.File{Type: plan.Link, Target: "g"}, "")
	_, err := w.planUndo(id, change.Force)
	is[*change.ConflictError](t, err)
	says(t, err, "was not kept")
}

func TestDirectoryThatOthersUseIsNotRemoved(t *testing.T) {
	w := newWorld(t)
	dir := w.mkdir("/etc/d")
	file := w.write("/etc/d/ours", "ours\n")
	id := w.run(steps(dir, file)).ID
	w.file("/etc/d/theirs", "theirs\n")
	for _, choice := range []change.Choice{change.Refuse, change.Force} {
		_, err := w.planUndo(id, choice)
		says(t, err, "/etc/d", "not empty", "theirs")
		is[*change.ConflictError](t, err)
	}
	r, _ := w.undo(id, change.Keep)
	equal(t, "theirs", w.content("/etc/d/theirs"), "theirs\n")
	equal(t, "ours", w.content("/etc/d/ours"), "(absent)")
	if len(r.Kept) != 1 {
		t.Errorf("kept %+v", r.Kept)
	}
}

func TestKeptFileKeepsItsDirectory(t *testing.T) {
	w := newWorld(t)
	id := w.run(steps(w.mkdir("/etc/d"), w.write("/etc/d/f", "ours\n"))).ID
	w.file("/etc/d/f", "theirs\n")
	r, _ := w.undo(id, change.Keep)
	equal(t, "f", w.content("/etc/d/f"), "theirs\n")
	if len(r.Kept) != 2 {
		t.Errorf("kept %+v", r.Kept)
	}
}

func TestOurOwnImmutableFlagIsLifted(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", before)
	was := w.Snapshot()
	step := w.write("/etc/f", left)
	step.Want.File.Flags = 0x10
	made := w.write("/etc/new", "x")
	made.Want.File.Flags = 0x10
	id := w.run(steps(step, made)).ID
	w.undo(id, change.Refuse)
	equal(t, "undone", w.Snapshot(), was)
}

func TestLaterChangesMustBeUndoneFirst(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", "0")
	w.file("/etc/g", "0")
	first := w.run(steps(w.write("/etc/f", "1"), w.write("/etc/g", "1")))
	w.Clock = w.Clock.AddDate(0, 0, -1) // clocks go back
	second := w.run(steps(w.write("/etc/f", "2")))
	_, err := w.planUndo(first.ID, change.Refuse)
	says(t, err, second.ID, "/etc/f", "undo it first")
	w.undo(second.ID, change.Refuse)
	w.undo(first.ID, change.Refuse)
	equal(t, "f", w.content("/etc/f"), "0")
	equal(t, "g", w.content("/etc/g"), "0")
}

func TestUndoneIsUndoneUntilThatIsUndone(t *testing.T) {
	w := newWorld(t)
	first := w.run(steps(w.write("/etc/f", "1")))
	chain := []string{first.ID}
	for range 4 { // undo, redo, undo, redo
		_, tx := w.undo(chain[len(chain)-1], change.Refuse)
		chain = append(chain, tx.ID)
		_, list := w.load(first.ID)
		for i, other := range list {
			last := i == len(chain)-1
			inForce := (len(chain)-1-i)%2 == 0
			if (other.Undone == "") != (last || inForce) {
				t.Errorf("%d transactions: number %d is undone by %q", len(chain), i, other.Undone)
			}
		}
	}
	equal(t, "f", w.content("/etc/f"), "1")
	_, err := w.planUndo(chain[1], change.Refuse)
	if err == nil {
		t.Error("what was undone can be undone again")
	}
	w.undo(first.ID, change.Refuse)
	equal(t, "f", w.content("/etc/f"), "(absent)")
	_, err = w.planUndo(first.ID, change.Refuse)
	says(t, err, "was undone already")
}

func TestOneWayStepsAreNamed(t *testing.T) {
	w := newWorld(t)
	oneWay := sysctl()
	oneWay.OneWay = "the kernel does not allow it"
	id := w.run(steps(oneWay, w.write("/etc/f", "1"))).ID
	r, _ := w.undo(id, change.Refuse)
	if len(r.OneWay) != 1 || r.OneWay[0].Object != "net.a" || r.Exact() {
		t.Errorf("one way: %+v", r.OneWay)
	}
	equal(t, "net.a", w.Sysctls.Values["net.a"], "1")
	equal(t, "f", w.content("/etc/f"), "(absent)")
}

func TestOneWayStepOfAFailedPlanStaysAndIsNamed(t *testing.T) {
	w := newWorld(t)
	oneWay := sysctl()
	oneWay.OneWay = "the kernel does not allow it"
	w.Probes.Fails = map[string]error{"p": errTest}
	tx, err := w.try(steps(w.write("/etc/f", "1"), oneWay, plan.Step{Kind: plan.Probe, Object: "p", Why: "a test"}), change.Options{})
	e := is[*change.RolledBackError](t, err)
	if !strings.Contains(e.Kept, "net.a") || !strings.Contains(e.Kept, oneWay.OneWay) {
		t.Errorf("kept %q", e.Kept)
	}
	equal(t, "f", w.content("/etc/f"), "(absent)")
	if tx.Status != change.StatusDone {
		t.Errorf("it is %v", tx.Status)
	}
}

func TestUndoOfWhatIsBackAlreadyDoesNothing(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", "0")
	was := *w.Files.Tree["/etc/f"]
	id := w.run(steps(w.write("/etc/f", "1"))).ID
	w.Files.Tree["/etc/f"] = &was
	if r, err := w.planUndo(id, change.Refuse); err != nil || r.Plan != nil {
		t.Errorf("got %+v, %v", r, err)
	}
}

func TestUndoNeedsWhatWasKept(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", "0")
	id := w.run(steps(w.write("/etc/f", "1"))).ID
	for name := range w.Storage.Files {
		if strings.HasPrefix(name, "blobs/") {
			w.Storage.Files[name] = []byte("damaged")
		}
	}
	_, err := w.planUndo(id, change.Refuse)
	says(t, err, "/etc/f", "damaged in the journal")
	for name := range w.Storage.Files {
		if strings.HasPrefix(name, "blobs/") {
			delete(w.Storage.Files, name)
		}
	}
	_, err = w.planUndo(id, change.Refuse)
	says(t, err, "/etc/f", "not in the journal any more")
}

func TestRollBackDoesNotWriteDamagedContent(t *testing.T) {
	w := newWorld(t)
	w.file("/etc/f", "0")
	p := steps(w.write("/etc/f", "1"), plan.Step{Kind: plan.Probe, Object: "p", Why: "a test"})
	w.Probes.Fails = map[string]error{"p": errTest}
	_, err := w.try(p, change.Options{Step: func(_ *change.Transaction, i int) {
		for name := range w.Storage.Files {
			if i == 1 && strings.HasPrefix(name, "blobs/") {
				w.Storage.Files[name] = []byte("damaged")
			}
		}
	}})
	is[*change.StuckError](t, err)
	says(t, err, "/etc/f", "damaged")
	equal(t, "f", w.content("/etc/f"), "1")
}

func TestMergeSides(t *testing.T) {
	for _, c := range []struct{ name, base, theirs, ours, want string }{
		{"only theirs", "a\nb\nc\n", "a\nX\nc\n", "a\nb\nc\n", "a\nX\nc\n"},
		{"only ours", "a\nb\nc\n", "a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n"},
		{"both the same", "a\nb\nc\n", "a\nX\nc\n", "a\nX\nc\n", "a\nX\nc\n"},
		{"far apart", "a\nb\nc\nd\n", "X\nb\nc\nd\n", "a\nb\nc\nY\n", "X\nb\nc\nY\n"},
		{"neighbours", "a\nb\nc\n", "X\nb\nc\n", "a\nY\nc\n", ""},
		{"same line", "a\nb\nc\n", "a\nX\nc\n", "a\nY\nc\n", ""},
		{"removed and changed", "a\nb\nc\n", "a\nc\n", "a\nY\nc\n", ""},
		{"added at both ends", "a\nb\n", "0\na\nb\n", "a\nb\nc\n", "0\na\nb\nc\n"},
		{"no end of line", "a\nb", "a\nb", "X\nb", "X\nb"},
		{"an end of line was added", "a\nb\nc", "a\nb\nc\n", "X\nb\nc", "X\nb\nc\n"},
		{"added in the same place", "a\nb\n", "a\nX\nb\n", "a\nY\nb\n", ""},
		{"emptied", "a\n", "", "a\n", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Before stands for ours, what we left for the base.
			w := newWorld(t)
			w.file("/etc/f", c.ours)
			step := w.write("/etc/f", c.base)
			if c.ours == c.base {
				step = w.chmod("/etc/f", 0o600)
			}
			id := w.run(steps(step)).ID
			w.Files.Tree["/etc/f"].Content = []byte(c.theirs)
			r, err := w.planUndo(id, change.Merge)
			if c.want == "" && c.name != "emptied" {
				says(t, err, "cannot be merged")
				return
			}
			must(t, err)
			if r.Plan != nil {
				_, err = w.try(r.Plan, change.Options{Reverts: id})
				must(t, err)
			}
			equal(t, "merged", w.content("/etc/f"), c.want)
		})
	}
}
