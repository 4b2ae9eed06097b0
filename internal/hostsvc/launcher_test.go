//go:build linux

package hostsvc_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostsvc"
)

func job(load, activeState, sub, code, status string) string {
	return "Id=lf-1.service\nLoadState=" + load + "\nActiveState=" + activeState + "\nSubState=" + sub + "\nExecMainCode=" + code + "\nExecMainStatus=" + status + "\n"
}

func TestLaunch(t *testing.T) {
	none := job("not-found", "inactive", "dead", "0", "0")
	running := job("loaded", "active", "running", "0", "0")
	for name, c := range map[string]struct {
		shown  []string
		refuse string // by systemd-run
		code   int
		did    string // beside systemd-run, which is "run"
		err    string
	}{
		"succeeds":             {[]string{none, running, job("loaded", "active", "exited", "1", "0")}, "", 0, "run, stop", ""},
		"fails":                {[]string{none, running, job("loaded", "failed", "failed", "1", "100")}, "", 100, "run, reset-failed", ""},
		"killed":               {[]string{none, job("loaded", "failed", "failed", "2", "9")}, "", 137, "run, reset-failed", ""},
		"ended by SIGTERM":     {[]string{none, job("loaded", "active", "exited", "2", "15")}, "", 143, "run, stop", ""},
		"crashed":              {[]string{none, job("loaded", "failed", "failed", "3", "11")}, "", 139, "run, reset-failed", ""},
		"fails at once":        {[]string{none, job("loaded", "failed", "failed", "1", "1")}, "Job failed", 1, "run, reset-failed", ""},
		"not installed":        {[]string{none}, "Failed to find executable", -1, "run", "cannot run apt-get: systemd-run --unit=lf-1: exit 1: Failed to find executable"},
		"not executable":       {[]string{none, job("loaded", "failed", "failed", "1", "203")}, "Job failed", -1, "run, reset-failed", "cannot run apt-get"},
		"left over, failed":    {[]string{job("loaded", "failed", "failed", "1", "1"), job("loaded", "active", "exited", "1", "0")}, "", 0, "reset-failed, run, stop", ""},
		"left over, succeeded": {[]string{job("loaded", "active", "exited", "1", "0")}, "", 0, "stop, run, stop", ""},
		"still running":        {[]string{running}, "", -1, "", "lf-1.service still runs"},
		"stopping":             {[]string{none, job("loaded", "deactivating", "stop-sigterm", "0", "0"), job("loaded", "failed", "failed", "1", "2")}, "", 2, "run, reset-failed", ""},
		"reset by somebody":    {[]string{none, running, none}, "", -1, "run", "cannot see how lf-1.service ended"},
	} {
		s := &script{t: t}
		s.show(jobProperties, "lf-1.service", c.shown...)
		log := filepath.Join(t.TempDir(), "log")
		if c.refuse != "" {
			s.answers[runLine(log)] = []hostexec.Result{{Code: 1, Stderr: []byte(c.refuse)}}
		}
		code, err := hostsvc.NewLauncher(s, true).Launch(t.Context(), hostsvc.Job{
			Unit: "lf-1", Name: "apt-get", Args: []string{"install", "$x"}, Env: []string{"DEBIAN_FRONTEND=noninteractive"}, Log: log,
		})
		did := strings.NewReplacer(runLine(log), "run", "systemctl ", "", " -- lf-1.service", "", "\n", ", ").Replace(s.did())
		if code != c.code || did != c.did || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %d, %v, did %s", name, code, err, did)
		}
	}
}

func runLine(log string) string {
	return "systemd-run --unit=lf-1 --quiet --service-type=exec --description=Lockfast runs apt-get --property=RemainAfterExit=yes --property=KillMode=process" +
		" --property=KillSignal=SIGCONT --property=TimeoutStopSec=infinity --property=OOMPolicy=continue --property=StandardOutput=append:" + log +
		" --property=StandardError=append:" + log + " --setenv=PATH=/usr/sbin:/usr/bin:/sbin:/bin --setenv=LC_ALL=C.UTF-8 --setenv=DEBIAN_FRONTEND=noninteractive" +
		" -- apt-get install $$x"
}

func TestLaunchRefuses(t *testing.T) {
	l := hostsvc.NewLauncher(&script{t: t}, true)
	for _, j := range []hostsvc.Job{{Unit: "lf-*", Name: "true", Log: "/tmp/log"}, {Unit: "lf-1", Name: "true", Log: "log"}, {Unit: "lf-1", Name: "true", Log: t.TempDir() + "/no/log"}} {
		if _, err := l.Launch(t.Context(), j); err == nil {
			t.Errorf("%+v was accepted", j)
		}
	}
	l = hostsvc.NewLauncher(&script{t: t}, false)
	l.Jobs = t.TempDir()
	if _, err := l.Launch(t.Context(), hostsvc.Job{Unit: "lf-1", Name: "true", Log: t.TempDir() + "/log"}); err == nil || !strings.Contains(err.Error(), "no systemd") {
		t.Errorf("got %v", err)
	}
}

// The context ends our waiting, and systemd may be away for a while.
func TestLaunchGoesOn(t *testing.T) {
	s := &script{t: t}
	s.show(jobProperties, "lf-1.service", job("not-found", "inactive", "dead", "0", "0"))
	for line, list := range s.answers {
		s.answers[line] = append(list, hostexec.Result{Code: 1, Stderr: []byte("Connection refused")})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
	defer cancel()
	_, err := hostsvc.NewLauncher(s, true).Launch(ctx, hostsvc.Job{Unit: "lf-1", Name: "apt-get", Log: filepath.Join(t.TempDir(), "log")})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "apt-get goes on as lf-1.service") {
		t.Errorf("got %v", err)
	}
}

func TestRunning(t *testing.T) {
	for shown, want := range map[string]bool{
		job("loaded", "active", "running", "0", "0"):            true,
		job("loaded", "activating", "start", "0", "0"):          true,
		job("loaded", "deactivating", "stop-sigterm", "0", "0"): true,
		job("loaded", "active", "exited", "1", "0"):             false,
		job("loaded", "failed", "failed", "1", "0"):             false,
		job("not-found", "inactive", "dead", "0", "0"):          false,
	} {
		s := &script{t: t}
		s.show(jobProperties, "lf-1.service", shown)
		if got, err := hostsvc.NewLauncher(s, true).Running(t.Context(), "lf-1"); err != nil || got != want {
			t.Errorf("%q: %v, %v", shown, got, err)
		}
	}
}

// Without systemd, with real programs. Lines come whole, from where the log
// ended, and the last one even without an end.
func TestLaunchDetached(t *testing.T) {
	l := hostsvc.NewLauncher(hostexec.System{}, false)
	l.Jobs = filepath.Join(t.TempDir(), "jobs")
	log := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(log, []byte("before\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var lines []string
	long := strings.Repeat("x", 70000)
	code, err := l.Launch(t.Context(), hostsvc.Job{
		Unit: "lf-1", Name: "sh", Args: []string{"-c", `printf on; sleep 0.5; printf 'e\r\n\n'; echo "$LONG$LC_ALL"; printf last; exit 9`}, Env: []string{"LONG=" + long},
		Log: log, Line: func(line string) { lines = append(lines, line) },
	})
	// A line that is too long comes in parts.
	if text := strings.Join(lines, "|"); err != nil || code != 9 || lines[0] != "one" || lines[1] != "" || lines[len(lines)-1] != "last" ||
		strings.Join(lines[2:len(lines)-1], "") != long+"C.UTF-8" {
		t.Errorf("%d, %v, %.100q", code, err, text)
	}
	if running, err := l.Running(t.Context(), "lf-1"); err != nil || running {
		t.Errorf("ended, but %v, %v", running, err)
	}
}

func TestRunningDetached(t *testing.T) {
	l := hostsvc.NewLauncher(hostexec.System{}, false)
	l.Jobs = filepath.Join(t.TempDir(), "jobs")
	j := hostsvc.Job{Unit: "lf-1", Name: "sleep", Args: []string{"1.5"}, Log: filepath.Join(t.TempDir(), "log")}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := l.Launch(ctx, j); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if running, err := l.Running(t.Context(), "lf-1"); err != nil || !running {
		t.Errorf("runs, but %v, %v", running, err)
	}
	if _, err := l.Launch(t.Context(), j); err == nil || !strings.Contains(err.Error(), "still runs") {
		t.Errorf("launched twice: %v", err)
	}
	for range 100 {
		if running, err := l.Running(t.Context(), "lf-1"); err != nil || !running {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("it ended, and is said to run")
}

func TestTimers(t *testing.T) {
	timer := func(activeState, sub string) string {
		return "Id=lf-t.timer\nNames=lf-t.timer\nLoadState=loaded\nActiveState=" + activeState + "\nSubState=" + sub + "\nUnitFileState=\n"
	}
	service := strings.ReplaceAll(described("loaded", "failed", "failed", ""), "nginx", "lf-t")
	s := &script{t: t}
	s.show(stateProperties, "lf-t.timer", timer("active", "waiting"), timer("inactive", "dead"), timer("active", "waiting"))
	s.show(stateProperties, "lf-t.service", service)
	if err := hostsvc.New(s).ArmTimer(t.Context(), "lf-t", 90*time.Second, "/usr/bin/lockfast", []string{"recover", "$x"}); err != nil {
		t.Error(err)
	}
	if did := s.did(); did != `systemctl stop -- lf-t.timer
systemctl reset-failed -- lf-t.service
systemd-run --unit=lf-t --quiet --on-active=90000ms --timer-property=AccuracySec=1s -- /usr/bin/lockfast recover $$x` {
		t.Errorf("did %s", did)
	}
	if err := hostsvc.New(s).ArmTimer(t.Context(), "lf-t", 0, "true", nil); err == nil {
		t.Error("a timer of no time was armed")
	}
	s = &script{t: t}
	s.show(stateProperties, "lf-t.timer", timer("inactive", "dead"))
	if err := hostsvc.New(s).DisarmTimer(t.Context(), "lf-t"); err != nil || s.did() != "" {
		t.Errorf("not there: %v, did %s", err, s.did())
	}
	if armed, err := hostsvc.New(s).TimerArmed(t.Context(), "lf-t"); err != nil || armed {
		t.Errorf("not there: %v, %v", armed, err)
	}
}
