//go:build e2e

package e2e_test

import (
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/test/hosts"
)

// BenchmarkFix compares a plan with what apt takes to plan, and an installation
// with apt's own, each pair in turn in one run on clones of one host:
//
//	go test -tags e2e -run '^$' -bench Fix -benchtime 1x ./test/e2e
//
// In memory, what a package manager syncs costs nothing, so that everything else
// weighs the more; hosts have disks.
func BenchmarkFix(b *testing.B) {
	root := webHost(b, "bookworm")
	b.Run("plan", func(b *testing.B) {
		for range b.N {
			measurePlan(b, root)
		}
	})
	hosts.Run(b, root, "sh", "-c", program+" fix download --advisories none >/dev/null")
	for name, clone := range map[string]func(testing.TB, string) string{"disk": hosts.CloneOnDisk, "memory": hosts.Clone} {
		b.Run("apply/"+name, func(b *testing.B) {
			for range b.N {
				measureApply(b, root, clone)
			}
		})
	}
}

func measurePlan(t *testing.B, root string) {
	t.Helper()
	var apt, plan []float64
	for range 5 {
		apt = append(apt, cpu(t, root, "apt-get -s upgrade"))
		plan = append(plan, cpu(t, root, program+" fix plan --advisories none"))
	}
	t.ReportMetric(median(apt), "apt-plan-CPU-s")
	t.ReportMetric(median(plan), "plan-CPU-s")
	t.ReportMetric(median(plan)/median(apt), "plan-times-apt")
}

func measureApply(t *testing.B, root string, clone func(testing.TB, string) string) {
	t.Helper()
	var plain, ours []float64
	for range 3 {
		plain = append(plain, wall(t, clone(t, root), "DEBIAN_FRONTEND=noninteractive apt-get -y --no-download -o Dpkg::Options::=--force-confold upgrade"))
		ours = append(ours, wall(t, clone(t, root), program+" fix apply --offline --yes --advisories none || [ $? -eq 7 ]"))
	}
	t.ReportMetric(median(plain), "apt-upgrade-s")
	t.ReportMetric(median(ours), "apply-s")
	t.ReportMetric(median(ours)/median(plain), "apply-times-apt")
}

// cpu is the user and system time of a command and its children in a root.
func cpu(t testing.TB, root, command string) float64 {
	t.Helper()
	o, e, code := hosts.Try(t, root, "bash", "-c", "TIMEFORMAT='%U %S'; { time "+command+" >/dev/null 2>/dev/null; } 2>&1")
	if code != 0 {
		t.Fatalf("%s: exit %d %s", command, code, e)
	}
	return seconds(t, string(o))
}

func seconds(t testing.TB, text string) float64 {
	t.Helper()
	total := 0.0
	for word := range strings.FieldsSeq(text) {
		d, err := time.ParseDuration(word + "s")
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		total += d.Seconds()
	}
	return total
}

// wall is how long a command takes in a freshly booted clone.
func wall(t testing.TB, root, command string) float64 {
	t.Helper()
	m := hosts.Boot(t, root)
	answers(t, m)
	if err := exec.Command("sync").Run(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	m.Run("sh", "-c", command+" >/tmp/out 2>&1")
	return time.Since(began).Seconds()
}

func median(list []float64) float64 {
	sorted := append([]float64(nil), list...)
	for i := range sorted {
		for j := i; j > 0 && sorted[j] < sorted[j-1]; j-- {
			sorted[j], sorted[j-1] = sorted[j-1], sorted[j]
		}
	}
	return sorted[len(sorted)/2]
}
