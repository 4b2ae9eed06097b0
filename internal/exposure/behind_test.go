package exposure_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/exposure"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/result"
)

// mail is a host whose servers listen in one process and read in others, and
// where systemd waits for a service's first connection.
func mail() *inventory.Inventory {
	installed := func(name, arch string) inventory.Package {
		return inventory.Package{Manager: inventory.Dpkg, Name: name, Arch: arch, State: inventory.StateInstalled}
	}
	return &inventory.Inventory{
		Live: true,
		Packages: []inventory.Package{
			installed("wordpress", "all"), installed("linux-doc", "all"), installed("libssl-doc", "all"), installed("nginx-common", "all"), installed("nginx-light", "amd64"),
		},
		Processes: []inventory.Process{
			{PID: 1, Command: "systemd", Unit: "init.scope", Package: "systemd", Mapped: []string{"libsystemd-shared", "systemd"}},
			{PID: 10, Command: "master", Unit: "postfix.service", Package: "postfix", Mapped: []string{"postfix"}},
			{PID: 11, Command: "smtpd", Unit: "postfix.service", Package: "postfix", Mapped: []string{"libssl3", "postfix"}},
			{PID: 20, Command: "own", Mapped: []string{"libown1"}},
			{PID: 21, Command: "worker", Mapped: []string{"libworker1"}},
			{PID: 30, Command: "bash", Unit: "session-3.scope", Package: "bash", Mapped: []string{"bash"}, Replaced: []inventory.Replaced{{Path: "/usr/lib/libx.so.1", Package: "libx1"}}},
		},
		Listeners: []inventory.Listener{
			{Protocol: "tcp", Address: "0.0.0.0", Port: 25, Scope: inventory.ScopeAny, PID: 10, Holders: []int{10}, Process: "master", Package: "postfix", Unit: "postfix.service"},
			{Protocol: "tcp", Address: "10.0.0.5", Port: 90, Scope: inventory.ScopeLocal, Filter: inventory.FilterOpen, PID: 20, Holders: []int{20, 21}, Process: "own"},
		},
		Statuses: []inventory.Status{{Collector: "processes", Outcome: inventory.Succeeded}, {Collector: "sockets", Outcome: inventory.Succeeded}},
	}
}

func waiting() *inventory.Inventory {
	inv := mail()
	inv.Listeners = append(inv.Listeners, inventory.Listener{Protocol: "tcp6", Address: "::", Port: 22, Scope: inventory.ScopeAny, PID: 1, Holders: []int{1}, Process: "systemd", Package: "openssh-server", Unit: "ssh.socket"})
	return inv
}

func TestBehindASocket(t *testing.T) {
	for _, c := range []struct {
		name             string
		inv              *inventory.Inventory
		packages         []string
		running, exposed string
	}{
		{"another process of the service", mail(), []string{"libssl3"}, "yes", "yes"},
		{"another process that has the socket", mail(), []string{"libworker1"}, "yes", "yes"},
		{"a process of its own", mail(), []string{"bash"}, "yes", "no"},
		{"PID 1 without a socket", mail(), []string{"systemd"}, "yes", "no"},
		{"service that a socket will start", waiting(), []string{"openssh-server"}, "no", "yes"},
		{"systemd only waits", waiting(), []string{"systemd"}, "yes", "unknown"},
		{"libraries of a service to come", waiting(), []string{"libpam"}, "no", "unknown"},
		{"scripts are not mapped", mail(), []string{"wordpress"}, "unknown", "unknown"},
		{"documentation never runs", mail(), []string{"libssl-doc"}, "no", "no"},
		{"kernel documentation", mail(), []string{"linux-doc"}, "no", "no"},
		{"a program beside its scripts", mail(), []string{"nginx-common", "nginx-light"}, "no", "no"},
	} {
		f := exposure.Of(c.inv, c.packages)
		if show(f.Running) != c.running || show(f.Exposed) != c.exposed {
			t.Errorf("%s: running %s, exposed %s", c.name, show(f.Running), show(f.Exposed))
		}
	}
	want := []result.Socket{{Protocol: "tcp", Address: "0.0.0.0", Port: 25, Process: "master", Filter: "unknown"}}
	if diff := cmp.Diff(want, exposure.Of(mail(), []string{"libssl3"}).ExposedOn); diff != "" {
		t.Error(diff)
	}
}

func TestRestartOfWhatIsNoService(t *testing.T) {
	inv := mail()
	f := exposure.Of(inv, []string{"bash"})
	if !slices.Equal(f.Restart, []string{"bash (pid 30)"}) || f.RunningIn[0].Replaced {
		t.Errorf("got %v, %+v", f.Restart, f.RunningIn)
	}
	inv.Processes[0].Command = "init"
	if f := exposure.Of(inv, []string{"systemd"}); !slices.Equal(f.Restart, []string{"reboot"}) {
		t.Errorf("got %v", f.Restart)
	}
	inv.Kernel = inventory.Kernel{Running: "6.1.0-40-amd64", Installed: []inventory.InstalledKernel{{Release: "6.1.0-40-amd64", Package: "linux-image-6.1.0-40-amd64"}, {Release: "6.1.0-39-amd64", Package: "linux-image-6.1.0-39-amd64"}}}
	for name, running := range map[string]string{"linux-image-6.1.0-40-amd64": "yes", "linux-image-6.1.0-39-amd64": "no", "linux-headers-6.1.0-40-amd64": "no"} {
		if f := exposure.Of(inv, []string{name}); show(f.Running) != running {
			t.Errorf("%s: running %s", name, show(f.Running))
		}
	}
}
