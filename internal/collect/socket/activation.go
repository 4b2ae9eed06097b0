package socket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"path"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// listSockets asks systemd which of its units holds which socket.
var listSockets = [...]string{"list-sockets", "--show-types", "--all", "--full", "--no-legend", "--no-pager"}

// activated completes the listeners that systemd holds itself: it starts a
// service when somebody connects, and that service's package is what matters.
func (c Collector) activated(ctx context.Context, host collect.Host, list []inventory.Listener) {
	held := func(l inventory.Listener) bool { return l.PID == 1 && strings.HasPrefix(l.Process, "systemd") }
	if !slices.ContainsFunc(list, held) {
		return
	}
	units, err := askSystemd(ctx, host)
	for i := range list {
		l := &list[i]
		if !held(*l) {
			continue
		}
		l.Package, l.Unit = "", ""
		if err != nil {
			l.Unknown = fmt.Sprintf("systemd holds it to start a service when somebody connects; which one could not be seen: %v", err)
			continue
		}
		at := slices.IndexFunc(units, func(u Activation) bool { return u.holds(l) })
		if at < 0 {
			l.Unknown = "systemd holds it to start a service when somebody connects, but names none"
			continue
		}
		l.Unit = units[at].Socket
		l.Package, l.Unknown = c.program(ctx, host, units[at])
	}
}

func askSystemd(ctx context.Context, host collect.Host) ([]Activation, error) {
	if host.Exec == nil {
		return nil, errors.New("systemctl may not be run")
	}
	answer, err := host.Exec.Run(ctx, hostexec.Cmd{Name: "systemctl", Args: listSockets[:], MaxOutput: 4 << 20})
	if err != nil {
		return nil, err
	}
	if answer.Code != 0 {
		return nil, fmt.Errorf("systemctl list-sockets ended with %d: %.200s", answer.Code, bytes.TrimSpace(answer.Stderr))
	}
	return ParseListSockets(answer.Stdout), nil
}

// Activation is a socket that systemd holds for a service.
type Activation struct {
	Listen  string // "[::]:22"
	Type    string // "Stream", "Datagram"
	Socket  string // "ssh.socket"
	Service string // "ssh.service"; empty when none is named
}

// ParseListSockets reads what systemctl list-sockets --show-types --no-legend
// prints: columns for the address, type, socket unit and service. Lines of
// another shape are not about sockets with an address and left out.
func ParseListSockets(data []byte) []Activation {
	var list []Activation
	for line := range bytes.Lines(data) {
		fields := strings.Fields(string(line))
		unit := slices.IndexFunc(fields, func(f string) bool { return strings.HasSuffix(f, ".socket") })
		if unit < 2 {
			continue
		}
		a := Activation{Listen: fields[0], Type: fields[unit-1], Socket: fields[unit]}
		if unit+1 < len(fields) && fields[unit+1] != "-" {
			a.Service = strings.TrimSuffix(fields[unit+1], ",")
		}
		list = append(list, a)
	}
	return list
}

func (a Activation) holds(l *inventory.Listener) bool {
	where, err := netip.ParseAddrPort(a.Listen)
	if err != nil || where.Port() != l.Port || where.Addr().Unmap().WithZone("").String() != l.Address {
		return false
	}
	return a.Type == "Datagram" == strings.HasPrefix(l.Protocol, "udp")
}

// program finds the package of what a socket unit starts. unknown says why not.
func (c Collector) program(ctx context.Context, host collect.Host, a Activation) (pkg, unknown string) {
	programs := startedBy(host.FS, a)
	if len(programs) == 0 {
		return "", fmt.Sprintf("%s starts a service whose program could not be read", a.Socket)
	}
	for _, o := range c.Owners {
		owners, err := o.Owners(ctx, host, programs)
		if err != nil {
			return "", fmt.Sprintf("%s starts %s; its package could not be found: %v", a.Socket, programs[0], err)
		}
		for _, p := range programs {
			if owners[p] != "" {
				return owners[p], ""
			}
		}
	}
	return "", fmt.Sprintf("%s starts %s, whose package is unknown", a.Socket, programs[0])
}

// unitFolders are where systemd looks for units, in order (systemd.unit(5)).
var unitFolders = [...]string{"etc/systemd/system", "run/systemd/system", "run/systemd/generator", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system"}

// startedBy returns the programs that the service behind a socket unit starts.
func startedBy(fsys fs.FS, a Activation) []string {
	base := strings.TrimSuffix(a.Socket, ".socket")
	names := []string{a.Service}
	if before, _, found := strings.Cut(a.Service, "@"); found {
		names = append(names, before+"@.service")
	}
	names = append(names, base+".service", base+"@.service")
	for _, name := range names {
		if name == "" || strings.Contains(name, "/") {
			continue
		}
		if programs := unitPrograms(fsys, name); len(programs) > 0 {
			return programs
		}
	}
	return nil
}

// unitPrograms reads ExecStart= of a unit, its drop-ins included.
func unitPrograms(fsys fs.FS, unit string) []string {
	var programs []string
	for _, dir := range unitFolders {
		data, err := hostfs.ReadLimited(fsys, dir+"/"+unit, 1<<20)
		if err != nil {
			continue
		}
		programs = execStart(data, nil)
		break
	}
	for _, dir := range slices.Backward(unitFolders[:]) {
		drops, err := fs.ReadDir(fsys, dir+"/"+unit+".d")
		if err != nil {
			continue
		}
		for _, d := range drops {
			data, err := hostfs.ReadLimited(fsys, path.Join(dir, unit+".d", d.Name()), 1<<20)
			if err == nil && strings.HasSuffix(d.Name(), ".conf") {
				programs = execStart(data, programs)
			}
		}
	}
	return programs
}

// execStart adds the programs of ExecStart= lines; an empty one takes back the
// ones before (systemd.service(5)).
func execStart(data []byte, programs []string) []string {
	for line := range bytes.Lines(data) {
		value, found := strings.CutPrefix(strings.TrimSpace(string(line)), "ExecStart=")
		if !found {
			continue
		}
		words := strings.Fields(value)
		if len(words) == 0 {
			programs = nil
			continue
		}
		program := strings.Trim(strings.TrimLeft(words[0], "@-:+!|"), `"'`)
		if path.IsAbs(program) && !slices.Contains(programs, program) {
			programs = append(programs, program)
		}
	}
	return programs
}
