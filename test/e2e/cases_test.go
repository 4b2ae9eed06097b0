//go:build e2e

package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

func readFile(path string) ([]byte, error) { return os.ReadFile(path) }

// smallHost is a bookworm with archives of our own beside main.
func smallHost(t *testing.T) string {
	t.Helper()
	return hosts.Rootfs(t, hosts.Spec{Suite: "bookworm"})
}

func security(debs ...hosts.Deb) hosts.Repository {
	return hosts.Repository{Origin: "Debian", Label: "Debian-Security", Suite: "stable-security", Codename: "bookworm-security", Debs: debs}
}

func install(t *testing.T, root string, debs ...hosts.Deb) {
	t.Helper()
	for _, d := range debs {
		file := d.Build(t, filepath.Join(root, "var/cache"))
		hosts.Run(t, root, "dpkg", "-i", "--force-depends", "/var/cache/"+file)
	}
}

func refresh(t *testing.T, root string) {
	t.Helper()
	writeFile(t, filepath.Join(root, "etc/apt/sources.list"), "")
	hosts.Run(t, root, "apt-get", "-o", "APT::Update::Error-Mode=any", "update")
}

func kernel(version, abi string) hosts.Deb {
	return hosts.Deb{
		Name: "linux-image-" + abi + "-amd64", Version: version, Arch: "amd64", Source: "linux-signed-amd64 (" + strings.ReplaceAll(version, "-", "+") + ")",
		Files: map[string]string{"boot/vmlinuz-" + abi + "-amd64": "kernel " + version},
	}
}

func metaKernel(version, abi string) hosts.Deb {
	return hosts.Deb{Name: "linux-image-amd64", Version: version, Arch: "amd64", Source: "linux-signed-amd64 (" + strings.ReplaceAll(version, "-", "+") + ")", Depends: "linux-image-" + abi + "-amd64 (= " + version + ")"}
}

// A kernel update is a new package behind a meta-package: apt-get upgrade keeps
// it back, and the host is not patched all the same.
func TestPendingKernel(t *testing.T) {
	root := smallHost(t)
	install(t, root, kernel("6.1.90-1", "6.1.0-20"), metaKernel("6.1.90-1", "6.1.0-20"))
	security(kernel("6.1.99-1", "6.1.0-22"), metaKernel("6.1.99-1", "6.1.0-22")).Install(t, root, "security")
	refresh(t, root)
	kept := hosts.Run(t, root, "apt-get", "-s", "upgrade")
	if !strings.Contains(kept, "kept back") && !strings.Contains(kept, "0 upgraded") {
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
}

// A vendor's package with a higher version than the distribution's fix is
// unknown, not fixed.
func TestForeignPackage(t *testing.T) {
	root := smallHost(t)
	vendor := hosts.Deb{Name: "nginx", Version: "99.1-1~bookworm", Arch: "amd64", Maintainer: "Packaging <packaging@vendor.example>"}
	hosts.Repository{Origin: "nginx", Label: "nginx", Suite: "bookworm", Codename: "bookworm", Debs: []hosts.Deb{vendor}}.Install(t, root, "vendor")
	security(hosts.Deb{Name: "nginx", Version: "1.22.1-9+deb12u9", Arch: "amd64"}).Install(t, root, "security")
	refresh(t, root)
	hosts.Run(t, root, "apt-get", "-y", "--no-install-recommends", "install", "nginx")
	store := importRecords(t, debianRecord("DSA-9001-1", "CVE-2026-0001", "nginx", "1.22.1-9+deb12u9"))
	s, code := scan(t, root, "--advisories", store)
	u := unknownOf(s, "nginx")
	if u == nil || !slices.Contains(u.IDs, "CVE-2026-0001") {
		t.Errorf("nginx of a vendor is not unknown: %+v", s.Unknown)
	}
	if f := findingOf(s, "nginx"); f != nil {
		t.Errorf("nginx of a vendor has a finding: %+v", f)
	}
	if code != 0 {
		t.Errorf("exit %d: %v", code, s.Exit.Reasons)
	}
	if _, code = scan(t, root, "--advisories", store, "--fail-on", "any"); code != 3 {
		t.Errorf("--fail-on any ends in %d, want 3: nobody can say", code)
	}
}

func debianRecord(id, cve, pkg, fixed string) string {
	today := time.Now().UTC().Format(time.RFC3339)
	return fmt.Sprintf(`{"schema_version":"1.7.0","id":%q,"modified":%q,"published":%q,"upstream":[%q],"affected":[{"package":{"ecosystem":"Debian:12","name":%q},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":%q}]}]}]}`,
		id, today, today, cve, pkg, fixed)
}

func importRecords(t *testing.T, records ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, r := range records {
		writeFile(t, filepath.Join(dir, "osv", fmt.Sprintf("%d.json", i)), r)
	}
	store := filepath.Join(dir, "advisories.store")
	if out, errOut, code := lockfast(t, "advisories", "import", "--out", store, filepath.Join(dir, "osv")); code != 0 {
		t.Fatalf("import ended in %d: %s%s", code, out, errOut)
	}
	return store
}

// The database of a real rpm, against AlmaLinux's records.
func TestAlmaLinuxRoot(t *testing.T) {
	store := filepath.Join(t.TempDir(), "advisories.store")
	if out, errOut, code := lockfast(t, "advisories", "import", "--out", store, "testdata/almalinux"); code != 0 {
		t.Fatalf("import ended in %d: %s%s", code, out, errOut)
	}
	const vendor = "AlmaLinux"
	root := hosts.RPMRoot(t, "ID=almalinux\nVERSION_ID=\"8.10\"\nPRETTY_NAME=\"AlmaLinux 8.10\"\n", []hosts.RPM{
		{Name: "sudo", Version: "1.8.29", Release: "5.el8", Vendor: vendor},
		{Name: "bash", Version: "9.9", Release: "1.el8", Vendor: vendor},
		{Name: "nodejs", Epoch: "1", Version: "10.1.0", Release: "1.module_el8.3.0+1+abc", Vendor: vendor, Module: "nodejs:10:8030020200101:abcd"},
		{Name: "npm", Epoch: "1", Version: "0.1", Release: "1.module_el8.3.0+1+abc", Vendor: vendor, Module: "nodejs:99:8030020200101:abcd"},
		{Name: "tzdata", Version: "2000a", Release: "1.el8", Vendor: vendor},
	})
	s, code := scan(t, root, "--advisories", store, "--max-data-age", "5000d")
	if code != 0 {
		t.Errorf("exit %d: %v", code, s.Exit.Reasons)
	}
	if f := findingOf(s, "sudo"); f == nil || f.FixedVersion == "" || f.Severity == "unknown" || f.GapDays == nil {
		t.Errorf("sudo: %+v", f)
	}
	if f := findingOf(s, "nodejs"); f == nil || !slices.Contains(f.IDs, "ALSA-2021:0735") {
		t.Errorf("nodejs in its stream: %+v", f)
	}
	for _, name := range []string{"bash", "npm", "tzdata"} {
		if f := findingOf(s, name); f != nil {
			t.Errorf("%s must have no finding: %+v", name, f)
		}
	}
}

// A full disk while importing leaves the old store as it was.
func TestDiskFullWhileImporting(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", "--lazy", dir).Run() })
	store := filepath.Join(dir, "advisories.store")
	old, err := os.ReadFile(importRecords(t, debianRecord("DSA-1-1", "CVE-2026-0001", "nginx", "1")))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, store, string(old))
	var many []string
	for i := range 3000 {
		many = append(many, debianRecord(fmt.Sprintf("DSA-%d-1", i), fmt.Sprintf("CVE-2026-%04d", i), fmt.Sprintf("p%x", i*2654435761), fmt.Sprintf("1.%d-%x", i, i*40503)))
	}
	records := t.TempDir()
	for i, r := range many {
		writeFile(t, filepath.Join(records, fmt.Sprintf("%d.json", i)), r)
	}
	writeFile(t, filepath.Join(dir, "filler"), strings.Repeat("x", 48<<10))
	_, errOut, code := lockfast(t, "advisories", "import", "--out", store, records)
	if code != 3 || !strings.Contains(errOut, "no space left") || strings.Count(errOut, "\n") != 1 {
		t.Errorf("exit %d: %s", code, errOut)
	}
	now, err := os.ReadFile(store)
	if err != nil || !bytes.Equal(now, old) {
		t.Errorf("the old store changed: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What apt would not notice: lists that are gone, cut short, or changed.
func TestDamagedLists(t *testing.T) {
	root := smallHost(t)
	security(hosts.Deb{Name: "tar", Version: "99-1", Arch: "amd64"}).Install(t, root, "security")
	refresh(t, root)
	s, code := scan(t, root)
	if code != 0 || findingOf(s, "tar") == nil {
		t.Fatalf("before: exit %d, %v, findings %v", code, s.Exit.Reasons, open(s))
	}
	lists, err := filepath.Glob(filepath.Join(root, "var/lib/apt/lists/*_Packages*"))
	if err != nil || len(lists) == 0 {
		t.Fatal("no lists", err)
	}
	// apt links to lists of file: archives; what is damaged here is a file of its own.
	data, err := os.ReadFile(filepath.Join(root, "srv/security/dists/stable-security/main/binary-amd64/Packages"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(lists[0]); err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string]string{"cut short": string(data[:len(data)/2]), "changed": strings.ReplaceAll(string(data), "99-1", "00-1")} {
		writeFile(t, lists[0], damaged)
		if s, code = scan(t, root); code != 3 {
			t.Errorf("%s: exit %d, %v", name, code, s.Exit.Reasons)
		}
	}
	for _, f := range lists {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
	if _, code = scan(t, root); code != 3 {
		t.Errorf("without lists: exit %d", code)
	}
}
