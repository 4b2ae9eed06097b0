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
	"sync"
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

// archive is where this machine gets Debian from.
type archive struct{ main, security string }

// find reads the machine's own apt sources, so that no address is written here.
func find(t *testing.T) archive {
	t.Helper()
	var a archive
	files, err := filepath.Glob("/etc/apt/sources.list.d/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range append(files, "/etc/apt/sources.list") {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			for _, word := range strings.Fields(line) {
				address := strings.TrimSuffix(word, "/")
				switch {
				case !strings.Contains(address, "://") || strings.HasPrefix(strings.TrimSpace(line), "#"):
				case strings.HasSuffix(address, "debian-security"):
					a.security = address
				case strings.HasSuffix(address, "/debian"):
					a.main = address
				}
			}
		}
	}
	if a.main == "" {
		t.Fatal("no Debian archive in this machine's apt sources")
	}
	if a.security == "" {
		a.security = strings.TrimSuffix(a.main, "/debian") + "/debian-security"
	}
	return a
}

var building sync.Mutex

// Rootfs unpacks a fresh copy of a root file system and returns its folder.
func Rootfs(t *testing.T, spec Spec) string {
	t.Helper()
	tarball := build(t, spec)
	dir := t.TempDir()
	must(t, exec.Command("tar", "-C", dir, "--numeric-owner", "--xattrs", "-xf", tarball))
	return dir
}

// build makes the tarball unless a young one is there.
func build(t *testing.T, spec Spec) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("making hosts needs root")
	}
	building.Lock()
	defer building.Unlock()
	cache := os.Getenv("LOCKFAST_TEST_CACHE")
	if cache == "" {
		cache = "/var/cache/lockfast-test"
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(spec)))
	tarball := filepath.Join(cache, spec.Suite+"-"+hex.EncodeToString(sum[:6])+".tar.zst")
	if info, err := os.Stat(tarball); err == nil && time.Since(info.ModTime()) < keep {
		return tarball
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	args := []string{"--variant=minbase", "--mode=root", "--aptopt=Acquire::Retries \"3\"", "--skip=cleanup/apt"}
	if len(spec.Include) > 0 {
		args = append(args, "--include="+strings.Join(spec.Include, ","))
	}
	part := tarball + ".part.tar.zst"
	args = append(args, spec.Suite, part, "deb "+find(t).main+" "+spec.Suite+" main")
	must(t, exec.Command("mmdebstrap", args...))
	if err := os.Rename(part, tarball); err != nil {
		t.Fatal(err)
	}
	return tarball
}

// AddSecurity adds the security archive to a root and refreshes its lists with
// the machine's network.
func AddSecurity(t *testing.T, root, suite string) {
	t.Helper()
	a := find(t)
	text := fmt.Sprintf("deb %s %s main\ndeb %s %s-security main\n", a.main, suite, a.security, suite)
	if err := os.WriteFile(filepath.Join(root, "etc/apt/sources.list"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	extra, err := filepath.Glob(filepath.Join(root, "etc/apt/sources.list.d/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range extra {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	copyNetwork(t, root)
	Run(t, root, "apt-get", "-o", "APT::Update::Error-Mode=any", "-qq", "update")
}

// copyNetwork lets programs in a root reach what this machine reaches.
func copyNetwork(t *testing.T, root string) {
	t.Helper()
	for _, name := range []string{"/etc/resolv.conf", "/etc/hosts"} {
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		_ = os.Remove(filepath.Join(root, name))
		if err := os.WriteFile(filepath.Join(root, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := filepath.Glob("/etc/apt/apt.conf.d/*proxy*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range settings {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Clone puts an overlay over a root and returns where it is mounted; changes
// do not reach the root below.
func Clone(t *testing.T, root string) string {
	t.Helper()
	base := t.TempDir()
	for _, d := range []string{"up", "work", "at"} {
		if err := os.Mkdir(filepath.Join(base, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	at := filepath.Join(base, "at")
	must(t, exec.Command("mount", "-t", "overlay", "lockfast-test", "-o",
		fmt.Sprintf("lowerdir=%s,upperdir=%s/up,workdir=%s/work", root, base, base), at))
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "--lazy", at).CombinedOutput(); err != nil {
			t.Errorf("umount %s: %v %s", at, err, out)
		}
	})
	return at
}

func must(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, tail(out))
	}
	return string(out)
}

func tail(out []byte) []byte { return out[max(0, len(out)-3000):] }
