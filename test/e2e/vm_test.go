//go:build e2e

package e2e_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// pendingKernel is a host that boots by itself, with everything up to date but
// its kernel, and the release of the kernel that Debian's security archive has
// for it. Right after a point release the main archive has the newest kernel of
// a stable release; that of one past its last point release stays behind.
func pendingKernel(t *testing.T) (root, release string) {
	t.Helper()
	for _, suite := range []string{"bookworm", "bullseye"} {
		root = hosts.Rootfs(t, hosts.VMHost(suite))
		hosts.AddSecurity(t, root, suite)
		hosts.Run(t, root, "apt-get", "-qq", "-y", "upgrade") // keeps a kernel back: it is a new package
		for line := range strings.Lines(hosts.Run(t, root, "apt-get", "-s", "dist-upgrade")) {
			w := strings.Fields(line)
			if len(w) < 3 || w[0] != "Inst" || !strings.HasPrefix(w[2], "(") {
				continue
			}
			if release, ok := strings.CutPrefix(w[1], "linux-image-"); ok {
				return root, release
			}
		}
		if err := os.RemoveAll(root); err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("no release has a kernel pending: this proves nothing")
	return "", ""
}

// A real kernel update: downloaded with a network, applied without one, in
// force after a reboot, and taken back by booting the kernel before it.
func TestKernelUpdateInVM(t *testing.T) {
	root, fixed := pendingKernel(t)
	copyBinary(t, root)
	hosts.Run(t, root, "apt-get", "clean") // nothing comes from apt's own cache
	out, errOut, code := hosts.Try(t, root, program, "fix", "download", "--advisories", "none")
	if code != 0 && code != 3 { // 3: the release is past its end of life
		t.Fatalf("download: exit %d\n%s%s", code, out, errOut)
	}

	m := hosts.BootVM(t, root)
	old := runs(m)
	if old == fixed {
		t.Fatalf("the machine already runs %s", fixed)
	}
	s := scanVM(t, m, old, false)
	if !slices.Contains(open(s), "linux-image-cloud-amd64") {
		t.Errorf("the pending kernel %s is not among what is open: %v", fixed, open(s))
	}

	fix := applyVM(t, m)
	if !fix.Reboot || !strings.Contains(fix.RebootWhy, fixed) {
		t.Errorf("reboot %v because %q, want one into %s", fix.Reboot, fix.RebootWhy, fixed)
	}
	s = scanVM(t, m, old, true)
	if s.Host.KernelNewest != fixed || !s.Host.RebootRequired {
		t.Errorf("newest kernel is %q, want %q; reboot %v", s.Host.KernelNewest, fixed, s.Host.RebootRequired)
	}

	m.Reboot("") // what GRUB boots by itself
	if s = scanVM(t, m, fixed, false); len(open(s)) != 0 {
		t.Errorf("with the new kernel running open is %v", open(s))
	}
	works(t, m)

	m.Reboot(old)
	scanVM(t, m, old, true)
	works(t, m)
	m.Stop()
}

func runs(m *hosts.VM) string { return strings.TrimSpace(m.Run("uname", "-r")) }

// applyVM applies what was downloaded.
func applyVM(t *testing.T, m *hosts.VM) result.Fix {
	t.Helper()
	began := time.Now()
	out, errOut, code := m.Try(program, "fix", "apply", "--offline", "--yes", "--json", "--advisories", "none", "--reboot", "never")
	var fix result.Fix
	if err := json.Unmarshal(out, &fix); err != nil || code != 7 && code != 0 {
		t.Fatalf("apply: exit %d, %v\n%.3000s\n%s", code, err, out, errOut)
	}
	t.Logf("applied in %v: exit %d", time.Since(began).Round(time.Second), code)
	return fix
}

// scanVM scans a machine that runs a kernel, which is or is not outdated.
func scanVM(t *testing.T, m *hosts.VM, kernel string, outdated bool) *result.Scan {
	t.Helper()
	out, errOut, _ := m.Try(program, "scan", "--json", "--advisories", "none")
	s := decode(t, string(out), string(errOut))
	if got := runs(m); got != kernel || s.Host.KernelRunning != kernel {
		t.Fatalf("uname says %q, the scan %q, want %q", got, s.Host.KernelRunning, kernel)
	}
	if s.Host.KernelOutdated == nil || *s.Host.KernelOutdated != outdated {
		t.Errorf("running %s: kernel outdated is %s, want %v", kernel, word(s.Host.KernelOutdated), outdated)
	}
	return s
}

// works checks that a machine came up as a whole.
func works(t *testing.T, m *hosts.VM) {
	t.Helper()
	if out := m.Run("systemctl", "is-system-running"); out != "running\n" {
		t.Errorf("the machine is %s%s", out, m.Run("systemctl", "--failed"))
	}
	if out := m.Run("dpkg", "--audit"); out != "" {
		t.Errorf("dpkg --audit: %s", out)
	}
}
