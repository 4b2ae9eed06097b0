//go:build unix

package bench_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/advisory/advisorytest"
)

// seed begins the series of generated records.
const seed = 20261123

// packages is how many packages the scanned host has.
const packages = 830

// BenchmarkScan scans two hosts: on one a quarter of the packages have records,
// as on a Debian server (about 1,200 vulnerabilities apply, most without a fix);
// on the crowded one all have (about 4,800 apply).
func BenchmarkScan(b *testing.B) {
	binary := build(b)
	hosts := map[string]string{"server": host(b, 4), "crowded": host(b, 1)}
	for _, advisories := range []int{45_000, 400_000} {
		store := filepath.Join(b.TempDir(), "advisories.store")
		importRecords(b, binary, store, advisories)
		for _, name := range []string{"server", "crowded"} {
			b.Run(fmt.Sprintf("host=%s/advisories=%d", name, advisories), func(b *testing.B) {
				measure(b, binary, "scan", "--json", "--root", hosts[name], "--advisories", store, "--accept-partial", "--max-data-age", "36500d")
			})
		}
	}
}

func BenchmarkImport(b *testing.B) {
	binary := build(b)
	zip := records(b, 45_000)
	measure(b, binary, "advisories", "import", "--out", filepath.Join(b.TempDir(), "advisories.store"), zip)
}

// measure runs the program b.N times and reports CPU seconds (user and system)
// and the highest resident memory.
func measure(b *testing.B, binary string, args ...string) {
	b.Helper()
	var cpu time.Duration
	var peak int64
	for b.Loop() {
		cmd := exec.Command(binary, args...)
		var errOut bytes.Buffer // what the report says is not needed here, and this process must stay small
		cmd.Stderr = &errOut
		_ = cmd.Run() // the code is looked at below
		if code := cmd.ProcessState.ExitCode(); code != 0 {
			b.Fatalf("exit %d: %s", code, errOut.String())
		}
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			kib := usage.Maxrss
			if runtime.GOOS == "darwin" {
				kib /= 1024
			}
			peak = max(peak, kib)
		}
	}
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(peak)/1024, "peak-MiB")
}

func build(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "lockfast")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "../../cmd/lockfast")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// TestMain generates records when it is asked to by records: a process of its
// own, since a child's peak memory begins with its parent's.
func TestMain(m *testing.M) {
	if path := os.Getenv("BENCH_RECORDS_FILE"); path != "" {
		n, err := strconv.Atoi(os.Getenv("BENCH_RECORDS"))
		if err == nil {
			var data []byte
			if data, err = advisorytest.Zip(seed, n); err == nil {
				err = os.WriteFile(path, data, 0o600)
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func records(b *testing.B, n int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "all.zip")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "BENCH_RECORDS_FILE="+path, fmt.Sprintf("BENCH_RECORDS=%d", n))
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return path
}

func importRecords(b *testing.B, binary, store string, n int) {
	b.Helper()
	if out, err := exec.Command(binary, "advisories", "import", "--out", store, records(b, n)).CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
}

// host is a root with a status file as dpkg writes it. One package in every has
// records.
func host(b *testing.B, every int) string {
	b.Helper()
	root := b.TempDir()
	var status strings.Builder
	for i := range packages {
		fmt.Fprintf(&status, "Package: bin-%d\nStatus: install ok installed\nPriority: optional\nSection: libs\nInstalled-Size: 100\nMaintainer: Debian Test Team <test@lists.debian.org>\nArchitecture: amd64\nSource: %s\nVersion: %s\nDepends: libc6 (>= 2.36)\nDescription: a package\n%sHomepage: https://example.org/\n\n",
			i, source(i, every), version(i), strings.Repeat(" some more text to describe what the package is good for\n", 8))
	}
	for path, text := range map[string]string{
		"etc/os-release": "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n", "etc/hostname": "bench\n", "var/lib/dpkg/status": status.String(),
	} {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return root
}

func source(i, every int) string {
	if i%every != 0 {
		return fmt.Sprintf("quiet-%d", i)
	}
	return advisorytest.Package(i * 3)
}

// version is old for one package in 25, as on a host that was not updated for
// some weeks; the others have every fix there is.
func version(i int) string {
	if i%25 == 0 {
		return "0.1-1"
	}
	return "999.0-1+deb12u1"
}
