package process_test

import (
	"syscall"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/inventory"
)

// numbered is a file with device and inode numbers.
func numbered(f *fstest.MapFile, inode uint64) *fstest.MapFile {
	f.Sys = &syscall.Stat_t{Dev: unix.Mkdev(0xfe, 1), Ino: inode}
	return f
}

// TestOtherMountNamespaces: a sandboxed service runs the host's files, a
// service in a directory of its own too, a container does not.
func TestOtherMountNamespaces(t *testing.T) {
	m := proc()
	m["."] = numbered(&fstest.MapFile{Mode: 0o755 | 1<<31}, 2)
	const own = "1-2 r-xp 0 fe:01 100 /usr/sbin/nginx\n"
	m["usr/sbin/nginx"] = numbered(text(""), 100)
	for pid, root := range map[string]uint64{"20": 2, "21": 7, "22": 8} {
		running(m, pid, "nginx", "/usr/sbin/nginx", own, "0::/system.slice/nginx.service\n")
		m["proc/"+pid+"/ns/mnt"] = link("mnt:[" + pid + "]")
		m["proc/"+pid+"/root"] = numbered(&fstest.MapFile{Mode: 0o755 | 1<<31}, root)
	}
	m["proc/22/status"] = text("Name:\tnginx\nNSpid:\t22\t1\n")
	m["proc/22/exe"] = numbered(text(""), 555) // another file of the same name
	m["proc/21/exe"] = link("/usr/sbin/nginx")
	inv, s := collected(t, collect.Host{FS: exes{m}, Live: true, Privileged: true}, debian)
	if s.Outcome != inventory.Succeeded {
		t.Fatal(s)
	}
	var seen []int
	for _, p := range inv.Processes {
		seen = append(seen, p.PID)
	}
	if len(seen) != 5 || seen[3] != 20 || seen[4] != 21 || len(inv.Gaps) != 1 || inv.Gaps[0].Count != 2 {
		t.Errorf("processes %v, %+v", seen, inv.Gaps)
	}
}

// exes reads /proc/22/exe as a link, although it can be looked through.
type exes struct{ fstest.MapFS }

func (e exes) ReadLink(name string) (string, error) {
	if name == "proc/22/exe" {
		return "/usr/sbin/nginx", nil
	}
	return e.MapFS.ReadLink(name)
}

// TestSameFileIsNotReplaced: the kernel says deleted, but the very file has its
// name.
func TestSameFileIsNotReplaced(t *testing.T) {
	m := proc()
	running(m, "30", "nginx", "/usr/sbin/nginx", "1-2 r-xp 0 fe:01 100 /usr/sbin/nginx (deleted)\n", "0::/\n")
	running(m, "31", "nginx", "/usr/sbin/nginx", "1-2 r-xp 0 fe:01 99 /usr/sbin/nginx (deleted)\n", "0::/\n")
	m["usr/sbin/nginx"] = numbered(text(""), 100)
	inv, _ := collected(t, collect.Host{FS: m, Live: true, Privileged: true}, debian)
	for _, p := range inv.Processes {
		if p.PID == 30 && len(p.Replaced) != 0 || p.PID == 31 && len(p.Replaced) != 1 {
			t.Errorf("%+v", p)
		}
	}
}
