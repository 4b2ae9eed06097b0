//go:build e2e

package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// compareWithApt checks that every security update apt would install is found,
// and that what is found has a security version above the installed one.
func compareWithApt(t *testing.T, root string, s *result.Scan) {
	t.Helper()
	want := simulated(hosts.Run(t, root, "apt-get", "-s", "dist-upgrade"))
	if len(want) == 0 {
		t.Fatal("apt knows of no pending security update: this host proves nothing")
	}
	got := open(s)
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("apt would install a security update of %s, and the scan does not list it", name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) && !strings.Contains(hosts.Run(t, root, "apt-cache", "policy", name), "-security") {
			t.Errorf("the scan lists %s, and apt knows of no security version", name)
		}
	}
	t.Logf("apt: %d packages, scan: %d", len(want), len(got))
}

// A web host as bootstrapped from main: what is pending is found, upgraded for
// real, and gone.
func TestBookwormWebHost(t *testing.T) {
	root := hosts.Rootfs(t, hosts.WebHost("bookworm"))
	hosts.AddSecurity(t, root, "bookworm")
	s, code := scan(t, root)
	if code != 0 {
		t.Errorf("exit %d: %v", code, s.Exit.Reasons)
	}
	compareWithApt(t, root, s)
	for _, f := range s.Findings {
		if len(f.Evidence) == 0 || f.Reason == "" || f.FixedVersion == "" || f.Running != nil {
			t.Errorf("%s: evidence %d, reason %q, fixed %q, running %v", f.Key, len(f.Evidence), f.Reason, f.FixedVersion, f.Running)
		}
	}
	if f := findingOf(s, "libssl3"); f == nil || f.SourcePackage != "openssl" {
		t.Error("libssl3 has no finding under openssl")
	}
	live(t, root)
	hosts.Run(t, root, "apt-get", "-y", "-o", "Dpkg::Options::=--force-confold", "dist-upgrade")
	s, code = scan(t, root)
	if left := open(s); len(left) > 0 || code != 0 {
		t.Errorf("after the upgrade: exit %d, open %v", code, left)
	}
}

// live boots a clone of the host, and looks at it from inside.
func live(t *testing.T, root string) {
	t.Helper()
	clone := hosts.Clone(t, root)
	copyBinary(t, clone)
	// One web server for the world, one for itself, one behind a filter.
	writeFile(t, clone+"/etc/apache2/ports.conf", "Listen 127.0.0.1:8081\n")
	writeFile(t, clone+"/etc/nftables.conf", "#!/usr/sbin/nft -f\nflush ruleset\ntable inet filter {\n chain input {\n  type filter hook input priority 0; policy accept;\n  tcp dport 22 drop\n }\n}\n")
	hosts.Run(t, clone, "systemctl", "enable", "nftables.service")
	m := hosts.Boot(t, clone)
	s := scanInside(t, m)
	checkListeners(t, s)
	if f := findingOf(s, "libssl3"); f == nil || f.Running == nil || !*f.Running {
		t.Errorf("libssl3 runs in nginx, and the finding says %+v", f)
	}
	if f := findingOf(s, "nginx"); f != nil && (f.Exposed == nil || !*f.Exposed) {
		t.Errorf("nginx listens on every address, and the finding says exposed %v", f.Exposed)
	}
	unprivileged(t, m)
	notRunning(t, m)
}

func copyBinary(t *testing.T, root string) {
	t.Helper()
	data, err := readFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, root+"/usr/local/bin/lockfast", string(data))
	hosts.Run(t, root, "chmod", "755", "/usr/local/bin/lockfast")
}

func scanInside(t *testing.T, m *hosts.Machine, prefix ...string) *result.Scan {
	t.Helper()
	out, errOut, _ := m.Try(append(prefix, "/usr/local/bin/lockfast", "scan", "--json")...)
	var s result.Scan
	if err := json.Unmarshal(out, &s); err != nil {
		t.Fatalf("no scan document: %v\n%.1000s\n%s", err, out, errOut)
	}
	return &s
}

func checkListeners(t *testing.T, s *result.Scan) {
	t.Helper()
	want := map[uint16]struct{ pkg, scope, filter string }{80: {"nginx", "any", "open"}, 8081: {"apache2", "loopback", ""}, 22: {"openssh-server", "any", "filtered"}}
	for _, l := range s.Listeners {
		w, ok := want[l.Port]
		if !ok {
			continue
		}
		if !strings.HasPrefix(l.Package, w.pkg) || l.Scope != w.scope || w.filter != "" && l.Filter != w.filter {
			t.Errorf("port %d: %+v, want %+v", l.Port, l, w)
		}
		delete(want, l.Port)
	}
	if len(want) > 0 {
		t.Errorf("no listener for %v among %+v", want, s.Listeners)
	}
}

// unprivileged: what a user may not see is said, not left out.
func unprivileged(t *testing.T, m *hosts.Machine) {
	t.Helper()
	s := scanInside(t, m, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
	partial := map[string]bool{}
	for _, c := range s.Host.Collectors {
		if c.Outcome == "partial" || c.Outcome == "failed" {
			partial[c.Collector] = c.Reason != ""
		}
	}
	if !partial["processes"] || !partial["sockets"] {
		t.Errorf("as nobody: collectors %+v", s.Host.Collectors)
	}
	if f := findingOf(s, "libssl3"); f == nil || f.Running != nil && !*f.Running {
		t.Errorf("as nobody, libssl3 is said not to run: %+v", f)
	}
}

// notRunning upgrades for real: services that were not restarted are told.
func notRunning(t *testing.T, m *hosts.Machine) {
	t.Helper()
	m.Run("sh", "-c", "cp /usr/lib/x86_64-linux-gnu/libcrypto.so.3 /usr/lib/x86_64-linux-gnu/libcrypto.so.3.dpkg-new && mv /usr/lib/x86_64-linux-gnu/libcrypto.so.3.dpkg-new /usr/lib/x86_64-linux-gnu/libcrypto.so.3")
	// libssl3 has an open finding as well, so ask of a host where it has not: look at the processes of the finding.
	s := scanInside(t, m)
	f := findingOf(s, "libssl3")
	if f == nil || !slices.ContainsFunc(f.RunningIn, func(p result.Process) bool { return p.Replaced }) {
		t.Fatalf("libcrypto was replaced under running processes, and the finding says %+v", f)
	}
	if !slices.ContainsFunc(f.Restart, func(u string) bool { return u == "ssh.service" || u == "nginx.service" }) {
		t.Errorf("restart is %v", f.Restart)
	}
}

func TestBullseyeAndTrixie(t *testing.T) {
	for _, suite := range []string{"bullseye", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			root := hosts.Rootfs(t, hosts.Spec{Suite: suite, Include: []string{"openssl", "curl", "ca-certificates", "perl"}})
			hosts.AddSecurity(t, root, suite)
			s, code := scan(t, root)
			compareWithApt(t, root, s)
			ended := s.Host.PastEndOfLife != nil && *s.Host.PastEndOfLife
			if want := map[bool]int{false: 0, true: 3}[ended]; code != want {
				t.Errorf("exit %d, want %d: %v", code, want, s.Exit.Reasons)
			}
			hosts.Run(t, root, "apt-get", "-y", "dist-upgrade")
			if s, _ = scan(t, root); len(open(s)) > 0 {
				t.Errorf("after the upgrade: open %v", open(s))
			}
		})
	}
}
