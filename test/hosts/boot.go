//go:build e2e

package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Machine is a booted host: systemd in a container with a private network.
type Machine struct {
	t      *testing.T
	Root   string
	name   string
	nspawn *exec.Cmd
	ended  chan error
	leader int
	log    string
}

var machines int

// Boot starts a root with systemd and waits until it runs. It is stopped at
// the end of the test.
func Boot(t *testing.T, root string) *Machine {
	t.Helper()
	machines++
	m := &Machine{t: t, Root: root, name: fmt.Sprintf("lf-%d-%d", os.Getpid(), machines), log: filepath.Join(t.TempDir(), "boot.log"), ended: make(chan error, 1)}
	groups := m.controlGroups()
	log, err := os.Create(m.log)
	if err != nil {
		t.Fatal(err)
	}
	// The shell puts itself into the groups, then becomes nspawn.
	script := ""
	for _, g := range groups {
		script += fmt.Sprintf("mkdir -p %s && echo $$ > %s/cgroup.procs && ", g, g)
	}
	m.nspawn = exec.Command("sh", "-c", script+`exec systemd-nspawn -q -M "$1" -D "$2" --register=no --keep-unit --resolv-conf=off --timezone=off --link-journal=no --console=pipe --kill-signal=SIGRTMIN+3 --private-network --boot`, "sh", m.name, root)
	m.nspawn.Stdout, m.nspawn.Stderr = log, log
	if err := m.nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { m.ended <- m.nspawn.Wait(); _ = log.Close() }()
	t.Cleanup(func() { m.stop(groups) })
	m.wait()
	return m
}

// controlGroups are the folders that systemd inside needs: one on cgroup v2,
// two on v1 and hybrid.
func (m *Machine) controlGroups() []string {
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return []string{"/sys/fs/cgroup/" + m.name}
	}
	var list []string
	for _, h := range []string{"systemd", "unified"} {
		if _, err := os.Stat("/sys/fs/cgroup/" + h); err == nil {
			list = append(list, "/sys/fs/cgroup/"+h+"/"+m.name)
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
		if m.leader == 0 {
			m.leader = child(m.nspawn.Process.Pid)
			continue
		}
		base := fmt.Sprintf("/proc/%d/root/run/", m.leader)
		if exists(base+"systemd/private") && exists(base+"dbus/system_bus_socket") {
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

// stop asks systemd to shut down, and insists after a while.
func (m *Machine) stop(groups []string) {
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
	for _, g := range groups {
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
