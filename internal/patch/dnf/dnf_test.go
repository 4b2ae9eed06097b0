//go:build unix

package dnf_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostexec/hostexectest"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/dnf"
	"github.com/lockfast/lockfast/internal/plan"
)

const (
	rpmQA   = `rpm -qa --qf %{NAME}\t%{EPOCH}\t%{VERSION}\t%{RELEASE}\t%{ARCH}\t%{LONGSIZE}\t%{SIGMD5}\t%{INSTALLTIME}\t%{DBINSTANCE}\n`
	reasons = `-C -q --disablerepo=* repoquery --installed --qf %{name}\t%{arch}\t%{reason}\n`
	app1    = "app\t(none)\t1\t1\tx86_64\t4\tabc\t1700000000\t7\n"
)

// host is a root whose programs answer what the real ones did.
type host struct {
	*testing.T
	patch.Backend
	root     string
	fake     *hostexectest.Fake
	solution string // what the solver writes, if anything
	jobs     []patch.Job
	code     int
	says     []string // lines that a job prints
	work     func()   // what a job does
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{T: t, root: t.TempDir(), fake: &hostexectest.Fake{Results: map[string]hostexec.Result{}}}
	h.Backend = dnf.New(dnf.Options{Runner: h, Launcher: h, Root: h.root})
	h.fake.Results["dnf --version"] = hostexec.Result{Stdout: []byte("4.14.0\n")}
	h.rpm(rpmQA, app1)
	h.dnf(reasons, 0, "app\tx86_64\tuser\n")
	return h
}

func (h *host) rpm(line, out string) {
	program, args, _ := strings.Cut(line, " ")
	h.fake.Results[program+" --root "+h.root+" "+args] = hostexec.Result{Stdout: []byte(out)}
}

func (h *host) dnf(line string, code int, out string) {
	h.fake.Results["dnf --setopt=exit_on_lock=1 --installroot="+h.root+" "+line] = hostexec.Result{Stdout: []byte(out), Code: code}
}

// Run answers, and writes the solver's result where it is asked for.
func (h *host) Run(ctx context.Context, cmd hostexec.Cmd) (hostexec.Result, error) {
	if cmd.Dir != "" && h.solution != "" {
		dir := filepath.Join(cmd.Dir, "debugdata/rpms")
		if err := os.MkdirAll(dir, 0o755); err != nil {
			h.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "solver.result"), []byte(h.solution), 0o644); err != nil {
			h.Fatal(err)
		}
		return hostexec.Result{Code: 1, Stderr: []byte("Operation aborted.\n")}, nil
	}
	return h.fake.Run(ctx, cmd)
}

func (h *host) Running(context.Context, string) (bool, error) { return false, nil }

func (h *host) Launch(_ context.Context, j patch.Job) (int, error) {
	h.jobs = append(h.jobs, j)
	for _, line := range h.says {
		j.Line(line)
	}
	if h.work != nil {
		h.work()
	}
	return h.code, nil
}

// order is one that brings app to version 2.
func (h *host) order() patch.Order {
	h.Helper()
	dir := h.TempDir()
	file := filepath.Join(dir, "app.rpm")
	if err := os.WriteFile(file, []byte("abc"), 0o644); err != nil {
		h.Fatal(err)
	}
	const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	return patch.Order{
		ID: "one", Log: filepath.Join(dir, "log"), Files: []patch.Archive{{Ref: ref("app", "2-1"), Path: file, SHA256: digest}},
		Want: []plan.Package{{Name: "app", Arch: "x86_64", Version: "2-1"}},
	}
}

// updated makes rpm's database say that version 2 is installed.
func (h *host) updated() {
	h.rpm(rpmQA, strings.Replace(app1, "\t1\t1\t", "\t2\t1\t", 1))
}

func says(err error, words string) bool { return err != nil && strings.Contains(err.Error(), words) }

const upgrade = "upgrade app-1-1.x86_64@@System app-2-1.x86_64@@commandline\n"

func TestInstall(t *testing.T) {
	h := newHost(t)
	h.solution, h.work = upgrade, h.updated
	o := h.order()
	if err := h.Install(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if len(h.jobs) != 1 || h.jobs[0].Unit != "lockfast-one" || h.jobs[0].Log != o.Log || !strings.HasSuffix(strings.Join(h.jobs[0].Args, " "), " install "+o.Files[0].Path) {
		t.Errorf("%+v", h.jobs)
	}
	log, err := os.ReadFile(o.Log)
	if err != nil || !strings.Contains(string(log), "lockfast: to install app-2-1.x86_64\nlockfast: dnf begins\n") || !strings.HasSuffix(string(log), "lockfast: dnf ended\n") {
		t.Errorf("log %q, %v", log, err)
	}
}

// What the rehearsal shows and nobody ordered is not done.
func TestInstallRehearses(t *testing.T) {
	for solution, words := range map[string]string{
		upgrade + "erase lib-1-1.x86_64@@System\n":                                "also remove lib",
		upgrade + "install lib-1-1.x86_64@updates\n":                              "also install lib",
		"upgrade app-1-1.x86_64@@System app-3-1.x86_64@@commandline\n":            "would not install app 2-1",
		"problem 1 info nothing provides lib needed by app-2-1.x86_64\n":          "nothing provides lib",
		"teleport app-1-1.x86_64@@System app-2-1.x86_64@@commandline\n" + upgrade: "too new",
	} {
		h := newHost(t)
		h.solution = solution
		if err := h.Install(t.Context(), h.order()); !says(err, words) || len(h.jobs) > 0 {
			t.Errorf("%q: %v, %+v", solution, err, h.jobs)
		}
	}
}

func TestInstallBelievesNoExitCode(t *testing.T) {
	h := newHost(t)
	h.solution = upgrade
	if err := h.Install(t.Context(), h.order()); !says(err, "app is at 1-1, not at 2-1") {
		t.Errorf("nothing was done: %v", err)
	}
	h.code, h.says = 1, []string{"Running transaction", "Error: Transaction failed"}
	if err := h.Install(t.Context(), h.order()); !says(err, "exit 1): Transaction failed; see") {
		t.Errorf("it failed: %v", err)
	}
	var locked *patch.LockedError
	h.code = 200
	if err := h.Install(t.Context(), h.order()); !errors.As(err, &locked) {
		t.Errorf("it is in use: %v", err)
	}
	h.code, h.work, h.says = 0, h.updated, []string{"Error in POSTIN scriptlet in rpm package app"}
	if err := h.Install(t.Context(), h.order()); !says(err, "script") {
		t.Errorf("a script failed: %v", err)
	}
	o := h.order()
	o.Files[0].Version = "0-1"
	if err := h.Install(t.Context(), o); !says(err, "no older versions") {
		t.Errorf("an older version: %v", err)
	}
	o.ID = "../x"
	if err := h.Install(t.Context(), o); !says(err, "id") {
		t.Errorf("a bad name: %v", err)
	}
}

// A run that was killed, and of which the package file is gone since.
func TestRepairNeedsTheFile(t *testing.T) {
	h := newHost(t)
	h.rpm("rpmdb --verifydb", "")
	h.dnf(`-C -q --disablerepo=* repoquery --duplicates --qf %{name}\t%{arch}\n`, 0, "")
	h.rpm("rpm -V --nodeps --noscripts app", "S.5....T.    /opt/app/data\n")
	o := h.order()
	o.Files, o.Want = []patch.Archive{{Path: filepath.Join(filepath.Dir(o.Log), "any")}}, nil
	if broken, err := h.Repair(t.Context(), o); err != nil || len(broken) > 0 {
		t.Errorf("without a run: %+v, %v", broken, err)
	}
	if err := os.WriteFile(o.Log, []byte("lockfast: to install app-2-1.x86_64\nlockfast: dnf begins\n  Prepar"), 0o644); err != nil {
		t.Fatal(err)
	}
	broken, err := h.Repair(t.Context(), o)
	if !says(err, "not here any more") || len(broken) != 1 || broken[0].Package != "app" {
		t.Errorf("%+v, %v", broken, err)
	}
}

func TestDNF5IsLeftAlone(t *testing.T) {
	h := newHost(t)
	h.fake.Results["dnf --version"] = hostexec.Result{Stdout: []byte("dnf5 version 5.2.8.1\n")}
	if got, err := h.State(t.Context(), []patch.Ref{ref("app", "")}); err != nil || len(got) != 1 || got[0].Version != "1-1" {
		t.Errorf("%+v, %v", got, err)
	}
	_, available := h.Available(t.Context())
	_, simulate := h.Simulate(t.Context(), patch.Request{All: true})
	_, download := h.Download(t.Context(), nil, patch.Fetch{Dir: h.root})
	_, _, previous := h.Previous(t.Context(), nil, patch.Fetch{Dir: h.root})
	_, repair := h.Repair(t.Context(), h.order())
	for _, err := range []error{available, simulate, download, previous, repair, h.Install(t.Context(), h.order())} {
		if !says(err, "dnf 5") {
			t.Errorf("got %v", err)
		}
	}
}

func TestRefreshReadsBack(t *testing.T) {
	const makecache = "-q --assumeno --setopt=*.skip_if_unavailable=0 makecache --refresh"
	h := newHost(t)
	h.dnf(makecache, 0, "")
	h.dnf("-C -q --setopt=*.skip_if_unavailable=0 repolist --enabled", 0, "\n")
	if err := h.Refresh(t.Context()); !says(err, "no repository of dnf is enabled") {
		t.Errorf("got %v", err)
	}
	h.dnf(makecache, 200, "")
	var locked *patch.LockedError
	if err := h.Refresh(t.Context()); !errors.As(err, &locked) {
		t.Errorf("got %v", err)
	}
	h.dnf(makecache, 1, "Error: Failed to download metadata for repo 'x'\n")
	if err := h.Refresh(t.Context()); !says(err, "Failed to download metadata for repo 'x'") {
		t.Errorf("got %v", err)
	}
}

// The lowest version with all fixes, though none fixes them at once.
func TestAvailableTakesTheLowestFixedVersion(t *testing.T) {
	h := newHost(t)
	line := func(version string) string {
		return "app\t0\t" + version + "\t1\tx86_64\tupdates\t10\t20\tsrc-app-" + version + "-1.src.rpm\t(none)\n"
	}
	const query = `-C -q --setopt=*.skip_if_unavailable=0 repoquery --qf %{name}\t%{epoch}\t%{version}\t%{release}\t%{arch}\t%{repoid}\t%{downloadsize}\t%{installsize}\t%{sourcerpm}\t%{chksum}\n --upgrades`
	const list = "-C -q --setopt=*.skip_if_unavailable=0 updateinfo list --security"
	h.dnf(query, 0, line("5")+"\n"+line("4")+"\n"+line("2")+"\n")
	h.dnf(list, 0, "A-1 Low/Sec. app-2-1.x86_64\nA-2 Critical/Sec. app-3-1.x86_64\nA-3 Low/Sec. app-9-1.x86_64\nA-0 Low/Sec. app-1-1.x86_64\n")
	h.dnf(list+" --with-cve", 0, "CVE-2024-1 Low/Sec. app-2-1.x86_64\n")
	h.dnf("-C -v --setopt=*.skip_if_unavailable=0 updateinfo list --security", 0, "A-1 Low/Sec. app-2-1.x86_64 2024-01-01 00:00:00\nA-2 Critical/Sec. app-3-1.x86_64 2024-02-01 00:00:00\n")
	offers, err := h.Available(t.Context())
	if err != nil || len(offers) != 2 {
		t.Fatalf("%+v, %v", offers, err)
	}
	o := offers[0]
	if o.Ref != ref("app", "4-1") || !o.Security || strings.Join(o.IDs, " ") != "A-1 A-2 CVE-2024-1" || o.Severity != "Critical" || o.Date.Month() != 1 || o.Source != "src-app" || o.Archive != "updates" {
		t.Errorf("%+v", o)
	}
	if o := offers[1]; o.Ref != ref("app", "5-1") || o.Security || o.Installed != "1-1" {
		t.Errorf("%+v", o)
	}
	h.dnf(query, 1, "Error: Cache-only enabled but no cache for 'updates'\n")
	if offers, err := h.Available(t.Context()); !says(err, "no cache") {
		t.Errorf("without metadata: %+v, %v", offers, err)
	}
}
