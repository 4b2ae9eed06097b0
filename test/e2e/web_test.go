//go:build e2e

package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// A web host as bootstrapped from main: what is pending is found, upgraded for
// real, and gone; what still runs old code is told until it is restarted.
func TestWebHosts(t *testing.T) {
	for _, suite := range []string{"bookworm", "bullseye", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			root := webHost(t, suite)
			s, code := scan(t, root)
			ended := s.Host.PastEndOfLife != nil && *s.Host.PastEndOfLife
			if want := map[bool]int{false: 0, true: 3}[ended]; code != want {
				t.Errorf("exit %d, want %d: %v", code, want, s.Exit.Reasons)
			}
			compareWithApt(t, root, s)
			for _, f := range s.Findings {
				if f.Reason == "" || f.FixedVersion == "" || f.Running != nil || f.Exposed != nil {
					t.Errorf("%s: reason %q, fixed %q, running %s, exposed %s", f.Key, f.Reason, f.FixedVersion, word(f.Running), word(f.Exposed))
				}
			}
			live(t, root, s)
		})
	}
}

// webHost is unpacked, knows of its security updates, has the program, and one
// web server for the world, one for itself, and ssh behind a filter.
func webHost(t testing.TB, suite string) string {
	t.Helper()
	root := hosts.Rootfs(t, hosts.WebHost(suite))
	hosts.AddSecurity(t, root, suite)
	hosts.Run(t, root, "apt-get", "-qq", "-y", "--download-only", "dist-upgrade")
	copyBinary(t, root)
	writeFile(t, root+"/etc/apache2/ports.conf", "Listen 127.0.0.1:8081\n")
	writeFile(t, root+"/etc/nftables.conf", `#!/usr/sbin/nft -f
flush ruleset
table inet filter {
	chain input {
		type filter hook input priority 0; policy accept;
		tcp dport 22 drop
	}
}
`)
	hosts.Run(t, root, "systemctl", "enable", "nftables.service")
	return root
}

// live boots a clone of the host, and looks at it from inside before and after
// a real upgrade.
func live(t *testing.T, root string, unpacked *result.Scan) {
	t.Helper()
	m := hosts.Boot(t, hosts.Clone(t, root))
	s := scanInside(t, m)
	if a, b := open(unpacked), open(s); !slices.Equal(a, b) {
		t.Errorf("open unpacked: %v\nopen booted: %v", a, b)
	}
	checkListeners(t, s)
	checkExposed(t, s)
	unprivileged(t, m)
	m.Run("apt-get", "-qq", "-y", "--no-download", "-o", "Dpkg::Options::=--force-confold", "dist-upgrade")
	notRunning(t, m)
}

// checkListeners: who listens, from where, and what the packet filter does; of
// loopback it is not asked.
func checkListeners(t *testing.T, s *result.Scan) {
	t.Helper()
	want := map[uint16]struct{ pkg, unit, scope, filter string }{
		80:   {"nginx", "nginx.service", "any", "open"},
		8081: {"apache2", "apache2.service", "loopback", "unknown"},
		22:   {"openssh-server", "ssh.service", "any", "filtered"},
	}
	for _, l := range s.Listeners {
		w, ok := want[l.Port]
		if !ok {
			continue
		}
		if !strings.HasPrefix(l.Package, w.pkg) || l.Unit != w.unit || l.Scope != w.scope || l.Filter != w.filter {
			t.Errorf("port %d: %+v, want %+v", l.Port, l, w)
		}
		delete(want, l.Port)
	}
	if len(want) > 0 {
		t.Errorf("no listener for %v among %+v", want, s.Listeners)
	}
}

// checkExposed: nginx can be reached; apache listens for itself only, sshd
// behind a filter. Not all of them have a pending update every day.
func checkExposed(t *testing.T, s *result.Scan) {
	t.Helper()
	seen := 0
	for pkg, exposed := range map[string]bool{"nginx": true, "apache2-bin": false, "openssh-server": false} {
		f := findingOf(s, pkg)
		if f == nil {
			continue
		}
		seen++
		if f.Exposed == nil || *f.Exposed != exposed || f.Running == nil || !*f.Running {
			t.Errorf("%s: exposed %s on %+v, running %s, want exposed %v and running", pkg, word(f.Exposed), f.ExposedOn, word(f.Running), exposed)
		}
		if exposed && !slices.ContainsFunc(f.ExposedOn, func(x result.Socket) bool { return x.Port == 80 && x.Process == "nginx" }) {
			t.Errorf("%s is exposed on %+v, want nginx on port 80", pkg, f.ExposedOn)
		}
	}
	if seen == 0 {
		t.Log("none of the servers has a pending update today")
	}
}

func word(b *bool) string {
	switch {
	case b == nil:
		return "unknown"
	case *b:
		return "yes"
	}
	return "no"
}

// unprivileged: what a user may not see is said, not left out.
func unprivileged(t *testing.T, m *hosts.Machine) {
	t.Helper()
	s := scanInside(t, m, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
	for _, collector := range []string{"processes", "sockets", "firewall"} {
		i := slices.IndexFunc(s.Host.Collectors, func(c result.Status) bool { return c.Collector == collector })
		if i < 0 {
			t.Errorf("as nobody: no status of %s", collector)
			continue
		}
		if c := s.Host.Collectors[i]; c.Outcome != "partial" && c.Outcome != "failed" || c.Reason == "" {
			t.Errorf("as nobody: %+v", c)
		}
		if !slices.ContainsFunc(s.Unknown, func(u result.Unknown) bool { return u.Why == s.Host.Collectors[i].Reason }) {
			t.Errorf("as nobody: what %s could not see is not among the unknown", collector)
		}
	}
	ports := map[uint16]bool{}
	for _, l := range s.Listeners {
		ports[l.Port] = true
		if l.Package == "" && l.Why == "" {
			t.Errorf("as nobody: listener without owner and without a reason: %+v", l)
		}
	}
	if !ports[80] || !ports[8081] || !ports[22] {
		t.Errorf("as nobody: listeners are left out: %v", ports)
	}
	for _, f := range s.Findings {
		if f.Running != nil && !*f.Running || f.Exposed != nil && !*f.Exposed {
			t.Errorf("as nobody: %s is said not to run or not to be exposed: %s, %s", f.Key, word(f.Running), word(f.Exposed))
		}
	}
}
