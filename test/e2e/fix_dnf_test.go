//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/dnf"
	"github.com/lockfast/lockfast/internal/patch/patchtest"
	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/test/hosts"
)

// dnfWorld makes roots with dnf's configuration, from one that was made once.
type dnfWorld struct {
	dir    string // key.asc, repo, absent, repos.d and root, as they begin
	server *httptest.Server
	serves atomic.Pointer[dnfHost] // whose repository is on the network
}

// dnfHost is a root and its repository.
type dnfHost struct {
	patch.Backend
	root, repo string
	up         atomic.Bool
	world      *dnfWorld
}

func (w *dnfWorld) args() []string {
	return []string{"--setopt=reposdir=" + filepath.Join(w.dir, "repos.d"), "--releasever=1", "--setopt=plugins=0"}
}

// command runs a program as hostexec does.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	r, err := hostexec.System{}.Run(t.Context(), hostexec.Cmd{Name: name, Args: args})
	if err != nil || r.Code != 0 {
		t.Fatalf("%s %v: exit %d, %v\n%s%s", name, args, r.Code, err, r.Stdout, r.Stderr)
	}
	return string(r.Stdout)
}

// newDNFWorld builds packages, and a root that has some of them installed.
func newDNFWorld(t *testing.T, r hosts.RPMRepository, install ...string) *dnfWorld {
	t.Helper()
	w := newDNFWorldServing(t, r, serveFiles)
	w.serves.Load().dnf(t, append([]string{"install"}, install...)...)
	return w
}

// newDNFWorldServing has nothing installed. How the repository's files are
// served is up to the test.
func newDNFWorldServing(t *testing.T, r hosts.RPMRepository, serve func(rw http.ResponseWriter, q *http.Request, repo string)) *dnfWorld {
	t.Helper()
	w := &dnfWorld{dir: t.TempDir()}
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		h := w.serves.Load()
		if !h.up.Load() {
			http.NotFound(rw, q)
			return
		}
		serve(rw, q, h.repo)
	}))
	t.Cleanup(w.server.Close)
	r.Build(t, w.dir)
	writeFile(t, filepath.Join(w.dir, "repos.d/updates.repo"), fmt.Sprintf(
		"[updates]\nname=updates\nbaseurl=%s/\ngpgcheck=1\nrepo_gpgcheck=1\nskip_if_unavailable=1\nretries=1\ngpgkey=file://%s/key.asc\n", w.server.URL, w.dir))
	h := &dnfHost{root: filepath.Join(w.dir, "root"), repo: filepath.Join(w.dir, "repo"), world: w}
	h.up.Store(true)
	w.serves.Store(h)
	if err := os.MkdirAll(h.root, 0o755); err != nil {
		t.Fatal(err)
	}
	h.dnf(t, "makecache")
	command(t, "rpm", "--root", h.root, "--import", filepath.Join(w.dir, "key.asc"))
	return w
}

func (h *dnfHost) dnf(t *testing.T, args ...string) {
	t.Helper()
	command(t, "dnf", append(append([]string{"--installroot=" + h.root, "-y", "-q"}, h.world.args()...), args...)...)
}

func (h *dnfHost) rpm(t *testing.T, args ...string) string {
	t.Helper()
	return command(t, "rpm", append([]string{"--root", h.root}, args...)...)
}

// host is a new host like the first.
func (w *dnfWorld) host(t *testing.T) *dnfHost {
	t.Helper()
	dir := t.TempDir()
	h := &dnfHost{root: filepath.Join(dir, "root"), repo: filepath.Join(dir, "repo"), world: w}
	if out, err := exec.Command("cp", "-a", filepath.Join(w.dir, "root"), filepath.Join(w.dir, "repo"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.up.Store(true)
	w.serves.Store(h)
	h.Backend = dnf.New(dnf.Options{Runner: hostexec.System{}, Launcher: directLauncher{}, Root: h.root, Args: w.args()})
	return h
}

func (h *dnfHost) damage(t *testing.T, file string) {
	t.Helper()
	path := filepath.Join(h.repo, file)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 0xff
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// suitePackages are those of the suite, for an rpm repository.
func suitePackages() (r hosts.RPMRepository) {
	noarch := map[string]bool{}
	for _, p := range patchtest.Packages() {
		noarch[p.Name] = p.NoArch
		r.Packages = append(r.Packages, hosts.RPMFile{Name: p.Name, Version: p.Version, NoArch: p.NoArch, Needs: p.Needs, Config: p.Config, Absent: p.Absent})
	}
	for _, f := range patchtest.Fixes() {
		r.Fixes = append(r.Fixes, hosts.RPMFix{ID: f.ID, CVE: f.CVE, Severity: f.Severity, Name: f.Name, Version: f.Version, NoArch: noarch[f.Name]})
	}
	return r
}

func TestDNFSuite(t *testing.T) {
	r := suitePackages()
	var w *dnfWorld
	suite := patchtest.World{
		Arches:  patchtest.Arches{Machine: "x86_64", None: "noarch"},
		NoHolds: "dnf holds packages through the plugin versionlock only, whose packages are not installed beside zypper",
	}
	var install, auto []string
	for _, p := range suite.Installed() {
		spec := p.Name + "-" + p.Version + "." + p.Arch
		if p.Auto {
			auto = append(auto, spec)
		}
		if p.Name != "gone" {
			install = append(install, spec)
		}
	}
	w = newDNFWorld(t, r, install...)
	first := w.serves.Load()
	first.dnf(t, "install", filepath.Join(w.dir, "absent", "gone-1-1.x86_64.rpm"))
	first.dnf(t, append([]string{"mark", "remove"}, auto...)...)
	suite.Host = func(t *testing.T) patchtest.Host {
		t.Helper()
		h := w.host(t)
		return patchtest.Host{
			Backend: h.Backend, Root: h.root,
			Network: func(up bool) { h.up.Store(up) },
			Damage: func(name, version string) {
				for _, p := range r.Packages {
					if p.Name == name && p.Version == version {
						h.damage(t, p.FileName())
					}
				}
			},
			Forge: func() {
				repomd := filepath.Join(h.repo, "repodata/repomd.xml")
				data, err := os.ReadFile(repomd)
				if err != nil {
					t.Fatal(err)
				}
				writeFile(t, repomd, string(data)+"\n")
			},
		}
	}
	patchtest.Run(t, suite)
}

// dnfCrash ends dnf like a power cut, once, while its flag is there. dnf runs rpm
// within itself.
const dnfCrash = ` -p <lua>
if posix.stat("/crash") then
  os.remove("/crash")
  posix.kill(posix.getprocessid("pid"), 9)
end
`

// dnfCrashes are updates that end dnf like a power cut, once, while a flag is
// there: one as its script runs after its files are in place, one before.
func dnfCrashes() hosts.RPMRepository {
	return hosts.RPMRepository{Packages: []hosts.RPMFile{
		{Name: "alpha", Version: "1-1", Config: true}, {Name: "beta", Version: "1-1", Needs: []string{"alpha"}},
		{Name: "gamma", Version: "1-1"},
		{Name: "alpha", Version: "2-1", Config: true, Needs: []string{"delta"}, Spec: "%post" + dnfCrash},
		{Name: "beta", Version: "2-1", Needs: []string{"alpha >= 2"}, Spec: "%pre" + dnfCrash},
		{Name: "gamma", Version: "2-1", Needs: []string{"beta >= 2"}}, {Name: "delta", Version: "1-1"},
	}}
}

// What was interrupted is completed, and can then be taken back.
func TestDNFRepair(t *testing.T) {
	w := newDNFWorld(t, dnfCrashes(), "alpha-1-1", "beta-1-1", "gamma-1-1")
	news := []patch.Ref{ref("alpha", "2-1"), ref("beta", "2-1"), ref("gamma", "2-1"), ref("delta", "1-1")}
	olds := []patch.Ref{ref("alpha", "1-1"), ref("beta", "1-1"), ref("gamma", "1-1")}
	for _, c := range []struct {
		name, spoil string // a file that the crash left half written
	}{{"Clean", ""}, {"Files", "opt/gamma/data"}} {
		t.Run(c.name, func(t *testing.T) {
			h := w.host(t)
			fetch := patch.Fetch{Dir: t.TempDir()}
			before, missing, err := h.Previous(t.Context(), olds, fetch)
			if err != nil || len(missing) > 0 {
				t.Fatal(missing, err)
			}
			files, err := h.Download(t.Context(), news, fetch)
			if err != nil {
				t.Fatal(err)
			}
			h.up.Store(false)
			writeFile(t, filepath.Join(h.root, "crash"), "")
			want := []plan.Package{at("alpha", "2-1"), at("beta", "2-1"), at("delta", "1-1"), at("gamma", "2-1")}
			order := patch.Order{ID: "there", Log: filepath.Join(t.TempDir(), "log"), Files: files, Want: want}
			if err := h.Install(t.Context(), order); err == nil {
				t.Fatal("the crash was not noticed")
			}
			if c.spoil != "" {
				writeFile(t, filepath.Join(h.root, c.spoil), "2-")
			}
			if out := h.rpm(t, "-qa"); !strings.Contains(out, "alpha-1-1") || !strings.Contains(out, "alpha-2-1") {
				t.Errorf("the crash left another state:\n%s", out)
			}
			again := patch.Order{ID: order.ID, Log: order.Log, Files: []patch.Archive{{Path: filepath.Join(fetch.Dir, "any")}}}
			if broken, err := h.Repair(t.Context(), again); err != nil || len(broken) > 0 {
				log, _ := os.ReadFile(order.Log)
				t.Fatalf("%+v, %v\n%s", broken, err, log)
			}
			if broken, err := h.Audit(t.Context()); err != nil || len(broken) > 0 {
				t.Errorf("%+v, %v", broken, err)
			}
			if bad, err := h.Verify(t.Context(), []string{"alpha", "beta", "gamma"}); err != nil || len(bad) > 0 {
				t.Errorf("%+v, %v", bad, err)
			}
			if have, err := h.State(t.Context(), news); err != nil || slices.ContainsFunc(have, func(p plan.Package) bool { return p.Version != "2-1" && p.Name != "delta" }) {
				t.Errorf("not completed: %+v, %v", have, err)
			}
			back := patch.Order{
				ID: "back", Log: order.Log, Files: before, Remove: []patch.Ref{ref("delta", "1-1")}, Downgrade: true,
				Want: []plan.Package{at("alpha", "1-1"), at("beta", "1-1"), at("delta", ""), at("gamma", "1-1")},
			}
			if err := h.Install(t.Context(), back); err != nil {
				log, _ := os.ReadFile(order.Log)
				t.Fatalf("%v\n%s", err, log)
			}
			if bad, err := h.Verify(t.Context(), []string{"alpha", "beta", "gamma"}); err != nil || len(bad) > 0 {
				t.Errorf("%+v, %v", bad, err)
			}
		})
	}
}

// killingLauncher kills a program once it has printed a number of steps.
type killingLauncher struct {
	directLauncher
	after int
}

func (k *killingLauncher) Launch(ctx context.Context, j patch.Job) (int, error) {
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	line := j.Line
	j.Line = func(text string) {
		if strings.HasPrefix(text, "  ") && strings.Contains(text, " : ") {
			if k.after--; k.after == 0 {
				kill()
			}
		}
		if line != nil {
			line(text)
		}
	}
	return k.directLauncher.Launch(ctx, j)
}

// Wherever a run is killed, repairing leaves whole packages at one version each,
// and they can be taken back.
func TestDNFKilledAnywhere(t *testing.T) {
	w := newDNFWorld(t, dnfCrashes(), "alpha-1-1", "beta-1-1", "gamma-1-1")
	names := []string{"alpha", "beta", "gamma"}
	for _, after := range []int{1, 3, 5, 7} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			h := w.host(t)
			fetch := patch.Fetch{Dir: t.TempDir()}
			olds, missing, err := h.Previous(t.Context(), []patch.Ref{ref("alpha", "1-1"), ref("beta", "1-1"), ref("gamma", "1-1")}, fetch)
			if err != nil || len(missing) > 0 {
				t.Fatal(missing, err)
			}
			news, err := h.Download(t.Context(), []patch.Ref{ref("alpha", "2-1"), ref("beta", "2-1"), ref("gamma", "2-1"), ref("delta", "1-1")}, fetch)
			if err != nil {
				t.Fatal(err)
			}
			h.up.Store(false)
			killed := dnf.New(dnf.Options{Runner: hostexec.System{}, Launcher: &killingLauncher{after: after}, Root: h.root, Args: w.args()})
			order := patch.Order{ID: "there", Log: filepath.Join(t.TempDir(), "log"), Files: news}
			t.Logf("killed: %v\n%s", killed.Install(t.Context(), order), h.rpm(t, "-qa"))
			order.Files = []patch.Archive{{Path: filepath.Join(fetch.Dir, "any")}}
			if broken, err := h.Repair(t.Context(), order); err != nil || len(broken) > 0 {
				log, _ := os.ReadFile(order.Log)
				t.Fatalf("%+v, %v\n%s", broken, err, log)
			}
			t.Logf("repaired:\n%s", h.rpm(t, "-qa"))
			if bad, err := h.Verify(t.Context(), names); err != nil || len(bad) > 0 {
				t.Errorf("%+v, %v", bad, err)
			}
			back := patch.Order{
				ID: "back", Log: order.Log, Files: olds, Remove: []patch.Ref{{Name: "delta", Arch: "x86_64"}}, Downgrade: true,
				Want: []plan.Package{at("alpha", "1-1"), at("beta", "1-1"), at("delta", ""), at("gamma", "1-1")},
			}
			if err := h.Install(t.Context(), back); err != nil {
				t.Fatal(err)
			}
			if bad, err := h.Verify(t.Context(), names); err != nil || len(bad) > 0 {
				t.Errorf("%+v, %v", bad, err)
			}
			if broken, err := h.Audit(t.Context()); err != nil || len(broken) > 0 {
				t.Errorf("%+v, %v", broken, err)
			}
		})
	}
}

// Old files come from dnf's cache where the repository has dropped them, if
// they are the very ones that were installed.
func TestDNFPreviousFromCache(t *testing.T) {
	w := newDNFWorld(t, dnfCrashes(), "--setopt=keepcache=1", "alpha-1-1", "beta-1-1", "gamma-1-1")
	h := w.host(t)
	packages, err := filepath.Glob(filepath.Join(h.root, "var/cache/dnf/*/packages/*.rpm"))
	if err != nil || len(packages) != 3 {
		t.Fatal(packages, err)
	}
	for _, p := range packages { // another build of it
		if strings.HasPrefix(filepath.Base(p), "gamma") {
			if err := os.WriteFile(p, []byte("no package"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	h.up.Store(false)
	refs := []patch.Ref{ref("alpha", "1-1"), ref("gamma", "1-1")}
	fetch := patch.Fetch{Dir: t.TempDir(), Offline: true}
	got, missing, err := h.Previous(t.Context(), refs, fetch)
	if err != nil || len(got) != 1 || got[0].Ref != refs[0] || got[0].Origin != "cache" || len(missing) != 1 || missing[0].Ref != refs[1] {
		t.Errorf("%+v, %+v, %v", got, missing, err)
	}
	outlook, ok := h.Backend.(patch.Outlook)
	if !ok {
		t.Fatal("no outlook")
	}
	from, err := outlook.Outlook(t.Context(), refs, fetch.Dir)
	if diff := cmp.Diff(map[patch.Ref]string{refs[0]: "cache", refs[1]: "archive"}, from); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// A key that rpm does not know is not taken on.
func TestDNFUnknownKey(t *testing.T) {
	w := newDNFWorld(t, dnfCrashes(), "alpha-1-1")
	h := w.host(t)
	h.rpm(t, "-e", "gpg-pubkey")
	if got, err := h.Download(t.Context(), []patch.Ref{ref("gamma", "1-1")}, patch.Fetch{Dir: t.TempDir()}); err == nil {
		t.Errorf("downloaded: %+v", got)
	}
	if out := h.rpm(t, "-qa"); strings.Contains(out, "gpg-pubkey") {
		t.Error(out)
	}
}

// A download that was stopped goes on with the file it was in; what is whole is
// not asked for again. Within the file, librepo goes on only if it is new enough,
// as Limits says.
func TestDNFDownloadGoesOn(t *testing.T) {
	a := &asked{}
	r, refs := larges()
	w := newDNFWorldServing(t, r, a.serve)
	h := w.host(t)
	f := patch.Fetch{Dir: t.TempDir()}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	part := filepath.Join(f.Dir, ".dnf/three-1-1.x86_64.rpm")
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			return 0
		}
		return info.Size()
	}
	whole := func(name string) bool {
		file := name + "-1-1.x86_64.rpm"
		return size(filepath.Join(f.Dir, ".dnf", file)) == size(filepath.Join(h.repo, file))
	}
	a.stick("three-1-1.x86_64.rpm", func() { // dnf downloads several files at once
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for ctx.Err() == nil && (size(part) == 0 || !whole("one") || !whole("two")) {
			<-tick.C
		}
		stop()
	})
	if got, err := h.Download(ctx, refs, f); err == nil {
		t.Fatalf("it was stopped, and says %+v", got)
	}
	there := size(part)
	a.stick("", nil)
	if got, err := h.Download(t.Context(), refs, f); err != nil || len(got) != len(refs) {
		t.Fatalf("%+v, %v", got, err)
	}
	goesOn := fmt.Sprintf("three-1-1.x86_64.rpm bytes=%d-", there)
	if log := strings.Join(a.take(), " "); log != goesOn && log != goesOn+" three-1-1.x86_64.rpm" {
		t.Errorf("the second time, dnf asked for %s, not %s", log, goesOn)
	}
	if left, err := filepath.Glob(filepath.Join(f.Dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}

// recommended is an update that recommends a package.
func recommended() (r hosts.RPMRepository, target patch.Request, want []patch.Change) {
	r.Packages = []hosts.RPMFile{{Name: "app", Version: "1-1"}, {Name: "app", Version: "2-1", Weak: []string{"extra"}}, {Name: "extra", Version: "1-1"}}
	return r, patch.Request{Targets: []patch.Ref{ref("app", "2-1")}}, []patch.Change{{Name: "app", Arch: "x86_64", From: "1-1", To: "2-1", Archive: "updates", Requested: true}}
}

// onlyUpdates makes sure that a simulation brings the update alone, whether new
// packages are allowed or not: what is recommended is not needed.
func onlyUpdates(t *testing.T, b patch.Backend) {
	t.Helper()
	_, r, want := recommended()
	for _, newOK := range []bool{false, true} {
		r.NewOK = newOK
		got, err := b.Simulate(t.Context(), r)
		for i := range got.Changes {
			got.Changes[i].Size, got.Changes[i].Disk = 0, 0
		}
		if diff := cmp.Diff(patch.Simulation{Changes: want}, got); diff != "" || err != nil {
			t.Errorf("new packages allowed: %t: %v\n%s", newOK, err, diff)
		}
	}
}

func TestDNFTakesNoRecommends(t *testing.T) {
	r, _, _ := recommended()
	onlyUpdates(t, newDNFWorld(t, r, "app-1-1").host(t))
}

// It is said who uses dnf.
func TestDNFInUse(t *testing.T) {
	w := newDNFWorldServing(t, hosts.RPMRepository{Packages: []hosts.RPMFile{{Name: "one", Version: "1-1"}}}, serveFiles)
	h := w.host(t)
	other := exec.CommandContext(t.Context(), "sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	want := fmt.Sprintf("sleep (pid %d)", other.Process.Pid)
	refs, f := []patch.Ref{ref("one", "1-1")}, patch.Fetch{Dir: t.TempDir()}
	files, err := h.Download(t.Context(), refs, f)
	if err != nil {
		t.Fatal(err)
	}
	in := func(file, what string, err error) {
		t.Helper()
		if locked, ok := errors.AsType[*patch.LockedError](err); !ok || locked.Holder != want {
			t.Errorf("%s while %s is held: %v: does not name %s", what, file, err, want)
		}
	}
	for _, file := range []string{"var/cache/dnf/metadata_lock.pid", "var/lib/dnf/rpmdb_lock.pid"} {
		path := filepath.Join(h.root, file)
		writeFile(t, path, fmt.Sprint(other.Process.Pid))
		if strings.Contains(file, "metadata") {
			in(file, "Refresh", h.Refresh(t.Context()))
		} else {
			order := patch.Order{ID: "there", Log: filepath.Join(t.TempDir(), "log"), Files: files, Want: []plan.Package{at("one", "1-1")}}
			in(file, "Install", h.Install(t.Context(), order))
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
