//go:build e2e

package e2e_test

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
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

// backend is zypper in this root.
func (h *suiteHost) backend(r hostexec.Runner) patch.Backend {
	return zypper.New(zypper.Options{Runner: r, Launcher: directLauncher{}, Root: h.root})
}

// newZypperWorld makes the first root, with a repository that it knows. How the
// repository's files are served is up to the test.
func newZypperWorld(t *testing.T, r hosts.RPMRepository, serve func(rw http.ResponseWriter, q *http.Request, repo string)) *zypperWorld {
	t.Helper()
	w := &zypperWorld{dir: t.TempDir()}
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		h := w.serves.Load()
		if !h.up.Load() {
			http.NotFound(rw, q) // with "service unavailable", zypper tries for two minutes
			return
		}
		serve(rw, q, h.repo)
	}))
	t.Cleanup(server.Close)
	r.Build(t, w.dir)
	first := &suiteHost{root: filepath.Join(w.dir, "root"), repo: filepath.Join(w.dir, "repo")}
	first.up.Store(true)
	w.serves.Store(first)
	writeFile(t, filepath.Join(first.root, "etc/zypp/repos.d/updates.repo"), fmt.Sprintf(
		"[updates]\nname=updates\nenabled=1\nautorefresh=1\nbaseurl=%s/\ntype=rpm-md\ngpgcheck=1\ngpgkey=file://%s/key.asc\n", server.URL, w.dir))
	first.zypper(t, "--gpg-auto-import-keys", "refresh")
	return w
}

func serveFiles(rw http.ResponseWriter, q *http.Request, repo string) {
	http.FileServer(http.Dir(repo)).ServeHTTP(rw, q)
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
	w := newZypperWorld(t, r, serveFiles)
	w.serves.Load().fill(t, suite, filepath.Join(w.dir, "absent", "gone-1-1.x86_64.rpm"))
	suite.Host = func(t *testing.T) patchtest.Host {
		t.Helper()
		h := w.host(t)
		return patchtest.Host{
			Backend: h.backend(hostexec.System{}),
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

// larges are three packages that are worth going on with.
func larges() (r hosts.RPMRepository, refs []patch.Ref) {
	for _, name := range []string{"one", "three", "two"} {
		r.Packages = append(r.Packages, hosts.RPMFile{Name: name, Version: "1-1", Bulk: 1024})
		refs = append(refs, ref(name, "1-1"))
	}
	return r, refs
}

// asked counts the requests for package files, and breaks one off.
type asked struct {
	mu      sync.Mutex
	log     []string // "one-1-1.x86_64.rpm bytes=0-65535"
	stuck   string   // half of this file is sent, and then nothing any more
	reached func()   // is called then
}

func (a *asked) serve(rw http.ResponseWriter, q *http.Request, repo string) {
	name := filepath.Base(q.URL.Path)
	if !strings.HasSuffix(name, ".rpm") {
		serveFiles(rw, q, repo)
		return
	}
	a.mu.Lock()
	a.log = append(a.log, strings.TrimSpace(name+" "+q.Header.Get("Range")))
	stuck, reached := name == a.stuck, a.reached
	a.mu.Unlock()
	if !stuck {
		serveFiles(rw, q, repo)
		return
	}
	data, err := os.ReadFile(filepath.Join(repo, name))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	rw.Header().Set("Content-Length", fmt.Sprint(len(data)))
	_, _ = rw.Write(data[:len(data)/2])
	rw.(http.Flusher).Flush()
	reached()
	<-q.Context().Done()
}

// stick makes a file the one that breaks off, and forgets what was asked for.
func (a *asked) stick(file string, reached func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.log, a.stuck, a.reached = nil, file, reached
}

// take returns what was asked for since the last time.
func (a *asked) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	log := a.log
	a.log = nil
	return log
}

// tidily keeps what a killed zypper leaves behind in a folder of the test.
type tidily struct{ dir string }

// Run is hostexec's Runner.
func (d tidily) Run(ctx context.Context, c hostexec.Cmd) (hostexec.Result, error) {
	c.Env = append(c.Env, "ZYPPTMPDIR="+d.dir)
	return hostexec.System{}.Run(ctx, c)
}

// A download that was stopped in the middle of its second file goes on with that
// file, which zypper begins anew; the first is not asked for again, unless it
// was damaged meanwhile.
func TestZypperDownloadGoesOn(t *testing.T) {
	r, refs := larges()
	a := &asked{}
	w := newZypperWorld(t, r, a.serve)
	for name, want := range map[string]string{
		"Kept":    "three-1-1.x86_64.rpm two-1-1.x86_64.rpm",
		"Damaged": "one-1-1.x86_64.rpm three-1-1.x86_64.rpm two-1-1.x86_64.rpm",
	} {
		t.Run(name, func(t *testing.T) {
			h := w.host(t)
			b := h.backend(tidily{t.TempDir()})
			f := patch.Fetch{Dir: t.TempDir()}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			a.stick("three-1-1.x86_64.rpm", stop)
			if got, err := b.Download(ctx, refs, f); err == nil {
				t.Fatalf("it was stopped, and says %+v", got)
			}
			if log := strings.Join(a.take(), " "); log != "one-1-1.x86_64.rpm three-1-1.x86_64.rpm" {
				t.Fatalf("zypper asked for %s", log)
			}
			a.stick("", nil)
			if name == "Damaged" {
				path := only(t, filepath.Join(f.Dir, ".zypper/updates/*.rpm"))
				data := []byte(textOf(t, path))
				data[len(data)/2] ^= 0xff
				writeFile(t, path, string(data))
			}
			got, err := b.Download(t.Context(), refs, f)
			if err != nil || len(got) != len(refs) {
				t.Fatalf("%+v, %v", got, err)
			}
			if log := strings.Join(a.take(), " "); log != want {
				t.Errorf("the second time, zypper asked for %s, not %s", log, want)
			}
			if left, err := filepath.Glob(filepath.Join(f.Dir, ".*")); err != nil || len(left) > 0 {
				t.Errorf("left over: %v, %v", left, err)
			}
		})
	}
}

// varCache runs programs that see a folder as /var/cache: below a root, libzypp
// keeps what broke off in the cache of the machine that it runs on.
type varCache struct{ dir string }

// Run is hostexec's Runner.
func (v varCache) Run(ctx context.Context, c hostexec.Cmd) (hostexec.Result, error) {
	c.Args = append([]string{"--mount", "sh", "-c", `mount --bind "$0" /var/cache && exec "$@"`, v.dir, c.Name}, c.Args...)
	c.Name = "unshare"
	return hostexec.System{}.Run(ctx, c)
}

// piece is the length of a metalink's parts.
const piece = 64 << 10

// metalink describes a file and its parts, as mirrors' redirectors do.
func metalink(rw http.ResponseWriter, q *http.Request, data []byte) {
	rw.Header().Set("Content-Type", "application/metalink+xml")
	_, _ = fmt.Fprintf(rw, `<metalink version="3.0" xmlns="http://www.metalinker.org/"><files><file name="file"><size>%d</size><verification>
<hash type="sha256">%x</hash><pieces length="%d" type="sha1">`, len(data), sha256.Sum256(data), piece)
	for i := 0; i*piece < len(data); i++ {
		part := data[i*piece : min(len(data), (i+1)*piece)]
		_, _ = fmt.Fprintf(rw, `<hash piece="%d">%x</hash>`, i, sha1.Sum(part))
	}
	_, _ = fmt.Fprintf(rw, `</pieces></verification><resources><url type="http" preference="100">http://%s/mirror%s</url></resources></file></files></metalink>`, q.Host, q.URL.Path)
}

// Where the server describes a file's parts and zypper saw the download break
// off, it goes on within the file: what Limits says.
func TestZypperResumesByMetalink(t *testing.T) {
	r := hosts.RPMRepository{Packages: []hosts.RPMFile{{Name: "one", Version: "1-1", Bulk: 1024}}}
	var parts, most atomic.Int64 // that were sent, and may be
	w := newZypperWorld(t, r, func(rw http.ResponseWriter, q *http.Request, repo string) {
		path, mirror := strings.CutPrefix(q.URL.Path, "/mirror")
		data, err := os.ReadFile(filepath.Join(repo, path))
		switch {
		case err != nil || !strings.HasSuffix(path, ".rpm"):
			serveFiles(rw, q, repo)
		case strings.Contains(q.Header.Get("Accept"), "metalink"):
			metalink(rw, q, data)
		case !mirror || parts.Load() >= most.Load():
			http.NotFound(rw, q)
		default:
			parts.Add(1)
			q.URL.Path = path
			serveFiles(rw, q, repo)
		}
	})
	h := w.host(t)
	cache := t.TempDir()
	if err := os.Mkdir(filepath.Join(cache, "zypp"), 0o755); err != nil {
		t.Fatal(err)
	}
	b := h.backend(varCache{cache})
	refs, f := []patch.Ref{ref("one", "1-1")}, patch.Fetch{Dir: t.TempDir()}
	const before = 10
	most.Store(before)
	if got, err := b.Download(t.Context(), refs, f); err == nil || parts.Load() != before {
		t.Fatalf("it broke off after %d parts, and says %+v", parts.Load(), got)
	}
	most.Store(1000)
	if got, err := b.Download(t.Context(), refs, f); err != nil || len(got) != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	info, err := os.Stat(filepath.Join(h.repo, "one-1-1.x86_64.rpm"))
	if err != nil {
		t.Fatal(err)
	}
	if all := (info.Size() + piece - 1) / piece; parts.Load() != all {
		t.Errorf("%d parts were sent of a file that has %d", parts.Load(), all)
	}
}

func TestZypperTakesNoRecommends(t *testing.T) {
	r, _, _ := recommended()
	w := newZypperWorld(t, r, serveFiles)
	w.serves.Load().zypper(t, "install", "app=1-1")
	onlyUpdates(t, w.host(t).backend(hostexec.System{}))
}
