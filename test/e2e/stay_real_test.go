//go:build e2e

package e2e_test

import (
	"encoding/json"
	"testing"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// The real updates that are pending for a Debian 12 web host: fetched by the
// service where there is a network, installed by it where there is none.
func TestStayRealUpdates(t *testing.T) {
	t.Parallel()
	root := webHost(t, "bookworm")
	writeFile(t, root+"/etc/lockfast/config.d/40-mode.yaml", "schema: lockfast.config/1\nstay_secure:\n  mode: download\n")
	if out, errOut, code := hosts.Try(t, root, program, "stay-secure", "run"); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	m := hosts.Boot(t, hosts.Clone(t, root))
	answers(t, m)
	s := on(t, m, "--mode", "auto")
	if s.Last == nil || s.Last.Error != "" || s.Last.Updates < 5 {
		t.Errorf("last %+v, check %+v\n%s", s.Last, s.Check, journal(m))
	}
	out, errOut, _ := m.Try(program, "scan", "--json", "--advisories", "none")
	var scan result.Scan
	if err := json.Unmarshal(out, &scan); err != nil || scan.Summary.Fixable != 0 {
		t.Errorf("%d fixes are missing, %v\n%s", scan.Summary.Fixable, err, errOut)
	}
	if audit := m.Run("dpkg", "--audit"); audit != "" {
		t.Errorf("dpkg --audit: %s", audit)
	}
	answers(t, m)
	t.Logf("%d real updates: %s", s.Last.Updates, s.Level)
}
