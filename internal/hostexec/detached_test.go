//go:build unix

package hostexec_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
)

func TestRunDetached(t *testing.T) {
	t.Setenv("SECRET", "leak")
	log := filepath.Join(t.TempDir(), "log")
	run := func(script string) int {
		t.Helper()
		code, err := hostexec.System{}.RunDetached(t.Context(), hostexec.Cmd{Name: "sh", Args: []string{"-c", script}, Env: []string{"OWN=1"}}, log)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	if code := run("echo one; echo two >&2; exit 7"); code != 7 {
		t.Errorf("exit %d", code)
	}
	if code := run("kill -9 $$"); code != 128+9 {
		t.Errorf("killed: exit %d", code)
	}
	if code := run(`echo "$OWN$SECRET $LC_ALL"; readlink /proc/self/fd/0; set -- $(cat /proc/$$/stat); echo "session $(($6 - $$))"`); code != 0 {
		t.Errorf("exit %d", code)
	}
	data, err := os.ReadFile(log)
	if want := "one\ntwo\n1 C.UTF-8\n/dev/null\nsession 0\n"; err != nil || string(data) != want {
		t.Errorf("log %q, want %q: %v", data, want, err)
	}
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log: %v, %v", info.Mode(), err)
	}
}

func TestRunDetachedRefuses(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	if _, err := (hostexec.System{}).RunDetached(t.Context(), hostexec.Cmd{Name: "no-such-program"}, log); !errors.Is(err, hostexec.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := (hostexec.System{}).RunDetached(t.Context(), hostexec.Cmd{Name: "true"}, log+"/no/log"); err == nil || !strings.Contains(err.Error(), "log of true") {
		t.Errorf("got %v", err)
	}
}

// The end of the context ends our waiting, not the program.
func TestDetachedGoesOn(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	cmd := hostexec.Cmd{Name: "sh", Args: []string{"-c", "sleep 1; echo end"}}
	_, err := hostexec.System{}.RunDetached(ctx, cmd, filepath.Join(dir, "log"))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "goes on as process") {
		t.Errorf("got %v", err)
	}
	waitFor(t, filepath.Join(dir, "log"), "end\n")
}

// Nor does our death: this test kills itself, as a process of its own.
func TestDetachedOutlivesUs(t *testing.T) {
	if log := os.Getenv("LOCKFAST_TEST_DETACHED"); log != "" {
		_, err := hostexec.System{}.RunDetached(t.Context(), hostexec.Cmd{Name: "sh", Args: []string{"-c", "echo begin; sleep 1; echo end"}}, log)
		t.Fatalf("not killed: %v", err)
	}
	log := filepath.Join(t.TempDir(), "log")
	us := exec.Command(os.Args[0], "-test.run=^TestDetachedOutlivesUs$")
	us.Env = append(os.Environ(), "LOCKFAST_TEST_DETACHED="+log)
	us.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := us.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, log, "begin\n")
	_ = syscall.Kill(-us.Process.Pid, syscall.SIGKILL)
	_ = us.Wait()
	waitFor(t, log, "begin\nend\n")
}

func waitFor(t *testing.T, file, want string) {
	t.Helper()
	var data []byte
	for range 500 {
		if data, _ = os.ReadFile(file); string(data) == want {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("%s holds %q, want %q", file, data, want)
}
