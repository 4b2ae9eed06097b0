//go:build e2e

package hosts_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/test/hosts"
)

// The harness itself: a host of every release boots, answers, and leaves
// nothing behind.
func TestBoot(t *testing.T) {
	for _, suite := range []string{"bullseye", "bookworm", "trixie"} {
		before := leftovers(t)
		t.Run(suite, func(t *testing.T) { boot(t, suite) })
		if after := leftovers(t); after != before {
			t.Errorf("%s: mounts and control groups before:\n%s\nafter:\n%s", suite, before, after)
		}
	}
}

func boot(t *testing.T, suite string) {
	t.Helper()
	root := hosts.Rootfs(t, hosts.WebHost(suite))
	clone := hosts.Clone(t, root)
	began := time.Now()
	m := hosts.Boot(t, clone)
	t.Logf("booted in %v", time.Since(began).Round(10*time.Millisecond))
	if out := m.Run("systemctl", "is-active", "ssh.service", "dbus.service"); out != "active\nactive\n" {
		t.Errorf("services: %s", out)
	}
	if out := m.Run("cat", "/proc/1/comm"); out != "systemd\n" {
		t.Errorf("first process: %s", out)
	}
	if out := m.Run("ip", "-o", "link"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "lo:") {
		t.Errorf("the network is not private: %s", out)
	}
	m.Run("touch", "/etc/changed")
	if _, err := os.Stat(filepath.Join(root, "etc/changed")); !os.IsNotExist(err) {
		t.Errorf("a change of the clone reached the root below: %v", err)
	}
}

// A program in a root sees its own processes only.
func TestRun(t *testing.T) {
	before := leftovers(t)
	t.Run("root", func(t *testing.T) {
		root := hosts.Rootfs(t, hosts.Spec{Suite: "bookworm"})
		if out := hosts.Run(t, root, "sh", "-c", "echo /proc/[0-9]* && cat /etc/debian_version"); !strings.HasPrefix(out, "/proc/1\n12.") {
			t.Errorf("inside: %q", out)
		}
		if _, _, code := hosts.Try(t, root, "sh", "-c", "exit 7"); code != 7 {
			t.Errorf("exit %d", code)
		}
	})
	if after := leftovers(t); after != before {
		t.Errorf("mounts and control groups before:\n%s\nafter:\n%s", before, after)
	}
}

// leftovers are what a host could leave on this machine, of this process.
func leftovers(t *testing.T) string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	groups, err := filepath.Glob("/sys/fs/cgroup/*/lf-*")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(mounts)) {
		if strings.Contains(line, "TestBoot") || strings.Contains(line, "TestRun") {
			list = append(list, line)
		}
	}
	for _, g := range groups {
		if strings.Contains(g, "lf-"+pid()+"-") {
			list = append(list, g+"\n")
		}
	}
	return strings.Join(list, "")
}

func pid() string { return strconv.Itoa(os.Getpid()) }
