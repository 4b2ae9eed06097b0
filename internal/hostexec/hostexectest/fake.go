// Package hostexectest answers for programs in tests.
package hostexectest

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/lockfast/lockfast/internal/hostexec"
)

// Fake answers command lines ("rpm -qa") with results, and records the calls.
type Fake struct {
	Results map[string]hostexec.Result

	mu    sync.Mutex
	calls []string
}

// Run answers from Results; a command line that is not there is not installed.
func (f *Fake) Run(_ context.Context, cmd hostexec.Cmd) (hostexec.Result, error) {
	line := strings.Join(append([]string{cmd.Name}, cmd.Args...), " ")
	f.mu.Lock()
	f.calls = append(f.calls, line)
	f.mu.Unlock()
	result, ok := f.Results[line]
	if !ok {
		return hostexec.Result{}, fmt.Errorf("%s %w", cmd.Name, hostexec.ErrNotFound)
	}
	return result, nil
}

// Calls are the command lines that were run, in order.
func (f *Fake) Calls() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.calls...)
}
