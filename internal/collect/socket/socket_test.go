package socket_test

import (
	"context"
	"io/fs"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/socket"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostexec/hostexectest"
	"github.com/lockfast/lockfast/internal/inventory"
)

const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

const tcp = header +
	"   0: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0000000000000000 100 0 0 10 0\n" +
	"   1: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   106        0 101 1 0000000000000000 100 0 0 10 0\n" +
	"   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 102 1 0000000000000000 100 0 0 10 0\n" +
	"   3: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 103 1 0000000000000000 100 0 0 10 0\n" +
	"   4: 0500000A:0016 0100000A:C350 01 00000000:00000000 02:000A7214 00000000     0        0 104 2 0000000000000000 20 4 30 10 -1\n"

const tcp6 = "  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
	"   0: 00000000000000000000000000000000:01BB 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 102 1 0000000000000000 100 0 0 10 0\n" +
	"   1: 0000000000000000FFFF00000500000A:1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 105 1 0000000000000000 100 0 0 10 0\n" +
	"   2: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 106 1 0000000000000000 100 0 0 10 0\n"

const udp = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n" +
	"  10: 0500000A:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 107 2 0000000000000000 0\n" +
	"  11: 0500000A:C001 08080808:0035 01 00000000:00000000 00:00000000 00000000     0        0 108 2 0000000000000000 0\n"

const sctp = " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS\n" +
	"00000000 00000000 0   10  23   36412     0 109 10.0.0.5 fd00::5\n" +
	"00000000 00000000 0   7   23   36413     0 110 10.0.0.5\n"

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
}

func proc() fstest.MapFS {
	m := fstest.MapFS{
		"proc/net/tcp": text(tcp), "proc/net/tcp6": text(tcp6), "proc/net/udp": text(udp), "proc/net/sctp/eps": text(sctp),
		"proc/self/ns/net": link("net:[1]"), "proc/1/comm": text("systemd\n"), "proc/40/comm": text("containerd-app\n"),
	}
	hold(m, "1", "100", "106")
	hold(m, "10", "102")
	hold(m, "11", "102")
	hold(m, "12", "103")
	hold(m, "20", "101", "105", "107")
	hold(m, "30", "109")
	hold(m, "40", "999")
	m["proc/40/ns/net"] = link("net:[2]")
	return m
}

// hold makes a process have sockets open, between other files.
func hold(m fstest.MapFS, pid string, inodes ...string) {
	m["proc/"+pid+"/fd/0"] = link("/dev/null")
	for i, n := range inodes {
		m["proc/"+pid+"/fd/"+string(rune('3'+i))] = link("socket:[" + n + "]")
	}
}

func processes() []inventory.Process {
	return []inventory.Process{
		{PID: 1, Command: "systemd", Exe: "/usr/lib/systemd/systemd", Unit: "init.scope", Package: "systemd"},
		{PID: 10, Command: "nginx", Exe: "/usr/sbin/nginx", Unit: "nginx.service", Package: "nginx"},
		{PID: 11, Command: "nginx", Exe: "/usr/sbin/nginx", Unit: "nginx.service", Package: "nginx"},
		{PID: 12, Command: "nginx", Exe: "/usr/sbin/nginx", Unit: "nginx.service", Package: "nginx"},
		{PID: 20, Command: "own", Exe: "/opt/own/server"},
	}
}

type owners map[string]string

func (o owners) Owners(_ context.Context, _ collect.Host, paths []string) (map[string]string, error) {
	found := map[string]string{}
	for _, p := range paths {
		if o[p] != "" {
			found[p] = o[p]
		}
	}
	return found, nil
}

const listSockets = "systemctl list-sockets --show-types --all --full --no-legend --no-pager"

func systemd() (fstest.MapFS, *hostexectest.Fake, owners) {
	m := proc()
	m["usr/lib/systemd/system/ssh.service"] = text("[Service]\nExecStart=/usr/sbin/old-sshd\n")
	m["etc/systemd/system/ssh.service.d/10.conf"] = text("[Service]\nExecStart=\nExecStart=-/usr/sbin/sshd -D $SSHD_OPTS\n")
	m["lib/systemd/system/cups@.service"] = text("[Service]\nExecStart=/usr/sbin/cupsd -l\n")
	fake := &hostexectest.Fake{Results: map[string]hostexec.Result{listSockets: {Stdout: []byte(
		"/run/systemd/journal/stdout Stream systemd-journald.socket systemd-journald.service\n" +
			"0.0.0.0:22 Stream ssh.socket ssh.service\n[::1]:631 Stream cups.socket -\n",
	)}}}
	return m, fake, owners{"/usr/sbin/sshd": "openssh-server"}
}

func TestCollect(t *testing.T) {
	m, fake, o := systemd()
	inv := &inventory.Inventory{Processes: processes()}
	s := socket.Collector{Owners: []collect.Owners{o}}.Collect(t.Context(), collect.Host{FS: m, Live: true, Privileged: true, Exec: fake}, inv)
	if s.Outcome != inventory.Succeeded || !strings.Contains(s.Reason, "1 other network namespaces") {
		t.Errorf("got %v", s)
	}
	const unowned = "no package is known to ship /opt/own/server"
	const kernel = "process 30 ended meanwhile"
	want := []inventory.Listener{
		{Protocol: "sctp", Address: "10.0.0.5", Port: 36412, Scope: inventory.ScopeLocal, PID: 30, Holders: []int{30}, Unknown: kernel},
		{Protocol: "sctp", Address: "fd00::5", Port: 36412, Scope: inventory.ScopeLocal, PID: 30, Holders: []int{30}, Unknown: kernel},
		{Protocol: "tcp", Address: "0.0.0.0", Port: 22, Scope: inventory.ScopeAny, PID: 1, Holders: []int{1}, Process: "systemd", Package: "openssh-server", Unit: "ssh.socket"},
		{Protocol: "tcp", Address: "0.0.0.0", Port: 80, Scope: inventory.ScopeAny, PID: 10, Holders: []int{10, 11, 12}, Process: "nginx", Package: "nginx", Unit: "nginx.service"},
		{Protocol: "tcp", Address: "127.0.0.1", Port: 3306, Scope: inventory.ScopeLoopback, PID: 20, Holders: []int{20}, Process: "own", Unknown: unowned},
		{Protocol: "tcp6", Address: "::", Port: 443, Scope: inventory.ScopeAny, PID: 10, Holders: []int{10, 11}, Process: "nginx", Package: "nginx", Unit: "nginx.service"},
		{Protocol: "tcp6", Address: "::1", Port: 631, Scope: inventory.ScopeLoopback, PID: 1, Holders: []int{1}, Process: "systemd", Unit: "cups.socket", Unknown: "cups.socket starts /usr/sbin/cupsd, whose package is unknown"},
		{Protocol: "tcp6", Address: "10.0.0.5", Port: 8080, Scope: inventory.ScopeLocal, PID: 20, Holders: []int{20}, Process: "own", Unknown: unowned},
		{Protocol: "udp", Address: "10.0.0.5", Port: 68, Scope: inventory.ScopeLocal, PID: 20, Holders: []int{20}, Process: "own", Unknown: unowned},
	}
	if diff := cmp.Diff(want, inv.Listeners); diff != "" {
		t.Error(diff)
	}
}

func TestSystemdThatCannotBeAsked(t *testing.T) {
	m, _, _ := systemd()
	for name, c := range map[string]struct {
		exec   hostexec.Runner
		reason string
	}{
		"no programs":  {nil, "may not be run"},
		"no systemctl": {&hostexectest.Fake{}, "is not installed"},
		"refused":      {&hostexectest.Fake{Results: map[string]hostexec.Result{listSockets: {Code: 1, Stderr: []byte("no bus")}}}, "no bus"},
		"silent":       {&hostexectest.Fake{Results: map[string]hostexec.Result{listSockets: {}}}, "names none"},
	} {
		inv := &inventory.Inventory{Processes: processes()}
		socket.Collector{}.Collect(t.Context(), collect.Host{FS: m, Live: true, Privileged: true, Exec: c.exec}, inv)
		for _, l := range inv.Listeners {
			if l.PID == 1 && (l.Package != "" || !strings.Contains(l.Unknown, c.reason)) {
				t.Errorf("%s: %+v", name, l)
			}
		}
	}
}

// user sees only what a user may see: no open files of others.
type user struct{ fstest.MapFS }

func (u user) ReadDir(name string) ([]fs.DirEntry, error) {
	if strings.HasSuffix(name, "/fd") {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.MapFS.ReadDir(name)
}

func TestNotRoot(t *testing.T) {
	inv := &inventory.Inventory{}
	s := socket.Collector{}.Collect(t.Context(), collect.Host{FS: user{proc()}, Live: true}, inv)
	if s.Outcome != inventory.Partial || !strings.Contains(s.Reason, "not root; run as root") || len(inv.Listeners) == 0 {
		t.Errorf("got %v", s)
	}
	for _, l := range inv.Listeners {
		if l.PID != 0 || l.Unknown == "" {
			t.Errorf("%+v", l)
		}
	}
}

func TestProblems(t *testing.T) {
	broken := proc()
	broken["proc/net/tcp6"] = text("header\nnonsense\n")
	empty := fstest.MapFS{"proc/1/comm": text("init\n")}
	for name, c := range map[string]struct {
		host    collect.Host
		outcome inventory.Outcome
		reason  string
	}{
		"root":    {collect.Host{FS: proc()}, inventory.NotApplicable, "--root"},
		"broken":  {collect.Host{FS: broken, Live: true, Privileged: true}, inventory.Partial, "/proc/net/tcp6:2: "},
		"no proc": {collect.Host{FS: empty, Live: true, Privileged: true}, inventory.Failed, "cannot list tcp sockets"},
	} {
		s := socket.Collector{}.Collect(t.Context(), c.host, &inventory.Inventory{})
		if s.Outcome != c.outcome || !strings.Contains(s.Reason, c.reason) {
			t.Errorf("%s: got %v", name, s)
		}
	}
}

func TestScopes(t *testing.T) {
	for address, want := range map[string]inventory.Scope{
		"127.0.0.1": inventory.ScopeLoopback, "127.1.2.3": inventory.ScopeLoopback, "::1": inventory.ScopeLoopback, "::ffff:127.0.0.1": inventory.ScopeLoopback,
		"10.0.0.1": inventory.ScopeLocal, "172.16.0.1": inventory.ScopeLocal, "192.168.1.1": inventory.ScopeLocal, "169.254.1.1": inventory.ScopeLocal,
		"100.64.0.1": inventory.ScopeLocal, "fe80::1": inventory.ScopeLocal, "fd00::1": inventory.ScopeLocal,
		"0.0.0.0": inventory.ScopeAny, "::": inventory.ScopeAny, "8.8.8.8": inventory.ScopeAny, "2001:db8::1": inventory.ScopeAny, "172.32.0.1": inventory.ScopeAny,
	} {
		if got := socket.ScopeOf(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: got %v, want %v", address, got, want)
		}
	}
	if got := socket.ScopeOf(netip.Addr{}); got != inventory.ScopeUnknown {
		t.Errorf("no address: got %v", got)
	}
}

func FuzzTable(f *testing.F) {
	for _, seed := range []string{tcp, tcp6, udp, sctp} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data string) {
		for _, protocol := range []string{"tcp", "udp6"} {
			list, err := socket.ParseTable(strings.NewReader(data), protocol, "table")
			checkTable(t, list, err)
		}
		list, err := socket.ParseSCTP(strings.NewReader(data), "table")
		checkTable(t, list, err)
	})
}

func checkTable(t *testing.T, list []socket.Entry, err error) {
	t.Helper()
	if err != nil && !strings.HasPrefix(err.Error(), "table:") {
		t.Errorf("an error without a place: %v", err)
	}
	for _, e := range list {
		if !e.Address.IsValid() || e.Address.Is4In6() || e.Protocol == "" {
			t.Errorf("%+v", e)
		}
	}
}

func FuzzListSockets(f *testing.F) {
	f.Add([]byte("0.0.0.0:22 Stream ssh.socket ssh.service\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, a := range socket.ParseListSockets(data) {
			if !strings.HasSuffix(a.Socket, ".socket") || a.Listen == "" || a.Type == "" {
				t.Errorf("%+v", a)
			}
		}
	})
}
