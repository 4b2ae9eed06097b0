//go:build e2e

package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// RPM is an empty package under a real name and version.
type RPM struct {
	Name, Epoch, Version, Release string
	Vendor                        string
	Module                        string // modularity label, "nodejs:18:8090020240101:abcd"
}

// RPMRoot makes a root with the packages in its database and an os-release.
func RPMRoot(t testing.TB, osRelease string, packages []RPM) string {
	t.Helper()
	need(t, "rpm", "rpmbuild")
	root, work := t.TempDir(), t.TempDir()
	write(t, filepath.Join(root, "etc/os-release"), osRelease)
	write(t, filepath.Join(root, "etc/hostname"), "rpmhost\n")
	for _, p := range packages {
		spec := filepath.Join(work, p.Name+".spec")
		text := fmt.Sprintf("Name: %s\nVersion: %s\nRelease: %s\nSummary: test\nLicense: test\nBuildArch: x86_64\nAutoReqProv: no\n", p.Name, p.Version, p.Release)
		if p.Epoch != "" {
			text += "Epoch: " + p.Epoch + "\n"
		}
		if p.Vendor != "" {
			text += "Vendor: " + p.Vendor + "\n"
		}
		if p.Module != "" {
			text += "ModularityLabel: " + p.Module + "\n"
		}
		write(t, spec, text+"%description\ntest\n%files\n")
		must(t, exec.Command("rpmbuild", "--quiet", "-bb", "--target", "x86_64", "--define", "_topdir "+work, "--define", "_build_id_links none", spec))
	}
	built, err := filepath.Glob(filepath.Join(work, "RPMS/x86_64/*.rpm"))
	if err != nil || len(built) != len(packages) {
		t.Fatalf("built %d of %d packages: %v", len(built), len(packages), err)
	}
	db := filepath.Join(root, "var/lib/rpm")
	if err := os.MkdirAll(db, 0o755); err != nil {
		t.Fatal(err)
	}
	must(t, exec.Command("rpm", append([]string{"--dbpath", db, "--define", "_db_backend sqlite", "-i", "--justdb", "--nodeps", "--noscripts", "--force", "--ignorearch", "--nosignature"}, built...)...))
	if out := must(t, exec.Command("rpm", "--dbpath", db, "-qa")); strings.Count(out, "\n") != len(packages) {
		t.Fatalf("rpm database holds %q", out)
	}
	return root
}
