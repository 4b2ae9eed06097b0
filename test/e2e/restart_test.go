//go:build e2e

package e2e_test

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// notRunning looks at a host that has just been upgraded: nothing is open, and
// the processes that still run old code are told until they are restarted.
func notRunning(t *testing.T, m *hosts.Machine) {
	t.Helper()
	s := scanInside(t, m)
	if left := open(s); len(left) > 0 {
		t.Errorf("after the upgrade open is %v", left)
	}
	old := replaced(m)
	if len(old) == 0 { // no update of today touched what runs: replace the C library by a copy of itself
		m.Run("sh", "-ec", "f=$(readlink -f /usr/lib/*/libc.so.6); cp -a $f $f.new; mv $f.new $f")
		s, old = scanInside(t, m), replaced(m)
	}
	if len(old) == 0 {
		t.Fatal("no process runs old code after the upgrade: this host proves nothing")
	}
	checkReplaced(t, s, old)
	units := restarts(s)
	t.Logf("%d processes run old code; to restart: %v", len(old), units)
	for _, unit := range []string{"ssh.service", "nginx.service", "apache2.service"} {
		m.Run("systemctl", "restart", unit)
		m.Wait("systemctl", "is-active", unit)
	}
	s = scanInside(t, m)
	checkReplaced(t, s, replaced(m))
	for _, unit := range restarts(s) {
		if unit == "ssh.service" || unit == "nginx.service" || unit == "apache2.service" {
			t.Errorf("%s was restarted, and is still to be restarted", unit)
		}
	}
}

// checkReplaced compares the findings with the memory maps of all processes.
func checkReplaced(t *testing.T, s *result.Scan, old map[int]string) {
	t.Helper()
	got := map[int]bool{}
	for i := range s.Findings {
		f := &s.Findings[i]
		if f.Status != result.StatusRestart {
			continue
		}
		if len(f.Restart) == 0 || f.Running == nil || !*f.Running || f.Reason == "" {
			t.Errorf("%s: restart %v, running %s, reason %q", f.Key, f.Restart, word(f.Running), f.Reason)
		}
		for _, p := range f.RunningIn {
			if p.Replaced {
				got[p.PID] = true
			}
		}
	}
	for pid, path := range old {
		if !got[pid] {
			t.Errorf("process %d still runs %s, and no finding says so", pid, path)
		}
	}
	for pid := range got {
		if _, ok := old[pid]; !ok {
			t.Errorf("process %d is said to run old code, and its maps show none", pid)
		}
	}
}

// replaced asks grep which processes run code of deleted files below /usr.
func replaced(m *hosts.Machine) map[int]string {
	found := map[int]string{}
	out, _, _ := m.Try("sh", "-c", `grep -H 'r-xp .* /usr/.* (deleted)$' /proc/[0-9]*/maps`) // 1 when there are none, 2 when a process has gone
	for line := range strings.Lines(string(out)) {
		w := strings.Split(line, "/")
		if pid, err := strconv.Atoi(w[2]); err == nil && pid != 0 {
			found[pid] = strings.TrimSpace(line[strings.Index(line, " /usr/"):])
		}
	}
	return found
}

// restarts lists what not-running findings ask to restart.
func restarts(s *result.Scan) []string {
	units := map[string]bool{}
	for _, f := range s.Findings {
		if f.Status == result.StatusRestart {
			for _, u := range f.Restart {
				units[u] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(units))
}
