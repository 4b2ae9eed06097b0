//go:build e2e

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/test/hosts"
)

// A fix that needs a reboot gets one, in the window, after the site's hook has
// agreed, with a warning for those who are logged in.
func TestStayReboot(t *testing.T) {
	t.Parallel()
	kernel := app("2.0")
	kernel.Scripts = map[string]string{"postinst": "#!/bin/sh\necho '*** System restart required ***' >/run/reboot-required\necho app >/run/reboot-required.pkgs\n"}
	root := stayRoot(t, kernel)
	writeFile(t, root+"/etc/lockfast/hooks.d/drain", "#!/bin/sh\n[ \"$1\" = pre-reboot ] || exit 0\ncurl -sf -o /dev/null http://127.0.0.1/ && touch /usr/drained; [ -e /usr/ready ]\n")
	if err := os.Chmod(root+"/etc/lockfast/hooks.d/drain", 0o755); err != nil {
		t.Fatal(err)
	}
	m := bootStay(t, root)
	s := on(t, m, "--mode", "auto", "--reboot", "window", "--window", hours(-1, 3))
	if version(m, "app") != "2.0" {
		t.Fatalf("app is at %s\n%s", version(m, "app"), journal(m))
	}
	m.Run("test", "-e", "/usr/drained") // the hook runs outside our sandbox: with a network, and writing where it likes
	if _, _, code := m.Try("test", "-e", "/run/systemd/shutdown/scheduled"); code == 0 {
		t.Error("the host restarts although the hook said no")
	}
	if len(s.Trouble) == 0 || !strings.Contains(strings.Join(s.Trouble, " "), "hook") {
		t.Errorf("trouble: %v", s.Trouble)
	}
	m.Run("touch", "/usr/ready")
	m.Run("sed", "-i", `s/"next": "2[^"]*"/"next": "2020-01-01T00:00:00Z"/`, "/var/lib/lockfast/stay/state.json") // half an hour has passed
	s = turn(t, m)
	scheduled, _, _ := m.Try("cat", "/run/systemd/shutdown/scheduled")
	if !strings.Contains(string(scheduled), "MODE=reboot") || !strings.Contains(string(scheduled), "WARN_WALL=1") {
		t.Errorf("no restart is scheduled: %s\n%+v\n%s", scheduled, s.Waits, journal(m))
	}
	m.Try("shutdown", "-c")

	m.PowerOff() // it was started anew: does the fixed code run?
	m.Wait("curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:8080/dists/stable-security/InRelease")
	// In the unit's own /proc stands the boot id of the kernel below, which was not
	// started anew.
	m.Run("sed", "-i", `s/"\(boot\|seen\)": "[^"]*"/"\1": "before"/`, "/var/lib/lockfast/stay/state.json")
	s = turn(t, m)
	for _, w := range s.Waits {
		if w.What == "reboot" {
			t.Errorf("after the restart it waits for one: %+v", w)
		}
	}
	if s.Level != "all fixes on offer are installed and running" {
		t.Errorf("after the restart: %q", s.Level)
	}
}

// A full disk: nothing is changed, it is said, and it is tried again.
func TestStayDiskFull(t *testing.T) {
	t.Parallel()
	big := app("2.0")
	big.Files["usr/share/app"] = noise(3 << 20)
	m := bootStay(t, stayRoot(t, big))
	m.Run("sh", "-c", "mkdir -p /var/cache/lockfast && mount -t tmpfs -o size=500k tmpfs /var/cache/lockfast")
	s := on(t, m, "--mode", "auto")
	waits := false
	for _, w := range s.Waits {
		waits = waits || w.For == "retry" && strings.Contains(w.Why, "make room") && !w.Until.IsZero()
	}
	if version(m, "app") != "1.0" || !waits {
		t.Errorf("app is at %s, waits %+v\n%s", version(m, "app"), s.Waits, journal(m))
	}
	m.Run("umount", "/var/cache/lockfast")
	m.Run(program, "stay-secure", "resume")
	if s = turned(t, m); version(m, "app") != "2.0" {
		t.Errorf("with room: app is at %s, waits %+v\n%s", version(m, "app"), s.Waits, journal(m))
	}
}

// The network goes away in the middle of a download: the host is untouched.
func TestStayNetworkCut(t *testing.T) {
	t.Parallel()
	big := app("2.0")
	big.Files["usr/share/app"] = noise(8 << 20)
	root := stayRoot(t, big)
	writeFile(t, root+"/etc/nginx/conf.d/archive.conf", "server { listen 127.0.0.1:8080; root /srv/security; limit_rate 400k; }\n")
	m := bootStay(t, root)
	m.Run(program, "stay-secure", "--yes", "--mode", "auto")
	m.Wait("sh", "-c", `find /var/lib/private/lockfast-courier /var/cache/lockfast -type f -size +200k 2>/dev/null | grep -q .`)
	m.Run("systemctl", "stop", "nginx")
	s := turned(t, m)
	if version(m, "app") != "1.0" || s.Pending == nil || !s.Pending.Downloaded.IsZero() || len(s.Waits) == 0 || s.Waits[0].For != "retry" {
		t.Errorf("app is at %s, pending %+v, waits %+v\n%s", version(m, "app"), s.Pending, s.Waits, journal(m))
	}
	writeFile(t, root+"/etc/nginx/conf.d/archive.conf", "server { listen 127.0.0.1:8080; root /srv/security; }\n")
	m.Run("systemctl", "start", "nginx")
	m.Run(program, "stay-secure", "resume")
	if s = turned(t, m); version(m, "app") != "2.0" {
		t.Errorf("with the network back: app is at %s, waits %+v\n%s", version(m, "app"), s.Waits, journal(m))
	}
}

// Lockfast is updated by itself, through its own package, like any other.
func TestStayUpdatesItself(t *testing.T) {
	t.Parallel()
	old := buildDeb(t, "amd64", "022")
	root := stayRoot(t)
	if err := os.Remove(root + program); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(root + "/srv/security"); err != nil {
		t.Fatal(err)
	}
	mkdir(t, filepath.Join(root, "srv/security/pool"))
	writeFile(t, root+"/srv/old.deb", string(mustRead(t, old)))
	hosts.Run(t, root, "sh", "-ec", `dpkg -i /srv/old.deb; cd /srv; dpkg-deb -R old.deb new
sed -i 's/^Version: .*/Version: 9.0/' new/DEBIAN/control; dpkg-deb -b new security/pool/lockfast_9.0_amd64.deb; rm -r new`)
	r := security(app("2.0"))
	r.URL = "http://127.0.0.1:8080"
	r.Install(t, root, "security")
	m := bootStay(t, root)
	m.Run("/usr/bin/lockfast", "stay-secure", "--yes", "--mode", "auto")
	m.Wait("sh", "-c", `systemctl show -p ActiveState -p Job lockfast-stay-secure.service | grep -qx ActiveState=inactive && [ -z "$(systemctl list-jobs --no-legend lockfast-stay-secure.service 2>/dev/null | grep lockfast)" ]`)
	for name, want := range map[string]string{"lockfast": "9.0", "app": "2.0"} {
		if got := version(m, name); got != want {
			t.Errorf("%s is at %s, want %s\n%s", name, got, want, journal(m))
		}
	}
	if audit := m.Run("dpkg", "--audit"); audit != "" {
		t.Errorf("dpkg --audit: %s", audit)
	}
	if out := m.Run("/usr/bin/lockfast", "history"); !strings.Contains(out, "done") {
		t.Errorf("history: %s", out)
	}
	// Removed, it leaves the host to those who did the work before.
	m.Run("apt-get", "-qq", "-y", "remove", "lockfast")
	for unit, want := range map[string]string{"apt-daily.timer": "enabled", "unattended-upgrades.service": "enabled", "lockfast-stay-secure.timer": "not-found"} {
		if out, _, _ := m.Try("systemctl", "is-enabled", unit); strings.TrimSpace(string(out)) != want && (want != "not-found" || len(out) > 0) {
			t.Errorf("%s is %s, want %s", unit, out, want)
		}
	}
}

// Between turns nothing runs.
func TestStayCostsNothingIdle(t *testing.T) {
	t.Parallel()
	m := bootStay(t, stayRoot(t))
	on(t, m, "--mode", "auto")
	m.Wait("sh", "-c", "! pgrep -x lockfast") // the courier ends by itself
	used := strings.TrimSpace(m.Run("systemctl", "show", "-P", "MainPID", "lockfast-courier.service"))
	if used != "0" {
		t.Errorf("the courier still runs as %s", used)
	}
	if out := m.Run("systemctl", "is-active", "lockfast-courier.socket", "lockfast-stay-secure.timer"); out != "active\nactive\n" {
		t.Errorf("socket and timer are %s", out)
	}
}

// The oldest and the newest Debian, whose systemd and apt are others.
func TestStayOnOtherReleases(t *testing.T) {
	t.Parallel()
	for _, suite := range []string{"bullseye", "trixie"} {
		t.Run(suite, func(t *testing.T) {
			t.Parallel()
			m := bootStay(t, stayRootOf(t, suite, app("2.0")))
			before := switches(m)
			if s := on(t, m, "--mode", "auto"); version(m, "app") != "2.0" || s.Last == nil || s.Last.Error != "" || len(s.Trouble) > 0 {
				t.Errorf("app is at %s, last %+v, check %+v, trouble %q\n%s", version(m, "app"), s.Last, s.Check, s.Trouble, journal(m))
			}
			m.Run(program, "stay-secure", "off", "--yes")
			same(t, "after switching it off", map[string]string{"switches": before}, map[string]string{"switches": switches(m)})
		})
	}
}

// An archive that has not been made anew for months is signed all the same: what
// it offers is installed, and people are told that it cannot be all there is.
func TestStayStaleArchive(t *testing.T) {
	t.Parallel()
	root := stayRoot(t)
	if err := os.RemoveAll(root + "/srv/security"); err != nil {
		t.Fatal(err)
	}
	r := security(app("2.0"))
	r.URL, r.Date = "http://127.0.0.1:8080", "Mon, 05 Jan 2026 00:00:00 UTC"
	r.Install(t, root, "security")
	m := bootStay(t, root)
	s := on(t, m, "--mode", "auto")
	if version(m, "app") != "2.0" || s.Summary.Blocking == 0 || strings.HasPrefix(s.Level, "all fixes") {
		t.Errorf("app is at %s, %d blocking, level %q\n%s", version(m, "app"), s.Summary.Blocking, s.Level, journal(m))
	}
	if !strings.Contains(told(m), "Not everything could be looked at") {
		t.Errorf("told: %s", told(m))
	}
}

// An update that would remove a package is left to a person, and named; the
// others are installed.
func TestStayLeavesOutWhatIsRefused(t *testing.T) {
	t.Parallel()
	root := stayRoot(t)
	other := hosts.Deb{Name: "other", Version: "1.0"}
	install(t, root, other, hosts.Deb{Name: "rival", Version: "1.0"})
	other.Version = "2.0"
	greedy := app("2.0")
	greedy.Conflicts = "rival"
	publish(t, root, greedy, other)
	m := bootStay(t, root)
	s := on(t, m, "--mode", "auto")
	if version(m, "app") != "1.0" || version(m, "other") != "2.0" || version(m, "rival") != "1.0" {
		t.Errorf("app %s, other %s, rival %s\n%s", version(m, "app"), version(m, "other"), version(m, "rival"), journal(m))
	}
	if len(s.Person) != 1 || !strings.HasPrefix(s.Person[0].What, "app 2.0") || !strings.Contains(s.Person[0].Why, "would remove rival") {
		t.Errorf("needs a person: %+v", s.Person)
	}
}

// The fix of a known exploited hole does not wait for the window of the others,
// nor for their age.
func TestStayExploitedWindow(t *testing.T) {
	t.Parallel()
	root := stayRoot(t)
	other := hosts.Deb{Name: "other", Version: "1.0"}
	install(t, root, other)
	other.Version = "2.0"
	publish(t, root, app("2.0"), other)
	exploitedStore(t, root, "app")
	writeFile(t, root+"/etc/lockfast/config.yaml", "schema: lockfast.config/1\nadvisories: /var/cache/test.store\naccept_partial: true\n")
	m := bootStay(t, root)
	s := on(t, m, "--mode", "auto", "--window", hours(2, 4), "--exploited-window", hours(-1, 3))
	if version(m, "app") != "2.0" || version(m, "other") != "1.0" || s.Pending == nil || s.Pending.Updates != 1 {
		t.Errorf("app is at %s, other at %s, pending %+v\n%s", version(m, "app"), version(m, "other"), s.Pending, journal(m))
	}
	if s.Last == nil || s.Last.Updates != 1 || len(s.Exploited) != 0 {
		t.Errorf("last %+v, exploited %v", s.Last, s.Exploited)
	}
}
