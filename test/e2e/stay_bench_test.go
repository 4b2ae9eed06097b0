//go:build e2e

package e2e_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// BenchmarkStay compares the service with unattended-upgrades on clones of one
// host, in turn:
//
//	go test -tags e2e -run '^$' -bench Stay -benchtime 1x ./test/e2e
func BenchmarkStay(b *testing.B) {
	root := webHost(b, "bookworm")
	hosts.Run(b, root, "apt-get", "-qq", "-y", "--no-install-recommends", "install", "unattended-upgrades", "time")
	writeFile(b, root+"/etc/lockfast/config.d/50-stay-secure.yaml", "schema: lockfast.config/1\nstay_secure:\n  mode: download\n")
	b.Run("look", func(b *testing.B) {
		for range b.N {
			both(b, root, "apt-get -qq update; unattended-upgrade --dry-run", program+" stay-secure run || [ $? -lt 5 ]")
		}
	})
	hosts.Run(b, root, "sh", "-c", "unattended-upgrade --download-only >/dev/null 2>&1; "+program+" stay-secure run >/dev/null 2>&1; true")
	b.Run("install", func(b *testing.B) {
		for range b.N {
			installBoth(b, root)
		}
	})
	b.Run("nothing", func(b *testing.B) {
		done := hosts.Clone(b, root)
		hosts.Run(b, done, "sh", "-c", "DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Options::=--force-confold dist-upgrade >/dev/null 2>&1")
		for range b.N {
			both(b, done, "apt-get -qq update; unattended-upgrade", program+" stay-secure run || [ $? -lt 5 ]")
		}
	})
}

// cost is what a command takes: CPU seconds with its children, and the largest
// resident size of any one of them, in MiB.
func cost(t testing.TB, run func(script string) string, command string) (cpu, mib float64) {
	t.Helper()
	out := strings.Fields(run("/usr/bin/time -o /tmp/cost -f '%U %S %M' sh -c '" + command + "' >/tmp/out 2>&1; tail -1 /tmp/cost"))
	if len(out) != 3 {
		t.Fatalf("%s: %q", command, out)
	}
	var values [3]float64
	for i, text := range out {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatalf("%s: %q", command, out)
		}
		values[i] = v
	}
	return values[0] + values[1], values[2] / 1024
}

// both runs two commands in turn, three times each.
func both(b *testing.B, root, theirs, ours string) {
	b.Helper()
	run := func(script string) string { return hosts.Run(b, root, "sh", "-c", script) }
	for name, command := range map[string]string{"unattended": theirs, "lockfast": ours} {
		var cpus, sizes []float64
		for range 3 {
			cpu, mib := cost(b, run, command)
			cpus, sizes = append(cpus, cpu), append(sizes, mib)
		}
		b.ReportMetric(median(cpus), name+"-CPU-s")
		b.ReportMetric(median(sizes), name+"-MiB")
	}
}

// children is the CPU time, in seconds, of what a host's systemd has run and
// waited for, and its own (proc_pid_stat(5), fields 14 to 17, in ticks of 10 ms).
func children(b *testing.B, m *hosts.Machine) float64 {
	b.Helper()
	_, rest, _ := strings.Cut(m.Run("cat", "/proc/1/stat"), ") ")
	f := strings.Fields(rest)
	total := 0.0
	for _, text := range f[11:15] {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			b.Fatal(err)
		}
		total += v / 100
	}
	return total
}

// installBoth lets each of them install the same updates on a booted clone, and
// looks what runs old code afterwards.
func installBoth(b *testing.B, root string) {
	b.Helper()
	for name, command := range map[string]string{
		"unattended": "unattended-upgrade",
		"lockfast":   "sed -i s/download/auto/ /etc/lockfast/config.d/50-stay-secure.yaml; " + program + " stay-secure run || [ $? -lt 5 ]",
	} {
		m := hosts.Boot(b, hosts.Clone(b, root))
		answers(b, m)
		before := children(b, m)
		cpu, mib := cost(b, func(script string) string { return m.Run("sh", "-c", script) }, command)
		cpu += children(b, m) - before // what systemd ran for it: dpkg in a unit of its own
		out, _, _ := m.Try(program, "scan", "--json", "--advisories", "none")
		var s result.Scan
		if err := json.Unmarshal(out, &s); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(cpu, name+"-CPU-s")
		b.ReportMetric(mib, name+"-MiB")
		b.ReportMetric(float64(s.Summary.Fixable), name+"-missing")
		b.ReportMetric(float64(s.Summary.NotRunning), name+"-not-running")
		b.Logf("%s:\n%s", name, m.Run("cat", "/tmp/out"))
	}
}
