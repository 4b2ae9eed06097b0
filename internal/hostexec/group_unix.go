//go:build unix

package hostexec

import (
	"os/exec"
	"syscall"
)

// ownGroup puts a program into a process group of its own and ends all of it
// with the context.
func ownGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
