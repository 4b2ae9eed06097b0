//go:build e2e

package e2e_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// compareWithApt checks that the open findings are what apt itself says:
// nothing missed, nothing invented, and the version apt would install.
func compareWithApt(t *testing.T, root string, s *result.Scan) {
	t.Helper()
	want := simulated(hosts.Run(t, root, "apt-get", "-s", "-o", "Debug::NoLocking=1", "dist-upgrade"))
	if len(want) == 0 {
		t.Fatal("apt knows of no pending security update: this host proves nothing")
	}
	got := open(s)
	for name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("apt would install a security update of %s, and the scan does not list it", name)
		}
	}
	confirmed := secured(hosts.Run(t, root, append([]string{"apt-cache", "policy"}, got...)...))
	for _, name := range got {
		if !confirmed[name] {
			t.Errorf("the scan lists %s, and apt knows of no newer version in a security archive", name)
		}
	}
	for i := range s.Findings {
		f := &s.Findings[i]
		if !slices.ContainsFunc(f.Evidence, func(e result.Evidence) bool { return e.Kind == "package-manager" }) {
			t.Errorf("%s: no evidence of the package manager: %+v", f.Key, f.Evidence)
		}
		for _, b := range f.Binaries {
			if v, ok := want[b.Name]; ok && b.Candidate != v {
				t.Errorf("%s: apt would install %s, the scan says %s", b.Name, v, b.Candidate)
			}
		}
	}
	t.Logf("apt: %d packages, scan: %d", len(want), len(got))
}

// simulated reads what apt would install from a security archive, name to
// version, from lines like
// "Inst nginx [1.22.1-9] (1.22.1-9+deb12u1 Debian-Security:12/… [amd64])".
// Without the version in brackets the package is a new one.
func simulated(out string) map[string]string {
	versions := map[string]string{}
	for line := range strings.Lines(out) {
		w := strings.Fields(line)
		if len(w) > 3 && w[0] == "Inst" && strings.HasPrefix(w[2], "[") && strings.Contains(line, "Debian-Security") {
			versions[w[1]] = strings.TrimPrefix(w[3], "(")
		}
	}
	return versions
}

// secured reads from apt-cache policy which packages have a version in a
// security archive above the installed one: the table goes from new to old, and
// *** marks what is installed.
func secured(out string) map[string]bool {
	found := map[string]bool{}
	name, above := "", false
	for line := range strings.Lines(out) {
		switch {
		case line[0] != ' ':
			name, above = strings.TrimSuffix(strings.TrimSpace(line), ":"), true
		case strings.HasPrefix(line, " *** "):
			above = false
		case above && strings.Contains(line, "-security/"):
			found[name] = true
		}
	}
	return found
}

func TestReadingApt(t *testing.T) {
	got := simulated("Inst a [1-1] (1-2 Debian-Security:12/stable-security [amd64])\nInst new (1 Debian-Security:12/stable-security [amd64])\n" +
		"Inst b [1] (2 Debian:12.1/stable [amd64])\nConf a (1-2 Debian-Security:12/stable-security [amd64])\n")
	if want := map[string]string{"a": "1-2"}; !maps.Equal(got, want) {
		t.Errorf("simulated: %v, want %v", got, want)
	}
	policy := "a:\n  Installed: 1-1\n  Candidate: 1-2\n  Version table:\n     1-2 500\n        500 http://x/debian-security bookworm-security/main amd64 Packages\n" +
		" *** 1-1 500\n        100 /var/lib/dpkg/status\nb:\n  Installed: 2\n  Version table:\n *** 2 500\n        500 http://x/debian-security bookworm-security/main amd64 Packages\n"
	if got, want := secured(policy), map[string]bool{"a": true}; !maps.Equal(got, want) {
		t.Errorf("secured: %v, want %v", got, want)
	}
}
