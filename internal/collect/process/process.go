package process

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strconv"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/inventory"
)

// Collector fills the inventory's processes.
type Collector struct {
	owners []collect.Owners
}

// New returns the collector; owners say which package ships a file.
func New(owners ...collect.Owners) *Collector { return &Collector{owners: owners} }

// Name is "processes".
func (*Collector) Name() string { return "processes" }

// Collect looks into every process of a live host. A process that ends
// meanwhile is no error; one that must not be looked into makes the answer
// partial.
func (c *Collector) Collect(ctx context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	if !host.Live {
		return inventory.Status{Outcome: inventory.NotApplicable, Reason: "no processes under --root"}
	}
	seen, err := look(ctx, host)
	if err != nil {
		return inventory.Status{Outcome: inventory.Failed, Reason: err.Error()}
	}
	if seen.contained > 0 {
		inv.Gaps = append(inv.Gaps, inventory.Gap{What: "processes in containers", Where: "/proc", Count: seen.contained})
	}
	problems := seen.problems(host)
	if err := c.name(ctx, host, seen); err != nil {
		problems = append(problems, fmt.Sprintf("which packages the %d processes run could not be found out: %v", len(seen.processes), err))
	}
	for i := range seen.processes {
		inv.Processes = append(inv.Processes, seen.processes[i].Process)
	}
	return status(problems)
}

// name puts package names to paths, with one question for all of them.
func (c *Collector) name(ctx context.Context, host collect.Host, seen *sight) error {
	owners, err := c.ask(ctx, host, seen.paths())
	if err != nil {
		return err
	}
	for i := range seen.processes {
		seen.processes[i].attribute(owners)
	}
	return nil
}

// running is a process and the files it maps.
type running struct {
	inventory.Process
	files    []string // mapped and in place
	replaced []string // mapped and no longer there, under the names they went by
}

// sight is what a walk through /proc saw.
type sight struct {
	processes []running
	contained int // in containers, not looked into
	hidden    int // not permitted to look into
	broken    []string
	unlisted  bool // the kernel hides other users' processes from us
}

func (s *sight) problems(host collect.Host) []string {
	var list []string
	if s.hidden > 0 {
		why := "not permitted, although root: a container without CAP_SYS_PTRACE or a security module stands in between"
		if !host.Privileged {
			why = "not root: run as root to see every process"
		}
		list = append(list, fmt.Sprintf("could not look into %d of %d processes (%s)", s.hidden, s.hidden+len(s.processes)+s.contained, why))
	}
	if s.unlisted {
		list = append(list, "other users' processes are not listed (/proc is mounted with hidepid, and this is not root)")
	}
	if n := len(s.broken); n > 0 {
		list = append(list, fmt.Sprintf("could not read %d of the processes, first: %s", n, s.broken[0]))
	}
	return list
}

// look walks through /proc once. An error means that nothing could be seen.
func look(ctx context.Context, host collect.Host) (*sight, error) {
	entries, err := fs.ReadDir(host.FS, "proc")
	if err != nil {
		return nil, fmt.Errorf("cannot list processes: %w; is /proc mounted?", err)
	}
	var pids []int
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	if len(pids) == 0 {
		return nil, fmt.Errorf("cannot list processes: /proc lists none; is it mounted?")
	}
	slices.Sort(pids)
	l := newLooker(host)
	for _, pid := range pids {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("stopped while looking into processes: %w", err)
		}
		l.process(pid)
	}
	l.seen.unlisted = !host.Privileged && hidesProcesses(host.FS)
	slices.SortFunc(l.seen.processes, func(a, b running) int { return cmp.Compare(a.PID, b.PID) })
	return &l.seen, nil
}
