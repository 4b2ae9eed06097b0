//go:build e2e

package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/test/hosts"
)

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
	// apt links to the lists of a file: archive; what is damaged here is a file of its own.
	archived := filepath.Join(root, "srv/security/dists/stable-security/main/binary-amd64/Packages")
	data, err := os.ReadFile(archived)
	if err != nil {
		t.Fatal(err)
	}
	list := only(t, filepath.Join(root, "var/lib/apt/lists/*_Packages"))
	release := only(t, filepath.Join(root, "var/lib/apt/lists/*_InRelease"))
	refused := func(what string) {
		t.Helper()
		if s, code := scan(t, root); code != 3 || len(s.Exit.Reasons) == 0 {
			t.Errorf("%s: exit %d, %v", what, code, s.Exit.Reasons)
		}
	}
	remove(t, list)
	writeFile(t, list, string(data[:len(data)/2]))
	refused("a list cut short")
	writeFile(t, list, strings.ReplaceAll(string(data), "99-1", "00-1"))
	refused("a list that was changed")
	remove(t, list)
	remove(t, archived)
	refused("without the list of packages")
	remove(t, release)
	refused("without lists")
}

// A store that is named and is not there, or is damaged, ends the scan.
func TestMissingStore(t *testing.T) {
	root := smallHost(t)
	security(hosts.Deb{Name: "tar", Version: "99-1", Arch: "amd64"}).Install(t, root, "security")
	refresh(t, root)
	missing := filepath.Join(t.TempDir(), "none.store")
	_, errOut, code := lockfast(t, "scan", "--root", root, "--advisories", missing)
	if code != 3 || !strings.Contains(errOut, missing) {
		t.Errorf("missing: exit %d, %s", code, errOut)
	}
	store := importRecords(t, debianRecord("DSA-1-1", "CVE-2026-0001", "nginx", "1"))
	data, err := os.ReadFile(store)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, store, string(data[:len(data)-7]))
	if _, errOut, code = lockfast(t, "scan", "--root", root, "--advisories", store); code != 3 || !strings.Contains(errOut, store) {
		t.Errorf("cut short: exit %d, %s", code, errOut)
	}
}

// only is the one file that a pattern finds.
func only(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) != 1 {
		t.Fatalf("%s: %v, %v", pattern, files, err)
	}
	return files[0]
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}
