//go:build unix

package zypper_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostexec/hostexectest"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/zypper"
	"github.com/lockfast/lockfast/internal/plan"
)

const qa = `rpm -qa --qf %{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{LONGSIZE}\t%{SIGMD5}\t%{INSTALLTIME}\t%{DBINSTANCE}\n`

// host is a root with captured metadata, and programs that answer what the real
// ones did.
type host struct {
	*testing.T
	patch.Backend
	root, cache string
	fake        *hostexectest.Fake
	jobs        []patch.Job
	code        int
	work        func() // what the launched program does
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{T: t, root: t.TempDir(), cache: t.TempDir(), fake: &hostexectest.Fake{Results: map[string]hostexec.Result{}}}
	if err := os.CopyFS(filepath.Join(h.root, "var/cache/zypp/raw"), os.DirFS("testdata/raw")); err != nil {
		t.Fatal(err)
	}
	h.Backend = zypper.New(zypper.Options{Runner: h.fake, Launcher: h, Root: h.root})
	h.zypper("repos.xml", 0, "--no-refresh repos")
	h.zypper("list-updates.xml", 0, "--no-refresh list-updates")
	h.zypper("list-patches.xml", 0, "--no-refresh list-patches")
	h.zypper("no-locks.xml", 0, "--no-refresh --disable-repositories locks --solvables")
	h.rpm(qa, 0, h.file("rpm-qa.txt"))
	return h
}

func (h *host) file(name string) string {
	h.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		h.Fatal(err)
	}
	return string(data)
}

// zypper lets a run of zypper print a captured file.
func (h *host) zypper(file string, code int, args string) {
	h.Helper()
	h.answer("zypper --xmlout --non-interactive --root "+h.root+" "+args, code, h.file(file))
}

func (h *host) rpm(line string, code int, out string) {
	h.Helper()
	program, args, _ := strings.Cut(line, " ")
	h.answer(program+" --root "+h.root+" "+args, code, out)
}

func (h *host) answer(line string, code int, out string) {
	h.fake.Results[line] = hostexec.Result{Stdout: []byte(out), Code: code}
}

func (h *host) Running(context.Context, string) (bool, error) { return false, nil }

func (h *host) Launch(_ context.Context, j patch.Job) (int, error) {
	h.jobs = append(h.jobs, j)
	if h.work != nil {
		h.work()
	}
	return h.code, nil
}

func ref(name, version string) patch.Ref {
	return patch.Ref{Name: name, Arch: "x86_64", Version: version}
}

func TestAvailable(t *testing.T) {
	h := newHost(t)
	got, err := h.Available(t.Context())
	want := []patch.Offer{
		{Ref: ref("alpha", "1.1-1"), Source: "alpha", Installed: "1.0-1", Security: true, IDs: []string{"CVE-2024-0001", "TEST-2024-1"}, Severity: "important", Date: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), Archive: "upd"},
		{Ref: ref("alpha", "1.2-1"), Source: "alpha", Installed: "1.0-1", Archive: "upd"},
		{Ref: ref("beta", "1:2.1-3"), Source: "beta", Installed: "1:2.0-1", Security: true, IDs: []string{"CVE-2024-0003", "TEST-2024-3"}, Severity: "critical", Date: time.Unix(1705067200, 0).UTC(), Archive: "upd"},
		{Ref: patch.Ref{Name: "delta", Arch: "noarch", Version: "0.10-1"}, Source: "delta", Installed: "0.9-1", Archive: "upd"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// What could not be looked at is an error, never an empty list; nothing makes
// zypper fetch what it was not asked to.
func TestAvailableCannotLook(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*host)
		words  string
	}{
		"in use":            {func(h *host) { h.zypper("in-use.xml", 7, "--no-refresh list-updates") }, "in use by zypper (pid "},
		"skipped":           {func(h *host) { h.zypper("list-updates.xml", 106, "--no-refresh list-updates") }, "exit code 106"},
		"no list":           {func(h *host) { h.zypper("no-locks.xml", 0, "--no-refresh list-patches") }, "not even an empty list"},
		"no XML":            {func(h *host) { h.zypper("rpm-qa.txt", 0, "--no-refresh list-patches") }, "XML"},
		"no repository":     {func(h *host) { h.zypper("no-locks.xml", 0, "--no-refresh repos") }, "not even an empty list"},
		"never refreshed":   {func(h *host) { h.remove("raw/upd/repodata/repomd.xml") }, "no metadata of repository upd"},
		"no packages":       {func(h *host) { h.remove("raw/upd/repodata/*-primary.xml.gz") }, "primary.xml.gz"},
		"changed patches":   {func(h *host) { h.append("raw/upd/repodata/*-updateinfo.xml.gz") }, "SHA-256 differs"},
		"broken database":   {func(h *host) { h.rpm(qa, 1, "") }, "rpm -qa ended with exit code 1"},
		"half a database":   {func(h *host) { h.rpm(qa, 0, "alpha\t(none)\t1.0\n") }, "cannot read what rpm printed"},
		"rpm not installed": {func(h *host) { clear(h.fake.Results); h.zypper("repos.xml", 0, "--no-refresh repos") }, "not installed"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			test.change(h)
			got, err := h.Available(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.words) || got != nil {
				t.Errorf("%v, %v: does not say %q", got, err, test.words)
			}
			var locked *patch.LockedError
			if errors.As(err, &locked) != (name == "in use") {
				t.Errorf("%T", err)
			}
		})
	}
}

func (h *host) cached(pattern string) string {
	h.Helper()
	files, err := filepath.Glob(filepath.Join(h.root, "var/cache/zypp", pattern))
	if err != nil || len(files) != 1 {
		h.Fatal(files, err)
	}
	return files[0]
}

func (h *host) remove(pattern string) {
	h.Helper()
	if err := os.Remove(h.cached(pattern)); err != nil {
		h.Fatal(err)
	}
}

func (h *host) append(pattern string) {
	h.Helper()
	file := h.cached(pattern)
	data, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, append(data, "more"...), 0o644)
	}
	if err != nil {
		h.Fatal(err)
	}
}

const dryRun = "--no-refresh install --type package --no-recommends --dry-run --details "

func TestSimulate(t *testing.T) {
	h := newHost(t)
	h.zypper("dry-run.xml", 0, dryRun+"alpha.x86_64=1.1-1 beta.x86_64=1:2.1-3")
	r := patch.Request{Targets: []patch.Ref{ref("alpha", "1.1-1"), ref("beta", "1:2.1-3"), ref("kappa", "1.0-1")}, NewOK: true}
	got, err := h.Simulate(t.Context(), r)
	want := patch.Simulation{Changes: []patch.Change{
		{Name: "alpha", Arch: "x86_64", From: "1.0-1", To: "1.1-1", Archive: "upd", Size: 6336, Requested: true},
		{Name: "beta", Arch: "x86_64", From: "1:2.0-1", To: "1:2.1-3", Archive: "upd", Size: 6359, Requested: true},
		{Name: "newdep", Arch: "x86_64", To: "1.0-1", Archive: "upd", Size: 6330, Disk: 15},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestSimulateSaysWhatItWillNotDo(t *testing.T) {
	h := newHost(t)
	h.zypper("dry-run.xml", 0, dryRun+"alpha.x86_64=1.1-1 beta.x86_64=1:2.1-3")
	h.zypper("locked-package.xml", 4, dryRun+"alpha.x86_64=1.1-1")
	h.zypper("not-found.xml", 104, dryRun+"beta.x86_64=1:2.1-3")
	got, err := h.Simulate(t.Context(), patch.Request{Targets: []patch.Ref{ref("alpha", "1.1-1"), ref("beta", "1:2.1-3"), ref("alpha", "9.9-1")}})
	want := patch.Simulation{Problems: []patch.Problem{
		{Package: "alpha", Why: "No enabled repository has version 9.9-1 for x86_64."},
		{Package: "alpha", Why: "zypper's solver says: conflicting requests."},
		{Package: "beta", Why: "No provider of 'alpha.x86_64=9.9-1' found."},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	h.zypper("in-use.xml", 7, dryRun+"alpha.x86_64=1.1-1")
	if _, err := h.Simulate(t.Context(), patch.Request{Targets: []patch.Ref{ref("alpha", "1.1-1")}}); err == nil {
		t.Error("zypper was in use: no error")
	}
	before := len(h.fake.Calls())
	if _, err := h.Simulate(t.Context(), patch.Request{Targets: []patch.Ref{ref("alpha", "1.1-1 --force")}}); err != nil {
		t.Error(err) // no repository has it
	}
	if calls := strings.Join(h.fake.Calls()[before:], "\n"); strings.Contains(calls, "--force") {
		t.Error(calls)
	}
}

func TestState(t *testing.T) {
	h := newHost(t)
	h.zypper("locks.xml", 0, "--no-refresh --disable-repositories locks --solvables")
	marks := filepath.Join(h.root, "var/lib/zypp/AutoInstalled")
	if err := errors.Join(os.MkdirAll(filepath.Dir(marks), 0o755), os.WriteFile(marks, []byte("# AutoInstalled generated Mon\n#\nbeta\nnot-here\n#\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	got, err := h.State(t.Context(), []patch.Ref{ref("alpha", ""), ref("beta", ""), ref("kappa", ""), ref("not-here", ""), {Name: "alpha", Arch: "i586"}})
	want := []plan.Package{
		{Name: "alpha", Arch: "x86_64", Version: "1.0-1"}, {Name: "beta", Arch: "x86_64", Version: "1:2.0-1", Auto: true},
		{Name: "kappa", Arch: "x86_64", Version: "1.0-1", Held: true}, {Name: "not-here", Arch: "x86_64"}, {Name: "alpha", Arch: "i586"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

const sha = "544160048351839e9db07496a13dfe303c5896668c04865ac40777a3ec29a662"

// A package that zypper kept is taken from there, checked and kept.
func TestDownloadFromZyppersCache(t *testing.T) {
	h := newHost(t)
	fetch := patch.Fetch{Dir: h.cache, Offline: true}
	if _, err := h.Download(t.Context(), []patch.Ref{ref("alpha", "1.1-1")}, fetch); err == nil || !strings.Contains(err.Error(), "no network") {
		t.Errorf("nothing is here: %v", err)
	}
	kept := filepath.Join(h.root, "var/cache/zypp/packages/upd/x86_64")
	if err := errors.Join(os.MkdirAll(kept, 0o755), os.CopyFS(kept, os.DirFS("testdata/packages"))); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(h.cache, "alpha-1.1-1.x86_64-544160048351.rpm")
	want := []patch.Archive{{Ref: ref("alpha", "1.1-1"), Path: target, SHA256: sha, Size: 6336, Origin: "cache"}}
	h.rpm("rpmkeys --checksig "+target, 1, target+": digests SIGNATURES NOT OK\n")
	if _, err := h.Download(t.Context(), []patch.Ref{ref("alpha", "1.1-1")}, fetch); err == nil || !strings.Contains(err.Error(), "signature is wrong") {
		t.Errorf("a bad signature: %v", err)
	}
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	h.rpm("rpmkeys --checksig "+target, 0, target+": digests signatures OK\n")
	got, err := h.Download(t.Context(), []patch.Ref{ref("alpha", "1.1-1")}, fetch)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := h.Download(t.Context(), []patch.Ref{ref("alpha", "7-1")}, fetch); err == nil || !strings.Contains(err.Error(), "no enabled repository") {
		t.Errorf("what no repository has: %v", err)
	}
	_, missing, err := h.Previous(t.Context(), []patch.Ref{ref("alpha", "0.5-1"), ref("kappa", "1.0-1")}, fetch)
	if err != nil || len(missing) != 2 || !strings.Contains(missing[0].Why, "rpm cannot make one") || !strings.Contains(missing[1].Why, "no network") {
		t.Errorf("%+v %v", missing, err)
	}
}

// downloads counts the runs that download.
func (h *host) downloads() (n int) {
	for _, call := range h.fake.Calls() {
		if strings.Contains(call, " download ") {
			n++
		}
	}
	return n
}

// Each package gets its own reason and, as what concerns one is none of the
// others, its own try; but no repository that does not answer is asked twice.
func TestDownloadSaysWhatFailedAndWhy(t *testing.T) {
	h := newHost(t)
	args := "--no-refresh --pkg-cache-dir " + h.cache + "/.zypper download "
	h.zypper("download-damaged.xml", 0, args+"alpha.x86_64=1.1-1 beta.x86_64=1:2.1-3")
	h.zypper("download-missing-one.xml", 0, args+"alpha.x86_64=1.1-1")
	h.zypper("download-damaged-one.xml", 0, args+"beta.x86_64=1:2.1-3")
	h.zypper("download-silent.xml", 0, args+"alpha.x86_64=1.1-1 beta.x86_64=1:2.1-3 newdep.x86_64=1.0-1")
	fetch := patch.Fetch{Dir: h.cache}
	refs := []patch.Ref{ref("alpha", "1.1-1"), ref("beta", "1:2.1-3"), ref("newdep", "1.0-1")}
	_, err := h.Download(t.Context(), refs[:2], fetch)
	want := `cannot download alpha 1.1-1: File './alpha-1.1-1.x86_64.rpm' not found on medium 'http://127.0.0.1:8080/'
cannot download beta 1:2.1-3: Package beta-2.1-3.x86_64 (updates) seems to be corrupted during transfer.`
	if err == nil || err.Error() != want || h.downloads() != 3 {
		t.Errorf("%v\nwant %s\nafter %d runs", err, want, h.downloads())
	}
	_, err = h.Download(t.Context(), refs, fetch)
	if err == nil || !strings.Contains(err.Error(), "alpha 1.1-1: Location 'http://127.0.0.1:8080/alpha-1.1-1.x86_64.rpm' is temporarily unaccessible.\n") || h.downloads() != 4 {
		t.Errorf("%v, after %d runs", err, h.downloads())
	}
	if strings.Count(err.Error(), "\n") != 2 || strings.Contains(err.Error(), "ABORT") {
		t.Errorf("too much is said: %v", err)
	}
	h.zypper("in-use.xml", 7, args+"alpha.x86_64=1.1-1")
	_, err = h.Download(t.Context(), refs[:1], fetch)
	if _, ok := errors.AsType[*patch.LockedError](err); !ok {
		t.Errorf("in use: %v", err)
	}
}

// What an interrupted run left whole is taken, also without a network; nothing
// else is.
func TestDownloadGoesOnWithWhatIsThere(t *testing.T) {
	h := newHost(t)
	fetch := patch.Fetch{Dir: h.cache, Offline: true}
	left := filepath.Join(h.cache, ".zypper/upd/x86_64")
	if err := errors.Join(os.MkdirAll(left, 0o755), os.CopyFS(left, os.DirFS("testdata/packages"))); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(h.cache, "alpha-1.1-1.x86_64-544160048351.rpm")
	h.rpm("rpmkeys --checksig "+target, 0, target+": digests signatures OK\n")
	if _, err := h.Download(t.Context(), []patch.Ref{ref("alpha", "1.1-1"), ref("beta", "1:2.1-3")}, fetch); err == nil || !strings.Contains(err.Error(), "beta") {
		t.Errorf("one of two is there: %v", err)
	}
	if err := os.Remove(target); err != nil {
		t.Fatal(err)
	}
	got, err := h.Download(t.Context(), []patch.Ref{ref("alpha", "1.1-1")}, fetch)
	want := []patch.Archive{{Ref: ref("alpha", "1.1-1"), Path: target, SHA256: sha, Size: 6336, Origin: "archive"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := os.Stat(filepath.Join(h.cache, ".zypper")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("once all is there, the folder stays: %v", err)
	}
}

// order is one to bring alpha to 1.3, with a file that was fetched.
func (h *host) order() (patch.Order, string) {
	h.Helper()
	target := filepath.Join(h.cache, "alpha.rpm")
	if err := os.WriteFile(target, []byte(h.file("packages/alpha-1.1-1.x86_64.rpm")), 0o644); err != nil {
		h.Fatal(err)
	}
	h.rpm("rpmkeys --checksig "+target, 0, target+": digests signatures OK\n")
	lockfast := filepath.Join(h.root, "var/cache/lockfast/zypper")
	args := "--no-refresh --reposd-dir " + lockfast + "/no-repositories --cache-dir " + lockfast + " --userdata lockfast-tx install --details --download in-advance "
	return patch.Order{
		ID: "tx", Log: filepath.Join(h.root, "log"),
		Files: []patch.Archive{{Ref: ref("alpha", "1.3-1"), Path: target, SHA256: sha}},
		Want:  []plan.Package{{Name: "alpha", Arch: "x86_64", Version: "1.3-1", Auto: true}},
	}, args
}

func TestInstall(t *testing.T) {
	h := newHost(t)
	o, args := h.order()
	h.zypper("vendor-change.xml", 0, args+"--dry-run "+o.Files[0].Path)
	h.work = func() {
		h.rpm(qa, 0, strings.Replace(h.file("rpm-qa.txt"), "alpha\t(none)\t1.0", "alpha\t(none)\t1.3", 1))
	}
	if err := h.Install(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if len(h.jobs) != 1 {
		t.Fatal(h.jobs)
	}
	j := h.jobs[0]
	line := strings.Join(append([]string{j.Name}, j.Args...), " ")
	if want := "zypper --xmlout --non-interactive --root " + h.root + " " + args + o.Files[0].Path; line != want || j.Unit != "lockfast-tx" || j.Log != o.Log {
		t.Errorf("launched %s in %s, log %s\nwant     %s", line, j.Unit, j.Log, want)
	}
	if data, err := os.ReadFile(filepath.Join(h.root, "var/lib/zypp/AutoInstalled")); err != nil || string(data) != "alpha\n" {
		t.Errorf("marks: %q %v", data, err)
	}
}

// Each of these is found out before anything is launched, or read back.
func TestInstallRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change   func(h *host, o *patch.Order, args string)
		words    string
		launched bool
	}{
		"does nothing":     {func(*host, *patch.Order, string) {}, "alpha is at 1.0-1, not at 1.3-1", true},
		"fails":            {func(h *host, _ *patch.Order, _ string) { h.code = 8 }, "exit code 8", true},
		"a script fails":   {func(h *host, _ *patch.Order, _ string) { h.code = 107 }, "a script of one of them failed", true},
		"an option for id": {func(_ *host, o *patch.Order, _ string) { o.ID = "-x y" }, "the id", false},
		"changed file":     {func(_ *host, o *patch.Order, _ string) { o.Files[0].SHA256 = strings.Repeat("0", 64) }, "SHA-256", false},
		"bad signature": {func(h *host, o *patch.Order, _ string) {
			h.rpm("rpmkeys --checksig "+o.Files[0].Path, 1, o.Files[0].Path+": digests SIGNATURES NOT OK\n")
		}, "signature is wrong", false},
		"older": {func(_ *host, o *patch.Order, _ string) { o.Files[0].Version = "0.1-1" }, "allows no older versions", false},
		"locked": {func(h *host, o *patch.Order, args string) {
			h.zypper("locked-package.xml", 4, args+"--dry-run "+o.Files[0].Path)
		}, "conflicting requests", false},
		"more than ordered": {func(h *host, o *patch.Order, args string) {
			h.zypper("dry-run.xml", 0, args+"--dry-run "+o.Files[0].Path)
		}, "which was not ordered", false},
		"less than ordered": {func(h *host, o *patch.Order, args string) {
			o.Remove = []patch.Ref{ref("kappa", "1.0-1")}
			h.zypper("vendor-change.xml", 0, args+"--dry-run "+o.Files[0].Path+" !kappa.x86_64=1.0-1")
		}, "would not remove kappa", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			o, args := h.order()
			h.zypper("vendor-change.xml", 0, args+"--dry-run "+o.Files[0].Path)
			test.change(h, &o, args)
			err := h.Install(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), test.words) || (len(h.jobs) > 0) != test.launched {
				t.Errorf("%v: does not say %q; launched: %d", err, test.words, len(h.jobs))
			}
		})
	}
}

// An unsigned file from a repository that asks for no signature is told of as
// such, a signed one never.
func TestInstallUnsigned(t *testing.T) {
	h := newHost(t)
	o, args := h.order()
	h.rpm("rpmkeys --checksig "+o.Files[0].Path, 0, o.Files[0].Path+": digests OK\n")
	h.zypper("vendor-change.xml", 0, args+"--dry-run --allow-unsigned-rpm "+o.Files[0].Path)
	if err := h.Install(t.Context(), o); err == nil || len(h.jobs) != 1 || !slices.Contains(h.jobs[0].Args, "--allow-unsigned-rpm") {
		t.Errorf("%v %v", err, h.jobs)
	}
}

func TestAuditAndRepair(t *testing.T) {
	h := newHost(t)
	twice := h.file("rpm-qa.txt") + "alpha\t(none)\t1.2\t1\tx86_64\t15\tabc\t1999999999\t99\nkernel-default\t(none)\t5.1\t1\tx86_64\t15\tabc\t1999999999\t99\nkernel-default\t(none)\t5.2\t1\tx86_64\t15\tabc\t1999999999\t99\n"
	h.rpm(qa, 0, twice)
	h.rpm("rpmdb --verifydb", 0, "")
	h.rpm(`rpm -q --whatprovides multiversion(kernel) --qf %{NAME}\n`, 0, "kernel-default\nkernel-default\n")
	got, err := h.Audit(t.Context())
	if diff := cmp.Diff([]patch.Broken{{Package: "alpha", State: "installed twice"}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	h.work = func() { h.rpm(qa, 0, strings.Replace(twice, "alpha\t(none)\t1.0\t", "other\t(none)\t1.0\t", 1)) }
	broken, err := h.Repair(t.Context(), patch.Order{ID: "tx", Log: filepath.Join(h.root, "none"), Files: []patch.Archive{{Path: "/cache/any"}}})
	if err != nil || len(broken) > 0 {
		t.Error(broken, err)
	}
	if len(h.jobs) != 1 || h.jobs[0].Unit != "lockfast-tx-repair" || h.jobs[0].Args[len(h.jobs[0].Args)-1] != "alpha-1.0-1.x86_64" {
		t.Errorf("%+v", h.jobs)
	}
	log := filepath.Join(h.root, "log")
	if err := os.WriteFile(log, []byte(crashed), 0o600); err != nil {
		t.Fatal(err)
	}
	broken, err = h.Repair(t.Context(), patch.Order{ID: "tx", Log: log, Files: []patch.Archive{{Path: filepath.Join(h.cache, "any")}}})
	if diff := cmp.Diff([]patch.Broken{{Package: "beta", State: "half-installed"}}, broken); diff != "" || err != nil {
		t.Error(diff, err)
	}
	h.rpm("rpmdb --verifydb", 1, "")
	if got, err = h.Audit(t.Context()); err != nil || len(got) != 1 || got[0].State != "damaged" {
		t.Error(got, err)
	}
}

// Content counts, not owner or time; a file that is gone was not changed.
func TestChangedConffiles(t *testing.T) {
	h := newHost(t)
	h.rpm("rpm -V --nodeps --noscripts alpha", 1, "S.5....T.  c /etc/b.conf\n..5....T.  c /etc/a.conf\n.M..U..T.  c /etc/mode.conf\nmissing    c /etc/gone5.conf\nS.5....T.    /opt/data\n")
	h.rpm("rpm -V --nodeps --noscripts beta", 0, "")
	changed, ok := h.Backend.(patch.ChangedConffiles)
	if !ok {
		t.Fatal("it cannot say which configuration files were changed")
	}
	refs := []patch.Ref{ref("beta", "1:2.0-1"), ref("alpha", "1.0-1"), {Name: "alpha", Arch: "i586", Version: "1.0-1"}}
	got, err := changed.ChangedConffiles(t.Context(), refs)
	if diff := cmp.Diff([]string{"/etc/a.conf", "/etc/b.conf"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	h.rpm("rpm -V --nodeps --noscripts alpha", 1, "package alpha is not installed\n")
	if got, err := changed.ChangedConffiles(t.Context(), refs); err == nil {
		t.Errorf("could not look, and says %v", got)
	}
}

func TestLimitsAreSentences(t *testing.T) {
	h := newHost(t)
	limited, ok := h.Backend.(patch.Limited)
	if !ok || h.Name() != "zypper" {
		t.Fatal("no limits")
	}
	for _, l := range limited.Limits() {
		if !strings.HasSuffix(l, ".") || l[0] < 'A' {
			t.Errorf("%q", l)
		}
	}
}
