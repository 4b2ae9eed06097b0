package hostsvc_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostsvc"
)

func TestRestart(t *testing.T) {
	running := described("loaded", "active", "running", "enabled")
	as := func(unit, text string) string { return strings.ReplaceAll(text, "nginx.service", unit) }
	s := &script{t: t}
	s.show(stateProperties, "nginx.service", running)
	s.show(stateProperties, "off.service", as("off.service", described("loaded", "inactive", "dead", "enabled")))
	s.show(stateProperties, "crash.service", as("crash.service", running), as("crash.service", running), as("crash.service", running),
		as("crash.service", described("loaded", "failed", "failed", "enabled")))
	s.show(stateProperties, "refuse.service", as("refuse.service", running))
	s.answers["systemctl restart -- refuse.service"] = []hostexec.Result{{Code: 1, Stderr: []byte("Operation refused\n")}}
	list := hostsvc.NewAt(s, fstest.MapFS{}).Restart(t.Context(), []string{"nginx.service", "off.service", "crash.service", "refuse.service", "dbus.service"})
	for i, want := range []struct {
		restarted bool
		err       string
	}{{true, ""}, {false, ""}, {true, "was started, and is failed (failed) now"}, {true, "Operation refused"}, {false, "reboot instead"}} {
		r := list[i]
		if r.Restarted != want.restarted || (r.Err == nil) != (want.err == "") || r.Err != nil && !strings.Contains(r.Err.Error(), want.err) {
			t.Errorf("%+v, want %+v", r, want)
		}
	}
	if did := s.did(); did != "systemctl restart -- nginx.service\nsystemctl restart -- crash.service\nsystemctl restart -- refuse.service" {
		t.Errorf("did %s", did)
	}
}

func TestWhatMayBeRestarted(t *testing.T) {
	for unit, want := range map[string]string{
		"dbus.service": "never", "dbus-broker.service": "never", "systemd-logind.service": "never", "user@1000.service": "never", "session-3.scope": "never",
		"init.scope": "never", "-.slice": "never", "getty@tty1.service": "never", "gdm3.service": "never", "lockfast-20261123-114501-ab12.service": "never",
		"unattended-upgrades.service": "never", "nginx": "never", "srv.mount": "never",
		"nginx.service": "safe", "ssh.service": "safe", "php8.2-fpm.service": "safe", "php-fpm.service": "safe", "postfix@-.service": "safe", "systemd-journald.service": "safe",
		"postgresql@15-main.service": "ask", "redis-server.service": "ask", "docker.service": "ask", "NetworkManager.service": "ask", "own.service": "ask", "nginx.socket": "ask",
	} {
		got := "ask"
		switch never, safe := hostsvc.NeverRestart(unit), hostsvc.SafeToRestart(unit); {
		case never && safe:
			got = "both"
		case never:
			got = "never"
		case safe:
			got = "safe"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", unit, got, want)
		}
	}
}

func TestReload(t *testing.T) {
	s := &script{t: t}
	m := hostsvc.New(s)
	if err := m.DaemonReload(t.Context()); err != nil {
		t.Error(err)
	}
	if err := m.Reexec(t.Context()); err != nil {
		t.Error(err)
	}
	if did := s.did(); did != "systemctl daemon-reload\nsystemctl daemon-reexec" {
		t.Errorf("did %s", did)
	}
}
