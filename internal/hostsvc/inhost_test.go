//go:build inhost

package hostsvc_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostsvc"
)

// These tests change the host they run on: test/e2e runs them in machines that
// it boots for them.

func ctl(t *testing.T, args ...string) string {
	t.Helper()
	out, _ := exec.Command("systemctl", args...).Output() // is-active and its like fail by saying no
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func manager() *hostsvc.Manager { return hostsvc.New(hostexec.System{}) }

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for began := time.Now(); time.Since(began) < 20*time.Second; time.Sleep(50 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("%s: not within twenty seconds", what)
}

func TestInHostSet(t *testing.T) {
	m := manager()
	before, err := m.State(t.Context(), "nginx.service")
	if err != nil || before.UnitFile != "enabled" || before.Active != "active" || len(before.Links) != 1 {
		t.Fatalf("before: %+v, %v", before, err)
	}
	const mask = "/etc/systemd/system/nginx.service"
	for i, want := range []hostsvc.State{
		{UnitFile: "disabled", Active: "inactive", Links: map[string]string{}},
		{UnitFile: "masked", Active: "inactive"},
		before,
		{UnitFile: "masked", Active: "inactive", Links: map[string]string{mask: "/dev/null"}},
		{UnitFile: "disabled", Active: "active"},
		{UnitFile: "masked-runtime", Active: "inactive"},
		{UnitFile: "enabled", Active: "inactive"},
		{UnitFile: "masked", Active: "inactive", Links: map[string]string{mask: "/dev/null", "/etc/systemd/system/multi-user.target.wants/nginx.service": before.Links["/etc/systemd/system/multi-user.target.wants/nginx.service"]}},
		before,
		before,
	} {
		if err := m.Set(t.Context(), "nginx.service", want); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		if enabled, runs := ctl(t, "is-enabled", "nginx"), ctl(t, "is-active", "nginx"); enabled != want.UnitFile || runs != want.Active {
			t.Errorf("%d: %s, %s, want %+v", i, enabled, runs, want)
		}
	}
	if after, err := m.State(t.Context(), "nginx.service"); err != nil || !reflect.DeepEqual(before, after) {
		t.Errorf("before %+v\nafter  %+v, %v", before, after, err)
	}
	setOdd(t, m)
}

// setOdd: what was not there, what is static, what cannot be.
func setOdd(t *testing.T, m *hostsvc.Manager) {
	t.Helper()
	for _, want := range []hostsvc.State{{UnitFile: "masked", Active: "inactive"}, {UnitFile: "not-found", Active: "inactive", Links: map[string]string{}}} {
		if err := m.Set(t.Context(), "nosuch.service", want); err != nil {
			t.Error(err)
		}
	}
	for _, want := range []hostsvc.State{{UnitFile: "masked"}, {UnitFile: "static"}} {
		if err := m.Set(t.Context(), "apt-daily.service", want); err != nil {
			t.Error(err)
		}
	}
	write(t, "/etc/systemd/system/own.service", "[Service]\nExecStart=/bin/sleep 1000\n[Install]\nWantedBy=multi-user.target\nAlias=other.service\n")
	write(t, "/etc/systemd/system/bad.service", "[Service]\nType=simple\nExecStart=/bin/sh -c 'exit 3'\n")
	if err := m.DaemonReload(t.Context()); err != nil {
		t.Error(err)
	}
	if err := m.Set(t.Context(), "own.service", hostsvc.State{UnitFile: "enabled", Active: "active"}); err != nil {
		t.Error(err)
	}
	err := m.Set(t.Context(), "own.service", hostsvc.State{UnitFile: "masked", Active: "inactive"})
	if err == nil || !strings.Contains(err.Error(), "/etc/systemd/system/own.service is there") || ctl(t, "is-active", "own") != "active" {
		t.Errorf("masked or stopped: %v", err)
	}
	state, err := m.State(t.Context(), "own.service")
	if err != nil || len(state.Links) != 2 {
		t.Errorf("%+v, %v", state, err)
	}
	if err := os.Remove("/etc/systemd/system/other.service"); err != nil {
		t.Error(err)
	}
	if err := m.Set(t.Context(), "own.service", state); err != nil { // makes the alias again
		t.Error(err)
	}
	if err := m.Set(t.Context(), "other.service", hostsvc.State{UnitFile: "disabled"}); err == nil || !strings.Contains(err.Error(), "another name of own.service") {
		t.Errorf("got %v", err)
	}
	if err := m.Set(t.Context(), "bad.service", hostsvc.State{Active: "active"}); err == nil || !strings.Contains(err.Error(), "failed") {
		t.Errorf("got %v", err)
	}
	if err := m.Set(t.Context(), "bad.service", hostsvc.State{Active: "inactive"}); err != nil {
		t.Error(err)
	}
}

func TestInHostCompare(t *testing.T) {
	m := manager()
	list := func() []hostsvc.Unit {
		t.Helper()
		units, err := m.Active(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return units
	}
	changed := func(before []hostsvc.Unit) string {
		var names []string
		for _, c := range hostsvc.Compare(before, list()) {
			names = append(names, c.Unit+" "+c.Why)
		}
		return strings.Join(names, ", ")
	}
	write(t, "/etc/systemd/system/loop.service", "[Service]\nExecStart=/bin/sh -c '[ -e /run/crash ] || exec sleep 1000'\nRestart=always\nRestartSec=100ms\nStartLimitIntervalSec=0\n")
	_ = m.DaemonReload(t.Context())
	ctl(t, "start", "loop.service")
	before := list()
	ctl(t, "start", "systemd-tmpfiles-clean.service") // a oneshot that ends
	for _, r := range m.Restart(t.Context(), []string{"nginx.service", "ssh.service", "cron-is-not-there.service", "dbus.service"}) {
		server := r.Unit == "nginx.service" || r.Unit == "ssh.service"
		if r.Restarted != server || (r.Err == nil) != (r.Unit != "dbus.service") {
			t.Errorf("%+v", r)
		}
	}
	if err := m.Reexec(t.Context()); err != nil {
		t.Error(err)
	}
	if got := changed(before); got != "" {
		t.Errorf("after restarts: %s", got)
	}
	ctl(t, "kill", "--signal=KILL", "nginx.service")
	ctl(t, "stop", "ssh.service")
	write(t, "/run/crash", "")
	ctl(t, "kill", "loop.service")
	eventually(t, "all are seen", func() bool {
		got := changed(before)
		return strings.Contains(got, "nginx.service has failed (signal)") && strings.Contains(got, "ssh.service was active and is inactive") && strings.Contains(got, "loop.service ended")
	})
	_ = os.Remove("/run/crash")
	ctl(t, "stop", "loop.service") // a restart between two attempts of systemd 247 does not set its count to 0
	ctl(t, "start", "nginx.service", "ssh.service", "loop.service")
	defer func() {
		if t.Failed() {
			t.Log(changed(before))
		}
	}()
	eventually(t, "all is well again", func() bool { return changed(before) == "" })
}

func TestInHostLaunch(t *testing.T) {
	l := hostsvc.NewLauncher(hostexec.System{}, true)
	log := filepath.Join(t.TempDir(), "log")
	var lines []string
	launch := func(script string, args ...string) (int, error) {
		lines = nil
		return l.Launch(t.Context(), hostsvc.Job{Unit: "lf-job", Name: "sh", Args: append([]string{"-c", script, "sh"}, args...), Log: log,
			Env: []string{"DEBIAN_FRONTEND=noninteractive", "ODD=a b%n$HOME"}, Line: func(line string) { lines = append(lines, line) }})
	}
	for script, want := range map[string]int{
		"exit 0": 0, "exit 7": 7, "exit 143": 143, "exit 255": 255, "kill -9 $$": 137, "kill -15 $$": 143, "kill -1 $$": 129, "kill -11 $$": 139,
		"sleep 1; exit 3": 3, "sleep 1; kill -15 $$": 143, "sleep 0.5; systemctl daemon-reexec; sleep 2; exit 4": 4, "systemctl stop --no-block lf-job.service; sleep 1; exit 5": 5,
		"systemctl stop dbus.service dbus.socket; sleep 1; systemctl start dbus.socket; exit 6": 6,
	} {
		if code, err := launch(script); err != nil || code != want {
			t.Errorf("%s: %d, %v, want %d", script, code, err, want)
		}
		if running, err := l.Running(t.Context(), "lf-job"); err != nil || running {
			t.Errorf("%s: still runs: %v, %v", script, running, err)
		}
		if left := ctl(t, "show", "--property=LoadState", "lf-job.service"); left != "LoadState=not-found" {
			t.Errorf("%s: it left its unit: %s", script, left)
		}
	}
	code, err := launch(`echo "$1|$2|$DEBIAN_FRONTEND|$LC_ALL|$PATH|$ODD"; echo err >&2; grep -o 'lf-job.service$' /proc/self/cgroup | head -1; readlink /proc/self/fd/0; printf end`, "$HOME $$ %n ${x}", "")
	want := []string{"$HOME $$ %n ${x}||noninteractive|C.UTF-8|/usr/sbin:/usr/bin:/sbin:/bin|a b%n$HOME", "err", "lf-job.service", "/dev/null", "end"}
	if err != nil || code != 0 || !slices.Equal(lines, want) {
		t.Errorf("%d, %v\n%q\n%q", code, err, lines, want)
	}
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("log: %v, %v", info.Mode(), err)
	}
	if _, err := l.Launch(t.Context(), hostsvc.Job{Unit: "lf-job", Name: "no-such-program", Log: log}); err == nil || !strings.Contains(err.Error(), "Failed to find executable") {
		t.Errorf("got %v", err)
	}
	write(t, "/root/not-a-program", "x")
	_ = os.Chmod("/root/not-a-program", 0o755)
	if _, err := l.Launch(t.Context(), hostsvc.Job{Unit: "lf-job", Name: "/root/not-a-program", Log: log}); err == nil || !strings.Contains(err.Error(), "cannot run") {
		t.Errorf("got %v", err)
	}
	for _, left := range []string{"false", "true"} { // what a dead caller may leave
		_ = exec.Command("systemd-run", "--quiet", "--unit=lf-job", "--property=RemainAfterExit=yes", left).Run()
		eventually(t, "it ends", func() bool { running, _ := l.Running(t.Context(), "lf-job"); return !running })
		if code, err := launch("exit 8"); err != nil || code != 8 {
			t.Errorf("after %s: %d, %v", left, code, err)
		}
	}
}

// Whoever launches may be killed, or give up waiting: the program goes on. With
// systemd and without.
func TestInHostOutlives(t *testing.T) {
	if log := os.Getenv("LOCKFAST_TEST_LAUNCH"); log != "" {
		l := hostsvc.NewLauncher(hostexec.System{}, os.Getenv("LOCKFAST_TEST_BOOTED") == "true")
		_, err := l.Launch(t.Context(), hostsvc.Job{Unit: filepath.Base(log), Name: "sh", Args: []string{"-c", "echo begin; sleep 2; echo end"}, Log: log})
		t.Fatalf("not killed: %v", err)
	}
	dir := t.TempDir()
	for _, booted := range []bool{true, false} {
		unit := fmt.Sprintf("lf-outlives-%v", booted)
		log := filepath.Join(dir, unit)
		l := hostsvc.NewLauncher(hostexec.System{}, booted)
		us := exec.Command(os.Args[0], "-test.run=^TestInHostOutlives$")
		us.Env = append(os.Environ(), "LOCKFAST_TEST_LAUNCH="+log, fmt.Sprintf("LOCKFAST_TEST_BOOTED=%v", booted))
		us.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		if err := us.Start(); err != nil {
			t.Fatal(err)
		}
		holds := func(want string) func() bool {
			return func() bool { data, _ := os.ReadFile(log); return string(data) == want }
		}
		eventually(t, "it begins", holds("begin\n"))
		eventually(t, "it is noted", func() bool { running, _ := l.Running(t.Context(), unit); return running })
		_ = syscall.Kill(-us.Process.Pid, syscall.SIGKILL)
		_ = us.Wait()
		if running, err := l.Running(t.Context(), unit); err != nil || !running {
			t.Errorf("%s: %v, %v", unit, running, err)
		}
		if _, err := l.Launch(t.Context(), hostsvc.Job{Unit: unit, Name: "true", Log: log}); err == nil || !strings.Contains(err.Error(), "still runs") {
			t.Errorf("%s: launched twice: %v", unit, err)
		}
		eventually(t, "it ends", holds("begin\nend\n"))
		eventually(t, "it is seen to end", func() bool { running, err := l.Running(t.Context(), unit); return err == nil && !running })
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := l.Launch(ctx, hostsvc.Job{Unit: unit, Name: "sleep", Args: []string{"2"}, Log: log}); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "goes on as") {
			t.Errorf("%s: %v", unit, err)
		}
		if running, err := l.Running(t.Context(), unit); err != nil || !running {
			t.Errorf("%s: ended with its context: %v, %v", unit, running, err)
		}
	}
}

func TestInHostTimers(t *testing.T) {
	m, mark := manager(), filepath.Join(t.TempDir(), "mark")
	armed := func(want bool) {
		t.Helper()
		if got, err := m.TimerArmed(t.Context(), "lf-timer"); err != nil || got != want {
			t.Errorf("armed: %v, %v, want %v", got, err, want)
		}
	}
	arm := func(after time.Duration, args ...string) {
		t.Helper()
		if err := m.ArmTimer(t.Context(), "lf-timer", after, "/bin/sh", append([]string{"-c"}, args...)); err != nil {
			t.Fatal(err)
		}
	}
	armed(false)
	arm(time.Hour, "exit 1")
	armed(true)
	arm(time.Second, `echo "$1" >`+mark+`; sleep 2; echo end >>`+mark+`; exit 1`, "sh", "$HOME ${x}") // takes the place of the other
	armed(true)
	eventually(t, "it fires", func() bool { data, _ := os.ReadFile(mark); return string(data) == "$HOME ${x}\n" })
	armed(false)
	if err := m.DisarmTimer(t.Context(), "lf-timer"); err != nil { // as what it started does itself
		t.Error(err)
	}
	eventually(t, "what it started goes on", func() bool { data, _ := os.ReadFile(mark); return string(data) == "$HOME ${x}\nend\n" })
	eventually(t, "it fails", func() bool { return ctl(t, "is-active", "lf-timer.service") == "failed" })
	_ = os.Remove(mark)
	arm(1500*time.Millisecond, "touch "+mark)
	armed(true)
	for range 2 { // the second finds none
		if err := m.DisarmTimer(t.Context(), "lf-timer"); err != nil {
			t.Error(err)
		}
		armed(false)
	}
	time.Sleep(3 * time.Second)
	if _, err := os.Stat(mark); err == nil {
		t.Error("a disarmed timer fired")
	}
}
