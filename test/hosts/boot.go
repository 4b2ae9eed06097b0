//go:build e2e

package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Machine is a booted host: systemd in a container with a private network.
type Machine struct {
	t      testing.TB
	Root   string
	name   string
	nspawn *exec.Cmd
	ended  chan error
	leader int
	groups []string
	log    string
}

// machines numbers the hosts of this test run.
var machines atomic.Int32

// nspawn boots without asking a systemd outside: there may be none. The
// private network has a loopback interface only.
const nspawn = `exec systemd-nspawn -q -M "$1" -D "$2" --register=no --keep-unit --resolv-conf=off --timezone=off --link-journal=no --console=pipe ` +
	`--kill-signal=SIGRTMIN+3 --private-network --boot`

// groupRoot is where control groups are mounted.
const groupRoot = "/sys/fs/cgroup"

// Boot starts a root with systemd and waits until it runs. It is stopped at
// the end of the test.
func Boot(t testing.TB, root string) *Machine {
	t.Helper()
	need(t, "systemd-nspawn", "nsenter")
	m := &Machine{t: t, Root: root, log: filepath.Join(t.TempDir(), "boot.log")}
	m.start()
	t.Cleanup(m.stop)
	return m
}

// PowerOff ends the host between two instructions, without a word to anybody,
// and boots it again. What was not synced survives all the same: the kernel
// below is another one's.
func (m *Machine) PowerOff() {
	m.t.Helper()
	_ = syscall.Kill(m.leader, syscall.SIGKILL)
	_ = m.nspawn.Process.Kill()
	<-m.ended
	for _, g := range m.groups {
		removeGroups(g)
	}
	m.start()
}

func (m *Machine) start() {
	t := m.t
	t.Helper()
	m.name, m.ended, m.leader = fmt.Sprintf("lf-%d-%d", os.Getpid(), machines.Add(1)), make(chan error, 1), 0
	m.groups = m.controlGroups()
	log, err := os.Create(m.log)
	if err != nil {
		t.Fatal(err)
	}
	// The shell puts itself into the groups, then becomes nspawn.
	var script strings.Builder
	for _, g := range m.groups {
		_, _ = fmt.Fprintf(&script, "mkdir -p %s && echo $$ > %s/cgroup.procs && ", g, g)
	}
	m.nspawn = exec.Command("sh", "-c", script.String()+nspawn+initArguments(), "sh", m.name, m.Root)
	m.nspawn.Stdout, m.nspawn.Stderr = log, log
	if err := m.nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	nspawn, ended := m.nspawn, m.ended
	go func() { ended <- nspawn.Wait(); _ = log.Close() }()
	m.wait()
}

// unified reports whether control groups are of version 2 only.
func unified() bool { return exists(groupRoot + "/cgroup.controllers") }

// initArguments are for the systemd inside: from version 256 on it has to be
// told before it boots on cgroup v1.
func initArguments() string {
	if unified() {
		return ""
	}
	return " SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
}

// controlGroups are the folders that systemd inside needs: one on cgroup v2,
// two on v1 and hybrid.
func (m *Machine) controlGroups() []string {
	if unified() {
		return []string{filepath.Join(groupRoot, m.name)}
	}
	var list []string
	for _, h := range []string{"systemd", "unified"} {
		if exists(filepath.Join(groupRoot, h)) {
			list = append(list, filepath.Join(groupRoot, h, m.name))
		}
	}
	if len(list) == 0 {
		m.t.Fatal("this machine has no control groups that systemd could use")
	}
	return list
}

// wait finds the container's first process and waits for systemd and D-Bus.
func (m *Machine) wait() {
	m.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(60 * time.Second)
	for {
		select {
		case err := <-m.ended:
			m.ended <- err
			m.t.Fatalf("%s did not boot: %v\n%s", m.name, err, m.bootLog())
		case <-deadline:
			m.t.Fatalf("%s did not boot in a minute\n%s", m.name, m.bootLog())
		case <-tick.C:
		}
		// Looked up anew each time: nspawn's first child only starts the one that stays.
		m.leader = child(m.nspawn.Process.Pid)
		base := fmt.Sprintf("/proc/%d/root/run/", m.leader)
		if m.leader != 0 && exists(base+"systemd/private") && exists(base+"dbus/system_bus_socket") {
			break
		}
	}
	_, _, _ = m.Try("systemctl", "is-system-running", "--wait") // degraded is good enough
}

func exists(path string) bool { _, err := os.Stat(path); return err == nil }

func (m *Machine) bootLog() []byte {
	data, err := os.ReadFile(m.log)
	if err != nil {
		return []byte(err.Error())
	}
	return tail(data)
}

// child is the first child process of a process, 0 if there is none.
func child(pid int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(data)), " ")
	n, err := strconv.Atoi(first)
	if err != nil {
		return 0
	}
	return n
}

// Try runs a program in the booted host as root.
func (m *Machine) Try(args ...string) (stdout, stderr []byte, code int) {
	m.t.Helper()
	cmd := exec.Command("nsenter", append([]string{"-t", strconv.Itoa(m.leader), "-m", "-p", "-u", "-i", "-n", "-C", "--root", "--wd=/", "env", "-i",
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "HOME=/root"}, args...)...)
	return result(m.t, cmd)
}

// Run is Try for programs that must not fail.
func (m *Machine) Run(args ...string) string {
	m.t.Helper()
	out, errOut, code := m.Try(args...)
	if code != 0 {
		m.t.Fatalf("%v in %s: exit %d\n%s%s", args, m.name, code, tail(out), tail(errOut))
	}
	return string(out)
}

// Wait runs a program in the booted host once a second until it succeeds, at
// most thirty times: for what takes a moment after a restart.
func (m *Machine) Wait(args ...string) {
	m.t.Helper()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var out, errOut []byte
	for range 30 {
		var code int
		if out, errOut, code = m.Try(args...); code == 0 {
			return
		}
		<-tick.C
	}
	m.t.Fatalf("%v in %s does not succeed\n%s%s", args, m.name, tail(out), tail(errOut))
}

// stop asks systemd to shut down, and insists after a while.
func (m *Machine) stop() {
	_ = m.nspawn.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.ended:
	case <-time.After(20 * time.Second):
		if m.leader != 0 {
			_ = syscall.Kill(m.leader, syscall.SIGKILL)
		}
		_ = m.nspawn.Process.Kill()
		<-m.ended
	}
	for _, g := range m.groups {
		removeGroups(g)
	}
}

// removeGroups removes a control group and those below it, innermost first.
func removeGroups(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeGroups(filepath.Join(dir, e.Name()))
		}
	}
	_ = syscall.Rmdir(dir)
}
