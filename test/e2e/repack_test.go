//go:build e2e

package e2e_test

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch/apt/repack"
	"github.com/lockfast/lockfast/test/hosts"
)

// repacked are packages with something special: configuration files (nginx),
// several architectures (libssl3), setuid (passwd), capabilities (iputils-ping),
// folders that moved below /usr (bash, libc6), a diversion (dash), hard links
// (perl-base).
var repacked = []string{"nginx", "nginx-common", "nginx-light", "libssl3", "openssh-server", "passwd", "iputils-ping", "bash", "dash", "libc6", "perl-base"}

// repackAll writes the archives of packages to /srv/repacked of the root.
func repackAll(t *testing.T, at string, names []string, options ...repack.Option) map[string]repack.Report {
	t.Helper()
	root, err := hostfs.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	if err := os.MkdirAll(filepath.Join(at, "srv/repacked"), 0o755); err != nil {
		t.Fatal(err)
	}
	reports := map[string]repack.Report{}
	for _, name := range names {
		file, err := os.Create(filepath.Join(at, "srv/repacked", name+".deb"))
		if err != nil {
			t.Fatal(err)
		}
		if reports[name], err = repack.Deb(root, name, "", file, options...); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return reports
}

// listing describes what packages installed: every path with type, mode, owner,
// time, content and capabilities, and everything dpkg keeps of the packages.
func listingOf(t *testing.T, root string, names []string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, name := range names {
		for line := range strings.Lines(hosts.Run(t, root, "dpkg-query", "-L", name)) {
			path := strings.TrimSpace(line)
			if strings.HasPrefix(path, "/") {
				all[path] = describe(t, filepath.Join(root, path))
			}
		}
		kept := hosts.Run(t, root, "dpkg-query", "--control-list", name)
		for word := range strings.FieldsSeq(kept) {
			all[name+"."+word] = hosts.Run(t, root, "dpkg-query", "--control-show", name, word)
		}
	}
	all["versions"] = hosts.Run(t, root, "dpkg-query", "-W", "-f", "${binary:Package} ${Version} ${Status} ${Installed-Size}\n${Conffiles}\n")
	all["selections"] = hosts.Run(t, root, "dpkg", "--get-selections")
	// Its exit code is 1 when something is different; that is compared, too.
	out, _, code := hosts.Try(t, root, append([]string{"dpkg", "-V"}, names...)...)
	all["dpkg -V"] = fmt.Sprint(code, "\n", string(out))
	return all
}

func describe(t *testing.T, path string) string {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		return err.Error()
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatalf("%s has no owner", path)
	}
	text := fmt.Sprintf("%v %d:%d", info.Mode(), stat.Uid, stat.Gid)
	switch {
	case info.Mode().IsRegular():
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		capability := make([]byte, 64)
		n, err := unix.Lgetxattr(path, "security.capability", capability)
		if err != nil {
			n = 0
		}
		text += fmt.Sprintf(" %d names %v %x capability %x", stat.Nlink, info.ModTime().Unix(), sha256.Sum256(data), capability[:n])
	case info.Mode()&fs.ModeSymlink != 0:
		target, err := os.Readlink(path)
		if err != nil {
			t.Fatal(err)
		}
		text += " → " + target
	}
	return text
}

// TestRepacked: archives made from installed files are like those of the
// distribution, and installing them over themselves changes nothing.
func TestRepacked(t *testing.T) {
	root := hosts.Rootfs(t, hosts.WebHost("bookworm"))
	hosts.AddSecurity(t, root, "bookworm")
	hosts.Run(t, root, "apt-get", "-qq", "-y", "install", "iputils-ping")
	reports := repackAll(t, root, repacked)
	for name, r := range reports {
		if !r.AsShipped() || len(r.Obsolete) > 0 {
			t.Errorf("nothing was touched, and the report says %+v", r)
		}
		if got := len(r.Capabilities) > 0; got != (name == "iputils-ping") {
			t.Errorf("%s: capabilities %v", name, r.Capabilities)
		}
	}
	compareWithShipped(t, root)
	clone := hosts.Clone(t, root)
	before := listingOf(t, clone, repacked)
	install := []string{"dpkg", "-i", "--force-confold"}
	for _, name := range repacked {
		install = append(install, "/srv/repacked/"+name+".deb")
	}
	hosts.Run(t, clone, install...)
	if diff := cmp.Diff(before, listingOf(t, clone, repacked)); diff != "" {
		t.Error(diff)
	}
	if !strings.HasPrefix(describe(t, filepath.Join(clone, "usr/bin/passwd")), "urwx") || len(before) < 1000 {
		t.Errorf("%d paths were compared, passwd is %s", len(before), before["/usr/bin/passwd"])
	}
	t.Logf("%d packages, %d paths and records", len(repacked), len(before))
}

// compareWithShipped compares with the archives that the distribution offers.
func compareWithShipped(t *testing.T, root string) {
	t.Helper()
	for _, name := range repacked {
		version := hosts.Run(t, root, "dpkg-query", "-W", "-f", "${Version}", name)
		hosts.Run(t, root, "sh", "-ec", `rm -rf /srv/shipped && mkdir /srv/shipped && cd /srv/shipped && apt-get -qq -o APT::Sandbox::User=root download "$1=$2"`, "sh", name, version)
		show := func(archive, command string) string {
			lines := strings.Split(hosts.Run(t, root, "sh", "-ec", command, "sh", archive), "\n")
			for i, line := range lines {
				if w := strings.Fields(line); strings.HasPrefix(line, "d") && len(w) == 6 { // files came into folders, and scripts gave them to users
					lines[i] = w[0] + " " + w[5]
				}
			}
			slices.Sort(lines)
			return strings.Join(lines, "\n")
		}
		for _, command := range []string{"dpkg-deb -c $1", "dpkg-deb -f $1", "dpkg-deb --ctrl-tarfile $1 | tar -tv | sed 's/20[0-9-]* [0-9:]* //; / control$/d'", "dpkg-deb -I $1 conffiles || true"} {
			if diff := cmp.Diff(show("/srv/shipped/*.deb", command), show("/srv/repacked/"+name+".deb", command)); diff != "" {
				t.Errorf("%s: %s: %s", name, command, diff)
			}
		}
		hosts.Run(t, root, "dpkg-deb", "-I", "/srv/repacked/"+name+".deb")
	}
}

// TestRepackedUndo: an upgrade is undone with the archive of a package whose
// configuration files the administrator changed and deleted.
func TestRepackedUndo(t *testing.T) {
	root := hosts.Rootfs(t, hosts.Spec{Suite: "bookworm"})
	for _, v := range []string{"1", "2"} {
		hosts.Deb{Name: "lfx", Version: v, Files: map[string]string{
			"DEBIAN/conffiles": "/etc/lfx.conf\n/etc/lfx-deleted.conf\n/etc/lfx-same.conf\n", "usr/share/lfx": v,
			"etc/lfx.conf": "shipped " + v + "\n", "etc/lfx-deleted.conf": v, "etc/lfx-same.conf": v,
		}}.Build(t, filepath.Join(root, "srv"))
	}
	hosts.Run(t, root, "dpkg", "-i", "/srv/lfx_1_all.deb")
	writeFile(t, filepath.Join(root, "etc/lfx.conf"), "mine\n")
	if err := os.Remove(filepath.Join(root, "etc/lfx-deleted.conf")); err != nil {
		t.Fatal(err)
	}
	state := func(at string) string {
		return hosts.Run(t, at, "sh", "-c", "cd /etc; grep . lfx*.conf; cat /usr/share/lfx; dpkg-query -W -f '\n${Version} ${Status}' lfx")
	}
	before := state(root)
	for name, options := range map[string][]repack.Option{"carried": nil, "left": {repack.LeaveChanged}} {
		t.Run(name, func(t *testing.T) {
			clone := hosts.Clone(t, root)
			if r := repackAll(t, clone, []string{"lfx"}, options...)["lfx"]; len(r.Changed) != 1 || len(r.Deleted) != 1 {
				t.Errorf("reported %+v", r)
			}
			hosts.Run(t, clone, "dpkg", "-i", "--force-confold", "/srv/lfx_2_all.deb")
			hosts.Run(t, clone, "dpkg", "-i", "--force-confold", "/srv/repacked/lfx.deb")
			if diff := cmp.Diff(before, state(clone)); diff != "" {
				t.Errorf("undone: %s", diff)
			}
			hosts.Run(t, clone, "dpkg", "-i", "--force-confold", "/srv/lfx_2_all.deb")
			// What an archive carries, dpkg takes for what was shipped: this is why
			// LeaveChanged is there.
			kept := strings.Contains(state(clone), "lfx.conf:mine\n")
			if kept != (name == "left") {
				t.Errorf("after the next upgrade, the administrator's file is still there: %v\n%s", kept, state(clone))
			}
		})
	}
}
