//go:build e2e

package hosts_test

import (
	"os"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/test/hosts"
)

// The harness itself: a host boots, answers, and leaves nothing behind.
func TestBoot(t *testing.T) {
	before := mounts(t)
	t.Run("host", func(t *testing.T) {
		clone := hosts.Clone(t, hosts.Rootfs(t, hosts.WebHost("bookworm")))
		m := hosts.Boot(t, clone)
		if out := m.Run("systemctl", "is-active", "ssh.service", "dbus.service"); strings.Count(out, "active") != 2 {
			t.Errorf("services: %s", out)
		}
		if out := m.Run("cat", "/proc/1/comm"); strings.TrimSpace(out) != "systemd" {
			t.Errorf("first process: %s", out)
		}
	})
	if after := mounts(t); after != before {
		t.Errorf("%d mounts before, %d after", before, after)
	}
}

func mounts(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(data), "\n")
}
