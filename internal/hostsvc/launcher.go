package hostsvc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
)

// Job is a program to launch.
type Job struct {
	Unit string // the transient unit's name without suffix
	Name string // program, without a slash
	Args []string
	Env  []string
	Log  string            // output is appended to this file
	Line func(line string) // each line of output as it comes; may be nil
}

// Launcher runs programs that outlive us: with systemd in a unit and a control
// group of their own, else in a session of their own.
type Launcher struct {
	// Jobs is the folder where it is noted without systemd which process a job
	// is. It is in /run, for what it says is true until the next boot.
	Jobs string

	ctl    systemd
	booted bool
	fsys   fs.FS
}

// NewLauncher makes a launcher; booted says whether systemd runs.
func NewLauncher(r hostexec.Runner, booted bool) *Launcher {
	return &Launcher{Jobs: "/run/lockfast/jobs", ctl: systemd{run: r}, booted: booted, fsys: os.DirFS("/")}
}

// Launch runs a job to its end and returns its exit code: 128 and the signal's
// number if a signal ended it. If ctx ends, the program is left alone, and the
// error says so.
func (l *Launcher) Launch(ctx context.Context, j Job) (code int, err error) {
	if err := valid(j.Unit + ".service"); err != nil {
		return -1, err
	}
	if !filepath.IsAbs(j.Log) {
		return -1, fmt.Errorf("cannot run %s: the log %q is no absolute path", j.Name, j.Log)
	}
	// Made here, since systemd would make it for everybody to read.
	if err := hostfs.Append(j.Log, nil, 0o600); err != nil {
		return -1, fmt.Errorf("cannot make log of %s: %w", j.Name, err)
	}
	out, err := follow(j.Log, j.Line)
	if err != nil {
		return -1, fmt.Errorf("cannot follow log of %s: %w", j.Name, err)
	}
	if !l.booted {
		return l.detached(ctx, j, out)
	}
	if err := l.start(ctx, j); err != nil {
		return -1, err
	}
	return out.until(func() (int, error) { return l.wait(ctx, j) })
}

// Running reports whether a job of this unit name still runs.
func (l *Launcher) Running(ctx context.Context, unit string) (bool, error) {
	if !l.booted {
		return l.noted(unit)
	}
	b, err := l.ctl.showOne(ctx, jobProperties, unit+".service")
	return err == nil && runs(b), err
}

const jobProperties = "Id,LoadState,ActiveState,SubState,ExecMainCode,ExecMainStatus"

func runs(b map[string]string) bool {
	switch b["ActiveState"] {
	case inactive, failed:
		return false
	}
	return b["SubState"] != "exited"
}

// start starts a job. The unit stays when the program has ended, until wait has
// read how: systemd-run --wait would take a program that SIGTERM ended for one
// that succeeded.
func (l *Launcher) start(ctx context.Context, j Job) error {
	unit := j.Unit + ".service"
	left, err := l.ctl.showOne(ctx, jobProperties, unit)
	if err != nil {
		return fmt.Errorf("cannot run %s: %w", j.Name, err)
	}
	if runs(left) {
		return fmt.Errorf("cannot run %s: %s still runs from before; wait for its end", j.Name, unit)
	}
	if err := l.clear(ctx, unit, left); err != nil {
		return fmt.Errorf("cannot run %s: what is left of %s from before is in the way: %w", j.Name, unit, err)
	}
	// Not stopped half-way: whether the program was started would not be known.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), starting)
	defer cancel()
	_, refused := l.ctl.tool(ctx, "systemd-run", arguments(j)...)
	if refused == nil {
		return nil
	}
	// A program that fails at once is reported as if it had not been started.
	b, err := l.ctl.showOne(ctx, jobProperties, unit)
	if err != nil {
		return fmt.Errorf("cannot run %s: %w", j.Name, errors.Join(refused, err))
	}
	const couldNotExecute = "203" // systemd.exec(5)
	if b["ExecMainCode"] == "0" && !runs(b) || b["ExecMainStatus"] == couldNotExecute {
		_ = l.clear(ctx, unit, b) // the next start does it too
		return fmt.Errorf("cannot run %s: %w", j.Name, refused)
	}
	return nil
}

// starting is how long systemd may take to start a program.
const starting = 2 * time.Minute

// arguments of systemd-run: no sandbox, and nothing that ends the program
// before its time. Stopping the unit, as a shutdown does, waits for its end.
func arguments(j Job) []string {
	args := []string{
		"--unit=" + j.Unit, "--quiet", "--service-type=exec", "--description=Lockfast runs " + j.Name,
		"--property=RemainAfterExit=yes", "--property=KillMode=process", "--property=KillSignal=SIGCONT", "--property=TimeoutStopSec=infinity",
		"--property=OOMPolicy=continue", "--property=StandardOutput=append:" + j.Log, "--property=StandardError=append:" + j.Log,
	}
	for _, e := range environment(j.Env) {
		args = append(args, "--setenv="+e)
	}
	return append(append(args, "--", j.Name), literal(j.Args)...)
}

// environment is what every job gets, and what it asks for. Systemd before 248
// refuses one that names a variable twice.
func environment(own []string) []string {
	all := []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8"}
	for _, e := range own {
		name, _, _ := strings.Cut(e, "=")
		all = slices.DeleteFunc(all, func(have string) bool { return strings.HasPrefix(have, name+"=") })
		all = append(all, e)
	}
	return all
}

// literal keeps systemd from putting variables into arguments.
func literal(args []string) []string {
	list := make([]string, 0, len(args))
	for _, a := range args {
		list = append(list, strings.ReplaceAll(a, "$", "$$"))
	}
	return list
}

// clear removes a unit whose program has ended.
func (l *Launcher) clear(ctx context.Context, unit string, b map[string]string) error {
	switch b["ActiveState"] {
	case failed:
		return l.ctl.do(ctx, unit, "reset-failed")
	case active:
		return l.ctl.do(ctx, unit, "stop")
	}
	return nil
}

// blind is how long systemd may not answer while a job runs: the job may be
// replacing systemd.
const blind = 2 * time.Minute

// wait asks systemd until the program has ended.
func (l *Launcher) wait(ctx context.Context, j Job) (code int, err error) {
	unit := j.Unit + ".service"
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	seen := time.Now()
	for {
		b, err := l.ctl.showOne(ctx, jobProperties, unit)
		switch {
		case err == nil && !runs(b):
			code, err := ended(b)
			_ = l.clear(ctx, unit, b) // the next start does it too
			return code, err
		case err == nil:
			seen = time.Now()
		case ctx.Err() == nil && time.Since(seen) > blind:
			return -1, fmt.Errorf("%s may go on as %s, its output in %s, but systemd does not say: %w", j.Name, unit, j.Log, err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return -1, fmt.Errorf("%s goes on as %s, its output in %s: %w", j.Name, unit, j.Log, ctx.Err())
		}
	}
}

// ended reads how a program ended: ExecMainCode is si_code of waitid(2).
func ended(b map[string]string) (int, error) {
	status, err := strconv.Atoi(b["ExecMainStatus"])
	switch code := b["ExecMainCode"]; {
	case err == nil && code == "1": // CLD_EXITED
		return status, nil
	case err == nil && (code == "2" || code == "3"): // CLD_KILLED, CLD_DUMPED
		return 128 + status, nil
	}
	return -1, fmt.Errorf("cannot see how %s ended: systemd says that it is %s and %s, and nothing of its program; somebody may have stopped or reset it",
		b["Id"], b["LoadState"], b["ActiveState"])
}
