package hostexec

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
)

// Detached is a program that was started in a session of its own: it goes on
// when we die.
type Detached struct {
	PID int

	name, log string
	ended     chan error // one value, when it has ended
}

// RunDetached runs a program in a session of its own, with its output appended
// to the file log, and returns its exit code: 128 and the signal's number if a
// signal ended it. Nothing connects it with us, so it goes on when we die. If
// ctx ends, the program is left alone, and the error says so.
func (s System) RunDetached(ctx context.Context, cmd Cmd, log string) (code int, err error) {
	d, err := s.StartDetached(ctx, cmd, log)
	if err != nil {
		return -1, err
	}
	return d.Wait(ctx)
}

// StartDetached is the first half of [System.RunDetached]; Stdin and MaxOutput
// of cmd have no meaning here.
func (System) StartDetached(ctx context.Context, cmd Cmd, log string) (*Detached, error) {
	path, ok := Find(cmd.Name)
	if !ok {
		return nil, fmt.Errorf("%s %w", cmd.Name, ErrNotFound)
	}
	c := exec.CommandContext(context.WithoutCancel(ctx), path, cmd.Args...)
	c.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent"}, cmd.Env...)
	c.Dir = cmd.Dir
	if err := ownSession(c); err != nil {
		return nil, fmt.Errorf("cannot run %s: %w", cmd.Name, err)
	}
	// A file, not a pipe: nobody has to read it for the program to go on.
	file, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600) //nolint:gosec // G304: the caller names the file
	if err != nil {
		return nil, fmt.Errorf("cannot open log of %s: %w", cmd.Name, err)
	}
	c.Stdout, c.Stderr = file, file
	err = c.Start()
	_ = file.Close() // the program has it now
	if err != nil {
		return nil, fmt.Errorf("cannot run %s: %w", cmd.Name, err)
	}
	d := &Detached{PID: c.Process.Pid, name: cmd.Name, log: log, ended: make(chan error, 1)}
	go func() { d.ended <- c.Wait() }()
	return d, nil
}

// Wait waits for the end of the program; only the first call that sees the end
// gets the code.
func (d *Detached) Wait(ctx context.Context) (code int, err error) {
	select {
	case err = <-d.ended:
	case <-ctx.Done():
		return -1, fmt.Errorf("%s goes on as process %d, its output in %s: %w", d.name, d.PID, d.log, ctx.Err())
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return exitCode(exit.ProcessState), nil
	}
	return -1, fmt.Errorf("cannot see how %s ended: %w", d.name, err)
}
