//go:build unix

package hostexec

import (
	"os"
	"os/exec"
	"syscall"
)

// ownSession cuts a program off from our terminal and process group.
func ownSession(c *exec.Cmd) error {
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return nil
}

// exitCode is 128 and the signal's number where a signal ended the program, as
// shells have it.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}
