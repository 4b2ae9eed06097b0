//go:build linux

package dnf_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lockfast/lockfast/internal/patch"
)

const lockVariable = "LOCKFAST_TEST_LOCK"

// TestHoldLock is no test but the other process: it holds a lock until its
// input ends.
func TestHoldLock(t *testing.T) {
	file := os.Getenv(lockVariable)
	if file == "" {
		t.Skip("it is run by TestRPMInUse")
	}
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}); err != nil {
		t.Fatal(err)
	}
	fmt.Println("locked")
	_, _ = bufio.NewReader(os.Stdin).ReadByte()
}

// held has another process hold a lock until the returned function is called.
func held(t *testing.T, file string) (pid int, release func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := exec.CommandContext(t.Context(), self, "-test.run=^TestHoldLock$")
	other.Env = append(os.Environ(), lockVariable+"="+file)
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "locked\n" {
		t.Fatal(line, err)
	}
	return other.Process.Pid, func() {
		_ = stdin.Close()
		if err := other.Wait(); err != nil {
			t.Error(err)
		}
	}
}

// comm is what the kernel calls this program, and the other that runs it.
func comm(t *testing.T) string {
	t.Helper()
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(name))
}

func (h *host) write(name, text string) string {
	h.Helper()
	file := filepath.Join(h.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
		h.Fatal(err)
	}
	return file
}

// While rpm's database is being changed, nothing is begun, and it is said by
// whom.
func TestRPMInUse(t *testing.T) {
	for _, name := range []string{"var/lib/rpm/.rpm.lock", "usr/lib/sysimage/rpm/.rpm.lock"} {
		h := newHost(t)
		h.solution, h.work = upgrade, h.updated
		pid, release := held(t, h.write(name, ""))
		_, repair := h.Repair(t.Context(), h.order())
		for _, err := range []error{repair, h.Install(t.Context(), h.order())} {
			locked, ok := errors.AsType[*patch.LockedError](err)
			if want := fmt.Sprintf("%s (pid %d)", comm(t), pid); !ok || locked.Manager != "rpm" || locked.Holder != want || len(h.jobs) > 0 {
				t.Errorf("%s: %v: does not name %s; launched: %+v", name, err, want, h.jobs)
			}
		}
		release()
		if err := h.Install(t.Context(), h.order()); err != nil || len(h.jobs) != 1 {
			t.Errorf("%s, once it is free: %v, %+v", name, err, h.jobs)
		}
	}
}

// dnf's own locks: by what dnf says, else by its files, else not at all.
func TestDNFInUse(t *testing.T) {
	const makecache = "-q --assumeno --setopt=*.skip_if_unavailable=0 makecache --refresh"
	own := fmt.Sprintf("%s (pid %d)", comm(t), os.Getpid())
	for name, test := range map[string]struct {
		says   string
		file   string // what dnf's lock holds
		holder string
	}{
		"said":         {says: fmt.Sprintf("metadata already locked by %d\nThe application with PID …", os.Getpid()), holder: own},
		"said, gone":   {says: "metadata already locked by 2147483647\n", holder: "process 2147483647"},
		"by its file":  {says: "it is locked", file: fmt.Sprintf("%d\n", os.Getpid()), holder: own},
		"a dead one's": {file: "2147483647", holder: "another program"},
		"no number":    {file: "dnf", holder: "another program"},
		"negative":     {file: "-1", holder: "another program"},
		"too large":    {file: strings.Repeat("1", 1000), holder: "another program"},
		"unseen":       {holder: "another program"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			if test.file != "" {
				h.write("var/lib/dnf/rpmdb_lock.pid", test.file)
			}
			h.dnf(makecache, 200, test.says)
			err := h.Refresh(t.Context())
			locked, ok := errors.AsType[*patch.LockedError](err)
			if !ok || locked.Manager != "dnf" || locked.Holder != test.holder {
				t.Errorf("%v: does not name %s", err, test.holder)
			}
		})
	}
	h := newHost(t)
	h.solution, h.code = upgrade, 200
	h.says = []string{fmt.Sprintf("RPMDB already locked by %d", os.Getpid())}
	if err := h.Install(t.Context(), h.order()); !says(err, own) {
		t.Errorf("at the transaction: %v", err)
	}
	// It ends with the same code for a file that is no lock: waiting would not help.
	h.dnf(makecache, 200, "Malformed lock file found: /var/cache/dnf/metadata_lock.pid.\nEnsure no other dnf/yum process is running and remove the lock file manually.")
	err := h.Refresh(t.Context())
	if _, ok := errors.AsType[*patch.LockedError](err); ok || !says(err, "remove the lock file") {
		t.Errorf("a malformed lock: %v", err)
	}
}
