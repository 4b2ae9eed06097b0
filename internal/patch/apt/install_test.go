package apt_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/apt"
	"github.com/lockfast/lockfast/internal/plan"
)

// installs is the command line that installs, up to what it allows.
const installs = "apt-get -y -q --no-download --no-install-recommends -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold -o APT::Get::AutomaticRemove=false -o DPkg::Lock::Timeout=60 "

// dpkgIsFree skips a test on a machine where apt itself is at work, or where
// its lock cannot be looked at.
func dpkgIsFree(t *testing.T) {
	t.Helper()
	if err := apt.New(apt.Options{}).Unlocked("/var/lib/dpkg/lock-frontend"); err != nil {
		t.Skip(err)
	}
}

// ordering is a host with an order for it. now and after are what dpkg says
// before and after the installation.
func ordering(t *testing.T, want []plan.Package, states ...string) (*host, *patch.Order) {
	t.Helper()
	dpkgIsFree(t)
	h := newHost(t)
	h.solve = func(line string) (hostexec.Result, bool) {
		now := states[min(len(h.jobs), len(states)-1)]
		return hostexec.Result{Stdout: []byte(now)}, strings.HasPrefix(line, audits)
	}
	return h, &patch.Order{ID: "tx-1", Log: "/var/log/lockfast/tx-1.log", Want: want}
}

func pkg(name, version string) plan.Package {
	return plan.Package{Name: name, Arch: "amd64", Version: version}
}

func TestInstall(t *testing.T) {
	a1, a2 := ref("a", "1:1"), ref("a", "1:2")
	for name, test := range map[string]struct {
		change func(h *host, o *patch.Order)
		begin  string
	}{
		"update":    {func(*host, *patch.Order) {}, "--no-remove --reinstall"},
		"downgrade": {func(_ *host, o *patch.Order) { o.Downgrade = true }, "--no-remove --allow-downgrades --reinstall"},
		"held": {func(h *host, o *patch.Order) {
			o.Want[0].Held = true
			h.answer("apt-mark "+noLists+"hold a:amd64", "")
			h.work["apt-mark"] = func() {
				h.solve = func(string) (hostexec.Result, bool) {
					return hostexec.Result{Stdout: []byte(installed(a2, "hold", "ok", "installed"))}, true
				}
			}
		}, "--no-remove --reinstall --allow-change-held-packages"},
	} {
		t.Run(name, func(t *testing.T) {
			h, o := ordering(t, []plan.Package{pkg("a", "1:2")}, whole(a1), whole(a2))
			o.Files = []patch.Archive{h.put(a2, "file a")}
			h.output["apt-get"] = []string{"Reading package lists...", "pmstatus:a:12.5:Unpacking a (amd64)", "pmstatus:a:100:Installed a (amd64)"}
			var progress []string
			o.Progress = func(percent int, pkg, phase string) {
				progress = append(progress, fmt.Sprint(percent, " ", pkg, " ", phase))
			}
			test.change(h, o)
			if err := h.Install(t.Context(), *o); err != nil {
				t.Fatal(err)
			}
			want := []string{installs + test.begin + " " + h.only() + " install " + filepath.Join(h.fetch.Dir, "a_1%3a2_amd64.deb")}
			if diff := cmp.Diff(want, h.jobs); diff != "" {
				t.Error(diff)
			}
			if h.job.Unit != "lockfast-tx-1" || h.job.Log != o.Log || !strings.Contains(strings.Join(h.job.Env, " "), "DEBIAN_FRONTEND=noninteractive") {
				t.Errorf("%+v", h.job)
			}
			if diff := cmp.Diff([]string{"12 a Unpacking a (amd64)", "100 a Installed a (amd64)"}, progress); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Nothing is started unless every file is the one of the plan.
func TestInstallRefusesOtherFiles(t *testing.T) {
	for name, change := range map[string]func(h *host, o *patch.Order){
		"other bytes": func(h *host, _ *patch.Order) { h.put(ref("b", "2"), "file c") },
		"cut":         func(h *host, _ *patch.Order) { h.put(ref("b", "2"), "file") },
		"no digest":   func(_ *host, o *patch.Order) { o.Files[1].SHA256 = "" },
		"not there":   func(_ *host, o *patch.Order) { o.Files[1].Path += "x" },
	} {
		t.Run(name, func(t *testing.T) {
			h, o := ordering(t, []plan.Package{pkg("a", "2"), pkg("b", "2")}, whole(ref("a", "1"), ref("b", "1")))
			o.Files = []patch.Archive{h.put(ref("a", "2"), "file a"), h.put(ref("b", "2"), "file b")}
			change(h, o)
			says(t, h.Install(t.Context(), *o), "b_2_amd64.deb", "not the one that was planned")
			if len(h.jobs) > 0 {
				t.Errorf("%q", h.jobs)
			}
		})
	}
}

func TestInstallRemovesOnlyWhatItShall(t *testing.T) {
	i386 := patch.Ref{Name: "lib", Arch: "i386", Version: "1"}
	for name, test := range map[string]struct {
		remove    []patch.Ref
		rehearsal string
		surprise  string
	}{
		"one":                  {[]patch.Ref{ref("lib", "1")}, "Remv lib [1]\n", ""},
		"for all":              {[]patch.Ref{{Name: "lib", Arch: "all", Version: "1"}}, "Purg lib [1]\n", ""},
		"both architectures":   {[]patch.Ref{i386, ref("lib", "1")}, "Remv lib [1]\nRemv lib:i386 [1]\n", ""},
		"with an update":       {[]patch.Ref{ref("lib", "1")}, "Remv lib [1]\nInst a [1] (2 local-deb [amd64])\nConf a (2 local-deb [amd64])\n", ""},
		"another":              {[]patch.Ref{ref("lib", "1")}, "Remv app [1]\nRemv lib [1]\n", "app"},
		"another, purged":      {[]patch.Ref{ref("lib", "1")}, "Purg lib [1]\nPurg app [1]\n", "app"},
		"another architecture": {[]patch.Ref{i386}, "Remv lib [1]\nRemv lib:i386 [1]\n", "lib"},
	} {
		t.Run(name, func(t *testing.T) {
			want := []plan.Package{pkg("a", "2")}
			var names []string
			for _, r := range test.remove {
				want = append(want, plan.Package{Name: r.Name, Arch: r.Arch})
				names = append(names, map[string]string{"amd64": "lib:amd64-", "i386": "lib:i386-", "all": "lib-"}[r.Arch])
			}
			a := ref("a", "2")
			h, o := ordering(t, want, whole(append(test.remove, ref("a", "1"))...), whole(a))
			o.Files, o.Remove = []patch.Archive{h.put(a, "file a")}, test.remove
			targets := "install " + o.Files[0].Path + " " + strings.Join(names, " ")
			h.answer(rehearses+h.only()+" "+targets, test.rehearsal)
			err := h.Install(t.Context(), *o)
			if test.surprise != "" {
				says(t, err, "would remove "+test.surprise+" too", "nothing was changed")
				if len(h.jobs) > 0 {
					t.Errorf("%q", h.jobs)
				}
				return
			}
			if diff := cmp.Diff([]string{installs + "--purge --reinstall " + h.only() + " " + targets}, h.jobs); diff != "" || err != nil {
				t.Error(err, diff)
			}
		})
	}
}

func TestInstallRemovesNothingWithoutARehearsal(t *testing.T) {
	for words, answer := range map[string]hostexec.Result{
		"sees no way":                {Code: 100, Stderr: []byte("E: Unmet dependencies\n")},
		"cannot read apt-get's line": {Stdout: []byte("Remv lib\n")},
	} {
		h, o := ordering(t, []plan.Package{pkg("lib", "")}, whole(ref("lib", "1")), "")
		o.Remove = []patch.Ref{ref("lib", "1")}
		h.fake.Results[rehearses+"install lib:amd64-"] = answer
		says(t, h.Install(t.Context(), *o), words)
		if len(h.jobs) > 0 {
			t.Errorf("%q", h.jobs)
		}
	}
}

// Marks and holds are set where they differ, and nowhere else.
func TestInstallRestoresMarks(t *testing.T) {
	dpkgIsFree(t)
	h := newHost(t)
	names := []string{"same", "auto", "manual", "hold", "unhold"}
	var want []plan.Package
	var now, after strings.Builder
	for _, name := range names {
		p := pkg(name, "1")
		p.Auto, p.Held = name == "auto", name == "hold"
		want = append(want, p)
		now.WriteString(installed(ref(name, "1"), map[bool]string{true: "hold", false: "install"}[name == "unhold"], "ok", "installed"))
		after.WriteString(installed(ref(name, "1"), map[bool]string{true: "hold", false: "install"}[name == "hold"], "ok", "installed"))
	}
	want = append(want, pkg("gone", ""))
	extended := func(name string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte("Package: " + name + "\nArchitecture: amd64\nAuto-Installed: 1\n\n")}
	}
	h.fs["var/lib/apt/extended_states"] = extended("manual")
	dpkg := now.String()
	h.solve = func(line string) (hostexec.Result, bool) {
		return hostexec.Result{Stdout: []byte(dpkg)}, strings.HasPrefix(line, audits)
	}
	for _, verb := range []string{"auto", "manual", "hold", "unhold"} {
		h.answer("apt-mark "+noLists+verb+" "+verb+":amd64", "")
	}
	h.work["apt-mark "+noLists+"unhold"] = func() { // the last of them
		dpkg = after.String()
		h.fs["var/lib/apt/extended_states"] = extended("auto")
	}
	if err := h.Install(t.Context(), patch.Order{Want: want}); err != nil {
		t.Error(err)
	}
	var marks []string
	for _, line := range h.fake.Calls() {
		if strings.HasPrefix(line, "apt-mark") {
			marks = append(marks, line)
		}
	}
	if diff := cmp.Diff([]string{"apt-mark " + noLists + "auto auto:amd64", "apt-mark " + noLists + "manual manual:amd64", "apt-mark " + noLists + "hold hold:amd64", "apt-mark " + noLists + "unhold unhold:amd64"}, marks); diff != "" || len(h.jobs) > 0 {
		t.Error(h.jobs, diff)
	}
	if err := h.Install(t.Context(), patch.Order{Want: want}); err != nil || strings.Count(h.ran(), "apt-mark") != 4 {
		t.Errorf("marks that are right were set again: %s, %v", h.ran(), err)
	}
	dpkg = now.String()
	h.refuse("apt-mark "+noLists+"hold hold:amd64", 1, "E: could not set\n")
	says(t, h.Install(t.Context(), patch.Order{Want: want}), "cannot restore marks", "could not set")
}

// An exit status is never believed alone.
func TestInstallReadsBack(t *testing.T) {
	a1, a2, b := ref("a", "1"), ref("a", "2"), ref("b", "1")
	for name, test := range map[string]struct {
		change func(h *host)
		after  string
		words  []string
	}{
		"exit code": {func(h *host) {
			h.codes["apt-get"] = 100
			h.output["apt-get"] = []string{"pmerror:a:50.0:installed a package post-installation script subprocess returned error exit status 1", "dpkg: error processing package a (--configure):", "E: Sub-process /usr/bin/dpkg returned an error code (1)"}
		}, whole(a2, b), []string{"exit 100", "post-installation script", "dpkg: error processing package a", "Sub-process", "/var/log/lockfast/tx-1.log"}},
		"exit code, wordless": {func(h *host) { h.codes["apt-get"] = 9 }, whole(a2, b), []string{"apt-get failed (exit 9): it printed no error; see"}},
		"launcher":            {func(h *host) { h.failure = errors.New("no more processes") }, whole(a2, b), []string{"cannot run apt-get", "no more processes"}},
		"old version":         {nil, whole(a1, b), []string{"without an error", "a:amd64 2 → 1"}},
		"not there":           {nil, whole(b), []string{"without an error", "a:amd64 2 → (not installed)"}},
		"removed only":        {nil, installed(a2, "deinstall", "ok", "config-files"), []string{"without an error", "(not installed)"}},
		"half-configured":     {nil, installed(a2, "install", "ok", "half-configured"), []string{"without an error", "half-configured"}},
		"another is broken":   {nil, whole(a2) + installed(b, "install", "reinstreq", "unpacked"), []string{"without an error", "b is unpacked, reinstreq"}},
		"unreadable":          {nil, "a amd64 2\n", []string{"cannot read"}},
	} {
		t.Run(name, func(t *testing.T) {
			h, o := ordering(t, []plan.Package{pkg("a", "2")}, whole(a1, b), test.after)
			o.Files = []patch.Archive{h.put(a2, "file a")}
			if test.change != nil {
				test.change(h)
			}
			says(t, h.Install(t.Context(), *o), test.words...)
		})
	}
}

func TestRepairOfAWholeHost(t *testing.T) {
	h, o := ordering(t, nil, whole(ref("a", "1"))+installed(ref("b", "1"), "deinstall", "ok", "config-files"))
	h.fs["var/lib/dpkg/updates/tmp.i"] = &fstest.MapFile{}
	broken, err := h.Repair(t.Context(), *o)
	if err != nil || broken != nil || len(h.jobs) > 0 || h.ran() != "dpkg-query" {
		t.Errorf("%+v, %v, %q, %s", broken, err, h.jobs, h.ran())
	}
}

func TestRepair(t *testing.T) {
	a := ref("a", "2")
	half := installed(a, "install", "ok", "half-configured")
	const reinstall = "half-installed"
	again := installed(a, "install", "reinstreq", reinstall)
	for name, test := range map[string]struct {
		states  []string // after each program
		updates bool
		jobs    int
		broken  []patch.Broken
		words   string
	}{
		"configured":           {[]string{half, whole(a)}, false, 2, nil, ""},
		"by apt":               {[]string{half, half, whole(a)}, false, 2, nil, ""},
		"updates not merged":   {[]string{whole(a)}, true, 2, nil, ""},
		"by dpkg alone":        {[]string{again, again, again, whole(a)}, false, 3, nil, ""},
		"still broken":         {[]string{half}, false, 3, []patch.Broken{{Package: "a", State: "half-configured"}}, "post-installation"},
		"still to be unpacked": {[]string{again}, false, 3, []patch.Broken{{Package: "a", State: "half-installed, reinstreq"}}, "post-installation"},
	} {
		t.Run(name, func(t *testing.T) {
			h, o := ordering(t, nil, test.states...)
			o.Files = []patch.Archive{h.put(ref("b", "2"), "file b"), h.put(a, "file a")}
			if test.updates {
				h.fs["var/lib/dpkg/updates/0001"] = &fstest.MapFile{}
			}
			h.codes["dpkg"], h.output["dpkg"] = 1, []string{"dpkg: error processing package a (--configure): post-installation"}
			broken, err := h.Repair(t.Context(), *o)
			if diff := cmp.Diff(test.broken, broken); diff != "" {
				t.Error(diff)
			}
			want := []string{
				"dpkg --force-confold --configure -a",
				installs + "-o Dir::Cache::Archives=" + h.fetch.Dir + " --no-remove -f install",
				"dpkg --force-confold --force-downgrade --install " + o.Files[0].Path + " " + o.Files[1].Path,
			}
			if strings.Contains(test.states[0], reinstall) { // what dpkg wants to see first goes first
				want[2] = "dpkg --force-confold --force-downgrade --install " + o.Files[1].Path + " " + o.Files[0].Path
			}
			if diff := cmp.Diff(want[:test.jobs], h.jobs); diff != "" {
				t.Error(diff)
			}
			if test.words != "" {
				says(t, err, test.words)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

// A repair installs no file that is not the one of the plan either.
func TestRepairRefusesOtherFiles(t *testing.T) {
	a := ref("a", "2")
	h, o := ordering(t, nil, installed(a, "install", "reinstreq", "half-installed"))
	o.Files = []patch.Archive{h.put(a, "file a")}
	h.put(a, "file b")
	_, err := h.Repair(t.Context(), *o)
	says(t, err, "a_2_amd64.deb", "not the one that was planned")
	if len(h.jobs) != 2 {
		t.Errorf("%q", h.jobs)
	}
	o.Files = []patch.Archive{{Path: filepath.Join(h.fetch.Dir, "any")}} // only the folder is known
	h.jobs = nil
	broken, err := h.Repair(t.Context(), *o)
	if len(broken) != 1 || err != nil || len(h.jobs) != 2 {
		t.Errorf("%+v, %v, %q", broken, err, h.jobs)
	}
}

func TestRefresh(t *testing.T) {
	if err := apt.New(apt.Options{}).Unlocked("/var/lib/apt/lists/lock"); err != nil {
		t.Skip(err)
	}
	h := newHost(t)
	const update = "apt-get -q -o APT::Update::Error-Mode=any -o DPkg::Lock::Timeout=60 update"
	h.refuse(update, 100, "E: The repository is not signed.\nE: two\nE: three\nE: four\nE: five\n")
	says(t, h.Refresh(t.Context()), "cannot refresh", "not signed", "and 2 more")
	h.answer(update, "")
	h.answer(shows+"a:amd64=2", "")
	for _, want := range []map[patch.Ref]string{{}, {ref("a", "2"): "archive"}} { // answers are forgotten
		if err := h.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := h.Outlook(t.Context(), []patch.Ref{ref("a", "2")}, h.fetch.Dir)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
		h.answer(shows+"a:amd64=2", stanza(ref("a", "2"), "x"))
	}
}

func TestAvailable(t *testing.T) {
	h := newHost(t)
	offers := []patch.Offer{{Ref: ref("a", "2"), Security: true}}
	h.options(func(o *apt.Options) {
		o.Offers = func(context.Context) ([]patch.Offer, error) { return offers, os.ErrClosed }
	})
	got, err := h.Available(t.Context())
	if diff := cmp.Diff(offers, got); diff != "" || !errors.Is(err, os.ErrClosed) || h.Name() != "apt" {
		t.Error(err, diff)
	}
}

// only are the options that show apt nothing but the files of the order "tx-1".
func (h *host) only() string {
	dir := h.fetch.Dir + "/run-tx-1"
	return "-o Dir::Cache::Archives=" + dir + " -o Dir::State::Lists=" + dir + "/lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache="
}

// noLists are the options of apt-mark, which needs no list.
const noLists = "-o Dir::State::Lists=/nonexistent -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "
