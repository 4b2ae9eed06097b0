//go:build e2e

package hosts

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inside is what a chroot needs around it; it ends with all its children.
const inside = `set -e
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/run"
root=$1
shift
exec chroot "$root" "$@"`

// Run runs a program in a root, without systemd, in namespaces of its own, and
// returns what it printed. Services are not started by package scripts.
func Run(t testing.TB, root string, args ...string) string {
	t.Helper()
	out, errOut, code := Try(t, root, args...)
	if code != 0 {
		t.Fatalf("%v in %s: exit %d\n%s%s", args, root, code, tail(out), tail(errOut))
	}
	return string(out)
}

// Try is Run for programs that may fail.
func Try(t testing.TB, root string, args ...string) (stdout, stderr []byte, code int) {
	t.Helper()
	refuse := filepath.Join(root, "usr/sbin/policy-rc.d")
	if err := os.WriteFile(refuse, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Remove(refuse) }()
	cmd := exec.Command("unshare", append([]string{
		"--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child=SIGKILL", "sh", "-c", inside, "sh", root}, args...)...)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "HOME=/root"}
	return result(t, cmd)
}

func result(t testing.TB, cmd *exec.Cmd) (stdout, stderr []byte, code int) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	if exit != nil {
		code = exit.ExitCode()
	}
	return out.Bytes(), errOut.Bytes(), code
}

// need fails the test where a program is missing.
func need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			t.Fatalf("%s is not installed: run scripts/setup-tests", p)
		}
	}
}

func must(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, tail(out))
	}
	return string(out)
}

func tail(out []byte) []byte { return out[max(0, len(out)-3000):] }
