package hostsvc_test

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostsvc"
)

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
}

const (
	nginxWant = "etc/systemd/system/multi-user.target.wants/nginx.service"
	nginxMask = "etc/systemd/system/nginx.service"
	nginxUnit = "/lib/systemd/system/nginx.service"
)

func webHost() fstest.MapFS {
	return fstest.MapFS{
		nginxWant: link(nginxUnit),
		"etc/systemd/system/multi-user.target.wants/ssh.service":   link("/lib/systemd/system/ssh.service"),
		"etc/systemd/system/sshd.service":                          link("/lib/systemd/system/ssh.service"),
		"etc/systemd/system/getty.target.wants/getty@tty1.service": link("/lib/systemd/system/getty@.service"),
		"etc/systemd/system/other.target.upholds/nginx.service":    link("../nginx.service"),
		"etc/systemd/system/nginx.service.d/override.conf":         {Data: []byte("[Service]\n")},
		"etc/systemd/system/own.service":                           {Data: []byte("[Service]\n")},
	}
}

func TestState(t *testing.T) {
	nginx := map[string]string{"/" + nginxWant: nginxUnit, "/etc/systemd/system/other.target.upholds/nginx.service": "../nginx.service"}
	ssh := map[string]string{
		"/etc/systemd/system/multi-user.target.wants/ssh.service": "/lib/systemd/system/ssh.service",
		"/etc/systemd/system/sshd.service":                        "/lib/systemd/system/ssh.service",
	}
	for _, c := range []struct {
		unit, file string
		want       hostsvc.State
	}{
		{"nginx.service", "state.enabled", hostsvc.State{UnitFile: "enabled", Active: "active", Sub: "running", Links: nginx}},
		{"nginx.service", "state.disabled", hostsvc.State{UnitFile: "disabled", Active: "active", Sub: "running", Links: nginx}},
		{"nginx.service", "state.masked", hostsvc.State{UnitFile: "masked", Active: "active", Sub: "running", Links: nginx}},
		{"nginx.service", "state.maskedruntime", hostsvc.State{UnitFile: "masked-runtime", Active: "active", Sub: "running", Links: nginx}},
		{"sshd.service", "state.alias", hostsvc.State{UnitFile: "enabled", Active: "active", Sub: "running", Links: ssh}},
		{"apache2.service", "state.failed", hostsvc.State{UnitFile: "enabled", Active: "failed", Sub: "failed"}},
		{"nosuch.service", "state.notfound", hostsvc.State{UnitFile: "not-found", Active: "inactive", Sub: "dead"}},
		{"systemd-journald.service", "state.static", hostsvc.State{UnitFile: "static", Active: "active", Sub: "running"}},
		{"-.mount", "state.mount", hostsvc.State{Active: "active", Sub: "mounted"}},
	} {
		for _, v := range versions() {
			s := &script{t: t}
			s.show(stateProperties, c.unit, recorded(t, v, c.file))
			got, err := hostsvc.NewAt(s, webHost()).State(t.Context(), c.unit)
			if err != nil || got.UnitFile != c.want.UnitFile || got.Active != c.want.Active || got.Sub != c.want.Sub || !maps.Equal(got.Links, c.want.Links) {
				t.Errorf("systemd %s, %s, %s: %+v, %v, want %+v", v, c.unit, c.file, got, err, c.want)
			}
		}
	}
}

func TestStateRefuses(t *testing.T) {
	for _, unit := range []string{"nginx", "nginx*.service", "-H evil.service", "", "a b.service", "../x.service", strings.Repeat("x", 300) + ".service"} {
		if _, err := hostsvc.NewAt(&script{t: t}, webHost()).State(t.Context(), unit); err == nil {
			t.Errorf("%q was accepted", unit)
		}
	}
	for _, out := range []string{"", "Failed to connect\n", "Id=nginx.service\n", "Id=nginx.service\nActiveState=active\n",
		"Id=a.service\nActiveState=active\nLoadState=loaded\n\nId=b.service\nActiveState=active\nLoadState=loaded\n",
		"Id=a.service\nActiveState=active\nActiveState=inactive\nLoadState=loaded\n"} {
		s := &script{t: t}
		s.show(stateProperties, "nginx.service", out)
		if got, err := hostsvc.NewAt(s, webHost()).State(t.Context(), "nginx.service"); err == nil {
			t.Errorf("%q was understood as %+v", out, got)
		}
	}
	s := &script{t: t}
	s.show(stateProperties, "nginx.service", "")
	for line := range s.answers {
		s.answers[line] = []hostexec.Result{{Code: 1, Stderr: []byte("Failed to connect to bus\n")}}
	}
	if _, err := hostsvc.NewAt(s, webHost()).State(t.Context(), "nginx.service"); err == nil || !strings.Contains(err.Error(), "connect to bus") {
		t.Errorf("got %v", err)
	}
}

func TestBooted(t *testing.T) {
	if hostsvc.Booted(webHost()) || !hostsvc.Booted(fstest.MapFS{"run/systemd/system/x": {}}) {
		t.Error("what systemd booted is told by its folder in /run")
	}
}

// Whatever is printed: no panic, and no unit without a name and a state.
func FuzzShow(f *testing.F) {
	for _, v := range versions() {
		for _, name := range []string{"before", "state.masked"} {
			out := recorded(f, v, name)
			f.Add(out[:min(len(out), 2000)])
		}
	}
	f.Add("Id=\n\n\n=\nx")
	f.Fuzz(func(t *testing.T, out string) {
		s := &script{t: t}
		s.show(unitProperties, "*", out)
		s.show(stateProperties, "a.service", out)
		m := hostsvc.NewAt(s, fstest.MapFS{})
		units, err := m.Active(t.Context())
		for _, u := range units {
			if err != nil || u.ID == "" || u.Active == "" || u.Active == "inactive" {
				t.Errorf("%+v, %v", u, err)
			}
		}
		if state, err := m.State(t.Context(), "a.service"); err == nil && state.Active == "" {
			t.Errorf("%+v", state)
		}
		hostsvc.Compare(nil, units)
		hostsvc.Compare(units, nil)
		if changes := hostsvc.Compare(units, units); len(units) == 1 && len(changes) > 0 {
			t.Errorf("nothing changed, but %v", changes)
		}
	})
}
