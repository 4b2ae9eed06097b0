package hostsvc_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockfast/lockfast/internal/hostsvc"
)

// described is what systemctl show prints of nginx.
func described(load, activeState, sub, unitFile string) string {
	return "Id=nginx.service\nNames=nginx.service\nLoadState=" + load + "\nActiveState=" + activeState + "\nSubState=" + sub + "\nUnitFileState=" + unitFile + "\n"
}

func TestSet(t *testing.T) {
	running := described("loaded", "active", "running", "enabled")
	stopped := described("loaded", "inactive", "dead", "enabled")
	off := described("loaded", "inactive", "dead", "disabled")
	mask := described("masked", "inactive", "dead", "masked")
	static := described("loaded", "inactive", "dead", "static")
	broken := described("loaded", "failed", "failed", "enabled")
	for name, c := range map[string]struct {
		shown []string
		want  hostsvc.State
		did   string // verbs, in order
		err   string
	}{
		"nothing to do":           {[]string{running}, hostsvc.State{UnitFile: "enabled", Active: "active"}, "", ""},
		"nothing is asked":        {[]string{running}, hostsvc.State{}, "", ""},
		"stop":                    {[]string{running, stopped}, hostsvc.State{Active: "inactive"}, "stop", ""},
		"stop and disable":        {[]string{running, stopped, stopped, off}, hostsvc.State{UnitFile: "disabled", Active: "inactive"}, "stop, disable", ""},
		"mask":                    {[]string{running, stopped, stopped, mask}, hostsvc.State{UnitFile: "masked", Active: "inactive"}, "stop, mask", ""},
		"mask until boot":         {[]string{off, mask}, hostsvc.State{UnitFile: "masked-runtime"}, "mask --runtime", "its unit file is masked, not masked-runtime"},
		"mask and unlink":         {[]string{running, stopped, stopped, mask}, hostsvc.State{UnitFile: "masked", Active: "inactive", Links: map[string]string{"/" + nginxMask: "/dev/null"}}, "stop, disable, mask", "should not be"},
		"unmask":                  {[]string{mask, running}, hostsvc.State{UnitFile: "enabled", Active: "active"}, "unmask, enable, start", ""},
		"unmask, stays off":       {[]string{mask, off}, hostsvc.State{UnitFile: "disabled", Active: "inactive"}, "unmask, disable", ""},
		"unmask a static one":     {[]string{mask, static}, hostsvc.State{UnitFile: "static"}, "unmask", ""},
		"enable and start":        {[]string{off, running}, hostsvc.State{UnitFile: "enabled", Active: "active"}, "enable, start", ""},
		"static cannot be off":    {[]string{static}, hostsvc.State{UnitFile: "disabled"}, "disable", "its unit file is static, not disabled"},
		"not there":               {[]string{described("not-found", "inactive", "dead", "")}, hostsvc.State{UnitFile: "not-found"}, "", ""},
		"does not start":          {[]string{off, broken}, hostsvc.State{Active: "active"}, "start", "was started, and is failed (failed) now"},
		"forget the failure":      {[]string{broken, stopped}, hostsvc.State{Active: "inactive"}, "reset-failed", ""},
		"fails when it stops":     {[]string{running, broken, broken, stopped}, hostsvc.State{Active: "inactive"}, "stop, reset-failed", ""},
		"nothing is made to fail": {[]string{running, stopped}, hostsvc.State{Active: "failed"}, "stop", ""},
		"stop a crash loop":       {[]string{described("loaded", "activating", "auto-restart", "enabled"), stopped}, hostsvc.State{Active: "inactive"}, "stop", ""},
		"on its way":              {[]string{stopped, described("loaded", "activating", "start", "enabled"), running}, hostsvc.State{Active: "active"}, "start", ""},
		"other symlinks": {[]string{running}, hostsvc.State{UnitFile: "enabled", Links: map[string]string{"/etc/systemd/system/x.wants/nginx.service": nginxUnit}},
			"reenable", "the symlink /etc/systemd/system/x.wants/nginx.service → " + nginxUnit + " is missing, the symlink /" + nginxWant + " is there and should not be"},
		"the same symlinks": {[]string{running}, hostsvc.State{UnitFile: "enabled", Links: map[string]string{"/" + nginxWant: nginxUnit}}, "", ""},
		"another target": {[]string{running}, hostsvc.State{UnitFile: "enabled", Links: map[string]string{"/" + nginxWant: "/usr" + nginxUnit}},
			"reenable", "leads to " + nginxUnit + ", not to /usr" + nginxUnit},
	} {
		s := &script{t: t}
		s.show(stateProperties, "nginx.service", c.shown...)
		err := hostsvc.NewAt(s, fstest.MapFS{nginxWant: link(nginxUnit)}).Set(t.Context(), "nginx.service", c.want)
		did := strings.NewReplacer("systemctl ", "", " -- nginx.service", "", "\n", ", ").Replace(s.did())
		if did != c.did {
			t.Errorf("%s: did %q, want %q", name, did, c.did)
		}
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
	}
}

// What cannot be done is refused before anything is.
func TestSetRefuses(t *testing.T) {
	own := strings.ReplaceAll(described("loaded", "active", "running", "enabled"), "nginx", "own")
	ssh := recorded(t, "257", "state.alias")
	for _, c := range []struct{ unit, shown, err string }{
		{"own.service", own, "cannot mask own.service: /etc/systemd/system/own.service is there"},
		{"sshd.service", ssh, "sshd.service is another name of ssh.service"},
		{"nginx*", "", "is no name of a unit"},
	} {
		s := &script{t: t}
		s.show(stateProperties, c.unit, c.shown)
		err := hostsvc.NewAt(s, webHost()).Set(t.Context(), c.unit, hostsvc.State{UnitFile: "masked", Active: "inactive"})
		if err == nil || !strings.Contains(err.Error(), c.err) || s.did() != "" {
			t.Errorf("%s: %v, did %q", c.unit, err, s.did())
		}
	}
}
