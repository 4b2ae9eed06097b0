//go:build e2e

package e2e_test

import (
	"strings"
	"testing"

	"github.com/lockfast/lockfast/test/hosts"
)

// A plan that was kept is carried out exactly, whatever is on offer by then, or
// not at all.
func TestFixSavedPlan(t *testing.T) {
	other := func(version string) hosts.Deb { return hosts.Deb{Name: "other", Version: version} }
	root := appHost(t, app("2.0"), other("2"))
	install(t, root, other("1"))
	if out, errOut, code := run(t, root, program+" fix plan --advisories none --exclude other --json -o /plan.json"); code != 0 {
		t.Fatalf("plan: exit %d\n%s%s", code, out, errOut)
	}
	moved := hosts.Clone(t, root)
	root = hosts.Clone(t, root)

	saved := apply + " --no-refresh --plan /plan.json"
	out, errOut, code := run(t, root, saved)
	if code != 0 || !strings.Contains(out, "app 1.0 → 2.0") {
		t.Errorf("exit %d\n%s%s", code, out, errOut)
	}
	intact(t, root, "2.0")
	if got, _, _ := run(t, root, "dpkg-query -W -f '${Version}' other"); got != "1" {
		t.Errorf("other, which the plan leaves alone, is at %s", got)
	}
	_, errOut, code = run(t, root, saved)
	oneLine(t, "a second time", errOut, code, 2, "has changed since the plan was made", "plan again")

	if out, errOut, code := run(t, moved, "apt-mark hold app"); code != 0 {
		t.Fatalf("hold: %s%s", out, errOut)
	}
	_, errOut, code = run(t, moved, saved)
	oneLine(t, "a host that has moved on", errOut, code, 2, "plan again")
	if got, _, _ := run(t, moved, "dpkg-query -W -f '${Version}' app"); got != "1.0" {
		t.Errorf("app is at %s", got)
	}
}

// Without new packages an update that needs one is left, and the reason is said.
func TestFixNoNewPackages(t *testing.T) {
	update := app("2.0")
	update.Depends = "newlib"
	root := appHost(t, update, hosts.Deb{Name: "newlib", Version: "1"})
	out, errOut, code := run(t, root, apply+" --no-new-packages")
	if code != 0 || !strings.Contains(out, "newlib") {
		t.Errorf("exit %d, and the reason is not said:\n%s%s", code, out, errOut)
	}
	intact(t, root, "1.0")
}
