//go:build e2e

package hosts

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// archive is where this machine gets Debian from.
type archive struct{ main, security string }

// find reads the machine's own apt sources, so that no address is written here.
func find(t testing.TB) archive {
	t.Helper()
	var a archive
	files, err := filepath.Glob("/etc/apt/sources.list.d/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "/etc/apt/sources.list") {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			for word := range strings.FieldsSeq(line) {
				address := strings.TrimSuffix(word, "/")
				switch {
				case !strings.Contains(address, "://") || strings.HasPrefix(strings.TrimSpace(line), "#"):
				case strings.HasSuffix(address, "debian-security"):
					a.security = address
				case strings.HasSuffix(address, "/debian"):
					a.main = address
				}
			}
		}
	}
	if a.main == "" {
		t.Fatal("no Debian archive in this machine's apt sources")
	}
	if a.security == "" {
		a.security = strings.TrimSuffix(a.main, "/debian") + "/debian-security"
	}
	return a
}

// AddSecurity adds the archives of updates and of security updates to a root
// and refreshes its lists with the machine's network.
func AddSecurity(t testing.TB, root, suite string) {
	t.Helper()
	a := find(t)
	text := fmt.Sprintf("deb %s %s main\ndeb %s %s-updates main\ndeb %s %s-security main\n", a.main, suite, a.main, suite, a.security, suite)
	if err := os.WriteFile(filepath.Join(root, "etc/apt/sources.list"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	extra, err := filepath.Glob(filepath.Join(root, "etc/apt/sources.list.d/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range extra {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	copyNetwork(t, root)
	Run(t, root, "apt-get", "-o", "APT::Update::Error-Mode=any", "-qq", "update")
}

// copyNetwork lets programs in a root reach what this machine reaches.
func copyNetwork(t testing.TB, root string) {
	t.Helper()
	for _, name := range []string{"/etc/resolv.conf", "/etc/hosts"} {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		_ = os.Remove(filepath.Join(root, name))
		if err := os.WriteFile(filepath.Join(root, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := filepath.Glob("/etc/apt/apt.conf.d/*proxy*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range settings {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
