package exposure

import (
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
)

// owners tells which listeners have code of some packages behind them.
type owners struct {
	unit   map[int]string  // of every process: its service
	pids   map[int]bool    // processes that map the code
	inUnit map[string]bool // services of these
}

func ownersOf(inv *inventory.Inventory) owners {
	o := owners{unit: map[int]string{}, pids: map[int]bool{}, inUnit: map[string]bool{}}
	for i := range inv.Processes {
		if p := &inv.Processes[i]; strings.HasSuffix(p.Unit, ".service") {
			o.unit[p.PID] = p.Unit
		}
	}
	return o
}

func (o owners) maps(p *inventory.Process) {
	o.pids[p.PID] = true
	if unit := o.unit[p.PID]; unit != "" {
		o.inUnit[unit] = true
	}
}

// behind reports whether the code is behind a listener: in a process that has
// the socket, or in another one of the same service. A server that listens in
// one process and reads what comes in another (sshd, postfix) is one server.
func (o owners) behind(l *inventory.Listener) bool {
	if activated(l) {
		return false // systemd only waits there; its own code reads nothing
	}
	if unit := o.unit[l.PID]; unit != "" && o.inUnit[unit] {
		return true
	}
	return o.pids[l.PID] || slices.ContainsFunc(l.Holders, func(pid int) bool { return o.pids[pid] && pid != 1 })
}

// activated reports whether systemd holds a socket for a service that does not
// run yet.
func activated(l *inventory.Listener) bool {
	return l.PID == 1 && (strings.HasSuffix(l.Unit, ".socket") || l.Process == "systemd")
}

// replaced reports whether a process runs files of the packages that are no
// longer on disk.
func replaced(p *inventory.Process, packages []string) bool {
	return slices.ContainsFunc(p.Replaced, func(r inventory.Replaced) bool { return slices.Contains(packages, r.Package) })
}

// interpreted reports whether all of the packages are for any machine: scripts,
// byte code, data. Interpreters read such files without mapping them, so not
// seeing them run says nothing. What carries no program at all is told apart by
// the distributions' names.
func interpreted(inv *inventory.Inventory, packages []string) bool {
	found := false
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if !slices.Contains(packages, p.Name) || !p.State.Present() {
			continue
		}
		if p.Arch != "all" && p.Arch != "noarch" || inert(p.Name) {
			return false
		}
		found = true
	}
	return found
}

// inert packages hold documentation, headers or texts.
func inert(name string) bool {
	for _, end := range [...]string{"-doc", "-docs", "-dev", "-devel", "-headers", "-locales", "-l10n", "-lang", "-man"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return strings.HasPrefix(name, "linux-") || strings.HasPrefix(name, "fonts-") || strings.HasPrefix(name, "kernel-")
}
