//go:build e2e

package hosts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Spec is what a root file system is made from. It holds main only: security
// updates that have come out since are pending once their archive is added.
type Spec struct {
	Suite   string   // "bookworm"
	Include []string // packages beside the smallest set
}

// WebHost is a server with two web servers, ssh and systemd.
func WebHost(suite string) Spec {
	return Spec{Suite: suite, Include: []string{
		"systemd-sysv", "dbus", "iproute2", "openssh-server", "nginx-light", "apache2", "openssl", "curl", "ca-certificates", "libpam-systemd", "procps", "kmod", "nftables",
	}}
}

// keep is how long a tarball is used again.
const keep = 14 * 24 * time.Hour

// Rootfs unpacks a fresh copy of a root file system and returns its folder.
func Rootfs(t testing.TB, spec Spec) string {
	t.Helper()
	tarball := build(t, spec)
	dir := t.TempDir()
	must(t, exec.Command("tar", "-C", dir, "--numeric-owner", "--xattrs", "-xf", tarball))
	return dir
}

// build makes the tarball unless a young one is there.
func build(t testing.TB, spec Spec) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("making hosts needs root")
	}
	need(t, "mmdebstrap", "unshare", "tar", "zstd", "mount")
	cache := os.Getenv("LOCKFAST_TEST_CACHE")
	if cache == "" {
		cache = "/var/cache/lockfast-test"
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	defer lock(t, filepath.Join(cache, "lock"))()
	prune(t, cache)
	args := []string{"--variant=minbase", "--mode=root", "--aptopt=Acquire::Retries \"3\""}
	if len(spec.Include) > 0 {
		args = append(args, "--include="+strings.Join(spec.Include, ","))
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(spec.Suite, args)))
	tarball := filepath.Join(cache, spec.Suite+"-"+hex.EncodeToString(sum[:6])+".tar.zst")
	if exists(tarball) {
		return tarball
	}
	part := tarball + ".part.tar.zst"
	args = append(args, spec.Suite, part, "deb "+find(t).main+" "+spec.Suite+" main")
	must(t, exec.Command("mmdebstrap", args...))
	if err := os.Rename(part, tarball); err != nil {
		t.Fatal(err)
	}
	return tarball
}

// prune removes old tarballs.
func prune(t testing.TB, cache string) {
	t.Helper()
	tarballs, err := filepath.Glob(filepath.Join(cache, "*.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range tarballs {
		if info, err := os.Stat(file); err == nil && time.Since(info.ModTime()) > keep {
			_ = os.Remove(file)
		}
	}
}

// lock keeps other test programs from building the same tarball; the kernel
// lets go of it when this one dies.
func lock(t testing.TB, path string) (unlock func()) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	return func() { _ = f.Close() }
}
