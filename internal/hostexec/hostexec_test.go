//go:build unix

package hostexec_test

import (
	"context"
	"errors"
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
