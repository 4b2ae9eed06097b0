package hostsvc_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostsvc"
)

// holder is a systemd-inhibit that holds until its input ends, or refuses.
type holder struct {
	refuse bool
	asked  chan hostexec.Cmd
	freed  chan bool
}

func (h holder) Run(_ context.Context, c hostexec.Cmd) (hostexec.Result, error) {
	if h.refuse {
		return hostexec.Result{Code: 1, Stderr: []byte("Access denied\n")}, nil
	}
	h.asked <- c
	_, err := io.Copy(io.Discard, c.Stdin)
	h.freed <- true
	return hostexec.Result{}, err
}

func TestInhibit(t *testing.T) {
	h := holder{asked: make(chan hostexec.Cmd, 1), freed: make(chan bool, 1)}
	release, err := hostsvc.Inhibit(t.Context(), h, "shutdown:sleep", "work")
	if err != nil {
		t.Fatal(err)
	}
	if line := strings.Join((<-h.asked).Args, " "); line != "--what=shutdown:sleep --who=Lockfast --why=work --mode=block cat" {
		t.Errorf("asked for %s", line)
	}
	select {
	case <-h.freed:
		t.Error("it was let go before its time")
	default:
	}
	release()
	if !<-h.freed {
		t.Error("it is still held")
	}
	if _, err := hostsvc.Inhibit(t.Context(), holder{refuse: true}, "sleep", "work"); err == nil || !strings.Contains(err.Error(), "Access denied") {
		t.Errorf("refused: %v", err)
	}
}
