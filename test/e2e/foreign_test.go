//go:build e2e

package e2e_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lockfast/lockfast/test/hosts"
)

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

// debianRecord is an OSV record of today for Debian 12.
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
