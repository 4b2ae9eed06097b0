//go:build !unix

package hostexec

import (
	"errors"
	"os"
	"os/exec"
)

// ownSession refuses: there is no such thing here.
func ownSession(*exec.Cmd) error {
	return errors.New("programs that outlive us are started on Unix only")
}

func exitCode(state *os.ProcessState) int { return state.ExitCode() }
