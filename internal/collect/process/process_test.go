package process_test

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/process"
	"github.com/lockfast/lockfast/internal/inventory"
)

const nginxMaps = `55f0a0000000-55f0a0020000 r--p 00000000 fe:01 100                    /usr/sbin/nginx
55f0a0020000-55f0a0100000 r-xp 00020000 fe:01 100                    /usr/sbin/nginx
7f0000000000-7f0000100000 r-xp 00000000 fe:01 200                    /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f0000180000-7f0000190000 r-xp 00100000 fe:01 200                    /usr/lib/x86_64-linux-gnu/libssl.so.3 (deleted)
7f0000200000-7f0000300000 r-xp 00000000 fe:01 201                    /usr/lib/x86_64-linux-gnu/libcrypto.so.3.dpkg-tmp (deleted)
7f0000300000-7f0000400000 r--p 00000000 fe:01 202                    /usr/lib/x86_64-linux-gnu/libz.so.1 (deleted)
7f0000380000-7f0000390000 r-xp 00000000 fe:01 203                    /usr/lib/x86_64-linux-gnu/libexpat.so.1.8.10 (deleted)
7f0000400000-7f0000500000 rwxp 00000000 00:01 300                    /memfd:pcre-jit (deleted)
7f0000500000-7f0000600000 r-xs 00000000 00:01 301                    /dev/zero (deleted)
7f0000600000-7f0000700000 r-xp 00000000 fe:01 302                    /tmp/jit-1 (deleted)
7f0000700000-7f0000800000 r-xp 00000000 00:00 0 
7f0000800000-7f0000900000 r-xp 00000000 00:00 0                      [vdso]
7f0000900000-7f0000a00000 r-xp 00000000 fe:01 303                    /opt/a\012b c.so
`

// owners is a package database.
type owners map[string]string

func (o owners) Owners(_ context.Context, _ collect.Host, paths []string) (map[string]string, error) {
	found := map[string]string{}
	for _, p := range paths {
		if pkg, ok := o[p]; ok {
			found[p] = pkg
		}
	}
	return found, nil
}

// noOwners is a package database that cannot be read.
type noOwners struct{}

func (noOwners) Owners(context.Context, collect.Host, []string) (map[string]string, error) {
	return nil, errors.New("cannot read file lists")
}

var debian = owners{
	"/usr/sbin/nginx": "nginx", "/usr/bin/bash": "bash", "/opt/a\nb c.so": "odd",
	"/usr/lib/x86_64-linux-gnu/libssl.so.3": "libssl3", "/usr/lib/x86_64-linux-gnu/libcrypto.so.3": "libssl3",
	"/usr/lib/x86_64-linux-gnu/libexpat.so.1": "libexpat1",
}

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink}
}

func text(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

// running adds a process to a /proc.
func running(m fstest.MapFS, pid, command, exe, maps, cgroup string) {
	dir := "proc/" + pid + "/"
	m[dir+"stat"] = text(pid + " (" + command + ") S 1 1 1 0 -1 4194560 0 0 0 0\n")
	m[dir+"exe"], m[dir+"comm"], m[dir+"maps"], m[dir+"cgroup"] = link(exe), text(command+"\n"), text(maps), text(cgroup)
}

func proc() fstest.MapFS {
	m := fstest.MapFS{
		"proc/2/comm": text("kthreadd\n"), "proc/2/maps": text(""), "proc/2/cgroup": text("0::/\n"),
		"proc/self/ns/mnt": link("mnt:[1]"), "proc/meminfo": text("x"),
	}
	running(m, "10", "nginx", "/usr/sbin/nginx", nginxMaps, "3:cpu:/\n1:name=systemd:/system.slice/nginx.service\n0::/\n")
	running(m, "11", "bash", "/usr/bin/bash (deleted)", "1-2 r-xp 0 fe:01 1 /usr/bin/bash (deleted)\n", "0::/user.slice/user-0.slice/session-1.scope\n")
	running(m, "12", "daemon", "/opt/own/daemon", "1-2 r-xp 0 fe:01 1 /opt/own/daemon\n", "0::/\n")
	running(m, "13", "nginx", "/usr/sbin/nginx", nginxMaps, "0::/system.slice/docker-abc.scope\n")
	m["proc/13/ns/mnt"] = link("mnt:[2]")
	return m
}

func collected(t *testing.T, host collect.Host, from ...collect.Owners) (*inventory.Inventory, inventory.Status) {
	t.Helper()
	inv := &inventory.Inventory{}
	return inv, process.New(from...).Collect(t.Context(), host, inv)
}

func TestCollect(t *testing.T) {
	inv, s := collected(t, collect.Host{FS: proc(), Live: true, Privileged: true}, debian, owners{})
	if s.Outcome != inventory.Succeeded || s.Reason != "" {
		t.Fatal(s)
	}
	lib := func(name string) string { return "/usr/lib/x86_64-linux-gnu/" + name }
	want := []inventory.Process{
		{PID: 10, Command: "nginx", Exe: "/usr/sbin/nginx", Unit: "nginx.service", Package: "nginx", Mapped: []string{"libexpat1", "libssl3", "nginx", "odd"}, Replaced: []inventory.Replaced{
			{Path: lib("libssl.so.3"), Package: "libssl3"}, {Path: lib("libcrypto.so.3"), Package: "libssl3"}, {Path: lib("libexpat.so.1.8.10"), Package: "libexpat1"},
		}},
		{PID: 11, Command: "bash", Exe: "/usr/bin/bash", Unit: "session-1.scope", Package: "bash", Mapped: []string{"bash"}, Replaced: []inventory.Replaced{{Path: "/usr/bin/bash", Package: "bash"}}},
		{PID: 12, Command: "daemon", Exe: "/opt/own/daemon"},
	}
	if diff := cmp.Diff(want, inv.Processes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]inventory.Gap{{What: "processes in containers", Where: "/proc", Count: 1}}, inv.Gaps); diff != "" {
		t.Error(diff)
	}
}

// guarded refuses what only root may see.
type guarded struct {
	fstest.MapFS
	deny string
}

func (g guarded) Open(name string) (fs.File, error) {
	if strings.HasPrefix(name, g.deny) {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return g.MapFS.Open(name)
}

func (g guarded) ReadLink(name string) (string, error) {
	if strings.HasPrefix(name, g.deny) {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrPermission}
	}
	return g.MapFS.ReadLink(name)
}

func TestWhatMayNotBeSeenIsSaid(t *testing.T) {
	for _, deny := range []string{"proc/10/exe", "proc/10/maps"} {
		_, s := collected(t, collect.Host{FS: guarded{proc(), deny}, Live: true}, debian)
		if s.Outcome != inventory.Partial || !strings.Contains(s.Reason, "1 of 4 processes (not root") {
			t.Errorf("%s: got %v %q", deny, s.Outcome, s.Reason)
		}
	}
	hiding := proc()
	hiding["proc/self/mounts"] = text("proc /proc proc rw,nosuid,hidepid=invisible 0 0\n")
	if _, s := collected(t, collect.Host{FS: hiding, Live: true}, debian); s.Outcome != inventory.Partial || !strings.Contains(s.Reason, "hidepid") {
		t.Errorf("got %v %q", s.Outcome, s.Reason)
	}
	if _, s := collected(t, collect.Host{FS: hiding, Live: true, Privileged: true}, debian); s.Outcome != inventory.Succeeded {
		t.Errorf("root: got %v %q", s.Outcome, s.Reason)
	}
}

// TestKernelThreadsAreNoSecret: their program may not be looked at without
// root, but there is none.
func TestKernelThreadsAreNoSecret(t *testing.T) {
	m := proc()
	m["proc/2/exe"], m["proc/2/stat"] = link("nothing"), text("2 (k (threaded)) S 0 0 0 0 -1 2129984 0 0 0 0\n")
	if _, s := collected(t, collect.Host{FS: guarded{m, "proc/2/exe"}, Live: true}, debian); s.Outcome != inventory.Succeeded {
		t.Errorf("got %v %q", s.Outcome, s.Reason)
	}
}

func TestProblems(t *testing.T) {
	broken := proc()
	broken["proc/10/maps"] = text("1-2 r-xp 0 fe:01 1 /usr/sbin/nginx\nnonsense\n")
	odd := proc()
	odd["proc/10/cgroup"] = text("nonsense\n")
	for name, c := range map[string]struct {
		fsys    fs.FS
		owners  []collect.Owners
		outcome inventory.Outcome
		reason  string
	}{
		"maps":        {broken, []collect.Owners{debian}, inventory.Partial, "/proc/10/maps:2: "},
		"cgroup":      {odd, []collect.Owners{debian}, inventory.Partial, "proc/10/cgroup:1: "},
		"database":    {proc(), []collect.Owners{debian, noOwners{}}, inventory.Partial, "cannot read file lists"},
		"no database": {proc(), nil, inventory.Partial, "no package database"},
		"no proc":     {fstest.MapFS{}, []collect.Owners{debian}, inventory.Failed, "is /proc mounted?"},
		"empty proc":  {fstest.MapFS{"proc": {Mode: fs.ModeDir}}, []collect.Owners{debian}, inventory.Failed, "lists none"},
	} {
		_, s := collected(t, collect.Host{FS: c.fsys, Live: true, Privileged: true}, c.owners...)
		if s.Outcome != c.outcome || !strings.Contains(s.Reason, c.reason) {
			t.Errorf("%s: got %v %q, want %q", name, s.Outcome, s.Reason, c.reason)
		}
	}
}

func TestUnpackedRootHasNoProcesses(t *testing.T) {
	if _, s := collected(t, collect.Host{FS: proc()}, debian); s.Outcome != inventory.NotApplicable {
		t.Errorf("got %v", s)
	}
}

func TestUnits(t *testing.T) {
	for data, want := range map[string]process.Group{
		"0::/system.slice/nginx.service\n":                                           {Unit: "nginx.service"},
		"1:name=systemd:/system.slice/system-getty.slice/getty@tty1.service\n0::/\n": {Unit: "getty@tty1.service"},
		"0::/\n1:name=systemd:/system.slice/ssh.service\n":                           {Unit: "ssh.service"},
		"0::/system.slice/php8.2-fpm.service/pool/www\n":                             {Unit: "php8.2-fpm.service"},
		"0::/init.scope\n":                 {Unit: "init.scope"},
		"0::/system.slice/_pids.service\n": {Unit: "pids.service"},
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/podman.service\n":       {Unit: "user@1000.service/podman.service"},
		"0::/user.slice/user-1000.slice/user@1000.service/init.scope\n":                     {Unit: "user@1000.service"},
		"0::/user.slice/user-1000.slice/session-4.scope\n":                                  {Unit: "session-4.scope"},
		"9:memory:/docker/0123\n1:name=systemd:/docker/0123\n":                              {Container: true},
		"0::/system.slice/docker-0123.scope\n":                                              {Unit: "docker-0123.scope", Container: true},
		"0::/machine.slice/libpod-conmon-0123.scope\n":                                      {Unit: "libpod-conmon-0123.scope"},
		"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-01.scope\n":                  {Unit: "cri-containerd-01.scope", Container: true},
		"0::/machine.slice/systemd-nspawn@web.service/payload/system.slice/nginx.service\n": {Unit: "nginx.service", Container: true},
		"0::/../../system.slice/cron.service\n":                                             {Unit: "cron.service"},
		"":                                                                                  {},
	} {
		got, err := process.ParseCgroup([]byte(data), "cgroup")
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", data, got, err, want)
		}
	}
}

func FuzzMaps(f *testing.F) {
	f.Add([]byte(nginxMaps))
	f.Add([]byte("1-2 --x- 0 0:0 1 / (deleted)\n1-2 r-xp 0 fe:zz 1 /x\n"))
	f.Add([]byte(strings.Repeat("x", 20<<10)))
	f.Fuzz(func(t *testing.T, data []byte) {
		err := process.ParseMaps(strings.NewReader(string(data)), "maps", func(m process.Mapping) {
			if !strings.HasPrefix(m.Path, "/") {
				t.Errorf("path %q", m.Path)
			}
		})
		if err != nil && !strings.HasPrefix(err.Error(), "maps:") {
			t.Errorf("an error without a place: %v", err)
		}
		m := maps.Clone(proc())
		m["proc/10/maps"] = &fstest.MapFile{Data: data}
		_, s := collected(t, collect.Host{FS: m, Live: true, Privileged: true}, debian)
		if (err != nil) != (s.Outcome == inventory.Partial) {
			t.Errorf("%v, but %v", err, s)
		}
	})
}

func FuzzCgroup(f *testing.F) {
	f.Add([]byte("1:name=systemd:/system.slice/nginx.service\n0::/\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		g, err := process.ParseCgroup(data, "cgroup")
		if err != nil && (g != process.Group{} || !strings.HasPrefix(err.Error(), "cgroup:")) {
			t.Errorf("got %+v, %v", g, err)
		}
	})
}
