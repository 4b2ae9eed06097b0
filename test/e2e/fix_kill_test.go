//go:build e2e

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// lockfast and the package manager are killed at ten points spread over an
// installation. Five times "lockfast recover" has to bring the host to an end,
// five times the host goes down with them and the boot unit has to.
func TestKilledWhileInstalling(t *testing.T) {
	root := webHost(t, "bookworm")
	hosts.Run(t, root, "sh", "-c", program+" fix download --advisories none >/dev/null")
	for i := range 10 {
		percent := 5 + 10*i
		t.Run(fmt.Sprintf("%d percent", percent), func(t *testing.T) {
			t.Parallel()
			m := hosts.Boot(t, hosts.Clone(t, root))
			plan := inside[result.FixPlan](t, m, []int{0}, "fix", "plan", "--json", "--advisories", "none")
			killAt(t, m, percent)
			if i%2 == 0 {
				recovered(t, m)
			} else {
				m.PowerOff()
				bootRecovered(t, m)
			}
			whole(t, m, plan)
		})
	}
}

// killAt starts a fix and kills it and what it started when the package manager
// has come so far.
func killAt(t *testing.T, m *hosts.Machine, percent int) {
	t.Helper()
	ended := make(chan int, 1)
	go func() {
		_, _, code := m.Try(program, "fix", "apply", "--offline", "--yes", "--advisories", "none")
		ended <- code
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case code := <-ended:
			t.Fatalf("the installation ended (exit %d) before %d percent", code, percent)
		case <-tick.C:
		}
		if progress(t, m) >= percent {
			break
		}
	}
	m.Run("sh", "-c", `pkill -9 -x 'lockfast|apt-get|dpkg|dpkg-deb|systemd-run|frontend'; pkill -9 -f '[/]var/lib/dpkg/(info|tmp.ci)/'; true`)
	<-ended
}

var percents = regexp.MustCompile(`(?m)^pmstatus:.*?:([0-9]+)\.[0-9]+:`)

// progress is how far the package manager says it has come, -1 before it began.
func progress(t *testing.T, m *hosts.Machine) int {
	t.Helper()
	logs, err := filepath.Glob(filepath.Join(m.Root, "var/lib/lockfast/journal/*/output.log"))
	if err != nil || len(logs) == 0 {
		return -1
	}
	data, err := os.ReadFile(logs[len(logs)-1])
	if err != nil {
		return -1
	}
	all := percents.FindAllSubmatch(data, -1)
	if len(all) == 0 {
		return -1
	}
	n, err := strconv.Atoi(string(all[len(all)-1][1]))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func recovered(t *testing.T, m *hosts.Machine) {
	t.Helper()
	if history := inside[result.History](t, m, []int{5}, "history", "--json"); !history.NeedsPerson || history.Transactions[0].Status != "interrupted" {
		t.Errorf("before recovery: %+v", history.Transactions[0].Status)
	}
	out, errOut, code := m.Try(program, "recover")
	if code != 0 {
		t.Fatalf("recover: exit %d\n%s%s", code, out, errOut)
	}
}

func bootRecovered(t *testing.T, m *hosts.Machine) {
	t.Helper()
	m.Wait("sh", "-c", program+` history | head -1 | grep -q ' done '`)
}

// whole checks that the host is at the new state, and that nothing is broken.
func whole(t *testing.T, m *hosts.Machine, plan result.FixPlan) {
	t.Helper()
	if audit := m.Run("dpkg", "--audit"); audit != "" {
		t.Errorf("dpkg --audit: %s", audit)
	}
	if changed := m.Run("sh", "-c", "dpkg -V | grep -v ' c /etc/' || true"); changed != "" {
		t.Errorf("dpkg -V: %s", changed)
	}
	for _, u := range plan.Updates {
		if got := m.Run("dpkg-query", "-W", "-f", "${Version}", u.Package); got != u.To {
			t.Errorf("%s is %s, want %s", u.Package, got, u.To)
		}
	}
	history := inside[result.History](t, m, []int{0}, "history", "--json")
	if len(history.Transactions) != 1 || history.Transactions[0].Status != "done" {
		t.Errorf("history: %+v", history.Transactions)
	}
	if left, _, _ := m.Try("sh", "-c", "ls /etc/systemd/system/lockfast-recover.service /etc/systemd/system/multi-user.target.wants/lockfast-recover.service 2>/dev/null"); len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
}
