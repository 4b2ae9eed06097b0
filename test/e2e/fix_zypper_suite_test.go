//go:build e2e

package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch/patchtest"
	"github.com/lockfast/lockfast/internal/patch/zypper"
	"github.com/lockfast/lockfast/test/hosts"
)

// zypperWorld makes roots with a repository of zypper, from one that was made
// once.
type zypperWorld struct {
	dir    string                    // key.asc, repo, absent and root, as they begin
	serves atomic.Pointer[suiteHost] // whose repository is on the network
}

// suiteHost is a root and its repository.
type suiteHost struct {
	root, repo string
	up         atomic.Bool
}

func (h *suiteHost) zypper(t *testing.T, args ...string) {
	t.Helper()
	command(t, "zypper", append([]string{"--root", h.root, "--non-interactive"}, args...)...)
}

// newZypperWorld makes the first root, which has what the suite wants installed,
// marked and held.
func newZypperWorld(t *testing.T, r hosts.RPMRepository, suite patchtest.World) *zypperWorld {
	t.Helper()
	w := &zypperWorld{dir: t.TempDir()}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		h := w.serves.Load()
		if !h.up.Load() {
			http.NotFound(rw, q) // with "service unavailable", zypper tries for two minutes
			return
		}
		http.FileServer(http.Dir(h.repo)).ServeHTTP(rw, q)
	}))
	t.Cleanup(server.Close)
	r.Build(t, w.dir)
	first := &suiteHost{root: filepath.Join(w.dir, "root"), repo: filepath.Join(w.dir, "repo")}
	first.up.Store(true)
	w.serves.Store(first)
	writeFile(t, filepath.Join(first.root, "etc/zypp/repos.d/updates.repo"), fmt.Sprintf(
		"[updates]\nname=updates\nenabled=1\nautorefresh=1\nbaseurl=%s/\ntype=rpm-md\ngpgcheck=1\ngpgkey=file://%s/key.asc\n", server.URL, w.dir))
	first.zypper(t, "--gpg-auto-import-keys", "refresh")
	first.fill(t, suite, filepath.Join(w.dir, "absent", "gone-1-1.x86_64.rpm"))
	return w
}

// fill installs, marks and holds packages; that of the file comes from no
// repository.
func (h *suiteHost) fill(t *testing.T, suite patchtest.World, file string) {
	t.Helper()
	install, auto := []string{"install", file}, ""
	for _, p := range suite.Installed() {
		if p.Auto {
			auto += p.Name + "\n"
		}
		if p.Name != "gone" {
			install = append(install, p.Name+"="+p.Version)
		}
	}
	h.zypper(t, install...)
	writeFile(t, filepath.Join(h.root, "var/lib/zypp/AutoInstalled"), auto)
	for _, p := range suite.Installed() {
		if p.Held {
			h.zypper(t, "addlock", "--type", "package", p.Name)
		}
	}
}

// host is a new host like the first.
func (w *zypperWorld) host(t *testing.T) *suiteHost {
	t.Helper()
	dir := t.TempDir()
	h := &suiteHost{root: filepath.Join(dir, "root"), repo: filepath.Join(dir, "repo")}
	if out, err := exec.Command("cp", "-a", filepath.Join(w.dir, "root"), filepath.Join(w.dir, "repo"), dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	h.up.Store(true)
	w.serves.Store(h)
	return h
}

func (h *suiteHost) damage(t *testing.T, file string) {
	t.Helper()
	path := filepath.Join(h.repo, file)
	data := []byte(textOf(t, path))
	data[len(data)/2] ^= 0xff
	writeFile(t, path, string(data))
}

func TestZypperSuite(t *testing.T) {
	r := suitePackages()
	suite := patchtest.World{Arches: patchtest.Arches{Machine: "x86_64", None: "noarch"}}
	w := newZypperWorld(t, r, suite)
	suite.Host = func(t *testing.T) patchtest.Host {
		t.Helper()
		h := w.host(t)
		return patchtest.Host{
			Backend: zypper.New(zypper.Options{Runner: hostexec.System{}, Launcher: directLauncher{}, Root: h.root}),
			Root:    h.root,
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
				writeFile(t, repomd, textOf(t, repomd)+"\n")
			},
		}
	}
	patchtest.Run(t, suite)
}
