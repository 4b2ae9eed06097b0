package hostsvc_test

import (
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/hostsvc"
)

func units(t *testing.T, version, name string) []hostsvc.Unit {
	t.Helper()
	s := &script{t: t}
	s.show(unitProperties, "*", recorded(t, version, name))
	list, err := hostsvc.New(s).Active(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// On the recorded hosts nginx was killed, a packet filter's kind of service, a
// timer and ssh stopped, one service made to crash again and again; a D-Bus
// service and a timer of systemd-run came to their end.
func TestCompareRecorded(t *testing.T) {
	for _, v := range versions() {
		var got []string
		for _, c := range hostsvc.Compare(units(t, v, "before"), units(t, v, "after")) {
			got = append(got, c.Unit+": "+c.Why)
		}
		const want = `apt-daily.timer: was active and is inactive
loop.service: ended (exit-code), and systemd tries to start it again
nginx.service: has failed (signal)
once.service: was active and is inactive
ssh.service: was active and is inactive`
		if strings.Join(got, "\n") != want {
			t.Errorf("systemd %s:\n%s", v, strings.Join(got, "\n"))
		}
		if c := hostsvc.Compare(units(t, v, "before"), units(t, v, "before")); len(c) > 0 {
			t.Errorf("systemd %s: nothing changed, but %v", v, c)
		}
	}
}

func TestCompare(t *testing.T) {
	nginx := hostsvc.Unit{ID: "nginx.service", Active: "active", Sub: "running", Type: "forking", Result: "success", MainPID: 1}
	with := func(u hostsvc.Unit, change func(*hostsvc.Unit)) []hostsvc.Unit {
		change(&u)
		return []hostsvc.Unit{u}
	}
	named := func(id string) []hostsvc.Unit { return with(nginx, func(u *hostsvc.Unit) { u.ID = id }) }
	failed := func(u *hostsvc.Unit) { u.Active, u.Sub, u.Result = "failed", "failed", "exit-code" }
	for name, c := range map[string]struct {
		before, after []hostsvc.Unit
		want          string
	}{
		"gone":                      {with(nginx, func(*hostsvc.Unit) {}), nil, "was active and is inactive"},
		"restarted by somebody":     {with(nginx, func(u *hostsvc.Unit) { u.Restarts = 3 }), with(nginx, func(u *hostsvc.Unit) { u.MainPID = 2 }), ""},
		"crashed once":              {with(nginx, func(*hostsvc.Unit) {}), with(nginx, func(u *hostsvc.Unit) { u.Restarts = 1 }), "(1 times)"},
		"crashes since its restart": {with(nginx, func(u *hostsvc.Unit) { u.Restarts = 3 }), with(nginx, func(u *hostsvc.Unit) { u.Restarts = 2 }), "(2 times)"},
		"had crashed before":        {with(nginx, func(u *hostsvc.Unit) { u.Restarts = 3 }), with(nginx, func(u *hostsvc.Unit) { u.Restarts = 3 }), ""},
		"crashed all the time": {with(nginx, func(u *hostsvc.Unit) { u.Active, u.Sub, u.Restarts = "activating", "auto-restart", 8 }),
			with(nginx, func(u *hostsvc.Unit) { u.Active, u.Sub, u.Restarts = "activating", "auto-restart", 9 }), ""},
		"failed before":         {with(nginx, failed), with(nginx, failed), ""},
		"failed anew":           {nil, with(nginx, failed), "has failed (exit-code)"},
		"failed, comes up":      {with(nginx, failed), with(nginx, func(*hostsvc.Unit) {}), ""},
		"new":                   {nil, with(nginx, func(*hostsvc.Unit) {}), ""},
		"still starting":        {with(nginx, func(*hostsvc.Unit) {}), with(nginx, func(u *hostsvc.Unit) { u.Active, u.Sub = "activating", "start" }), "is activating (start)"},
		"reloading":             {with(nginx, func(*hostsvc.Unit) {}), with(nginx, func(u *hostsvc.Unit) { u.Active, u.Sub = "reloading", "reload" }), ""},
		"ran once":              {with(nginx, func(u *hostsvc.Unit) { u.Type = "oneshot" }), nil, ""},
		"ran once, remained":    {with(nginx, func(u *hostsvc.Unit) { u.Type, u.Remains, u.Sub = "oneshot", true, "exited" }), nil, "was active"},
		"ran once, failed":      {nil, with(nginx, func(u *hostsvc.Unit) { failed(u); u.Type = "oneshot" }), "has failed"},
		"on demand":             {with(nginx, func(u *hostsvc.Unit) { u.OnDemand = true }), nil, ""},
		"on demand, failed":     {with(nginx, func(u *hostsvc.Unit) { u.OnDemand = true }), with(nginx, failed), "has failed"},
		"transient":             {with(nginx, func(u *hostsvc.Unit) { u.Transient = true }), nil, ""},
		"a person's session":    {named("user@1000.service"), nil, ""},
		"a session's folder":    {named("run-user-1000.mount"), nil, ""},
		"somebody logged out":   {named("getty@tty1.service"), with(nginx, func(u *hostsvc.Unit) { u.ID, u.Restarts = "getty@tty1.service", 1 }), ""},
		"a mount":               {named("srv.mount"), nil, "was active"},
		"several, out of order": {append(named("z.service"), nginx), nil, "was active"},
	} {
		got := hostsvc.Compare(c.before, c.after)
		if c.want == "" && len(got) > 0 || c.want != "" && (len(got) == 0 || !strings.Contains(got[0].Why, c.want)) {
			t.Errorf("%s: %v, want %q", name, got, c.want)
		}
	}
}

func TestActive(t *testing.T) {
	for _, v := range versions() {
		list := units(t, v, "before")
		have := map[string]hostsvc.Unit{}
		for _, u := range list {
			have[u.ID] = u
		}
		nginx, logind, root := have["nginx.service"], have["systemd-logind.service"], have["-.mount"]
		if nginx.MainPID == 0 || nginx.Type != "forking" || nginx.OnDemand || logind.OnDemand || root.Active != "active" {
			t.Errorf("systemd %s: %+v, %+v, %+v", v, nginx, logind, root)
		}
		if u := have["systemd-hostnamed.service"]; !u.OnDemand {
			t.Errorf("systemd %s: %+v is started on demand", v, u)
		}
		if u := have["apache2.service"]; u.Active != "failed" || u.Result != "exit-code" {
			t.Errorf("systemd %s: %+v", v, u)
		}
		if u := have["once.service"]; !u.Remains || u.Type != "oneshot" {
			t.Errorf("systemd %s: %+v", v, u)
		}
		if u := have["lf-timer.timer"]; !u.Transient {
			t.Errorf("systemd %s: %+v", v, u)
		}
	}
}

func TestActiveRefuses(t *testing.T) {
	for _, out := range []string{"", "\n", "Id=a.service\nActiveState=inactive\n", "Id=a.service\nActiveState=active\nMainPID=x\n", "Id=a.service\nActiveState=active\nNRestarts=1 \n"} {
		s := &script{t: t}
		s.show(unitProperties, "*", out)
		if list, err := hostsvc.New(s).Active(t.Context()); err == nil {
			t.Errorf("%q was understood as %+v", out, list)
		}
	}
}
