//go:build e2e

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/test/hosts"
)

// What hostsvc does to services, jobs and timers is tested inside of hosts that
// systemd booted: its own tests of tag inhost are built and run there.
func TestServices(t *testing.T) {
	tests := filepath.Join(t.TempDir(), "hostsvc.test")
	build := exec.Command("go", "test", "-c", "-tags", "inhost", "-o", tests, "../../internal/hostsvc")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build: %v\n%s", err, out)
	}
	program, err := os.ReadFile(tests)
	if err != nil {
		t.Fatal(err)
	}
	for _, suite := range []string{"bookworm", "bullseye", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			root := hosts.Clone(t, hosts.Rootfs(t, hosts.WebHost(suite)))
			if err := os.WriteFile(filepath.Join(root, "usr/local/bin/hostsvc.test"), program, 0o755); err != nil {
				t.Fatal(err)
			}
			writeFile(t, root+"/etc/apache2/ports.conf", "Listen 127.0.0.1:8081\n") // else it fights with nginx over port 80
			m := hosts.Boot(t, root)
			out, errOut, code := m.Try("/usr/local/bin/hostsvc.test", "-test.v", "-test.timeout=5m", "-test.run=^TestInHost")
			if code != 0 || strings.Count(string(out), "--- PASS: TestInHost") != 5 {
				t.Errorf("exit %d\n%s%s", code, out, errOut)
			}
		})
	}
}
