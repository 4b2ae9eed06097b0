//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockfast/lockfast/internal/collect"
	collectapt "github.com/lockfast/lockfast/internal/collect/apt"
	"github.com/lockfast/lockfast/internal/collect/dpkg"
	"github.com/lockfast/lockfast/internal/collect/release"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/apt"
	"github.com/lockfast/lockfast/internal/patch/apt/repack"
	"github.com/lockfast/lockfast/internal/patch/patchtest"
	"github.com/lockfast/lockfast/test/hosts"
)

// caged runs programs in a root, with /tmp and /dev of this machine.
type caged struct{ root string }

const cage = `set -e
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs tmpfs "$1/run"
mount --bind /tmp "$1/tmp"
root=$1
shift
exec chroot "$root" "$@"`

func (c caged) command(ctx context.Context, name string, args, env []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--pid", "--fork", "--uts", "--ipc", "--kill-child=SIGKILL", "sh", "-c", cage, "sh", c.root, name}, args...)...)
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "HOME=/root"}, env...)
	return cmd
}

// Run is hostexec's Runner.
func (c caged) Run(ctx context.Context, cmd hostexec.Cmd) (hostexec.Result, error) {
	var out, errOut bytes.Buffer
	p := c.command(ctx, cmd.Name, cmd.Args, cmd.Env)
	p.Stdin, p.Stdout, p.Stderr = cmd.Stdin, &out, &errOut
	err := p.Run()
	r := hostexec.Result{Stdout: out.Bytes(), Stderr: errOut.Bytes()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.Code = exit.ExitCode()
		return r, nil
	}
	return r, err
}

// Launch is a backend's Launcher, without the unit.
func (c caged) Launch(ctx context.Context, j patch.Job) (int, error) {
	r, err := c.Run(ctx, hostexec.Cmd{Name: j.Name, Args: j.Args, Env: j.Env})
	all := append(r.Stdout, r.Stderr...)
	log, oerr := os.OpenFile(j.Log, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if oerr != nil {
		return 0, oerr
	}
	defer func() { _ = log.Close() }()
	if _, werr := log.Write(all); werr != nil {
		return 0, werr
	}
	for line := range strings.Lines(string(all)) {
		if j.Line != nil {
			j.Line(strings.TrimRight(line, "\n"))
		}
	}
	return r.Code, err
}

func (caged) Running(context.Context, string) (bool, error) { return false, nil }

// aptOffers reads what a root's lists offer, as fix does.
func aptOffers(ctx context.Context, fs *hostfs.Root) ([]patch.Offer, error) {
	inv := &inventory.Inventory{}
	collect.Run(ctx, collect.Host{FS: fs}, inv, []collect.Collector{release.Release{}, dpkg.Collector{}, collectapt.New()})
	for _, s := range inv.Statuses {
		if s.Outcome == inventory.Failed || s.Outcome == inventory.Partial {
			return nil, errors.New(s.Reason)
		}
	}
	var list []patch.Offer
	for _, u := range inv.Updates {
		version := u.Fixed
		if version == "" {
			version = u.Candidate
		}
		list = append(list, patch.Offer{Ref: patch.Ref{Name: u.Package, Arch: u.Arch, Version: version}, Source: u.Source, Installed: u.Installed, Security: u.Security, IDs: u.IDs})
		if version != u.Candidate { // a newer one that is no fix
			list = append(list, patch.Offer{Ref: patch.Ref{Name: u.Package, Arch: u.Arch, Version: u.Candidate}, Source: u.Source, Installed: u.Installed})
		}
	}
	return list, nil
}

// suiteDebs are the packages of the suite: those of the security archive, and
// the others.
func suiteDebs() (fixes, others, absent []hosts.Deb) {
	for _, p := range patchtest.Packages() {
		d := hosts.Deb{Name: p.Name, Version: p.Version, Arch: "amd64", Depends: strings.Join(p.Needs, ", "), Files: map[string]string{"opt/" + p.Name + "/data": p.Version + "\n"}}
		if p.NoArch {
			d.Arch = "all"
		}
		if p.Config {
			d.Files["etc/"+p.Name+".conf"] = p.Version + "\n"
			d.Conffiles = []string{"/etc/" + p.Name + ".conf"}
		}
		security := false
		for _, f := range patchtest.Fixes() {
			security = security || f.Name == p.Name && f.Version == p.Version
		}
		switch {
		case p.Absent:
			absent = append(absent, d)
		case security:
			fixes = append(fixes, d)
		default:
			others = append(others, d)
		}
	}
	return fixes, others, absent
}

func TestAptSuite(t *testing.T) {
	fixes, others, absent := suiteDebs()
	var serves atomic.Pointer[string] // folder on the network; nil: none
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dir := serves.Load()
		if dir == nil {
			http.NotFound(w, r)
			return
		}
		http.FileServer(http.Dir(*dir)).ServeHTTP(w, r)
	}))
	defer server.Close()
	base := smallHost(t)
	writeFile(t, filepath.Join(base, "etc/apt/apt.conf.d/99test"), `Acquire::Retries "0";`)
	suite := patchtest.World{
		Arches: patchtest.Arches{Machine: "amd64", None: "all"}, NoAdvisories: "the lists of Debian's archives name no advisories",
	}
	for _, p := range suite.Installed() {
		for _, d := range append(append(fixes, others...), absent...) {
			if d.Name == p.Name && d.Version == p.Version {
				installSuite(t, base, d)
			}
		}
		if p.Auto {
			hosts.Run(t, base, "apt-mark", "auto", p.Name)
		}
		if p.Held {
			hosts.Run(t, base, "apt-mark", "hold", p.Name)
		}
	}
	security := security(fixes...)
	security.URL = server.URL + "/security"
	security.Install(t, base, "security")
	main := hosts.Repository{Origin: "Debian", Label: "Debian", Suite: "stable", Codename: "bookworm", Debs: others, URL: server.URL + "/main"}
	main.Install(t, base, "main")
	first := filepath.Join(base, "srv")
	serves.Store(&first)
	hosts.Run(t, base, "apt-get", "-o", "APT::Update::Error-Mode=any", "update")
	suite.Host = func(t *testing.T) patchtest.Host { t.Helper(); return aptHost(t, base, &serves) }
	patchtest.Run(t, suite)
}

func installSuite(t *testing.T, root string, d hosts.Deb) {
	t.Helper()
	dir := t.TempDir()
	d.Build(t, dir)
	file := only(t, filepath.Join(dir, "*.deb"))
	writeFile(t, filepath.Join(root, "var/cache/suite.deb"), textOf(t, file))
	hosts.Run(t, root, "dpkg", "-i", "/var/cache/suite.deb")
}

// aptHost is a new host like base.
func aptHost(t *testing.T, base string, serves *atomic.Pointer[string]) patchtest.Host {
	t.Helper()
	root := hosts.Clone(t, base)
	fs, err := hostfs.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fs.Close() })
	srv := filepath.Join(root, "srv")
	serves.Store(&srv)
	c := caged{root}
	return patchtest.Host{
		Root: root,
		Backend: apt.New(apt.Options{
			Runner: c, Launcher: c, FS: fs,
			Offers: func(ctx context.Context) ([]patch.Offer, error) { return aptOffers(ctx, fs) },
			Repack: func(r patch.Ref, dir string) (patch.Archive, error) { return repackInto(fs, r, dir) },
		}),
		Network: func(up bool) {
			if up {
				serves.Store(&srv)
			} else {
				serves.Store(nil)
			}
		},
		Damage: func(name, version string) {
			_, plain, found := strings.Cut(version, ":")
			if !found {
				plain = version
			}
			files, err := filepath.Glob(filepath.Join(srv, "*/pool", name+"_"+plain+"_*.deb"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			data := []byte(textOf(t, files[0]))
			data[len(data)/2] ^= 0xff
			writeFile(t, files[0], string(data))
		},
		Forge: func() {
			file := filepath.Join(srv, "security/dists/stable-security/InRelease")
			writeFile(t, file, strings.Replace(textOf(t, file), "Label: Debian-Security", "Label: Debian-SecuritY", 1))
		},
	}
}

func repackInto(fs *hostfs.Root, r patch.Ref, dir string) (patch.Archive, error) {
	file := filepath.Join(dir, apt.FileName(r))
	if err := apt.MarkRepacked(file); err != nil {
		return patch.Archive{}, err
	}
	var out bytes.Buffer
	report, err := repack.Deb(fs, r.Name, r.Arch, &out, repack.LeaveChanged)
	if err != nil {
		return patch.Archive{}, err
	}
	if report.Version != r.Version {
		return patch.Archive{}, errors.New("another version is installed")
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		return patch.Archive{}, err
	}
	return apt.Describe(r, file)
}
