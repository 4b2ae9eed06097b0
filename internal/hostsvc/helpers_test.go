package hostsvc_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lockfast/lockfast/internal/hostexec"
)

const (
	stateProperties = "Id,Names,LoadState,ActiveState,SubState,UnitFileState"
	unitProperties  = "Id,ActiveState,SubState,Type,Result,MainPID,NRestarts,Transient,RemainAfterExit,TriggeredBy,BusName,WantedBy,RequiredBy"
	jobProperties   = "Id,LoadState,ActiveState,SubState,ExecMainCode,ExecMainStatus"
)

// versions of systemd that testdata was recorded on: Debian 11, 12 and 13.
func versions() []string { return []string{"247", "252", "257"} }

// script answers each command line with its results, one after the other; the
// last one stays. Verbs without results succeed.
type script struct {
	t       *testing.T
	answers map[string][]hostexec.Result

	mu    sync.Mutex
	calls []string // those that are no look
}

func (s *script) Run(_ context.Context, cmd hostexec.Cmd) (hostexec.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := strings.Join(append([]string{cmd.Name}, cmd.Args...), " ")
	look := strings.HasPrefix(line, "systemctl show")
	if !look {
		s.calls = append(s.calls, line)
	}
	list := s.answers[line]
	if len(list) == 0 {
		if look {
			s.t.Errorf("no answer to %q", line)
		}
		return hostexec.Result{}, nil
	}
	if len(list) > 1 {
		s.answers[line] = list[1:]
	}
	return list[0], nil
}

func (s *script) did() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.calls, "\n")
}

// show adds answers to the question for a unit's properties.
func (s *script) show(properties, unit string, outputs ...string) {
	if s.answers == nil {
		s.answers = map[string][]hostexec.Result{}
	}
	line := "systemctl show --no-pager --property=" + properties + " -- " + unit
	for _, out := range outputs {
		s.answers[line] = append(s.answers[line], hostexec.Result{Stdout: []byte(out)})
	}
}

func recorded(tb testing.TB, version, name string) string {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "systemd-"+version, name))
	if err != nil {
		tb.Fatal(err)
	}
	return string(data)
}
