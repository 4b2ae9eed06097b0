//go:build unix

package apt_test

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
	"github.com/lockfast/lockfast/internal/patch/apt"
)

const lockVariable = "LOCKFAST_TEST_LOCK"

// TestHoldLock is no test but the other process: it holds a lock until its
// input ends.
func TestHoldLock(t *testing.T) {
	file := os.Getenv(lockVariable)
	if file == "" {
		t.Skip("it is run by TestUnlocked")
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

func TestUnlocked(t *testing.T) {
	b := apt.New(apt.Options{})
	file := filepath.Join(t.TempDir(), "lock")
	if err := b.Unlocked(file); err != nil {
		t.Errorf("a lock that nobody ever made: %v", err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Unlocked(file); err != nil {
		t.Errorf("a lock that nobody holds: %v", err)
	}
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
	err = b.Unlocked(file)
	locked, ok := errors.AsType[*patch.LockedError](err)
	if pid := fmt.Sprintf("%d", other.Process.Pid); !ok || locked.Manager != "apt" || !strings.Contains(locked.Holder, pid) {
		t.Errorf("%v: does not name process %s", err, pid)
	}
	_ = stdin.Close()
	if err := other.Wait(); err != nil {
		t.Error(err)
	}
	if err := b.Unlocked(file); err != nil {
		t.Errorf("after its end: %v", err)
	}
}
