//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/stay"
	"github.com/lockfast/lockfast/test/hosts"
)

// tell is where the hosts of these tests write what people are told.
const tell = "/var/log/told"

// stayRoot is a web host with app 1.0 whose archive, served by its own nginx,
// has these packages.
func stayRoot(t *testing.T, debs ...hosts.Deb) string {
	t.Helper()
	return stayRootOf(t, "bookworm", debs...)
}

// others is a service that does the same work, as unattended-upgrades brings it.
const others = "[Service]\nExecStart=/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"

func stayRootOf(t *testing.T, suite string, debs ...hosts.Deb) string {
	t.Helper()
	root := hosts.Rootfs(t, hosts.WebHost(suite))
	writeFile(t, filepath.Join(root, "etc/apt/sources.list"), "")
	writeFile(t, root+"/usr/lib/systemd/system/unattended-upgrades.service", others)
	hosts.Run(t, root, "systemctl", "enable", "unattended-upgrades.service")
	writeFile(t, root+"/etc/apache2/ports.conf", "Listen 127.0.0.1:8081\n")
	writeFile(t, root+"/etc/nginx/conf.d/archive.conf", "server { listen 127.0.0.1:8080; root /srv/security; }\n")
	writeFile(t, root+"/usr/local/bin/tell", "#!/bin/sh\ncat >>"+tell+"\n")
	if err := os.Chmod(root+"/usr/local/bin/tell", 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, root+"/etc/apt/apt.conf.d/99retries", `Acquire::Retries "0";`)
	copyBinary(t, root)
	install(t, root, app("1.0"))
	publish(t, root, debs...)
	return root
}

// publish puts packages into the archive of a host.
func publish(t *testing.T, root string, debs ...hosts.Deb) {
	t.Helper()
	if err := os.RemoveAll(filepath.Join(root, "srv/security")); err != nil {
		t.Fatal(err)
	}
	r := security(debs...)
	r.URL = "http://127.0.0.1:8080"
	r.Install(t, root, "security")
}

func bootStay(t *testing.T, root string) *hosts.Machine {
	t.Helper()
	m := hosts.Boot(t, root)
	answers(t, m)
	m.Wait("curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:8080/dists/stable-security/InRelease")
	return m
}

// on switches the service on and waits for the end of its first turn.
func on(t *testing.T, m *hosts.Machine, args ...string) stay.Status {
	t.Helper()
	m.Run(append([]string{program, "stay-secure", "--yes", "--notify", "exec:/usr/local/bin/tell"}, args...)...)
	return turned(t, m)
}

// turn has the service take a turn of its own.
func turn(t *testing.T, m *hosts.Machine) stay.Status {
	t.Helper()
	m.Try("systemctl", "start", "lockfast-stay-secure.service") // waits: it is a oneshot
	return turned(t, m)
}

// turned waits until no turn is under way, and returns the status.
func turned(t *testing.T, m *hosts.Machine) stay.Status {
	t.Helper()
	const patience = 5 * time.Minute // a culprit is looked for with up to a dozen runs of dpkg
	for began := time.Now(); ; time.Sleep(300 * time.Millisecond) {
		out, _, _ := m.Try("systemctl", "show", "-p", "ActiveState", "-p", "Job", "lockfast-stay-secure.service")
		properties := strings.Fields(string(out))
		waits := slices.ContainsFunc(properties, func(p string) bool { return strings.HasPrefix(p, "Job=") && p != "Job=" && p != "Job=0" })
		if !waits && (slices.Contains(properties, "ActiveState=inactive") || slices.Contains(properties, "ActiveState=failed")) {
			break // a job that waits to begin is a turn to come
		}
		if time.Since(began) > patience {
			t.Fatalf("a turn does not end:\n%s", journal(m))
		}
	}
	if log, _, _ := m.Try("systemctl", "show", "-P", "Result", "lockfast-stay-secure.service"); strings.TrimSpace(string(log)) != "success" {
		out, _, _ := m.Try("journalctl", "-u", "lockfast-stay-secure.service", "-u", "lockfast-courier.service", "--no-pager", "-n", "60")
		t.Errorf("the turn ended with %s%s", log, out)
	}
	return status(t, m)
}

func status(t *testing.T, m *hosts.Machine) stay.Status {
	t.Helper()
	out, errOut, _ := m.Try(program, "stay-secure", "status", "--json")
	var s stay.Status
	if err := json.Unmarshal(out, &s); err != nil || s.Schema != stay.StatusSchema {
		t.Fatalf("no status: %v\n%.2000s\n%s", err, out, errOut)
	}
	return s
}

func version(m *hosts.Machine, name string) string {
	out, _, _ := m.Try("dpkg-query", "-W", "-f", "${Version}", name)
	return strings.TrimSpace(string(out))
}

func journal(m *hosts.Machine) string {
	out, _, _ := m.Try("journalctl", "-u", "lockfast-stay-secure.service", "-u", "lockfast-courier.service", "--no-pager", "-n", "80")
	return string(out)
}

func told(m *hosts.Machine) string {
	out, _, _ := m.Try("cat", tell)
	return string(out)
}

// hours is a window of the machine's clock from now, in hours.
func hours(from, to int) string {
	now := time.Now().UTC()
	return fmt.Sprintf("daily %s-%s UTC", now.Add(time.Duration(from)*time.Hour).Format("15:04"), now.Add(time.Duration(to)*time.Hour).Format("15:04"))
}

// switches is what decides who does the work of updates on a host.
func switches(m *hosts.Machine) string {
	return m.Run("sh", "-c", `systemctl list-unit-files --no-legend --no-pager | sort; systemctl list-timers --all --no-legend --no-pager | awk '{print $NF}' | sort
find /etc/systemd/system /etc/apt /etc/lockfast /usr/local/lib -printf '%M %u %l %p\n' 2>/dev/null | sort; systemctl is-active apt-daily.timer apt-daily-upgrade.timer unattended-upgrades.service`)
}

// Nothing is installed outside the window, everything is ready in it, without a
// network; people are told; and switching it off leaves no trace.
func TestStayAuto(t *testing.T) {
	t.Parallel()
	root := stayRoot(t, app("2.0"))
	m := bootStay(t, root)
	before := switches(m)
	s := on(t, m, "--mode", "auto", "--window", hours(2, 4))
	if s.Pending == nil || s.Pending.Updates != 1 || s.Pending.Downloaded.IsZero() || version(m, "app") != "1.0" {
		t.Fatalf("before the window: app is at %s, pending %+v\n%s", version(m, "app"), s.Pending, journal(m))
	}
	if s.Window == nil || s.Window.Open || len(s.Waits) != 1 || s.Waits[0].For != "window" {
		t.Errorf("window %+v, waits %+v", s.Window, s.Waits)
	}
	for unit, want := range map[string]string{"apt-daily.timer": "masked", "apt-daily-upgrade.timer": "masked", "unattended-upgrades.service": "masked", "lockfast-stay-secure.timer": "enabled"} {
		if out, _, _ := m.Try("systemctl", "is-enabled", unit); strings.TrimSpace(string(out)) != want {
			t.Errorf("%s is %s, want %s", unit, out, want)
		}
	}
	if wake := m.Run("systemctl", "show", "-P", "NextElapseUSecRealtime", "lockfast-wake.timer"); strings.TrimSpace(wake) == "" {
		t.Error("no wake-up is armed")
	}

	m.Run("rm", "-rf", "/srv/security") // the archive is gone: what was downloaded is all there is
	s = on(t, m, "--window", hours(-1, 3))
	if version(m, "app") != "2.0" || s.Pending != nil || s.Last == nil || s.Last.Error != "" {
		t.Errorf("in the window: app is at %s, pending %+v, last %+v\n%s", version(m, "app"), s.Pending, s.Last, journal(m))
	}
	if s.Exit.Code != 0 || len(s.Trouble) > 0 {
		t.Errorf("exit %+v, trouble %q", s.Exit, s.Trouble)
	}
	if log := journal(m); strings.Contains(log, "not held off") {
		t.Errorf("a shutdown was not held off:\n%s", log)
	}
	if audit := m.Run("dpkg", "--audit"); audit != "" {
		t.Errorf("dpkg --audit: %s", audit)
	}
	answers(t, m)

	m.Run(program, "stay-secure", "off", "--yes")
	same(t, "after switching it off", map[string]string{"switches": before}, map[string]string{"switches": switches(m)})
	if out, _, _ := m.Try("sh", "-c", "ls /var/lib/lockfast/stay /var/lib/private/lockfast-courier /run/lockfast/status.json /run/motd.d 2>/dev/null"); strings.TrimSpace(string(out)) != "" {
		t.Errorf("left behind: %s", out)
	}
}

// Download keeps everything ready and installs nothing; a person does, offline.
func TestStayDownload(t *testing.T) {
	t.Parallel()
	m := bootStay(t, stayRoot(t, app("2.0")))
	s := on(t, m, "--mode", "download")
	if s.Pending == nil || s.Pending.Downloaded.IsZero() || version(m, "app") != "1.0" {
		t.Fatalf("app is at %s, pending %+v\n%s", version(m, "app"), s.Pending, journal(m))
	}
	if len(s.Person) == 0 || !strings.Contains(s.Person[0].Do, "lockfast fix apply --offline") {
		t.Errorf("needs a person: %+v", s.Person)
	}
	m.Run("systemctl", "stop", "nginx")
	m.Run(program, "fix", "apply", "--offline", "--yes", "--advisories", "none")
	if version(m, "app") != "2.0" {
		t.Errorf("app is at %s", version(m, "app"))
	}
}

// Notify only tells.
func TestStayNotify(t *testing.T) {
	t.Parallel()
	m := bootStay(t, stayRoot(t, app("2.0")))
	s := on(t, m, "--mode", "notify")
	if s.Pending == nil || !s.Pending.Downloaded.IsZero() || version(m, "app") != "1.0" {
		t.Errorf("app is at %s, pending %+v\n%s", version(m, "app"), s.Pending, journal(m))
	}
	if out, _, _ := m.Try("sh", "-c", "ls /var/cache/lockfast/packages/apt/*.deb"); len(out) > 0 {
		t.Errorf("downloaded: %s", out)
	}
}

// An archive whose signature is wrong is not believed, and people hear of it at
// once; one that does not answer is asked again.
func TestStayBadArchive(t *testing.T) {
	t.Parallel()
	root := stayRoot(t, app("2.0"))
	m := bootStay(t, root)
	m.Run("sh", "-c", "sed -i s/Debian/Debien/ /srv/security/dists/stable-security/InRelease; rm -f /srv/security/dists/stable-security/Release*")
	s := on(t, m, "--mode", "auto")
	if version(m, "app") != "1.0" || s.Check.Error == "" || s.Check.Failures == 0 || s.Exit.Code != 3 {
		t.Errorf("app is at %s, check %+v, exit %+v", version(m, "app"), s.Check, s.Exit)
	}
	if !strings.Contains(told(m), "signature is not right") {
		t.Errorf("told: %s\ncheck: %+v", told(m), s.Check)
	}
	publish(t, root, app("2.0"))
	m.Run("systemctl", "reload", "nginx")
	m.Run(program, "stay-secure", "run")
	if s = status(t, m); version(m, "app") != "2.0" || s.Check.Error != "" {
		t.Errorf("with the right archive: app is at %s, check %+v", version(m, "app"), s.Check)
	}
}

// The package that breaks its service goes back alone, is named, and is not
// tried again; the rest is installed.
func TestStayCulprit(t *testing.T) {
	t.Parallel()
	root := stayRoot(t)
	install(t, root, site("1.0", "# fine\n"))
	publish(t, root, app("2.0"), site("2.0", "this is no configuration\n"))
	m := bootStay(t, root)
	s := on(t, m, "--mode", "auto")
	if version(m, "app") != "2.0" || version(m, "site") != "1.0" {
		t.Errorf("app is at %s, site at %s\n%s", version(m, "app"), version(m, "site"), journal(m))
	}
	answers(t, m)
	s2 := turn(t, m)
	if s2.Last == nil || s.Last == nil || s2.Last.Transaction != s.Last.Transaction {
		t.Errorf("it was tried again: %+v, then %+v", s.Last, s2.Last)
	}
	named := false
	for _, p := range s2.Person {
		named = named || strings.HasPrefix(p.What, "site 2.0") && strings.Contains(p.Why, "broke this host")
	}
	if !named {
		t.Errorf("needs a person: %+v", s2.Person)
	}
	if !strings.Contains(told(m), `"failure"`) {
		t.Errorf("told: %s", told(m))
	}
}

// A turn that is killed in the middle of an installation, and one whose host
// loses its power: the next one brings it to an end.
func TestStayKilled(t *testing.T) {
	t.Parallel()
	slow := app("2.0")
	slow.Scripts = map[string]string{"postinst": "#!/bin/sh\ntouch /run/configuring\nsleep 4\n"}
	root := stayRoot(t, slow)
	for name, kill := range map[string]func(m *hosts.Machine){
		"killed":    func(m *hosts.Machine) { m.Run("systemctl", "kill", "-s", "KILL", "lockfast-stay-secure.service") },
		"power cut": func(m *hosts.Machine) { m.PowerOff() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := bootStay(t, hosts.Clone(t, root))
			m.Run(program, "stay-secure", "--yes", "--mode", "auto")
			m.Wait("test", "-e", "/run/configuring")
			kill(m)
			m.Wait("curl", "-sf", "-o", "/dev/null", "http://127.0.0.1:8080/dists/stable-security/InRelease")
			m.Try("systemctl", "reset-failed")
			turn(t, m)
			if s := turn(t, m); version(m, "app") != "2.0" || s.Pending != nil || s.GivenUp != nil {
				t.Errorf("app is at %s, pending %+v, given up %+v\n%s", version(m, "app"), s.Pending, s.GivenUp, journal(m))
			}
			if audit := m.Run("dpkg", "--audit"); audit != "" {
				t.Errorf("dpkg --audit: %s", audit)
			}
		})
	}
}

// The units are what the manual says of them.
func TestStaySandbox(t *testing.T) {
	t.Parallel()
	m := bootStay(t, stayRoot(t, app("2.0")))
	on(t, m, "--mode", "download")
	for unit, most := range map[string]float64{"lockfast-courier.service": 2.0, "lockfast-stay-secure.service": 5.0} {
		out, errOut, _ := m.Try("systemd-analyze", "security", "--no-pager", unit)
		_, rest, ok := strings.Cut(string(out), "Overall exposure level for "+unit+": ")
		if !ok {
			t.Fatalf("%s: %s%s", unit, out, errOut)
		}
		got, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
		if err != nil || got > most {
			t.Errorf("%s: exposure %s, want at most %.1f: %v", unit, strings.Fields(rest)[0], most, err)
		}
		t.Logf("%s: exposure %.1f", unit, got)
		if out, errOut, code := m.Try("systemd-analyze", "verify", "--man=no", "/etc/systemd/system/"+unit); code != 0 {
			t.Errorf("%s: %s%s", unit, out, errOut)
		}
	}
	// Another program in the courier's own unit: what it may do, the courier may.
	m.Run("sh", "-c", `mkdir -p /etc/systemd/system/lockfast-courier.service.d && cat >/etc/systemd/system/lockfast-courier.service.d/test.conf <<'END'
[Service]
Type=oneshot
ExecStart=
ExecStart=/bin/sh -c 'for f in /etc/x /usr/x /var/x /var/lib/x /var/cache/x /run/x /srv/x /home/x /root/x /var/lib/dpkg/x /var/lib/apt/x /var/lib/lockfast/x /var/cache/lockfast/x; do if touch $f 2>/dev/null; then echo "wrote $f"; fi; done; dpkg-query -W app >/dev/null 2>&1 && echo "asked dpkg"; systemctl is-system-running >/dev/null 2>&1 && echo "asked systemd"; touch $STATE_DIRECTORY/x && echo "wrote its spool"; id -u'
END
systemctl daemon-reload; systemctl stop lockfast-courier.service; systemctl start lockfast-courier.service || true`)
	log := m.Run("journalctl", "-u", "lockfast-courier.service", "--no-pager", "-o", "cat", "-n", "20")
	if !strings.Contains(log, "wrote its spool") || strings.Contains(log, "wrote /") || strings.Contains(log, "asked ") || strings.Contains(log, "\n0\n") {
		t.Errorf("the courier's unit allows too much, or nothing:\n%s", log)
	}
}

// Pausing stops changes, not looking.
func TestStayPause(t *testing.T) {
	t.Parallel()
	m := bootStay(t, stayRoot(t, app("2.0")))
	on(t, m, "--mode", "auto", "--window", hours(2, 3))
	m.Run(program, "stay-secure", "pause", "--for", "2d")
	m.Run(program, "stay-secure", "--yes", "--window", hours(-1, 3))
	if s := turned(t, m); version(m, "app") != "1.0" || s.Paused.IsZero() {
		t.Errorf("paused: app is at %s, %v", version(m, "app"), s.Paused)
	}
	m.Run(program, "stay-secure", "resume")
	if s := turned(t, m); version(m, "app") != "2.0" {
		t.Errorf("resumed: app is at %s, waits %+v\n%s", version(m, "app"), s.Waits, journal(m))
	}
}
