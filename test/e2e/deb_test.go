//go:build e2e

package e2e_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/lockfast/lockfast/test/hosts"
)

// debInHost is where a test puts the package: /tmp may be hidden by a mount.
const debInHost = "/srv/lockfast.deb"

const recoverUnit = "lockfast-recover.service"

// debFiles are what the package has beside man pages, with modes.
var debFiles = map[string]fs.FileMode{
	"etc/lockfast":         fs.ModeDir | 0o755,
	"etc/lockfast/hooks.d": fs.ModeDir | 0o755,
	"usr/bin/lockfast":     0o755,
	"usr/lib/systemd/system/lockfast-recover.service":           0o644,
	"usr/share/bash-completion/completions/lockfast":            0o644,
	"usr/share/zsh/vendor-completions/_lockfast":                0o644,
	"usr/share/fish/vendor_completions.d/lockfast.fish":         0o644,
	"usr/share/doc/lockfast/copyright":                          0o644,
	"usr/share/doc/lockfast/third-party-licenses.gz":            0o644,
	"usr/share/doc/lockfast/changelog.gz":                       0o644,
	"usr/share/doc/lockfast/examples/config.yaml":               0o644,
	"usr/share/man/man1/lockfast.1.gz":                          0o644,
	"var/cache/lockfast":                                        fs.ModeDir | 0o755,
	"var/lib/lockfast":                                          fs.ModeDir | 0o755,
	"var/lib/lockfast/journal":                                  fs.ModeDir | 0o700,
	"etc/systemd/system/multi-user.target.wants/" + recoverUnit: fs.ModeSymlink | 0o777,
}

// The package: the same bytes from the same tree, whoever builds it; installed,
// removed and purged on hosts that run systemd and in a root that has none.
func TestDeb(t *testing.T) {
	deb := buildDeb(t, "amd64", "022")
	if !bytes.Equal(mustRead(t, deb), mustRead(t, buildDeb(t, "amd64", "077"))) {
		t.Error("two builds of the same tree differ")
	}
	arm := buildDeb(t, "arm64", "022")
	for file, arch := range map[string]string{deb: "amd64", arm: "arm64"} {
		fields := strings.Fields(mustRun(t, "dpkg-deb", "-f", file, "Package", "Architecture", "Version"))
		if want := "lockfast_" + fields[5] + "_" + arch + ".deb"; !slices.Contains(fields, arch) || filepath.Base(file) != want {
			t.Errorf("%s is %v", file, fields)
		}
		mustRun(t, "dpkg", "--validate-version", fields[5])
		// A preinst could only stop what must not be stopped; TestStayUpdatesItself looks after the prerm.
		if parts := mustRun(t, "sh", "-c", `dpkg-deb --ctrl-tarfile "$1" | tar -t | sort`, "sh", file); parts != "./control\n./md5sums\n./postinst\n./postrm\n./prerm\n" {
			t.Errorf("%s has the control files %s", file, parts)
		}
	}
	t.Run("example", func(t *testing.T) { debExample(t) })
	for _, suite := range []string{"bullseye", "bookworm", "trixie"} {
		t.Run(suite, func(t *testing.T) { debBooted(t, suite, deb) })
	}
	t.Run("chroot", func(t *testing.T) { debInRoot(t, deb) })
}

// buildDeb runs scripts/deb under another umask, language and time zone, and
// returns the package.
func buildDeb(t *testing.T, arch, umask string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lockfast-deb-") //nolint:usetesting // the folder above t.TempDir is closed to who called sudo
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	cmd := exec.Command("sh", "-c", `umask "$1"; exec ../../scripts/deb "$2"`, "sh", umask, dir)
	cmd.Env = append(os.Environ(), "ARCH="+arch, "LC_ALL=C.UTF-8", "TZ=UTC-"+umask[1:2])
	asCaller(t, cmd, dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("scripts/deb: %v\n%s", err, out)
	}
	list, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(list) != 1 {
		t.Fatalf("packages: %v %v", list, err)
	}
	return list[0]
}

// asCaller makes a command run as who called sudo, if so: root would leave
// files in that user's caches, and git does not read what others own.
func asCaller(t *testing.T, cmd *exec.Cmd, dir string) {
	t.Helper()
	uid, uidErr := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 32)
	gid, gidErr := strconv.ParseUint(os.Getenv("SUDO_GID"), 10, 32)
	if uidErr != nil || gidErr != nil || uid == 0 {
		return
	}
	if err := os.Chown(dir, int(uid), int(gid)); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	cmd.Env = slices.DeleteFunc(cmd.Env, func(s string) bool { return strings.HasPrefix(s, "GOCACHE=") }) // that one is root's
}

// debExample takes the # from all settings of the example: the program knows them.
func debExample(t *testing.T) {
	t.Helper()
	text := string(mustRead(t, "../../packaging/config.yaml"))
	all := regexp.MustCompile(`(?m)^#(  |[a-z])`).ReplaceAllString(text, "$1")
	if strings.Count(all, "\n#") == strings.Count(text, "\n#") {
		t.Fatal("no setting was found in the example")
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	writeFile(t, path, all)
	if _, errOut, code := lockfast(t, "--config", path, "version"); code != 0 {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

// debBooted installs, reinstalls, removes and purges on a host that runs systemd.
func debBooted(t *testing.T, suite, deb string) {
	t.Helper()
	root := hosts.Clone(t, hosts.Rootfs(t, hosts.WebHost(suite)))
	writeFile(t, filepath.Join(root, debInHost), string(mustRead(t, deb)))
	m := hosts.Boot(t, root)
	before := rootListing(t, root)

	m.Run("apt-get", "-qq", "-y", "install", debInHost)
	checkInstalled(t, root)
	m.Run("dpkg", "--verify", "lockfast")
	version := strings.TrimSpace(m.Run("dpkg-query", "-W", "-f", "${Version}", "lockfast"))
	if out := m.Run("lockfast", "version"); !strings.Contains(out, strings.Replace(version, "~", "-", 1)) {
		t.Errorf("package %s has the program %s", version, out)
	}
	if out := strings.TrimSpace(m.Run("systemctl", "is-enabled", recoverUnit)); out != "enabled" {
		t.Errorf("%s is %s", recoverUnit, out)
	}
	// --man=no: there is no man on this host.
	out, errOut, code := m.Try("systemd-analyze", "verify", "--man=no", "/usr/lib/systemd/system/"+recoverUnit)
	if code != 0 || len(out)+len(errOut) > 0 {
		t.Errorf("systemd-analyze verify: exit %d\n%s%s", code, out, errOut)
	}
	m.Run("systemctl", "start", recoverUnit) // the journal is empty: nothing is to be done
	if out := m.Run("systemctl", "show", "-p", "ConditionResult,Result", recoverUnit); !strings.Contains(out, "ConditionResult=no") {
		t.Errorf("with an empty journal: %s", out)
	}

	debLeavesRunning(t, m)

	m.Run("systemctl", "disable", recoverUnit)
	m.Run("apt-get", "-qq", "-y", "install", "--reinstall", debInHost)
	if out, _, _ := m.Try("systemctl", "is-enabled", recoverUnit); strings.TrimSpace(string(out)) != "disabled" {
		t.Errorf("an upgrade made a disabled unit %s", out)
	}
	m.Run("systemctl", "enable", recoverUnit)

	removeAndPurge(t, root, before, func(args ...string) { m.Run(args...) })
	if out, _, _ := m.Try("systemctl", "show", "-p", "LoadState", "--value", recoverUnit); strings.TrimSpace(string(out)) != "not-found" {
		t.Errorf("after purge systemd finds the unit: %s", out)
	}
}

// debLeavesRunning upgrades the package while its unit runs: lockfast may be
// what upgrades it.
func debLeavesRunning(t *testing.T, m *hosts.Machine) {
	t.Helper()
	const dropIn = "/run/systemd/system/" + recoverUnit + ".d"
	m.Run("sh", "-ec", `mkdir -p "$1"; printf '[Service]\nExecStart=\nExecStart=/bin/sleep 600\n' >"$1/test.conf"; touch /var/lib/lockfast/journal/entry
systemctl daemon-reload; systemctl start --no-block "$2"`, "sh", dropIn, recoverUnit)
	m.Wait("sh", "-c", `[ "$(systemctl show -p MainPID --value "$1")" != 0 ]`, "sh", recoverUnit)
	pid := m.Run("systemctl", "show", "-p", "MainPID", "--value", recoverUnit)
	m.Run("apt-get", "-qq", "-y", "install", "--reinstall", debInHost)
	if after := m.Run("systemctl", "show", "-p", "MainPID", "--value", recoverUnit); after != pid {
		t.Errorf("an upgrade touched what ran: process %safter it %s", pid, after)
	}
	m.Run("sh", "-ec", `systemctl stop "$2"; systemctl reset-failed "$2" 2>/dev/null || true; rm -r "$1" /var/lib/lockfast/journal/entry; systemctl daemon-reload`, "sh", dropIn, recoverUnit)
}

// debInRoot does it where systemd neither runs nor is installed.
func debInRoot(t *testing.T, deb string) {
	t.Helper()
	root := hosts.Clone(t, hosts.Rootfs(t, hosts.Spec{Suite: "bookworm"}))
	if _, err := os.Stat(filepath.Join(root, "usr/bin/systemctl")); err == nil {
		t.Fatal("this root has systemd: it proves nothing")
	}
	writeFile(t, filepath.Join(root, debInHost), string(mustRead(t, deb)))
	run := func(args ...string) { hosts.Run(t, root, args...) }
	run("true") // makes what entering a root makes
	before := rootListing(t, root)
	run("apt-get", "-qq", "-y", "--no-install-recommends", "install", debInHost)
	checkInstalled(t, root)
	run("lockfast", "version")
	removeAndPurge(t, root, before, run)
}

// checkInstalled compares the package's files in a root with what is promised.
func checkInstalled(t *testing.T, root string) {
	t.Helper()
	want := maps.Clone(debFiles)
	pages, err := filepath.Glob("../../docs/man/*.1")
	if err != nil || len(pages) == 0 {
		t.Fatalf("man pages: %v %v", pages, err)
	}
	for _, page := range pages {
		want["usr/share/man/man1/"+filepath.Base(page)+".gz"] = 0o644
	}
	for path, mode := range want {
		info, err := os.Lstat(filepath.Join(root, path))
		if err != nil {
			t.Error(err)
			continue
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if info.Mode() != mode || !ok || owner.Uid != 0 || owner.Gid != 0 {
			t.Errorf("%s is %v of %v", path, info.Mode(), owner)
		}
	}
}

// removeAndPurge takes an installed package away in two steps: after the first
// only state and the unit's enablement are left, after the second nothing.
func removeAndPurge(t *testing.T, root string, before map[string]string, run func(args ...string)) {
	t.Helper()
	writeFile(t, filepath.Join(root, "var/lib/lockfast/journal/entry"), "kept\n")
	writeFile(t, filepath.Join(root, "var/cache/lockfast/feeds/file"), "kept\n")
	run("apt-get", "-qq", "-y", "remove", "lockfast")
	left := changed(before, rootListing(t, root))
	for _, kept := range []string{"var/lib/lockfast/journal/entry", "var/cache/lockfast/feeds/file"} {
		if !slices.Contains(left, kept) {
			t.Errorf("remove took %s away", kept)
		}
	}
	for _, path := range left {
		state := strings.HasPrefix(path, "var/lib/lockfast") || strings.HasPrefix(path, "var/cache/lockfast")
		enabled := strings.HasPrefix(path, "var/lib/systemd/deb-systemd-helper-enabled") || strings.HasPrefix(path, "etc/systemd/system")
		dpkg := path == "var/lib/dpkg/info/lockfast.list" || path == "var/lib/dpkg/info/lockfast.postrm"
		if !state && !enabled && !dpkg {
			t.Errorf("remove left %s", path)
		}
	}
	run("apt-get", "-qq", "-y", "purge", "lockfast")
	after := rootListing(t, root)
	for _, path := range slices.Concat(changed(before, after), changed(after, before)) {
		t.Errorf("before the installation and after purge differs %s: %q, %q", path, before[path], after[path])
	}
}

// changed lists what is in b otherwise than in a, or not in a at all.
func changed(a, b map[string]string) []string {
	var list []string
	for path, what := range b {
		if a[path] != what {
			list = append(list, path)
		}
	}
	slices.Sort(list)
	return list
}

// volatile are logs and caches of dpkg, apt and debconf, and what a running host writes.
var volatile = regexp.MustCompile(`^(dev|proc|sys|run|tmp|var/tmp|var/log|var/cache/apt|var/lib/apt)/|^var/cache/debconf/tmp.ci$` +
	`|^var/lib/dpkg/(lock|lock-frontend|status|status-old|available|available-old|diversions|diversions-old|statoverride|triggers/.*)$` +
	`|^var/lib/systemd/(random-seed|timers/.*)$`)

// rootListing is what each file of a root is: mode, owner, and what is in it.
func rootListing(t *testing.T, root string) map[string]string {
	t.Helper()
	list := map[string]string{}
	tree := os.DirFS(root)
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if volatile.MatchString(path) {
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return fmt.Errorf("%s has no owner", path)
		}
		what := fmt.Sprintf("%v %d:%d", info.Mode(), owner.Uid, owner.Gid)
		switch {
		case info.Mode().IsRegular():
			what += fmt.Sprintf(" %d %v", info.Size(), info.ModTime().UTC())
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(filepath.Join(root, path))
			if err != nil {
				return err
			}
			what += " -> " + target
		}
		list[path] = what
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// mustRun runs a program of this machine that must not fail.
func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}
