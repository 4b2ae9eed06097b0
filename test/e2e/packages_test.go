//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// smallHost is a bookworm whose only archives are those a test adds.
func smallHost(t *testing.T) string {
	t.Helper()
	root := hosts.Rootfs(t, hosts.Spec{Suite: "bookworm"})
	writeFile(t, filepath.Join(root, "etc/apt/sources.list"), "")
	return root
}

// security is an archive that says of itself what Debian's security archive says.
func security(debs ...hosts.Deb) hosts.Repository {
	return hosts.Repository{Origin: "Debian", Label: "Debian-Security", Suite: "stable-security", Codename: "bookworm-security", Debs: debs}
}

// install builds packages and installs them without any archive.
func install(t *testing.T, root string, debs ...hosts.Deb) {
	t.Helper()
	for _, d := range debs {
		file := d.Build(t, filepath.Join(root, "var/cache"))
		hosts.Run(t, root, "dpkg", "-i", "--force-depends", "/var/cache/"+file)
	}
}

func refresh(t *testing.T, root string) {
	t.Helper()
	hosts.Run(t, root, "apt-get", "-o", "APT::Update::Error-Mode=any", "update")
}

// copyBinary puts the program under test into a root.
func copyBinary(t testing.TB, root string) {
	t.Helper()
	data, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(root, "usr/local/bin/lockfast")
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
}

// scanInside scans a booted host from inside; prefix may take rights away.
func scanInside(t *testing.T, m *hosts.Machine, prefix ...string) *result.Scan {
	t.Helper()
	out, errOut, _ := m.Try(append(prefix, "/usr/local/bin/lockfast", "scan", "--json")...)
	return decode(t, string(out), string(errOut))
}

// scanRunning scans a root from inside without booting it: to the program it is
// a live host on this machine's kernel.
func scanRunning(t *testing.T, root string, args ...string) *result.Scan {
	t.Helper()
	out, errOut, _ := hosts.Try(t, root, append([]string{"/usr/local/bin/lockfast", "scan", "--json"}, args...)...)
	return decode(t, string(out), string(errOut))
}
