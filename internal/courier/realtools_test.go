//go:build realtools && linux

package courier_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lockfast/lockfast/internal/courier"
)

// These run this machine's apt-get, which starts this test's program as its
// method, against a repository on a server of the test. apt has folders of its
// own and touches nothing of the machine. Run as root it drops rights as it does
// for everybody.

// site is a signed repository on a server, and an apt that is to use it.
type site struct {
	*testing.T
	root, tree string // of apt; of the repository
	server     *origin
	allowed    []uint32

	mu     sync.Mutex
	change func(path string, data []byte) []byte // what the server sends instead
}

const deb = "pool/probe_1.0_all.deb"

func newSite(t *testing.T) *site {
	t.Helper()
	for _, name := range []string{"apt-get", "apt-ftparchive", "dpkg-deb", "gpg"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Fatalf("these tests need %s: %v", name, err)
		}
	}
	s := &site{T: t, root: reachable(t, t.TempDir()), tree: t.TempDir(), allowed: []uint32{uint32(os.Getuid())}}
	if os.Getuid() == 0 {
		s.allowed = []uint32{sandboxUser(t)}
	}
	s.publish()
	files := http.FileServer(http.Dir(s.tree))
	s.server = serve(t, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		change := s.change
		s.mu.Unlock()
		if change == nil {
			files.ServeHTTP(w, r)
			return
		}
		data, err := os.ReadFile(filepath.Join(s.tree, filepath.Clean("/"+r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(change(r.URL.Path, data))
	})
	for _, dir := range []string{"etc/apt/apt.conf.d", "etc/apt/auth.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d", "etc/apt/trusted.gpg.d", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg", "keys"} {
		must(t, os.MkdirAll(filepath.Join(s.root, dir), 0o755))
	}
	s.write("var/lib/dpkg/status", "")
	key, err := os.ReadFile(filepath.Join(s.tree, "key.gpg"))
	must(t, err)
	s.write("keys/key.gpg", string(key))
	s.sources(s.server.URL)
	return s
}

func sandboxUser(t *testing.T) uint32 {
	t.Helper()
	u, err := user.Lookup("_apt")
	must(t, err)
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	must(t, err)
	return uint32(uid)
}

func (s *site) write(name, text string) {
	s.Helper()
	must(s, os.WriteFile(filepath.Join(s.root, name), []byte(text), 0o644))
}

func (s *site) sources(url string) {
	s.Helper()
	s.write("etc/apt/sources.list", fmt.Sprintf("deb [signed-by=%s/keys/key.gpg] %s stable main\n", s.root, url))
}

// publish makes the repository, signed with a key of its own.
func (s *site) publish() {
	s.Helper()
	pkg := filepath.Join(s.TempDir(), "probe")
	must(s, os.MkdirAll(filepath.Join(pkg, "DEBIAN"), 0o755))
	must(s, os.WriteFile(filepath.Join(pkg, "data"), sample(200_000), 0o644))
	control := "Package: probe\nVersion: 1.0\nArchitecture: all\nMaintainer: Test <test@example.org>\nDescription: test\n"
	must(s, os.WriteFile(filepath.Join(pkg, "DEBIAN/control"), []byte(control), 0o644))
	home := s.TempDir()
	must(s, os.Chmod(home, 0o700))
	cmd := exec.CommandContext(s.Context(), "sh", "-ec", `
d=dists/stable/main/binary-amd64
mkdir -p $d pool
dpkg-deb --root-owner-group -b "$PKG" `+deb+` >/dev/null
apt-ftparchive packages pool >$d/Packages
gzip -k $d/Packages
apt-ftparchive -o APT::FTPArchive::Release::Suite=stable -o APT::FTPArchive::Release::Codename=stable \
	-o APT::FTPArchive::Release::Components=main -o APT::FTPArchive::Release::Architectures=amd64 release dists/stable >Release
mv Release dists/stable/
gpg --batch --quiet --passphrase '' --quick-generate-key 'test <test@example.org>' ed25519 sign never
gpg --batch --quiet --clearsign -o dists/stable/InRelease dists/stable/Release
gpg --batch --quiet --export >key.gpg
gpgconf --kill all`)
	cmd.Dir = s.tree
	cmd.Env = append(os.Environ(), "GNUPGHOME="+home, "PKG="+pkg, "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.Fatalf("cannot make a repository: %v\n%s", err, out)
	}
}

// apt runs apt-get with the courier at a socket.
func (s *site) apt(socket string, args ...string) (string, error) {
	s.Helper()
	self, err := os.Executable()
	must(s, err)
	s.write("apt.conf", fmt.Sprintf(`Dir %q;
Dir::State::status %q;
Dir::Bin::Methods::http %q;
Dir::Bin::Methods::https %q;
Acquire::Lockfast::Socket %q;
Acquire::Languages "none";
Acquire::Retries "0";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "_apt";
Debug::NoLocking "true";
`, s.root, filepath.Join(s.root, "var/lib/dpkg/status"), self, self, socket))
	cmd := exec.CommandContext(s.Context(), "apt-get", append([]string{"-o", "APT::Update::Error-Mode=any", "-o", "Dpkg::Use-Pty=0"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "APT_CONFIG=" + filepath.Join(s.root, "apt.conf"), "LC_ALL=C.UTF-8"}
	cmd.Dir = s.root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// courier runs one that apt's user can reach.
func (s *site) courier() *running {
	s.Helper()
	r := start(s, courier.Server{Allowed: s.allowed})
	open(s, r.Socket)
	return r
}

func (s *site) succeeds(socket string, args ...string) string {
	s.Helper()
	out, err := s.apt(socket, args...)
	if err != nil || strings.Contains(out, "W: ") || strings.Contains(out, "E: ") {
		s.Fatalf("apt-get %v: %v\n%s", args, err, out)
	}
	return out
}

func (s *site) fails(socket, says string, args ...string) {
	s.Helper()
	out, err := s.apt(socket, args...)
	if err == nil || !strings.Contains(out, says) {
		s.Errorf("apt-get %v: %v, wanted %q\n%s", args, err, says, out)
	}
}

var download = []string{"install", "-y", "--download-only", "probe"}

func TestAptUpdatesAndDownloads(t *testing.T) {
	s := newSite(t)
	r := s.courier()
	if out := s.succeeds(r.Socket, "update"); !strings.Contains(out, "Get:1 ") {
		t.Errorf("nothing was fetched:\n%s", out)
	}
	lists, err := filepath.Glob(filepath.Join(s.root, "var/lib/apt/lists/*InRelease"))
	if err != nil || len(lists) != 1 {
		t.Fatalf("lists: %v, %v", lists, err)
	}
	made, err := os.Stat(filepath.Join(s.tree, "dists/stable/InRelease"))
	must(t, err)
	kept, err := os.Stat(lists[0])
	must(t, err)
	if !kept.ModTime().Equal(made.ModTime().Truncate(1e9)) {
		t.Errorf("the list is of %s, its publisher's of %s", kept.ModTime(), made.ModTime())
	}
	before := s.server.bytes()
	if out := s.succeeds(r.Socket, "update"); !strings.Contains(out, "Hit:1 ") || strings.Contains(out, "Get:") {
		t.Errorf("no hit:\n%s", out)
	}
	if s.server.bytes() != before {
		t.Error("what has not changed was sent again")
	}
	// The courier knows nothing: the date is apt's own.
	if out := s.succeeds(s.courier().Socket, "update"); !strings.Contains(out, "Hit:1 ") {
		t.Errorf("no hit with a new courier:\n%s", out)
	}
	s.succeeds(r.Socket, download...)
	want, err := os.ReadFile(filepath.Join(s.tree, deb))
	must(t, err)
	got, err := os.ReadFile(filepath.Join(s.root, "var/cache/apt/archives/probe_1.0_all.deb"))
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("downloaded %d bytes of %d, %v", len(got), len(want), err)
	}
}

// A server that forges is refused: by the courier where it was told a digest, by
// apt in any case.
func TestAptRefusesForgedFiles(t *testing.T) {
	for name, c := range map[string]struct{ file, says string }{
		"signed list": {"InRelease", "signature"},
		"packages":    {"Packages.gz", "Hash Sum mismatch"},
		"deb":         {".deb", "Hash Sum mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			r := s.courier()
			args := []string{"update"}
			if c.file == ".deb" {
				s.succeeds(r.Socket, args...)
				args = download
			}
			s.change = forging(c.file)
			s.fails(r.Socket, c.says, args...)
			s.nothingWasTaken(c.file)
		})
	}
}

// forging changes one byte of a file, in its text if it is signed.
func forging(file string) func(string, []byte) []byte {
	return func(path string, data []byte) []byte {
		if !strings.HasSuffix(path, file) {
			return data
		}
		forged := bytes.Clone(data)
		if at := bytes.Index(forged, []byte("Codename: s")); at >= 0 {
			forged[at+len("Codename: ")] = 'x'
			return forged
		}
		forged[len(forged)/2] ^= 1
		return forged
	}
}

func (s *site) nothingWasTaken(file string) {
	s.Helper()
	for _, pattern := range []string{"var/lib/apt/lists/*" + strings.TrimSuffix(file, ".gz"), "var/cache/apt/archives/*.deb"} {
		if found, err := filepath.Glob(filepath.Join(s.root, pattern)); err != nil || len(found) > 0 {
			s.Errorf("apt took %v, %v", found, err)
		}
	}
}

// A courier that somebody has captured fetches what it is asked for, says that
// all is well, and hands out something else of the same size.
func TestAptAndACapturedCourier(t *testing.T) {
	for name, c := range map[string]struct{ file, says string }{
		"signed list": {"InRelease", "signature"},
		"packages":    {"Packages.gz", "Hash Sum mismatch"},
		"deb":         {".deb", "Hash Sum mismatch"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			honest := s.courier()
			args := []string{"update"}
			if c.file == ".deb" {
				s.succeeds(honest.Socket, args...)
				args = download
			}
			forge := forging(c.file)
			at := captured(t, func(r *http.Request) (string, []*os.File) {
				var q courier.Request
				if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
					return err.Error(), nil
				}
				return relay(t, honest, q, forge)
			})
			open(t, at)
			s.fails(at, c.says, args...)
			s.nothingWasTaken(c.file)
		})
	}
}

func relay(t *testing.T, honest *running, q courier.Request, forge func(string, []byte) []byte) (string, []*os.File) {
	t.Helper()
	got, err := honest.Fetch(context.Background(), q)
	if err != nil {
		return fmt.Sprintf(`{"status":"failed","error":%q}`, err), nil
	}
	defer got.Body.Close()
	data, err := io.ReadAll(got.Body)
	if err != nil {
		return err.Error(), nil
	}
	path := filepath.Join(t.TempDir(), "forged")
	if err := os.WriteFile(path, forge(q.URI, data), 0o600); err != nil {
		return err.Error(), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err.Error(), nil
	}
	return fmt.Sprintf(`{"status":"done","size":%d,"sha256":%q}`, got.Size, got.SHA256), []*os.File{f}
}

func TestAptIsToldWhatFailed(t *testing.T) {
	s := newSite(t)
	r := s.courier()
	s.sources(s.server.URL + "/elsewhere")
	s.fails(r.Socket, "the server has no such file (404 Not Found)", "update")
	s.sources(s.server.URL)
	s.fails(filepath.Join(s.root, "none"), "cannot ask the courier at "+filepath.Join(s.root, "none"), "update")
	s.server.Close()
	s.fails(r.Socket, "the server takes no connection", "update")
}

// A login of apt_auth.conf(5) is root's to read, and reaches the server.
func TestAptLogsIn(t *testing.T) {
	s := newSite(t)
	plain := s.server.Config.Handler
	s.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, password, _ := r.BasicAuth(); name != "customer" || password != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		plain.ServeHTTP(w, r)
	})
	r := s.courier()
	s.fails(r.Socket, "check user and password", "update")
	must(t, os.WriteFile(filepath.Join(s.root, "etc/apt/auth.conf.d/site.conf"), []byte("machine "+s.server.URL+" login customer password s3cret\n"), 0o600))
	s.succeeds(r.Socket, "update")
}

// Run as root, apt's method asks as apt's own user, and only because the courier
// allows that one.
func TestAptMethodDropsRights(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("there are no rights to drop")
	}
	s := newSite(t)
	r := start(t, courier.Server{Allowed: []uint32{}})
	open(t, r.Socket)
	s.fails(r.Socket, fmt.Sprintf("user %d may not ask the courier", sandboxUser(t)), "update")
}
