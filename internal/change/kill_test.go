//go:build linux

package change_test

import (
	"bufio"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/change"
)

// spawn starts a process that does a job on a disk, and kills it with SIGKILL
// after a time; 0: it may live. It reports whether it came to its end.
func (d *disk) spawn(after time.Duration, words ...string) (ended bool) {
	d.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+strings.Join(words, " "))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(d.t, err)
	must(d.t, cmd.Start())
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		d.t.Fatalf("the child did not begin: %v", err)
	}
	if after > 0 {
		timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer timer.Stop()
	}
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == -1 {
		return false
	}
	return true
}

// TestKilledProcess kills real processes at any moment, some while they recover
// or undo what the last one left.
func TestKilledProcess(t *testing.T) {
	d := newDisk(t)
	p := furnish(d)
	data, err := p.Canonical()
	must(t, err)
	file := filepath.Join(t.TempDir(), "plan.json")
	must(t, os.WriteFile(file, data, 0o600))
	was := describe(t, d.dir)

	first := openDisk(t, d.dir, filepath.Join(t.TempDir(), "journal"))
	begun := time.Now()
	tx, err := first.engine.Run(t.Context(), p, change.Options{})
	must(t, err)
	usual := time.Since(begun)
	first.undo(tx.ID)
	equal(t, "undone", describe(t, d.dir), was)
	budget := 10 * time.Second
	if testing.Short() {
		budget = time.Second
	}
	moment := func() time.Duration { return 1 + time.Duration(rand.Int64N(int64(usual))) }
	rounds, killed, undone := 0, 0, 0
	for begun = time.Now(); rounds < 60 && (time.Since(begun) < budget || rounds < 5); rounds++ {
		journal := filepath.Join(t.TempDir(), "journal")
		again := openDisk(t, d.dir, journal)
		if !d.spawn(moment(), "run", d.dir, journal, file) {
			killed++
		}
		how := []string{"roll-back", "go-on"}[rounds%2]
		again.settle(how)
		if status := again.status(); status != change.StatusDone {
			if now := describe(t, d.dir); now != was {
				t.Fatalf("round %d: %v, but\n%s\ninstead of\n%s", rounds, status, now, was)
			}
			continue
		}
		if !d.spawn(moment(), "undo", d.dir, journal) {
			again.settle(how)
		}
		list, err := again.journal.List()
		must(t, err)
		again.undo(list[0].ID)
		undone++
		if now := describe(t, d.dir); now != was {
			t.Fatalf("round %d: undone, but\n%s\ninstead of\n%s", rounds, now, was)
		}
	}
	t.Logf("%d rounds, %d killed (within %v), %d undone", rounds, killed, usual, undone)
}

// settle recovers, in a process that may be killed too, then here.
func (d *disk) settle(how string) {
	d.t.Helper()
	list, err := d.journal.List()
	must(d.t, err)
	if len(list) == 0 {
		return
	}
	if list[len(list)-1].Open() {
		d.spawn(1+time.Duration(rand.Int64N(int64(50*time.Millisecond))), "recover", d.dir, d.folder, how)
		list, err = d.journal.List()
		must(d.t, err)
	}
	last := list[len(list)-1]
	recovery := change.RollBack
	if how == "go-on" {
		recovery = change.GoOn
	}
	err = d.engine.Recover(d.t.Context(), last, recovery)
	if back := (*change.RolledBackError)(nil); err != nil && !errors.As(err, &back) {
		d.t.Fatal(err)
	}
}

// status is that of the newest transaction.
func (d *disk) status() change.Status {
	d.t.Helper()
	list, err := d.journal.List()
	must(d.t, err)
	if len(list) == 0 {
		return 0
	}
	return list[len(list)-1].Status
}
