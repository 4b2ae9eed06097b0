package hostexec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// defaultOutput bounds what a program may print.
const defaultOutput = 64 << 20

// folders are where programs are looked for, in this order.
var folders = [...]string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// Cmd is a program to run.
type Cmd struct {
	Name      string // looked up in the system's folders, unless it is an absolute path
	Args      []string
	Env       []string // added to the clean environment
	Dir       string
	Stdin     io.Reader
	MaxOutput int64 // bytes of stdout and of stderr; 0 means 64 MiB
}

// Result is how a program ended.
type Result struct {
	Stdout, Stderr []byte
	Code           int
}

// Runner starts programs. An error means that the program could not be
// started, was stopped, or printed too much; an exit code other than 0 is no
// error.
type Runner interface {
	Run(ctx context.Context, cmd Cmd) (Result, error)
}

// ErrNotFound says that a program is not installed.
var ErrNotFound = errors.New("is not installed")

// Find returns where a program is.
func Find(name string) (string, bool) {
	if filepath.IsAbs(name) {
		return name, program(name)
	}
	for _, dir := range folders {
		if path := filepath.Join(dir, name); program(path) {
			return path, true
		}
	}
	return "", false
}

func program(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// System runs programs of this machine.
type System struct{}

// Run runs a program to its end.
func (System) Run(ctx context.Context, cmd Cmd) (Result, error) {
	path, ok := Find(cmd.Name)
	if !ok {
		return Result{}, fmt.Errorf("%s %w", cmd.Name, ErrNotFound)
	}
	limit := cmd.MaxOutput
	if limit == 0 {
		limit = defaultOutput
	}
	stdout, stderr := capped{limit: limit}, capped{limit: limit}
	c := exec.CommandContext(ctx, path, cmd.Args...)
	c.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent"}, cmd.Env...)
	c.Dir, c.Stdin, c.Stdout, c.Stderr = cmd.Dir, cmd.Stdin, &stdout, &stderr
	c.WaitDelay = 2 * time.Second
	ownGroup(c)
	err := c.Run()
	result := Result{Stdout: stdout.data.Bytes(), Stderr: stderr.data.Bytes()}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return result, fmt.Errorf("%s was stopped: %w", cmd.Name, ctx.Err())
	case stdout.over || stderr.over:
		return result, fmt.Errorf("%s printed more than %d bytes", cmd.Name, limit)
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		result.Code = exit.ExitCode()
		return result, nil
	case err != nil:
		return result, fmt.Errorf("cannot run %s: %w", cmd.Name, err)
	}
	return result, nil
}

// capped keeps at most limit bytes and refuses more, which ends the program.
type capped struct {
	data  bytes.Buffer
	limit int64
	over  bool
}

func (c *capped) Write(p []byte) (int, error) {
	if int64(c.data.Len()+len(p)) > c.limit {
		c.over = true
		return 0, errors.New("too much output")
	}
	return c.data.Write(p)
}
