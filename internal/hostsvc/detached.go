package hostsvc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
)

// detacher is the part of [hostexec.System] that starts what outlives us.
type detacher interface {
	StartDetached(ctx context.Context, cmd hostexec.Cmd, log string) (*hostexec.Detached, error)
}

// note says which process a job is: the number alone may come again.
type note struct {
	PID     int    `json:"pid"`
	Started string `json:"started"` // in clock ticks since boot
	Boot    string `json:"boot"`
}

// detached is Launch without systemd.
func (l *Launcher) detached(ctx context.Context, j Job, out *follower) (int, error) {
	d, ok := l.ctl.run.(detacher)
	if !ok {
		return -1, fmt.Errorf("cannot run %s so that it outlives us: there is no systemd, and no other way", j.Name)
	}
	running, err := l.noted(j.Unit)
	if err != nil {
		return -1, fmt.Errorf("cannot run %s: cannot see whether %s still runs from before: %w", j.Name, j.Unit, err)
	}
	if running {
		return -1, fmt.Errorf("cannot run %s: %s still runs from before; wait for its end", j.Name, j.Unit)
	}
	if err := hostfs.MakePrivate(l.Jobs); err != nil { // before anything is started
		return -1, fmt.Errorf("cannot run %s: cannot note its process: %w", j.Name, err)
	}
	// In the folder where systemd starts its units: ours may go before the job ends.
	p, err := d.StartDetached(ctx, hostexec.Cmd{Name: j.Name, Args: j.Args, Env: j.Env, Dir: "/"}, j.Log)
	if err != nil {
		return -1, err
	}
	// A job that is not noted is still ours to wait for; only if we die now will
	// nobody know of it.
	unnoted := l.note(j.Unit, p.PID)
	code, err := out.until(func() (int, error) { return p.Wait(ctx) })
	if err != nil {
		return code, errors.Join(err, unnoted)
	}
	_ = hostfs.RemoveAll(l.file(j.Unit)) // the process it names has gone
	return code, nil
}

func (l *Launcher) file(unit string) string { return filepath.Join(l.Jobs, unit+".json") }

func (l *Launcher) note(unit string, pid int) error {
	started, _, err := l.process(pid)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // it has ended already
	}
	if err != nil {
		return err
	}
	boot, err := l.boot()
	if err != nil {
		return err
	}
	data, err := json.Marshal(note{PID: pid, Started: started, Boot: boot})
	if err != nil {
		return err
	}
	return hostfs.Replace(l.file(unit), 0o600, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// noted is Running without systemd.
func (l *Launcher) noted(unit string) (bool, error) {
	data, err := fs.ReadFile(l.fsys, strings.TrimPrefix(l.file(unit), "/"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var n note
	if err := json.Unmarshal(data, &n); err != nil {
		return false, fmt.Errorf("%s is damaged; if no package manager runs, remove it: %w", l.file(unit), err)
	}
	boot, err := l.boot()
	if err != nil || boot != n.Boot {
		return false, err
	}
	started, state, err := l.process(n.PID)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && started == n.Started && state != "Z" && state != "X", err
}

func (l *Launcher) boot() (string, error) {
	id, err := fs.ReadFile(l.fsys, "proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
}

// process reads when a process was started, and its state (proc_pid_stat(5)).
func (l *Launcher) process(pid int) (started, state string, err error) {
	file := "proc/" + strconv.Itoa(pid) + "/stat"
	data, err := fs.ReadFile(l.fsys, file)
	if err != nil {
		if _, gone := fs.Stat(l.fsys, file); gone != nil { // while it was read
			err = gone
		}
		return "", "", err
	}
	const afterName, startTime = 3, 22 // numbers of the fields, of which the second may hold anything
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	if len(fields) <= startTime-afterName {
		return "", "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return fields[startTime-afterName], fields[0], nil
}
