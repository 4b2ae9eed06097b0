package exposure

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/result"
)

// Facts say what of some packages runs and can be reached. A nil pointer means
// that it could not be seen.
type Facts struct {
	Exposed   *bool
	ExposedOn []result.Socket
	Running   *bool
	RunningIn []result.Process
	Restart   []string // units to restart once the fix is installed
}

// Of looks for binary packages among processes and listening sockets.
func Of(inv *inventory.Inventory, packages []string) Facts {
	if kernel, isKernel := runningKernel(inv, packages); isKernel {
		return kernelFacts(inv, kernel)
	}
	f := Facts{}
	running := ownersOf(inv)
	for i := range inv.Processes {
		p := &inv.Processes[i]
		if !maps(p, packages) {
			continue
		}
		running.maps(p)
		f.RunningIn = append(f.RunningIn, result.Process{PID: p.PID, Command: p.Command, Unit: p.Unit, Replaced: replaced(p, packages)})
		f.Restart = append(f.Restart, restart(p))
	}
	f.Restart = sorted(f.Restart)
	mapped := !interpreted(inv, packages)
	f.Running = answer(len(f.RunningIn) > 0, mapped && saw(inv, "processes"))
	everything := mapped && saw(inv, "processes") && saw(inv, "sockets")
	for i := range inv.Listeners {
		l := &inv.Listeners[i]
		switch {
		case !reachable(l):
		case l.Package != "" && slices.Contains(packages, l.Package), running.behind(l):
			f.ExposedOn = append(f.ExposedOn, socket(l))
		case activated(l):
			everything = false // which libraries the service will map shows only when it runs
		}
	}
	f.Exposed = answer(len(f.ExposedOn) > 0, everything)
	return f
}

// answer is yes if it was seen, no if it was not and everything was, else nil.
func answer(seen, everything bool) *bool {
	if !seen && !everything {
		return nil
	}
	return &seen
}

func saw(inv *inventory.Inventory, collector string) bool {
	return slices.ContainsFunc(inv.Statuses, func(s inventory.Status) bool {
		return s.Collector == collector && s.Outcome == inventory.Succeeded
	})
}

func maps(p *inventory.Process, packages []string) bool {
	return p.Package != "" && slices.Contains(packages, p.Package) ||
		slices.ContainsFunc(p.Mapped, func(m string) bool { return slices.Contains(packages, m) })
}

// reachable reports whether others than this host can connect. A packet filter
// that could not be read counts as open; the socket says that it is unknown.
func reachable(l *inventory.Listener) bool {
	return l.Scope != inventory.ScopeLoopback && l.Filter != inventory.FilterFiltered
}

func socket(l *inventory.Listener) result.Socket {
	return result.Socket{Protocol: strings.TrimSuffix(l.Protocol, "6"), Address: l.Address, Port: l.Port, Process: l.Process, Filter: l.Filter.String()}
}

// restart says how a process gets to run the new files.
func restart(p *inventory.Process) string {
	switch {
	case p.PID == 1 && p.Command == "systemd":
		return "systemctl daemon-reexec"
	case p.PID == 1:
		return "reboot"
	case p.Unit == "dbus.service" || p.Unit == "dbus-broker.service":
		return "reboot" // restarting the message bus takes the host's services with it
	case p.Unit != "" && !strings.HasSuffix(p.Unit, ".scope"): // a scope is somebody's session: systemd cannot start it again
		return p.Unit
	}
	return fmt.Sprintf("%s (pid %d)", p.Command, p.PID)
}

func sorted(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// runningKernel tells whether the packages are kernels that can be booted, and
// which of them runs.
func runningKernel(inv *inventory.Inventory, packages []string) (runs bool, isKernel bool) {
	for _, k := range inv.Kernel.Installed {
		if !slices.Contains(packages, k.Package) {
			continue
		}
		isKernel = true
		runs = runs || k.Release == inv.Kernel.Running
	}
	return runs, isKernel
}

func kernelFacts(inv *inventory.Inventory, runs bool) Facts {
	f := Facts{Restart: []string{"reboot"}}
	if inv.Kernel.Running == "" || inv.Kernel.Container {
		return f
	}
	f.Running = &runs
	exposed := false // no process of it listens; what it does for those that do is not told apart
	f.Exposed = &exposed
	return f
}

// Stale is a package whose files were replaced while processes still run the
// old ones.
type Stale struct {
	Package   string
	Files     []string // as they were named, sorted
	Processes []result.Process
	Restart   []string
}

// NotRunning returns the packages whose installed files are not the ones that
// run, sorted by name.
func NotRunning(inv *inventory.Inventory) []Stale {
	at := map[string]int{}
	var list []Stale
	for i := range inv.Processes {
		p := &inv.Processes[i]
		for _, r := range p.Replaced {
			if r.Package == "" {
				continue
			}
			n, ok := at[r.Package]
			if !ok {
				n = len(list)
				at[r.Package] = n
				list = append(list, Stale{Package: r.Package})
			}
			s := &list[n]
			s.Files = append(s.Files, r.Path)
			s.Restart = append(s.Restart, restart(p))
			if !slices.ContainsFunc(s.Processes, func(known result.Process) bool { return known.PID == p.PID }) {
				s.Processes = append(s.Processes, result.Process{PID: p.PID, Command: p.Command, Unit: p.Unit, Replaced: true})
			}
		}
	}
	for i := range list {
		list[i].Files, list[i].Restart = sorted(list[i].Files), sorted(list[i].Restart)
	}
	slices.SortFunc(list, func(a, b Stale) int { return cmp.Compare(a.Package, b.Package) })
	return list
}
