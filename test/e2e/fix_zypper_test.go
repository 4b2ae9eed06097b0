//go:build e2e

package e2e_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/zypper"
	"github.com/lockfast/lockfast/internal/plan"
)

// crash ends rpm and zypper like a power cut, once, while its flag is there.
const crash = ` -p <lua>
if posix.stat("/crash") then
  os.remove("/crash")
  posix.kill(posix.getprocessid("ppid"), 9)
  posix.kill(posix.getprocessid("pid"), 9)
end
`

// zypperSpecs are the packages of the repositories: name, version, epoch,
// requirement, more.
var zypperSpecs = map[string][][5]string{
	"base": {{"alpha", "1.0"}, {"beta", "2.0", "1", "alpha >= 1.0"}, {"delta", "0.9"}, {"kappa", "1.0"}},
	"update": {
		{"alpha", "1.1", "", "newdep", "%post" + crash}, {"alpha", "1.2", "", "newdep", "%pre" + crash}, {"newdep", "1.0"}, {"beta", "2.1", "1", "alpha >= 1.0"},
		{"delta", "0.10"}, {"kappa", "2.0", "", "nowhere"},
	},
	"unsigned": {{"omega", "1.0"}},
}

const zypperUpdateinfo = `<updates>
<update status="stable" type="security" version="1"><id>TEST-2024-1</id><title>fix</title><severity>important</severity><issued date="1704067200"/>
<references><reference href="https://example.org" id="CVE-2024-0001" title="CVE-2024-0001" type="cve"/></references>
<pkglist><collection><package name="alpha" version="1.1" release="1" epoch="0" arch="x86_64"/></collection></pkglist></update>
<update status="stable" type="recommended" version="1"><id>TEST-2024-2</id><title>more</title><severity>low</severity><issued date="1706067200"/>
<pkglist><collection><package name="alpha" version="1.2" release="1" epoch="0" arch="x86_64"/></collection></pkglist></update>
<update status="stable" type="security" version="1"><id>TEST-2024-3</id><title>fix</title><severity>critical</severity><issued date="1705067200"/>
<pkglist><collection><package name="beta" version="2.1" release="1" epoch="1" arch="x86_64"/></collection></pkglist></update>
</updates>
`

// zypperHost is a root with zypper's repositories and rpm's database.
type zypperHost struct {
	root, repos, cache, log string
	up                      atomic.Bool // the repositories answer
	patch.Backend
}

// command runs a program as hostexec does.
func (h *zypperHost) command(t *testing.T, name string, args ...string) string {
	t.Helper()
	r, err := hostexec.System{}.Run(t.Context(), hostexec.Cmd{Name: name, Args: args})
	if err != nil || r.Code != 0 {
		t.Fatalf("%s %v: exit %d, %v\n%s%s", name, args, r.Code, err, r.Stdout, r.Stderr)
	}
	return string(r.Stdout)
}

func newZypperHost(t *testing.T) *zypperHost {
	t.Helper()
	h := &zypperHost{root: t.TempDir(), repos: t.TempDir(), cache: t.TempDir()}
	h.log = filepath.Join(h.root, "run.log")
	h.build(t)
	files := http.FileServer(http.Dir(h.repos))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.up.Load() {
			http.NotFound(w, r) // with "service unavailable", zypper tries for two minutes
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	h.up.Store(true)
	for name := range zypperSpecs {
		check := 1
		if name == "unsigned" {
			check = 0
		}
		writeFile(t, filepath.Join(h.root, "etc/zypp/repos.d", name+".repo"), fmt.Sprintf(
			"[%s]\nname=%s\nenabled=1\nautorefresh=0\nbaseurl=%s/%s\ntype=rpm-md\ngpgcheck=%d\ngpgkey=file://%s/key.asc\n", name, name, server.URL, name, check, h.repos))
	}
	h.Backend = zypper.New(zypper.Options{Runner: hostexec.System{}, Launcher: directLauncher{}, Root: h.root})
	h.command(t, "zypper", "--root", h.root, "--non-interactive", "--gpg-auto-import-keys", "refresh")
	h.command(t, "zypper", "--root", h.root, "--non-interactive", "--no-refresh", "install", "alpha=1.0", "beta=1:2.0", "delta=0.9", "kappa=1.0")
	return h
}

// build makes and signs packages and metadata with a throw-away key.
func (h *zypperHost) build(t *testing.T) {
	t.Helper()
	work := t.TempDir()
	keys := t.TempDir()
	for name, specs := range zypperSpecs {
		for _, s := range specs {
			text := fmt.Sprintf("Name: %s\nVersion: %s\nRelease: 1\nSummary: test\nLicense: test\nVendor: test\nBuildArch: x86_64\nAutoReqProv: no\n", s[0], s[1])
			if s[2] != "" {
				text += "Epoch: " + s[2] + "\n"
			}
			if s[3] != "" {
				text += "Requires: " + s[3] + "\n"
			}
			text += "%description\ntest\n%install\nmkdir -p %{buildroot}/etc %{buildroot}/opt/" + s[0] +
				"\necho " + s[1] + " >%{buildroot}/etc/" + s[0] + ".conf\necho " + s[1] + " >%{buildroot}/opt/" + s[0] + "/data\n" +
				"%files\n%config(noreplace) /etc/" + s[0] + ".conf\n/opt/" + s[0] + "\n" + s[4]
			writeFile(t, filepath.Join(work, name, s[0]+"-"+s[1]+".spec"), text)
		}
	}
	writeFile(t, filepath.Join(work, "updateinfo.xml"), zypperUpdateinfo)
	script := exec.Command("bash", "-euc", `
chmod 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'test <test@example.org>' rsa2048 sign never
gpg --batch --export --armor >"$REPOS/key.asc"
for repo in base update unsigned; do
	for spec in "$repo"/*.spec; do
		rpmbuild --quiet -bb --target x86_64 --define "_topdir $PWD/$repo/top" --define '_build_id_links none' "$spec"
	done
	mkdir -p "$REPOS/$repo"
	mv "$repo"/top/RPMS/x86_64/*.rpm "$REPOS/$repo/"
	[ $repo = unsigned ] || rpmsign --define '_gpg_name test@example.org' --define '__gpg /usr/bin/gpg' --addsign "$REPOS/$repo"/*.rpm
	createrepo_c -q "$REPOS/$repo"
done
modifyrepo_c updateinfo.xml "$REPOS/update/repodata"
for repo in base update; do gpg --batch --armor --detach-sign "$REPOS/$repo/repodata/repomd.xml"; done
gpgconf --kill all
`)
	script.Dir = work
	script.Env = append(os.Environ(), "GNUPGHOME="+keys, "REPOS="+h.repos)
	if out, err := script.CombinedOutput(); err != nil {
		t.Fatalf("cannot build repositories: %v\n%s", err, out)
	}
}

// directLauncher runs a job as a child.
type directLauncher struct{}

func (directLauncher) Running(context.Context, string) (bool, error) { return false, nil }

func (directLauncher) Launch(ctx context.Context, j patch.Job) (int, error) {
	log, err := os.OpenFile(j.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.CommandContext(ctx, j.Name, j.Args...)
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, j.Env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	lines := bufio.NewScanner(io.TeeReader(out, log))
	for lines.Scan() {
		if j.Line != nil {
			j.Line(lines.Text())
		}
	}
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

func ref(name, version string) patch.Ref {
	return patch.Ref{Name: name, Arch: "x86_64", Version: version}
}

func at(name, version string) plan.Package {
	return plan.Package{Name: name, Arch: "x86_64", Version: version}
}

func TestZypperAvailable(t *testing.T) {
	h := newZypperHost(t)
	if err := h.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	offers, err := h.Available(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range offers {
		got = append(got, fmt.Sprintf("%s %s>%s %t %s %s %s", o.Name, o.Installed, o.Version, o.Security, o.Severity, strings.Join(o.IDs, ","), o.Archive))
	}
	want := []string{
		"alpha 1.0-1>1.1-1 true important CVE-2024-0001,TEST-2024-1 update", "alpha 1.0-1>1.2-1 false   update",
		"beta 1:2.0-1>1:2.1-1 true critical TEST-2024-3 update", "delta 0.9-1>0.10-1 false   update",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestZypperSimulate(t *testing.T) {
	h := newZypperHost(t)
	simulate := func(r patch.Request) (changes []string, problems []string) {
		t.Helper()
		s, err := h.Simulate(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range s.Changes {
			changes = append(changes, fmt.Sprintf("%s %s>%s %t", c.Name, c.From, c.To, c.Requested))
			if c.Size <= 0 || c.Archive != "update" {
				t.Errorf("%+v", c)
			}
		}
		for _, p := range s.Problems {
			problems = append(problems, p.Package+": "+p.Why)
		}
		return changes, problems
	}
	changes, problems := simulate(patch.Request{Targets: []patch.Ref{ref("alpha", "1.1-1"), ref("beta", "1:2.1-1")}, NewOK: true})
	if diff := cmp.Diff([]string{"alpha 1.0-1>1.1-1 true", "beta 1:2.0-1>1:2.1-1 true", "newdep >1.0-1 false"}, changes); diff != "" || problems != nil {
		t.Error(diff, problems)
	}
	targets := []patch.Ref{ref("alpha", "1.1-1"), ref("beta", "1:2.1-1"), ref("delta", "9-1"), ref("kappa", "2.0-1")}
	changes, problems = simulate(patch.Request{Targets: targets})
	if diff := cmp.Diff([]string{"beta 1:2.0-1>1:2.1-1 true"}, changes); diff != "" || len(problems) != 3 {
		t.Error(diff, problems)
	}
	for i, words := range []string{"delta: No enabled repository", "alpha: It needs packages that are not installed: newdep", "kappa: zypper's solver says: nothing provides nowhere"} {
		if !strings.Contains(problems[i], words) {
			t.Errorf("%q does not say %q", problems[i], words)
		}
	}
	changes, _ = simulate(patch.Request{All: true, NewOK: true})
	if diff := cmp.Diff([]string{"alpha 1.0-1>1.2-1 true", "beta 1:2.0-1>1:2.1-1 true", "delta 0.9-1>0.10-1 true", "newdep >1.0-1 false"}, changes); diff != "" {
		t.Error(diff)
	}
	h.command(t, "zypper", "--root", h.root, "addlock", "del*")
	if changes, problems = simulate(patch.Request{Targets: []patch.Ref{ref("delta", "0.10-1")}}); changes != nil || len(problems) != 1 {
		t.Errorf("a locked package: %v %v", changes, problems)
	}
}

// There and back, with marks, locks and configuration files.
func TestZypperInstallAndBack(t *testing.T) {
	h := newZypperHost(t)
	h.command(t, "zypper", "--root", h.root, "addlock", "kappa")
	writeFile(t, filepath.Join(h.root, "etc/alpha.conf"), "mine\n")
	fetch := patch.Fetch{Dir: h.cache}
	olds, missing, err := h.Previous(t.Context(), []patch.Ref{ref("alpha", "1.0-1"), ref("beta", "1:2.0-1")}, fetch)
	if err != nil || len(olds) != 2 || len(missing) != 0 {
		t.Fatal(olds, missing, err)
	}
	news, err := h.Download(t.Context(), []patch.Ref{ref("alpha", "1.1-1"), ref("beta", "1:2.1-1"), ref("newdep", "1.0-1")}, fetch)
	if err != nil {
		t.Fatal(err)
	}
	h.up.Store(false) // from here on there is no network
	auto := at("newdep", "1.0-1")
	auto.Auto = true
	kept := at("kappa", "1.0-1")
	kept.Held = true
	var phases []string
	order := patch.Order{
		ID: "there", Log: h.log, Files: news, Want: []plan.Package{at("alpha", "1.1-1"), at("beta", "1:2.1-1"), auto, kept},
		Progress: func(_ int, pkg, phase string) { phases = append(phases, phase+" "+pkg) },
	}
	if err := h.Install(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(phases, "Installing beta-1:2.1-1.x86_64") {
		t.Errorf("progress: %v", phases)
	}
	if err := h.Install(t.Context(), order); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if data, _ := os.ReadFile(filepath.Join(h.root, "etc/alpha.conf")); string(data) != "mine\n" {
		t.Errorf("the configuration file became %q", data)
	}
	want := []plan.Package{at("alpha", "1.0-1"), at("beta", "1:2.0-1"), at("newdep", "")}
	back := patch.Order{ID: "back", Log: h.log, Files: olds, Remove: []patch.Ref{ref("newdep", "1.0-1")}, Want: want}
	if err := h.Install(t.Context(), back); err == nil || !strings.Contains(err.Error(), "no older versions") {
		t.Errorf("an older version without leave: %v", err)
	}
	back.Downgrade = true
	if err := h.Install(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	if broken, err := h.Audit(t.Context()); err != nil || len(broken) > 0 {
		t.Error(broken, err)
	}
	if out := h.command(t, "rpm", "--root", h.root, "-qa", "--qf", "%{NAME} %{VERSION}\n", "*a"); !strings.Contains(out, "alpha 1.0\n") || !strings.Contains(out, "beta 2.0\n") {
		t.Error(out)
	}
}

func TestZypperRefusesWhatIsNotWhatItShouldBe(t *testing.T) {
	h := newZypperHost(t)
	news, err := h.Download(t.Context(), []patch.Ref{ref("delta", "0.10-1"), ref("alpha", "1.2-1")}, patch.Fetch{Dir: h.cache})
	if err != nil {
		t.Fatal(err)
	}
	order := patch.Order{ID: "one", Log: h.log, Files: news[1:], Want: []plan.Package{at("alpha", "1.2-1")}}
	if err := h.Install(t.Context(), order); err == nil || !strings.Contains(err.Error(), "newdep") {
		t.Errorf("without what it needs: %v", err)
	}
	data, err := os.ReadFile(news[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(news[0].Path, data[:len(data)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	order = patch.Order{ID: "two", Log: h.log, Files: news[:1], Want: []plan.Package{at("delta", "0.10-1")}}
	if err := h.Install(t.Context(), order); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("a file cut short: %v", err)
	}
	if again, err := h.Download(t.Context(), []patch.Ref{news[0].Ref}, patch.Fetch{Dir: h.cache}); err != nil || again[0] != news[0] {
		t.Errorf("fetched again: %+v %v", again, err)
	}
	if _, err := h.Download(t.Context(), []patch.Ref{news[0].Ref}, patch.Fetch{Dir: t.TempDir(), Offline: true}); err == nil {
		t.Error("offline, what is not here was downloaded")
	}
	h.up.Store(false)
	if again, err := h.Download(t.Context(), []patch.Ref{news[0].Ref}, patch.Fetch{Dir: h.cache, Offline: true}); err != nil || again[0] != news[0] {
		t.Errorf("offline, what is here: %+v %v", again, err)
	}
	if err := h.Refresh(t.Context()); err == nil {
		t.Error("refreshed from repositories that do not answer")
	}
	if _, err := h.Download(t.Context(), []patch.Ref{ref("beta", "1:2.1-1")}, patch.Fetch{Dir: h.cache}); err == nil {
		t.Error("downloaded from repositories that do not answer")
	}
	h.up.Store(true)
	repomd := filepath.Join(h.repos, "update/repodata/repomd.xml")
	text, err := os.ReadFile(repomd)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, repomd, string(text)+"\n")
	if err := h.Refresh(t.Context()); err == nil || !strings.Contains(err.Error(), "ignature") {
		t.Errorf("a bad signature: %v", err)
	}
	writeFile(t, repomd, string(text))
	writeFile(t, filepath.Join(h.repos, "update/beta-2.1-1.x86_64.rpm"), "another file")
	if _, err := h.Download(t.Context(), []patch.Ref{ref("beta", "1:2.1-1")}, patch.Fetch{Dir: h.cache}); err == nil {
		t.Error("downloaded a file that is not what the metadata state")
	}
}

// Where nobody asks for signatures, files without are installed, beside others.
func TestZypperUnsignedAndRemoval(t *testing.T) {
	h := newZypperHost(t)
	news, err := h.Download(t.Context(), []patch.Ref{ref("omega", "1.0-1"), ref("delta", "0.10-1")}, patch.Fetch{Dir: h.cache, RateLimit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	order := patch.Order{ID: "unsigned", Log: h.log, Files: news, Want: []plan.Package{at("omega", "1.0-1"), at("delta", "0.10-1")}}
	if err := h.Install(t.Context(), order); err != nil {
		t.Fatal(err)
	}
	order = patch.Order{ID: "remove", Log: h.log, Remove: []patch.Ref{ref("omega", "1.0-1")}, Want: []plan.Package{at("omega", "")}}
	if err := h.Install(t.Context(), order); err != nil {
		t.Error(err)
	}
	order = patch.Order{ID: "remove", Log: h.log, Remove: []patch.Ref{ref("alpha", "1.0-1")}, Want: []plan.Package{at("alpha", "")}}
	if err := h.Install(t.Context(), order); err == nil || !strings.Contains(err.Error(), "nothing was installed") {
		t.Errorf("beta needs alpha: %v", err)
	}
}

// rpm and zypper are killed before the new version is there, and between it and
// the end of the old one.
func TestZypperRepair(t *testing.T) {
	for _, version := range []string{"1.2-1", "1.1-1"} {
		t.Run(version, func(t *testing.T) { zypperRepair(t, version) })
	}
}

func zypperRepair(t *testing.T, version string) {
	t.Helper()
	h := newZypperHost(t)
	news, err := h.Download(t.Context(), []patch.Ref{ref("alpha", version), ref("beta", "1:2.1-1"), ref("newdep", "1.0-1")}, patch.Fetch{Dir: h.cache})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(h.root, "crash"), "")
	order := patch.Order{ID: "crash", Log: h.log, Files: news, Want: []plan.Package{at("alpha", version), at("beta", "1:2.1-1"), at("newdep", "1.0-1")}}
	if err := h.Install(t.Context(), order); err == nil {
		t.Fatal("the run was killed, and no error")
	}
	if broken, err := h.Audit(t.Context()); version == "1.1-1" && (err != nil || len(broken) != 1 || broken[0].Package != "alpha") {
		t.Errorf("after the crash: %v %v", broken, err)
	}
	// as internal/patch.Changes asks: it only names the folder
	settle := patch.Order{ID: "crash", Log: h.log, Files: []patch.Archive{{Path: filepath.Join(h.cache, "any")}}}
	if broken, err := h.Repair(t.Context(), settle); err != nil || len(broken) > 0 {
		t.Fatal(broken, err)
	}
	if differences, err := h.Verify(t.Context(), []string{"alpha", "beta", "newdep"}); err != nil || len(differences) > 0 {
		t.Error(differences, err)
	}
	if have, err := h.State(t.Context(), []patch.Ref{{Name: "alpha", Arch: "x86_64"}}); err != nil || have[0].Version != version {
		t.Error(have, err)
	}
	if broken, err := h.Repair(t.Context(), order); err != nil || len(broken) > 0 {
		t.Error(broken, err)
	}
}

func TestZypperVerify(t *testing.T) {
	h := newZypperHost(t)
	writeFile(t, filepath.Join(h.root, "etc/alpha.conf"), "mine\n")
	if err := os.Remove(filepath.Join(h.root, "opt/alpha/data")); err != nil {
		t.Fatal(err)
	}
	got, err := h.Verify(t.Context(), []string{"alpha", "beta"})
	want := []patch.Difference{
		{Package: "alpha", Path: "/etc/alpha.conf", What: "S.5....T.", Conffile: true}, {Package: "alpha", Path: "/opt/alpha/data", What: "missing"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	files, err := h.Backend.(patch.Configured).Conffiles(t.Context(), []patch.Ref{ref("alpha", ""), ref("beta", "")})
	if diff := cmp.Diff([]string{"/etc/alpha.conf", "/etc/beta.conf"}, files); diff != "" || err != nil {
		t.Error(diff, err)
	}
	from, err := h.Backend.(patch.Outlook).Outlook(t.Context(), []patch.Ref{ref("alpha", "1.0-1"), ref("alpha", "0.1-1")}, h.cache)
	if diff := cmp.Diff(map[patch.Ref]string{ref("alpha", "1.0-1"): "archive"}, from); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
