//go:build e2e

package e2e_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// site is a package that configures the web server, rightly or wrongly.
func site(version, config string) hosts.Deb {
	return hosts.Deb{
		Name: "site", Version: version, Files: map[string]string{"etc/nginx/conf.d/site.conf": config},
		Scripts: map[string]string{"postinst": "#!/bin/sh\nsystemctl restart nginx || true\n"},
	}
}

// brokenSite is a web host with three updates pending, of which site's breaks
// the web server.
func brokenSite(t *testing.T) string {
	t.Helper()
	root := hosts.Rootfs(t, hosts.WebHost("bookworm"))
	writeFile(t, filepath.Join(root, "etc/apt/sources.list"), "")
	copyBinary(t, root)
	writeFile(t, root+"/etc/apache2/ports.conf", "Listen 127.0.0.1:8081\n")
	other := hosts.Deb{Name: "other", Version: "1.0"}
	install(t, root, app("1.0"), other, site("1.0", "# fine\n"))
	other.Version = "2.0"
	security(app("2.0"), other, site("2.0", "this is no configuration\n")).Install(t, root, "security")
	refresh(t, root)
	return root
}

func versions(m *hosts.Machine) string {
	return strings.TrimSpace(m.Run("dpkg-query", "-W", "-f", "${Package} ${Version}\n", "app", "other", "site"))
}

// The package that broke the web server is found, and only it goes back.
func TestFixTakesTheCulpritBack(t *testing.T) {
	m := hosts.Boot(t, hosts.Clone(t, brokenSite(t)))
	answers(t, m)
	fix := inside[result.Fix](t, m, []int{4}, "fix", "apply", "--yes", "--json", "--advisories", "none")
	if fix.Status != "partly taken back" || len(fix.GoneBack) != 1 || !slices.Equal(fix.GoneBack[0].Packages, []string{"site"}) {
		t.Errorf("%s, taken back %+v", fix.Status, fix.GoneBack)
	}
	if got := versions(m); got != "app 2.0\nother 2.0\nsite 1.0" {
		t.Errorf("versions are\n%s", got)
	}
	answers(t, m)
	if state := strings.TrimSpace(m.Run("systemctl", "is-active", "nginx")); state != "active" {
		t.Errorf("nginx is %s", state)
	}
	if d := m.Run("dpkg", "--audit"); d != "" {
		t.Errorf("dpkg --audit: %s", d)
	}
}

// exploitedStore gives a host advisories that know of one hole, in a package
// before 2.0, CVE-2026-0003, which is known to be exploited.
func exploitedStore(t *testing.T, root, pkg string) {
	t.Helper()
	dir := t.TempDir()
	today := time.Now().UTC().Format(time.RFC3339)
	writeFile(t, filepath.Join(dir, "osv/1.json"), debianRecord("DSA-9003-1", "CVE-2026-0003", pkg, "2.0"))
	writeFile(t, filepath.Join(dir, "kev.json"), fmt.Sprintf(`{"title":"CISA Catalog of Known Exploited Vulnerabilities","catalogVersion":"x","dateReleased":%q,"count":1,"vulnerabilities":[
{"cveID":"CVE-2026-0003","vendorProject":"x","product":"site","vulnerabilityName":"hole","dateAdded":"2026-11-01","shortDescription":"d","requiredAction":"a","dueDate":"2026-12-01","knownRansomwareCampaignUse":"Unknown","notes":"","cwes":[]}]}`, today))
	store := filepath.Join(root, "var/cache/test.store")
	if out, errOut, code := lockfast(t, "advisories", "import", "--out", store, filepath.Join(dir, "osv"), filepath.Join(dir, "kev.json")); code != 0 {
		t.Fatalf("import: exit %d\n%s%s", code, out, errOut)
	}
}

// A version that reopens a known exploited, exposed hole is not restored
// without a person, who is told how.
func TestFixDoesNotReopenAnExploitedHole(t *testing.T) {
	root := brokenSite(t)
	exploitedStore(t, root, "site")
	m := hosts.Boot(t, hosts.Clone(t, root))
	answers(t, m)
	args := []string{"fix", "apply", "--yes", "--json", "--advisories", "/var/cache/test.store", "--accept-partial"}
	fix := inside[result.Fix](t, m, []int{5}, args...)
	reason := strings.Join(fix.Exit.Reasons, " ")
	if fix.Status != "needs a person" || !strings.Contains(reason, "CVE-2026-0003") || !strings.Contains(reason, "lockfast undo "+fix.Transaction) {
		t.Errorf("%s: %s", fix.Status, reason)
	}
	if got := versions(m); got != "app 2.0\nother 2.0\nsite 2.0" {
		t.Errorf("versions are\n%s", got)
	}
	// The person decides.
	undo := inside[result.Undo](t, m, []int{0}, "undo", "--yes", "--json", fix.Transaction)
	if !undo.Exact {
		t.Errorf("undo: %+v", undo)
	}
	if got := versions(m); got != "app 1.0\nother 1.0\nsite 1.0" {
		t.Errorf("versions are\n%s", got)
	}
	answers(t, m)
}
