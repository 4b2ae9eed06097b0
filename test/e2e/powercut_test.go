//go:build e2e

package e2e_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/test/hosts"
)

// powered is a disk whose power can be cut, and the program that changes it: the
// tests of internal/change, which are a process to be killed if told so (see
// child_test.go there).
type powered struct {
	t             *testing.T
	dir, program  string
	planFile, was string
	cut           func()
}

// TestPowerCutWhileChanging cuts the power of a disk that has the files and the
// journal, at any moment of a plan or of its undo: after recovery and undo every
// byte and attribute is as before.
func TestPowerCutWhileChanging(t *testing.T) {
	dir, cut := hosts.LoopDisk(t, 96<<20)
	d := &powered{t: t, dir: dir, cut: cut, program: filepath.Join(t.TempDir(), "change.test"), planFile: filepath.Join(t.TempDir(), "plan.json")}
	if out, err := exec.Command("go", "test", "-c", "-o", d.program, "../../internal/change").CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	furnishDisk(t, dir)
	data, err := powerPlan(t, dir).Canonical()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, d.planFile, string(data))
	syscall.Sync()
	d.was = describeDisk(t, dir)

	begun := time.Now()
	d.child(0, "run", 0, d.planFile)
	usual := time.Since(begun)
	d.undone(0)
	cuts, done := 0, 0
	for round := 1; round <= 12; round++ {
		d.child(randomly(usual), "run", round, d.planFile)
		d.off()
		cuts++
		if !d.ended(round) {
			d.asBefore("rolled back", round)
			continue
		}
		done++
		d.child(randomly(usual), "undo", round)
		d.off()
		cuts++
		d.ended(round)
		d.undone(round)
	}
	t.Logf("%d power cuts within %v, %d plans were done all the same", cuts, usual, done)
}

func randomly(most time.Duration) time.Duration { return 1 + time.Duration(rand.Int64N(int64(most))) }

func (d *powered) asBefore(what string, round int) {
	d.t.Helper()
	if now := describeDisk(d.t, d.dir); now != d.was {
		d.t.Fatalf("round %d, %s:\n%s\ninstead of\n%s", round, what, now, d.was)
	}
}

func (d *powered) root() string { return filepath.Join(d.dir, "root") }
func (d *powered) journal(round int) string {
	return filepath.Join(d.dir, fmt.Sprintf("journal%d", round))
}
func (d *powered) list(j *change.Journal) []*change.Transaction {
	d.t.Helper()
	list, err := j.List()
	if err != nil {
		d.t.Fatal(err)
	}
	return list
}

func (d *powered) engine(round int) (*change.Engine, *change.Journal) {
	j := change.NewJournal(change.Dir(d.journal(round)))
	return change.New(change.Host{Files: change.NewDisk(d.root())}, j), j
}

// child starts a process that changes the disk, and kills it after a time; 0:
// never.
func (d *powered) child(after time.Duration, work string, round int, args ...string) {
	d.t.Helper()
	cmd := exec.Command(d.program)
	job := append([]string{work, d.root(), d.journal(round)}, args...)
	cmd.Env = append(os.Environ(), "LOCKFAST_TEST_CHANGE="+strings.Join(job, " "))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		d.t.Fatalf("%s did not begin: %v", work, err)
	}
	if after > 0 {
		defer time.AfterFunc(after, func() { _ = cmd.Process.Kill() }).Stop()
	}
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() >= 0 {
		d.t.Fatalf("%s: %v", work, err)
	}
}

// off cuts the power. A program elsewhere on this machine that has just copied
// our mounts into a namespace of its own holds the dead file system for a
// moment, and then it is what is mounted again.
func (d *powered) off() {
	d.t.Helper()
	probe := filepath.Join(d.dir, "usable")
	var err error
	for range 60 {
		d.cut()
		if err = os.WriteFile(probe, nil, 0o600); err == nil {
			_ = os.Remove(probe)
			return
		}
		time.Sleep(time.Second)
	}
	d.t.Fatalf("the disk does not come back: %v", err)
}

// ended recovers what was interrupted, and reports whether the plan is done.
func (d *powered) ended(round int) bool {
	d.t.Helper()
	e, j := d.engine(round)
	list := d.list(j)
	how := []change.Recovery{change.RollBack, change.GoOn}[round%2]
	for _, tx := range change.Interrupted(list) {
		err := e.Recover(d.t.Context(), tx, how)
		if back := (*change.RolledBackError)(nil); err != nil && !errors.As(err, &back) {
			d.t.Fatal(err)
		}
	}
	return len(list) > 0 && list[0].Status == change.StatusDone
}

// undone takes the plan back if the power cut did not let it be.
func (d *powered) undone(round int) {
	d.t.Helper()
	e, j := d.engine(round)
	list := d.list(j)
	if list[0].Undone == "" {
		r, err := e.PlanUndo(d.t.Context(), list[0], list, change.Refuse)
		if err != nil {
			d.t.Fatal(err)
		}
		if r.Plan != nil {
			if _, err := e.Run(d.t.Context(), r.Plan, change.Options{Reverts: list[0].ID}); err != nil {
				d.t.Fatal(err)
			}
		}
	}
	d.asBefore("undone", round)
}

// furnishDisk makes files of several kinds and sizes, with attributes.
func furnishDisk(t *testing.T, dir string) {
	t.Helper()
	root := filepath.Join(dir, "root/etc")
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.MkdirAll(root, 0o755))
	for i := range 6 {
		file := filepath.Join(root, fmt.Sprintf("f%d", i))
		check(os.WriteFile(file, []byte(strings.Repeat("old line\n", 1+i*4000)), 0o640))
		check(os.Chown(file, 1000+i, 1000))
		check(os.Chmod(file, 0o4755))
		check(syscall.Setxattr(file, "user.a", []byte{byte(i)}, 0))
		check(os.Symlink("f0", filepath.Join(root, fmt.Sprintf("l%d", i))))
	}
}

// powerPlan changes all of it.
func powerPlan(t *testing.T, dir string) *plan.Plan {
	t.Helper()
	disk := change.NewDisk(filepath.Join(dir, "root"))
	p := &plan.Plan{Schema: plan.Schema, Kind: "lockdown", Title: "a test"}
	add := func(kind plan.Kind, object string, want plan.File) {
		t.Helper()
		now, err := disk.Observe(object)
		if err != nil {
			t.Fatal(err)
		}
		s := plan.Step{Kind: kind, Object: object, Why: "a test", Expect: plan.State{File: &now}, Want: plan.State{File: &want}}
		switch kind {
		case plan.WriteFile:
			s.Content = []byte(strings.Repeat("new line\n", 3000))
			sum := sha256.Sum256(s.Content)
			want.SHA256, want.Size = hex.EncodeToString(sum[:]), int64(len(s.Content))
		case plan.Attributes:
			want.SHA256, want.Size = now.SHA256, now.Size
		case plan.RemoveFile, plan.Directory, plan.Symlink, plan.Service, plan.Sysctl, plan.Packages, plan.Reboot, plan.Probe:
		}
		p.Steps = append(p.Steps, s)
	}
	for i := range 6 {
		file := fmt.Sprintf("/etc/f%d", i)
		switch i % 3 {
		case 0:
			add(plan.WriteFile, file, plan.File{Type: plan.Regular, Mode: 0o600})
		case 1:
			add(plan.RemoveFile, file, plan.File{Type: plan.Absent})
		default:
			add(plan.Attributes, file, plan.File{Type: plan.Regular, Mode: 0o600, UID: 7})
		}
		add(plan.Symlink, fmt.Sprintf("/etc/l%d", i), plan.File{Type: plan.Link, Target: "f1"})
		add(plan.Directory, fmt.Sprintf("/etc/d%d", i), plan.File{Type: plan.Dir, Mode: 0o2750, GID: 5})
		add(plan.WriteFile, fmt.Sprintf("/etc/d%d/in", i), plan.File{Type: plan.Regular, Mode: 0o644})
	}
	return p
}

// describeDisk is everything about the files.
func describeDisk(t *testing.T, dir string) string {
	t.Helper()
	root := filepath.Join(dir, "root")
	disk := change.NewDisk(root)
	var lines []string
	err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		f, err := disk.Observe(strings.TrimPrefix(path, root))
		if err != nil {
			return err
		}
		data, err := json.Marshal(f)
		lines = append(lines, strings.TrimPrefix(path, root)+" "+string(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
