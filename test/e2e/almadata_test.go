//go:build e2e

package e2e_test

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/test/hosts"
)

// almaRecord is what this test reads of an OSV record, by itself.
type almaRecord struct {
	ID       string `json:"id"`
	Affected []struct {
		Package struct {
			Ecosystem string `json:"ecosystem"`
			Name      string `json:"name"`
		} `json:"package"`
		Ranges []struct {
			Events []map[string]string `json:"events"`
		} `json:"ranges"`
	} `json:"affected"`
}

// almaPackage is what the records say of one package of AlmaLinux 9.
type almaPackage struct {
	security, other []string // ids of ALSA, and of ALBA and ALEA
	fixes           []string // versions that an ALSA names as fixed
	newest          string   // the highest of them, by rpm's own order; of chosen packages only
	module          bool
}

// Real packages of AlmaLinux 9 against all its records, where they are: packages
// from before any fix have every security advisory and no other, packages at
// the newest fix have none.
func TestAlmaLinuxData(t *testing.T) {
	folder := os.Getenv("LOCKFAST_SHARED_DATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "data")
	}
	archive := filepath.Join(folder, "osv", "AlmaLinux", "all.zip")
	if _, err := os.Stat(archive); err != nil {
		t.Log("no shared data here; TestAlmaLinuxRoot looks at an extract")
		return
	}
	known := almaPackages(t, archive)
	old, fixed := choose(t, known, 20)
	packages := make([]hosts.RPM, 0, len(old)+len(fixed))
	for _, name := range old {
		packages = append(packages, hosts.RPM{Name: name, Version: "0", Release: "1.el9", Vendor: "AlmaLinux"})
	}
	for _, name := range fixed {
		packages = append(packages, rpmOf(name, known[name].newest))
	}
	root := hosts.RPMRoot(t, "ID=almalinux\nVERSION_ID=\"9.4\"\nPRETTY_NAME=\"AlmaLinux 9.4\"\n", packages)
	store := filepath.Join(t.TempDir(), "advisories.store")
	if out, errOut, code := lockfast(t, "advisories", "import", "--out", store, archive); code != 0 {
		t.Fatalf("import ended in %d: %s%s", code, out, errOut)
	}
	s, code := scan(t, root, "--advisories", store, "--max-data-age", "5000d")
	if code != 0 {
		t.Errorf("exit %d: %v", code, s.Exit.Reasons)
	}
	for _, name := range old {
		f := findingOf(s, name)
		if f == nil {
			t.Errorf("%s 0 has no finding, and %v concern it", name, known[name].security)
			continue
		}
		for _, id := range known[name].security {
			if !slices.Contains(f.IDs, id) {
				t.Errorf("%s 0: %s is missing in %v", name, id, f.IDs)
			}
		}
		if slices.ContainsFunc(f.IDs, func(id string) bool { return slices.Contains(known[name].other, id) }) {
			t.Errorf("%s 0: a bug fix is called a security finding: %v", name, f.IDs)
		}
		if vercmp(t, f.FixedVersion, known[name].newest) != 0 {
			t.Errorf("%s 0: fixed in %s, want %s", name, f.FixedVersion, known[name].newest)
		}
	}
	for _, name := range fixed {
		if f := findingOf(s, name); f != nil {
			t.Errorf("%s %s is the newest fix, and has a finding: %s, %v", name, known[name].newest, f.FixedVersion, f.IDs)
		}
	}
}

// almaPackages reads the records of AlmaLinux 9.
func almaPackages(t *testing.T, archive string) map[string]*almaPackage {
	t.Helper()
	files, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	known := map[string]*almaPackage{}
	for _, file := range files.File {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		var record almaRecord
		if err := json.NewDecoder(r).Decode(&record); err != nil {
			t.Fatalf("%s: %v", file.Name, err)
		}
		r.Close()
		for i := range record.Affected {
			a := &record.Affected[i]
			if a.Package.Ecosystem != "AlmaLinux:9" {
				continue
			}
			if known[a.Package.Name] == nil {
				known[a.Package.Name] = &almaPackage{}
			}
			for _, span := range a.Ranges {
				for _, event := range span.Events {
					known[a.Package.Name].add(record.ID, event["fixed"])
				}
			}
		}
	}
	return known
}

func (p *almaPackage) add(id, fixed string) {
	switch {
	case fixed == "":
	case strings.Contains(fixed, "module"):
		p.module = true
	case !strings.HasPrefix(id, "ALSA"):
		p.other = append(p.other, id)
	default:
		p.security = append(p.security, id)
		p.fixes = append(p.fixes, fixed)
	}
}

// choose takes n packages from all over the alphabet for each group, among
// them packages that have bug fixes too.
func choose(t *testing.T, known map[string]*almaPackage, n int) (old, fixed []string) {
	t.Helper()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(known)), func(name string) bool {
		p := known[name]
		return p.module || len(p.security) == 0 || strings.Contains(name, "kernel")
	})
	for i := range 2 * n {
		name := names[i*len(names)/(2*n)]
		known[name].newest = slices.MaxFunc(known[name].fixes, func(a, b string) int { return vercmp(t, a, b) })
		if i%2 == 0 {
			old = append(old, name)
		} else {
			fixed = append(fixed, name)
		}
	}
	return old, fixed
}

// rpmOf takes "1:2.3-4.el9" apart.
func rpmOf(name, version string) hosts.RPM {
	p := hosts.RPM{Name: name, Vendor: "AlmaLinux"}
	if epoch, rest, ok := strings.Cut(version, ":"); ok {
		p.Epoch, version = epoch, rest
	}
	p.Version, p.Release, _ = strings.Cut(version, "-")
	return p
}

// vercmp asks rpm itself which version is newer.
func vercmp(t *testing.T, a, b string) int {
	t.Helper()
	out, err := exec.Command("rpm", "--eval", fmt.Sprintf(`%%{lua: print(rpm.vercmp(%q, %q))}`, a, b)).Output()
	if err != nil {
		t.Fatal(err)
	}
	switch strings.TrimSpace(string(out)) {
	case "1":
		return 1
	case "0":
		return 0
	case "-1":
		return -1
	}
	t.Fatalf("rpm.vercmp(%q, %q) says %q", a, b, out)
	return 0
}
