//go:build linux

package change_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/plan"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("owners and capabilities need root")
	}
}

// capability is cap_net_bind_service=ep as the kernel stores it.
var capability = []byte("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")

// accessList gives uid 1 the permissions rw-, with a mask.
func accessList(mask byte) []byte {
	list := []byte{2, 0, 0, 0}
	for _, e := range []struct {
		tag, perm byte
		id        uint32
	}{{1, 6, ^uint32(0)}, {2, 6, 1}, {4, 4, ^uint32(0)}, {0x10, mask, ^uint32(0)}, {0x20, 4, ^uint32(0)}} {
		list = append(list, e.tag, 0, e.perm, 0, byte(e.id), byte(e.id>>8), byte(e.id>>16), byte(e.id>>24))
	}
	return list
}

// describe is everything lstat, readlink, listxattr and read say of a tree but
// the times of directories.
func describe(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var s unix.Stat_t
		if err := unix.Lstat(path, &s); err != nil {
			return err
		}
		fmt.Fprintf(&b, "%s %o %d:%d", strings.TrimPrefix(path, dir), s.Mode, s.Uid, s.Gid)
		switch s.Mode & unix.S_IFMT {
		case unix.S_IFREG:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %d links %q %d.%09d", s.Nlink, data, s.Mtim.Sec, s.Mtim.Nsec)
		case unix.S_IFLNK:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " -> %q %d.%09d", target, s.Mtim.Sec, s.Mtim.Nsec)
		}
		for _, x := range []string{"user.a", "user.b", "user.empty", "security.capability", "system.posix_acl_access", "system.posix_acl_default", "trusted.a"} {
			buf := make([]byte, 256)
			if n, err := unix.Lgetxattr(path, x, buf); err == nil {
				fmt.Fprintf(&b, " %s=%x", x, buf[:n])
			}
		}
		b.WriteByte('\n')
		return nil
	}))
	return b.String()
}

// disk is a host whose files are real.
type disk struct {
	t       *testing.T
	dir     string
	folder  string // of the journal
	files   change.Disk
	journal *change.Journal
	engine  *change.Engine
}

func openDisk(t *testing.T, dir, journal string) *disk {
	t.Helper()
	d := &disk{t: t, dir: dir, folder: journal, files: change.NewDisk(dir), journal: change.NewJournal(change.Dir(journal))}
	d.engine = change.New(change.Host{Files: d.files}, d.journal)
	return d
}

func newDisk(t *testing.T) *disk {
	t.Helper()
	needRoot(t)
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "etc"), 0o755))
	return openDisk(t, dir, filepath.Join(t.TempDir(), "journal"))
}

// xattr sets an attribute, or says that this file system cannot.
func (d *disk) xattr(name, x string, value []byte) {
	d.t.Helper()
	err := unix.Lsetxattr(filepath.Join(d.dir, name), x, value, 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		d.t.Logf("this file system has no %s", x)
		return
	}
	must(d.t, err)
}

func (d *disk) file(name, content string, mode uint32, uid, gid int) {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	must(d.t, os.WriteFile(path, []byte(content), 0o600))
	must(d.t, unix.Lchown(path, uid, gid))
	must(d.t, unix.Chmod(path, mode))
	when := time.Date(2021, 2, 3, 4, 5, 6, 789, time.UTC)
	must(d.t, os.Chtimes(path, when, when))
}

func (d *disk) now(name string) *plan.File {
	d.t.Helper()
	f, err := d.files.Observe(name)
	must(d.t, err)
	return &f
}

func (d *disk) step(kind plan.Kind, name string, want plan.File, content string) plan.Step {
	d.t.Helper()
	s := plan.Step{Kind: kind, Object: name, Why: "a test", Expect: plan.State{File: d.now(name)}, Want: plan.State{File: &want}}
	if kind == plan.WriteFile {
		want.SHA256, want.Size = regular(content).SHA256, int64(len(content))
		s.Content = []byte(content)
	}
	return s
}

func (d *disk) attributes(name string, set func(f *plan.File)) plan.Step {
	d.t.Helper()
	want := *d.now(name)
	want.MTime = time.Time{}
	set(&want)
	return d.step(plan.Attributes, name, want, "")
}

func (d *disk) undo(id string) {
	d.t.Helper()
	list, err := d.journal.List()
	must(d.t, err)
	for _, tx := range list {
		if tx.ID != id || tx.Undone != "" {
			continue
		}
		r, err := d.engine.PlanUndo(d.t.Context(), tx, list, change.Refuse)
		must(d.t, err)
		if r.Plan == nil {
			return
		}
		_, err = d.engine.Run(d.t.Context(), r.Plan, change.Options{Reverts: id})
		must(d.t, err)
	}
}

// furnish makes a tree with everything that a file can have, and a plan that
// changes all of it in many ways.
func furnish(d *disk) *plan.Plan {
	d.t.Helper()
	const user, group = 1001, 1002
	var list []plan.Step
	for i := range 3 {
		at := func(kind string) string { return fmt.Sprintf("/etc/%s%d", kind, i) }
		d.file(at("text"), "old\n", 0o640, user, group)
		d.file(at("setuid"), "#!/bin/sh\n", 0o6755, 0, group)
		d.file(at("listed"), "listed\n", 0o664, user, 0)
		d.file(at("gone"), "gone\n", 0o604, user, group)
		d.file(at("capable"), "\x7fELF", 0o755, 0, 0)
		must(d.t, os.Symlink("text0", filepath.Join(d.dir, at("link"))))
		must(d.t, unix.Lchown(filepath.Join(d.dir, at("link")), user, group))
		must(d.t, os.Mkdir(filepath.Join(d.dir, at("dir")), 0o700))
		d.xattr(at("text"), "user.a", []byte("1"))
		d.xattr(at("gone"), "user.empty", nil)
		d.xattr(at("setuid"), "user.b", []byte("long "+strings.Repeat("x", 100)))
		d.xattr(at("capable"), "security.capability", capability)
		d.xattr(at("listed"), "system.posix_acl_access", accessList(6))
		d.xattr(at("dir"), "trusted.a", []byte("1"))
		list = append(list,
			d.step(plan.WriteFile, at("text"), plan.File{Type: plan.Regular, Mode: 0o4711, UID: 5, GID: 6, Xattrs: d.now(at("capable")).Xattrs}, "new\n"),
			d.attributes(at("setuid"), func(f *plan.File) { f.UID, f.GID, f.Mode, f.Xattrs = 7, 8, 0o2750, nil }),
			d.attributes(at("listed"), func(f *plan.File) { f.UID, f.Mode, f.Xattrs = 7, 0o600, nil }),
			d.step(plan.RemoveFile, at("gone"), plan.File{Type: plan.Absent}, ""),
			d.attributes(at("capable"), func(f *plan.File) { f.UID = 9 }),
			d.step(plan.Symlink, at("link"), plan.File{Type: plan.Link, Target: "/nowhere", UID: 3}, ""),
			d.attributes(at("dir"), func(f *plan.File) { f.Mode, f.UID, f.Xattrs = 0o3777, 4, nil }),
			d.step(plan.Directory, at("made"), plan.File{Type: plan.Dir, Mode: 0o2750, UID: user, GID: group}, ""),
			d.step(plan.WriteFile, at("made")+"/in", plan.File{Type: plan.Regular, Mode: 0o400, UID: user}, strings.Repeat("content\n", 1000)),
			d.step(plan.WriteFile, at("new"), plan.File{Type: plan.Regular, Mode: 0o644}, ""),
		)
	}
	return &plan.Plan{Schema: plan.Schema, Kind: "lockdown", Title: "a test", Steps: list}
}

func TestRealFilesAreChangedAndRestored(t *testing.T) {
	d := newDisk(t)
	p := furnish(d)
	was := describe(t, d.dir)
	if !strings.Contains(was, "security.capability") {
		t.Error("capabilities were not set: this tests less than it should")
	}
	tx, err := d.engine.Run(t.Context(), p, change.Options{})
	must(t, err)
	done := describe(t, d.dir)
	for _, s := range p.Steps {
		if now := (plan.State{File: d.now(s.Object)}); !s.Want.Same(now) {
			t.Errorf("%s: %v", s.Object, s.Want.Differences(now))
		}
	}
	d.undo(tx.ID)
	equal(t, "undone", describe(t, d.dir), was)
	list, err := d.journal.List()
	must(t, err)
	d.undo(list[1].ID)
	equal(t, "done again", describe(t, d.dir), done)
}

func setFlags(t *testing.T, path string, flags int) {
	t.Helper()
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	must(t, err)
	defer func() { _ = unix.Close(fd) }()
	have, err := unix.IoctlGetInt(fd, unix.FS_IOC_GETFLAGS)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.FS_IOC_SETFLAGS, have&^0x30|flags)
	}
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip("this file system has no immutable flag")
	}
	must(t, err)
}

func TestImmutableFiles(t *testing.T) {
	d := newDisk(t)
	d.file("/etc/f", "old\n", 0o4755, 7, 8)
	d.file("/etc/gone", "gone\n", 0o644, 0, 0)
	d.xattr("/etc/f", "security.capability", capability)
	was := describe(t, d.dir)
	for _, name := range []string{"/etc/f", "/etc/gone"} {
		path := filepath.Join(d.dir, name)
		setFlags(t, path, 0x10)
		t.Cleanup(func() {
			if _, err := os.Lstat(path); err == nil {
				setFlags(t, path, 0)
			}
		})
	}
	p := steps(
		d.step(plan.WriteFile, "/etc/f", plan.File{Type: plan.Regular, Mode: 0o600, Flags: 0x10}, "new\n"),
		d.step(plan.RemoveFile, "/etc/gone", plan.File{Type: plan.Absent}, ""),
		d.step(plan.WriteFile, "/etc/new", plan.File{Type: plan.Regular, Mode: 0o600, Flags: 0x20}, "new\n"),
	)
	_, err := d.engine.Run(t.Context(), p, change.Options{})
	says(t, err, "immutable or append-only")
	for i := range p.Steps {
		p.Steps[i].Allow = []plan.Allowance{plan.AllowImmutable}
	}
	tx, err := d.engine.Run(t.Context(), p, change.Options{})
	must(t, err)
	if f := d.now("/etc/f"); f.Flags != 0x10 || f.Mode != 0o600 {
		t.Errorf("got %+v", f)
	}
	d.undo(tx.ID)
	equal(t, "undone", describe(t, d.dir), was)
	for _, name := range []string{"/etc/f", "/etc/gone"} {
		if f := d.now(name); f.Flags != 0x10 {
			t.Errorf("%s has flags %x", name, f.Flags)
		}
	}
}

func TestNothingIsFollowed(t *testing.T) {
	d := newDisk(t)
	outside := t.TempDir()
	must(t, os.Symlink(outside, filepath.Join(d.dir, "etc/link")))
	want := plan.File{Type: plan.Regular, Mode: 0o600}
	for _, path := range []string{"/etc/link/f", "/etc/link/d/f"} {
		if _, err := d.files.Observe(path); err == nil {
			t.Errorf("%s was looked at", path)
		}
		says(t, d.files.Put(path, ".t", want, bytes.NewReader(nil)), "leads through a symlink")
		says(t, d.files.Remove(path), "leads through a symlink")
		says(t, d.files.Adjust(path, want), "leads through a symlink")
	}
	for _, path := range []string{"etc/f", "/etc/../etc/f", "/etc//f", "/", "/etc/"} {
		says(t, d.files.Put(path, ".t", want, bytes.NewReader(nil)), "is not a plain absolute path")
	}
	must(t, unix.Mkfifo(filepath.Join(d.dir, "etc/pipe"), 0o600))
	_, err := d.files.Observe("/etc/pipe")
	says(t, err, "device, socket or pipe")
}

// Somebody who owns a folder swaps it for a symlink while we work in it: what we
// write never lands where it points.
func TestSwappedFolder(t *testing.T) {
	d := newDisk(t)
	outside := t.TempDir()
	dir := filepath.Join(d.dir, "etc/d")
	must(t, os.Mkdir(dir, 0o777))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
			}
			_ = os.Rename(dir, dir+".real")
			_ = os.Symlink(outside, dir)
			_ = os.Remove(dir)
			_ = os.Rename(dir+".real", dir)
		}
	}()
	done := 0
	for i := range 300 {
		name := fmt.Sprintf("/etc/d/f%d", i%5)
		if d.files.Put(name, ".t", plan.File{Type: plan.Regular, Mode: 0o600}, strings.NewReader("x")) == nil {
			done++
		}
		_ = d.files.Adjust(name, plan.File{Type: plan.Regular, Mode: 0o644})
		_ = d.files.Remove(name)
	}
	close(stop)
	<-stopped
	entries, err := os.ReadDir(outside)
	must(t, err)
	if len(entries) > 0 {
		t.Errorf("written outside: %v", entries)
	}
	t.Logf("%d of 300 were written in its folder", done)
}

func TestHardLinkOfARealFile(t *testing.T) {
	d := newDisk(t)
	d.file("/etc/f", "old\n", 0o644, 0, 0)
	must(t, os.Link(filepath.Join(d.dir, "etc/f"), filepath.Join(d.dir, "etc/g")))
	_, err := d.engine.Run(t.Context(), steps(d.step(plan.WriteFile, "/etc/f", plan.File{Type: plan.Regular}, "new\n")), change.Options{})
	says(t, err, "2 names (hard links)")
}

func TestMountedFile(t *testing.T) {
	d := newDisk(t)
	d.file("/etc/f", "old\n", 0o644, 0, 0)
	path := filepath.Join(d.dir, "etc/f")
	if err := unix.Mount("/dev/null", path, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("nothing can be mounted here: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(path, 0)) })
	_, err := d.files.Observe("/etc/f")
	if err == nil {
		t.Error("a mounted file was looked at as one of the host's")
	}
}

func TestJournalOnDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "journal")
	s := change.Dir(dir)
	must(t, s.Write("tx/plan.json", strings.NewReader("plan")))
	must(t, s.Append("tx/log", []byte("1\n")))
	must(t, s.Append("tx/log", []byte("2\n")))
	names, err := s.List("tx")
	must(t, err)
	if strings.Join(names, " ") != "log plan.json" {
		t.Errorf("names %v", names)
	}
	data, err := os.ReadFile(filepath.Join(dir, "tx/log"))
	must(t, err)
	equal(t, "log", string(data), "1\n2\n")
	for path, perm := range map[string]fs.FileMode{dir: 0o700, dir + "/tx": 0o700, dir + "/tx/log": 0o600, dir + "/tx/plan.json": 0o600} {
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != perm {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
	}
	if _, err := s.Open("tx/nothing"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	must(t, s.Remove("tx"))
	if names, err := s.List("tx"); err != nil || len(names) > 0 {
		t.Errorf("names %v, %v", names, err)
	}
}

func TestLock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	unlock, err := change.Lock(dir, "lockfast fix")
	must(t, err)
	if !change.Locked(dir) {
		t.Error("it is not locked")
	}
	_, err = change.Lock(dir, "lockfast undo")
	held := is[*hostfs.HeldError](t, err)
	says(t, err, "lockfast fix (pid ", dir)
	if held.Path != filepath.Join(dir, "lock") {
		t.Errorf("held %+v", held)
	}
	unlock()
	if change.Locked(dir) {
		t.Error("it is still locked")
	}
	unlock, err = change.Lock(dir, "lockfast undo")
	must(t, err)
	unlock()
}

func TestKernelParameters(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "net/ipv4/conf/eth0.5"), 0o755))
	file := filepath.Join(dir, "net/ipv4/conf/eth0.5/forwarding")
	must(t, os.WriteFile(file, []byte("4096\t131072 6291456\n"), 0o644))
	k := change.NewKernel(dir)
	v, err := k.Get("net.ipv4.conf.eth0/5.forwarding")
	must(t, err)
	equal(t, "value", v, "4096 131072 6291456")
	must(t, k.Set("net.ipv4.conf.eth0/5.forwarding", "1"))
	data, err := os.ReadFile(file)
	must(t, err)
	if !strings.HasPrefix(string(data), "1\n") {
		t.Errorf("got %q", data)
	}
	_, err = k.Get("no.such")
	says(t, err, "no.such")
}
