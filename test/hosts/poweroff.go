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
	"unsafe"
)

// From linux/fs/ext4/ext4.h: stop all writing at once, the journal's too.
const (
	shutdownRequest   = 0x8004587D // EXT4_IOC_SHUTDOWN
	shutdownNoLogging = 2          // EXT4_GOING_FLAGS_NOLOGFLUSH
)

// LoopDisk mounts a fresh ext4 file system of some bytes and returns where, and
// a power cut for it: what no program had written down with fsync is lost, as
// far as the kernel had not come to it by itself, and the file system is
// repaired and mounted at the same place again. Programs that use it are to be
// killed right before the cut; an overlay over it must not be unmounted before,
// because that writes everything down.
func LoopDisk(t *testing.T, size int64) (dir string, cut func()) {
	t.Helper()
	need(t, "mkfs.ext4", "e2fsck", "mount", "umount")
	sweepDisks(t)
	base := t.TempDir()
	file := filepath.Join(base, "disk")
	dir = filepath.Join(base, mountName+strconv.Itoa(os.Getpid()))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	must(t, exec.Command("mkfs.ext4", "-q", file))
	mount := func() { must(t, exec.Command("mount", "-o", "loop", file, dir)) }
	mount()
	t.Cleanup(func() {
		if mounted(t, dir) {
			must(t, exec.Command("umount", "--lazy", dir))
		}
	})
	return dir, func() {
		t.Helper()
		cutPower(t, dir)
		unmount(t, dir)
		repair(t, file)
		mount()
	}
}

// cutPower makes the kernel drop what it has not written yet.
func cutPower(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	flag := uint32(shutdownNoLogging)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), shutdownRequest, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		t.Fatalf("cannot cut the power of %s: %v", dir, errno)
	}
}

// unmount waits a moment for killed programs to be gone.
func unmount(t *testing.T, dir string) {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var out []byte
	for range 100 {
		var err error
		if out, err = exec.Command("umount", dir).CombinedOutput(); err == nil {
			return
		}
		<-tick.C
	}
	t.Fatalf("umount: %s", out)
}

// repair does what a host does when it boots after a power cut.
func repair(t *testing.T, file string) {
	t.Helper()
	out, errOut, code := result(t, exec.Command("e2fsck", "-fy", file))
	if code&^1 != 0 { // 1: errors were corrected
		t.Fatalf("e2fsck: exit %d\n%s%s", code, tail(out), tail(errOut))
	}
}

// mounted reports whether something is mounted at a folder.
func mounted(t *testing.T, dir string) bool {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(data), fmt.Sprintf(" %s ", dir))
}

// sweepDisks unmounts disks that a test run left that was killed.
func sweepDisks(t *testing.T) {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		at := strings.Fields(line)[1]
		owner, ours := strings.CutPrefix(filepath.Base(at), mountName)
		if ours && !exists("/proc/"+owner) {
			_ = exec.Command("umount", "--lazy", at).Run()
		}
	}
}
