//go:build e2e

package e2e_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockfast/lockfast/test/hosts"
)

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
