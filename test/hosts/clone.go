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
)

// mountName marks our overlay mounts; the process that made one follows.
const mountName = "lockfast-test-"

// Clone puts an overlay over a root and returns where it is mounted; changes
// do not reach the root below.
func Clone(t testing.TB, root string) string {
	t.Helper()
	return clone(t, root, scratch(t))
}

// CloneOnDisk is [Clone] for figures that depend on how long syncing takes.
func CloneOnDisk(t testing.TB, root string) string {
	t.Helper()
	return clone(t, root, t.TempDir())
}

func clone(t testing.TB, root, base string) string {
	t.Helper()
	sweep(t)
	for _, d := range []string{"up", "work", "at"} {
		if err := os.Mkdir(filepath.Join(base, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	at := filepath.Join(base, "at")
	must(t, exec.Command("mount", "-t", "overlay", mountName+strconv.Itoa(os.Getpid()), "-o",
		fmt.Sprintf("lowerdir=%s,upperdir=%s/up,workdir=%s/work", root, base, base), at))
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "--lazy", at).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v %s", at, err, out)
		}
	})
	return at
}

// scratch is a folder in memory where there is enough of it, else on disk: what
// a package manager syncs takes three times as long there.
func scratch(t testing.TB) string {
	t.Helper()
	const enough = 4 << 30
	var s syscall.Statfs_t
	if err := syscall.Statfs("/dev/shm", &s); err != nil || int64(s.Bavail)*s.Bsize < enough {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", mountName) //nolint:usetesting // TempDir lies on the disk
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// sweep unmounts what a test run left that was killed.
func sweep(t testing.TB) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		w := strings.Fields(line)
		owner, ours := strings.CutPrefix(w[0], mountName)
		if ours && !exists("/proc/"+owner) {
			_ = exec.Command("umount", "--lazy", w[1]).Run()
		}
	}
}
