//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// kernel is a bootable kernel as Debian ships it: a package for each release.
func kernel(version, release string) hosts.Deb {
	return hosts.Deb{
		Name: "linux-image-" + release, Version: version, Arch: "amd64", Source: "linux-signed-amd64 (" + strings.ReplaceAll(version, "-", "+") + ")",
		Files: map[string]string{"boot/vmlinuz-" + release: "kernel " + version},
	}
}

// metaKernel is the package that people install: it only depends on a kernel.
func metaKernel(version, release string) hosts.Deb {
	return hosts.Deb{
		Name: "linux-image-amd64", Version: version, Arch: "amd64", Source: "linux-signed-amd64 (" + strings.ReplaceAll(version, "-", "+") + ")",
		Depends: "linux-image-" + release + " (= " + version + ")",
	}
}

// A kernel update is a new package behind a meta-package: apt-get upgrade keeps
// it back, and the host is not patched all the same.
func TestPendingKernel(t *testing.T) {
	root := smallHost(t)
	install(t, root, kernel("6.1.90-1", "6.1.0-20-amd64"), metaKernel("6.1.90-1", "6.1.0-20-amd64"))
	security(kernel("6.1.99-1", "6.1.0-22-amd64"), metaKernel("6.1.99-1", "6.1.0-22-amd64")).Install(t, root, "security")
	refresh(t, root)
	if kept := hosts.Run(t, root, "apt-get", "-s", "upgrade"); !strings.Contains(kept, "kept back") || strings.Contains(kept, "Inst ") {
		t.Fatalf("apt-get upgrade does not keep the kernel back:\n%s", kept)
	}
	s, _ := scan(t, root)
	f := findingOf(s, "linux-image-amd64")
	if f == nil || f.Status != result.StatusOpen || f.FixedVersion != "6.1.99-1" {
		t.Fatalf("the pending kernel is not found: %+v", s.Findings)
	}
	hosts.Run(t, root, "apt-get", "-y", "dist-upgrade")
	if s, _ = scan(t, root); len(open(s)) != 0 {
		t.Errorf("after dist-upgrade open is %v", open(s))
	}
	if s.Host.KernelNewest != "6.1.0-22-amd64" {
		t.Errorf("newest kernel is %q", s.Host.KernelNewest)
	}
	if s.Host.KernelOutdated != nil {
		t.Errorf("nothing runs in an unpacked root, and its kernel is said to be outdated: %v", *s.Host.KernelOutdated)
	}
}

// A fixed kernel on disk fixes nothing while the old one runs. The old one is a
// package of our own named after the kernel of this machine.
func TestInstalledKernelDoesNotRun(t *testing.T) {
	data, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	running := strings.TrimSpace(string(data))
	root := smallHost(t)
	copyBinary(t, root)
	install(t, root, kernel("6.1.90-1", running), metaKernel("6.1.90-1", running))
	security(kernel("6.1.99-1", "6.1.0-22-amd64"), metaKernel("6.1.99-1", "6.1.0-22-amd64")).Install(t, root, "security")
	refresh(t, root)
	store := importRecords(t, debianRecord("DSA-9002-1", "CVE-2026-0002", "linux", "6.1.99-1"))
	stored, err := os.ReadFile(store)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(root, "var/cache/test.store"), string(stored))
	look := func(state string) (*result.Scan, *result.Finding) {
		s := scanRunning(t, root, "--advisories", "/var/cache/test.store")
		for i := range s.Findings {
			if slices.Contains(s.Findings[i].IDs, "CVE-2026-0002") && s.Findings[i].Status != result.StatusLeftover {
				return s, &s.Findings[i]
			}
		}
		t.Fatalf("%s: no finding names the hole of the running kernel: %+v", state, s.Findings)
		return nil, nil
	}
	if s, f := look("pending"); f.Status != result.StatusOpen || s.Host.KernelRunning != running {
		t.Errorf("pending: status %q, running %q", f.Status, s.Host.KernelRunning)
	}
	hosts.Run(t, root, "apt-get", "-y", "dist-upgrade")
	s, f := look("installed")
	if f.Status != result.StatusRestart || !slices.Contains(f.Restart, "reboot") || !slices.Contains(f.Packages, "linux-image-"+running) {
		t.Errorf("installed: status %q, restart %v, packages %v", f.Status, f.Restart, f.Packages)
	}
	if s.Host.KernelOutdated == nil || !*s.Host.KernelOutdated || !s.Host.RebootRequired || s.Host.KernelNewest != "6.1.0-22-amd64" {
		t.Errorf("installed: outdated %s, reboot %v, newest %q", word(s.Host.KernelOutdated), s.Host.RebootRequired, s.Host.KernelNewest)
	}
	// The package manager alone does not know of it: the host still says so.
	if s = scanRunning(t, root); s.Host.KernelOutdated == nil || !*s.Host.KernelOutdated || !s.Host.RebootRequired {
		t.Errorf("without a store: outdated %s, reboot %v", word(s.Host.KernelOutdated), s.Host.RebootRequired)
	}
}
