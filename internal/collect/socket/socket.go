package socket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/inventory"
)

// Collector fills the inventory's listeners. It goes after the processes, whose
// packages and units it takes over.
type Collector struct {
	// Owners say which package ships the program that systemd would start for a
	// socket it holds. Without any that package stays unknown.
	Owners []collect.Owners
}

// Name is "sockets".
func (Collector) Name() string { return "sockets" }

// tables are the kernel's lists of sockets. All but the first may be missing:
// the protocol is not there.
var tables = [...]struct {
	file, protocol string
	parse          func(r io.Reader, protocol, name string) ([]Entry, error)
}{
	{"tcp", "tcp", ParseTable},
	{"tcp6", "tcp6", ParseTable},
	{"udp", "udp", ParseTable},
	{"udp6", "udp6", ParseTable},
	{"udplite", "udp", ParseTable},
	{"udplite6", "udp6", ParseTable},
	{"sctp/eps", "sctp", func(r io.Reader, _, name string) ([]Entry, error) { return ParseSCTP(r, name) }},
}

// Collect lists what listens on a live host. A socket whose owner cannot be
// seen is listed with the reason, and makes the answer partial.
func (c Collector) Collect(ctx context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	if !host.Live {
		return inventory.Status{Outcome: inventory.NotApplicable, Reason: "no sockets under --root"}
	}
	entries, problems := readTables(host.FS)
	if len(entries) == 0 && len(problems) > 0 {
		return inventory.Status{Outcome: inventory.Failed, Reason: strings.Join(problems, "; ")}
	}
	wanted := map[uint64]bool{}
	for _, e := range entries {
		wanted[e.Inode] = e.Inode != 0
	}
	held, err := findHolders(ctx, host.FS, wanted)
	if err != nil {
		return inventory.Status{Outcome: inventory.Failed, Reason: err.Error()}
	}
	l := lister{host: host, inv: inv, held: held}
	for _, e := range entries {
		l.add(e)
	}
	list := merge(l.list)
	c.activated(ctx, host, list)
	inv.Listeners = append(inv.Listeners, list...)
	return l.status(problems)
}

func readTables(fsys fs.FS) (entries []Entry, problems []string) {
	for i, t := range tables {
		name := "proc/net/" + t.file
		file, err := fsys.Open(name)
		if i > 0 && errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			problems = append(problems, fmt.Sprintf("cannot list %s sockets: %v", t.protocol, err))
			continue
		}
		list, err := t.parse(file, t.protocol, "/"+name)
		_ = file.Close() // only read from
		if err != nil {
			problems = append(problems, fmt.Sprintf("cannot list %s sockets: %v", t.protocol, err))
		}
		entries = append(entries, list...)
	}
	return entries, problems
}

// lister turns sockets into listeners.
type lister struct {
	host    collect.Host
	inv     *inventory.Inventory
	held    *holders
	list    []inventory.Listener
	unowned int
}

func (l *lister) add(e Entry) {
	one := inventory.Listener{
		Protocol: e.Protocol, Address: e.Address.String(), Port: e.Port, Scope: ScopeOf(e.Address),
		Holders: l.held.pids[e.Inode], PID: l.held.main(e.Inode),
	}
	if one.PID == 0 {
		l.unowned++
		one.Unknown = l.whyUnowned()
	} else {
		l.name(&one)
	}
	l.list = append(l.list, one)
}

// whyUnowned says why no process is known to hold a socket.
func (l *lister) whyUnowned() string {
	switch {
	case !l.host.Privileged:
		return "its process could not be seen: not root"
	case l.held.hidden > 0:
		return fmt.Sprintf("its process could not be seen: the open files of %d processes may not be listed", l.held.hidden)
	case l.held.cut:
		return "its process could not be seen: too many open files to look through"
	}
	return "no process holds it: a socket of the kernel (NFS, for one), of a container's process that is not visible here, or just closed"
}

// name takes over what is known of the process.
func (l *lister) name(one *inventory.Listener) {
	at := slices.IndexFunc(l.inv.Processes, func(p inventory.Process) bool { return p.PID == one.PID })
	if at >= 0 {
		p := &l.inv.Processes[at]
		one.Process, one.Package, one.Unit = p.Command, p.Package, p.Unit
		if p.Package == "" {
			one.Unknown = fmt.Sprintf("no package is known to ship %s", cmp.Or(p.Exe, "its program"))
		}
		return
	}
	comm, err := fs.ReadFile(l.host.FS, fmt.Sprintf("proc/%d/comm", one.PID))
	if err != nil {
		one.Unknown = fmt.Sprintf("process %d ended meanwhile", one.PID)
		return
	}
	one.Process = strings.TrimRight(string(comm), "\n")
	one.Unknown = fmt.Sprintf("process %d was not looked into: it runs in a container, or may not be seen", one.PID)
}

// merge leaves one listener where several sockets say the same: workers of one
// program that each listen on the same port (SO_REUSEPORT).
func merge(list []inventory.Listener) []inventory.Listener {
	slices.SortFunc(list, func(a, b inventory.Listener) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Address, b.Address), cmp.Compare(a.Process, b.Process), cmp.Compare(a.PID, b.PID))
	})
	var merged []inventory.Listener
	for _, l := range list {
		if n := len(merged); n > 0 {
			last := &merged[n-1]
			if last.Protocol == l.Protocol && last.Address == l.Address && last.Port == l.Port && last.Process == l.Process && last.Package == l.Package {
				last.Holders = slices.Concat(last.Holders, l.Holders)
				slices.Sort(last.Holders)
				last.Holders = slices.Compact(last.Holders)
				continue
			}
		}
		merged = append(merged, l)
	}
	return merged
}

func (l *lister) status(problems []string) inventory.Status {
	s := inventory.Status{Outcome: inventory.Succeeded}
	if l.unowned > 0 && (!l.host.Privileged || l.held.hidden > 0 || l.held.cut) {
		why := l.whyUnowned()
		if !l.host.Privileged {
			why += "; run as root"
		}
		problems = append(problems, fmt.Sprintf("the owners of %d of %d listening sockets are unknown: %s", l.unowned, len(l.list), why))
	}
	if len(problems) > 0 {
		s.Outcome = inventory.Partial
	}
	if n := len(l.held.spaces); n > 0 {
		l.inv.Gaps = append(l.inv.Gaps, inventory.Gap{What: "network namespaces", Where: "/proc", Count: n})
		problems = append(problems, fmt.Sprintf("%d other network namespaces (containers, services with a network of their own) were not looked into", n))
	}
	s.Reason = strings.Join(problems, "; ")
	return s
}
