//go:build unix

package hostexec_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
)

func TestRun(t *testing.T) {
	t.Setenv("SECRET", "leak")
	r, err := hostexec.System{}.Run(t.Context(), hostexec.Cmd{Name: "env"})
	if err != nil || r.Code != 0 || strings.Contains(string(r.Stdout), "leak") || !strings.Contains(string(r.Stdout), "LC_ALL=C.UTF-8") {
		t.Errorf("got %q, %d, %v", r.Stdout, r.Code, err)
	}
	if r, err = (hostexec.System{}).Run(t.Context(), hostexec.Cmd{Name: "false"}); err != nil || r.Code != 1 {
		t.Errorf("exit code %d, %v", r.Code, err)
	}
	if r, err = (hostexec.System{}).Run(t.Context(), hostexec.Cmd{Name: "cat", Stdin: strings.NewReader("text")}); err != nil || string(r.Stdout) != "text" {
		t.Errorf("got %q, %v", r.Stdout, err)
	}
}

func TestRunRefuses(t *testing.T) {
	if _, err := (hostexec.System{}).Run(t.Context(), hostexec.Cmd{Name: "no-such-program"}); !errors.Is(err, hostexec.ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := (hostexec.System{}).Run(t.Context(), hostexec.Cmd{Name: "yes", MaxOutput: 1000}); err == nil || !strings.Contains(err.Error(), "more than 1000") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := (hostexec.System{}).Run(ctx, hostexec.Cmd{Name: "sleep", Args: []string{"60"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

// What a program starts ends with it: a child that holds the output open does
// not keep us waiting.
func TestChildrenEndToo(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	r, err := hostexec.System{}.Run(ctx, hostexec.Cmd{Name: "sh", Args: []string{"-c", "sleep 60 & echo $!; wait"}})
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 10*time.Second {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(r.Stdout)))
	if err != nil {
		t.Fatalf("printed %q: %v", r.Stdout, err)
	}
	for !gone(pid) {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("process %d still runs", pid)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// gone reports whether a process has ended; its parent may not have noticed.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}
