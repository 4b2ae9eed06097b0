//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// app is a small package with a configuration file.
func app(version string) hosts.Deb {
	return hosts.Deb{
		Name: "app", Version: version, Conffiles: []string{"/etc/app.conf"},
		Files: map[string]string{"usr/bin/app": "app " + version + "\n", "etc/app.conf": "version = " + version + "\n"},
	}
}

// appHost has app 1.0 and an archive with a security update to 2.0.
func appHost(t *testing.T, update hosts.Deb, more ...hosts.Deb) string {
	t.Helper()
	root := smallHost(t)
	copyBinary(t, root)
	install(t, root, app("1.0"))
	security(append(more, update)...).Install(t, root, "security")
	refresh(t, root)
	return root
}

// run runs a script in a root and returns what it printed and its exit code.
func run(t *testing.T, root, script string) (out, errOut string, code int) {
	t.Helper()
	o, e, code := hosts.Try(t, root, "sh", "-c", script)
	return string(o), string(e), code
}

// intact checks that a host's packages are whole, and which version app has.
func intact(t *testing.T, root, version string) {
	t.Helper()
	out, _, _ := run(t, root, `dpkg --audit; dpkg-query -W -f '${Version} ${db:Status-Abbrev}' app; echo; dpkg -V app`)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if strings.TrimSpace(lines[0]) != version+" ii" {
		t.Errorf("app is %q, want %s and whole", out, version)
	}
	for _, line := range lines[1:] {
		if !strings.Contains(line, "/etc/app.conf") {
			t.Errorf("app's files: %s", line)
		}
	}
}

// oneLine checks a refusal: its code, that it is one line, and what it names.
func oneLine(t *testing.T, what string, errOut string, code, want int, names ...string) {
	t.Helper()
	var said []string
	for line := range strings.Lines(errOut) {
		if strings.HasPrefix(line, "lockfast: ") {
			said = append(said, line)
		}
	}
	if code != want || len(said) == 0 {
		t.Errorf("%s: exit %d, want %d:\n%s", what, code, want, errOut)
		return
	}
	for _, name := range names {
		if !strings.Contains(strings.Join(said, ""), name) {
			t.Errorf("%s: %q is not named:\n%s", what, name, errOut)
		}
	}
}

const apply = program + " fix apply --yes --advisories none"

// The distribution's signature is wrong: nothing is believed, nothing changes.
func TestFixBadSignature(t *testing.T) {
	root := appHost(t, app("2.0"))
	file := filepath.Join(root, "srv/security/dists/stable-security/InRelease")
	text := strings.Replace(textOf(t, file), "Label: Debian-Security", "Label: Debian-SecuritY", 1)
	writeFile(t, file, text)
	_, errOut, code := run(t, root, apply)
	oneLine(t, "bad signature", errOut, code, 3, "cannot refresh apt's lists")
	intact(t, root, "1.0")
}

// The archive's metadata are from the future: a clock is wrong.
func TestFixWrongClock(t *testing.T) {
	root := smallHost(t)
	copyBinary(t, root)
	install(t, root, app("1.0"))
	r := security(app("2.0"))
	r.Date = time.Now().Add(48 * time.Hour).UTC().Format(time.RFC1123)
	r.Date = strings.Replace(r.Date, "UTC", "+0000", 1)
	r.Install(t, root, "security")
	_, errOut, code := run(t, root, apply)
	oneLine(t, "wrong clock", errOut, code, 3, "cannot refresh apt's lists", "not valid yet")
	intact(t, root, "1.0")
}

// Somebody else installs packages: it is said who, and nothing is touched.
func TestFixWhileAptWorks(t *testing.T) {
	root := appHost(t, app("2.0"))
	slow := hosts.Deb{Name: "slow", Version: "1", Scripts: map[string]string{"postinst": "#!/bin/sh\ntouch /run/slow; sleep 15\n"}}
	file := slow.Build(t, filepath.Join(root, "var/cache"))
	out, errOut, _ := run(t, root, `dpkg -i /var/cache/`+file+` >/dev/null 2>&1 & while [ ! -e /run/slow ]; do sleep 0.1; done; `+apply+` --no-refresh; echo "code $?"`)
	code := 0
	if _, err := fmt.Sscanf(out[strings.Index(out, "code "):], "code %d", &code); err != nil {
		t.Fatal(err)
	}
	oneLine(t, "apt works", errOut, code, 6, "dpkg", "pid")
}

// Two of us: the second says who holds the lock.
func TestFixTwice(t *testing.T) {
	slow := app("2.0")
	slow.Scripts = map[string]string{"postinst": "#!/bin/sh\ntouch /run/slow; sleep 10\n"}
	root := appHost(t, slow)
	out, errOut, _ := run(t, root, apply+` >/dev/null 2>&1 & while [ ! -e /run/slow ]; do sleep 0.1; done; `+apply+`; echo "code $?"; wait`)
	if !strings.Contains(out, "code 6") || !strings.Contains(errOut, "lockfast fix (pid") {
		t.Errorf("%s\n%s", out, errOut)
	}
	intact(t, root, "2.0")
}

// What others left half installed is completed first.
func TestFixCompletesWhatWasInterrupted(t *testing.T) {
	root := appHost(t, app("2.0"))
	other := hosts.Deb{Name: "other", Version: "1", Files: map[string]string{"usr/bin/other": "x"}}
	file := other.Build(t, filepath.Join(root, "var/cache"))
	hosts.Run(t, root, "dpkg", "--unpack", "/var/cache/"+file)
	if audit := hosts.Run(t, root, "dpkg", "--audit"); audit == "" {
		t.Fatal("nothing is half installed")
	}
	out, errOut, code := run(t, root, apply)
	if code != 0 {
		t.Errorf("exit %d\n%s\n%s", code, out, errOut)
	}
	intact(t, root, "2.0")
}

// What cannot be completed needs a person, and is named.
func TestFixCannotComplete(t *testing.T) {
	root := appHost(t, app("2.0"))
	other := hosts.Deb{Name: "other", Version: "1", Scripts: map[string]string{"postinst": "#!/bin/sh\nexit 1\n"}}
	file := other.Build(t, filepath.Join(root, "var/cache"))
	_, _, _ = run(t, root, "dpkg -i /var/cache/"+file)
	_, errOut, code := run(t, root, apply)
	oneLine(t, "cannot complete", errOut, code, 5, "other")
	if out, _, _ := run(t, root, "dpkg-query -W -f '${Version}' app"); out != "1.0" {
		t.Errorf("app is %s", out)
	}
}

// No room for package files, then no room for the files of the package itself.
func TestFixDiskFull(t *testing.T) {
	big := app("2.0")
	big.Files["opt/app/big"] = noise(12 << 20)
	root := appHost(t, big)
	mkdir(t, filepath.Join(root, "opt/app"))
	_, errOut, code := run(t, root, `mkdir -p /var/cache/lockfast && mount -t tmpfs -o size=100k tmpfs /var/cache/lockfast && exec `+apply)
	oneLine(t, "no room for downloads", errOut, code, 3, "make room")
	intact(t, root, "1.0")
	_, errOut, code = run(t, root, `mount -t tmpfs -o size=4m tmpfs /opt/app && exec `+apply)
	oneLine(t, "no room for the package", errOut, code, 4, "rolled back", "No space left")
	intact(t, root, "1.0")
	if _, errOut, code = run(t, root, apply); code != 0 {
		t.Errorf("with room again: exit %d\n%s", code, errOut)
	}
	intact(t, root, "2.0")
}

// noise is text that does not compress to nothing.
func noise(n int) string {
	text := make([]byte, n)
	seed := uint32(1)
	for i := range text {
		seed = seed*1664525 + 1013904223
		text[i] = byte(33 + seed>>24%90)
	}
	return string(text)
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

// A read-only file system stops the package manager, or the journal.
func TestFixReadOnly(t *testing.T) {
	root := appHost(t, app("2.0"))
	_, errOut, code := run(t, root, `mount --bind /usr /usr && mount -o remount,ro,bind /usr && exec `+apply)
	oneLine(t, "/usr is read-only", errOut, code, 2, "/usr is mounted read-only")
	intact(t, root, "1.0")
	_, errOut, code = run(t, root, `mount --bind /var/lib /var/lib && mount -o remount,ro,bind /var/lib && exec `+apply)
	oneLine(t, "/var/lib is read-only", errOut, code, 3, "journal", "read-only file system")
	intact(t, root, "1.0")
}

// The network goes away in the middle of a file: nothing was changed, and the
// next attempt asks for the rest only.
func TestFixNetworkCut(t *testing.T) {
	big := app("2.0")
	big.Files["usr/share/app"] = noise(3 << 20)
	root := smallHost(t)
	copyBinary(t, root)
	install(t, root, app("1.0"))
	server := &cutServer{dir: filepath.Join(root, "srv/security"), cut: true}
	site := httptest.NewServer(server)
	defer site.Close()
	r := security(big)
	r.URL = site.URL
	r.Install(t, root, "security")
	writeFile(t, filepath.Join(root, "etc/apt/apt.conf.d/99retries"), `Acquire::Retries "0";`)
	_, errOut, code := run(t, root, apply)
	oneLine(t, "network cut", errOut, code, 3, "cannot download packages")
	intact(t, root, "1.0")
	server.heal()
	if _, errOut, code = run(t, root, apply); code != 0 {
		t.Errorf("with the network back: exit %d\n%s", code, errOut)
	}
	if !server.resumed() {
		t.Error("the second attempt did not ask for the rest of the file")
	}
	intact(t, root, "2.0")
}

// cutServer serves a folder; while cut is true, package files end half way.
type cutServer struct {
	dir    string
	mu     sync.Mutex
	cut    bool
	ranges []string
}

func (s *cutServer) heal() { s.mu.Lock(); s.cut = false; s.mu.Unlock() }

func (s *cutServer) resumed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.ranges {
		if n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimPrefix(r, "bytes="), "-")); err == nil && n > 0 {
			return true
		}
	}
	return false
}

func (s *cutServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	cut := s.cut
	if strings.HasSuffix(r.URL.Path, ".deb") && r.Header.Get("Range") != "" {
		s.ranges = append(s.ranges, r.Header.Get("Range"))
	}
	s.mu.Unlock()
	file := filepath.Join(s.dir, filepath.Clean("/"+r.URL.Path))
	if !cut || !strings.HasSuffix(file, ".deb") {
		http.ServeFile(w, r, file)
		return
	}
	data, err := os.ReadFile(file)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.Header().Set("Last-Modified", modified(file))
	_, _ = w.Write(data[:len(data)/2])
	panic(http.ErrAbortHandler)
}

func modified(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return ""
	}
	return info.ModTime().UTC().Format(http.TimeFormat)
}

// A configuration file that was changed here, and that the update changes too,
// is kept; undo takes away what the package manager put beside it.
func TestFixKeepsConffiles(t *testing.T) {
	root := appHost(t, app("2.0"))
	writeFile(t, filepath.Join(root, "etc/app.conf"), "mine\n")
	out, errOut, code := run(t, root, apply+" --json")
	var fix result.Fix
	if err := json.Unmarshal([]byte(out), &fix); err != nil || code != 0 {
		t.Fatalf("exit %d, %v\n%s\n%s", code, err, out, errOut)
	}
	if len(fix.Kept) != 1 || fix.Kept[0].Path != "/etc/app.conf" || fix.Kept[0].New != "/etc/app.conf.dpkg-dist" {
		t.Errorf("kept %+v", fix.Kept)
	}
	if got := textOf(t, filepath.Join(root, "etc/app.conf")); got != "mine\n" {
		t.Errorf("the file is now %q", got)
	}
	if _, errOut, code = run(t, root, program+" undo --yes"); code != 0 {
		t.Fatalf("undo: exit %d\n%s", code, errOut)
	}
	if _, err := os.Stat(filepath.Join(root, "etc/app.conf.dpkg-dist")); err == nil {
		t.Error("undo left /etc/app.conf.dpkg-dist")
	}
	intact(t, root, "1.0")

	// Changed since the fix: undo refuses, unless it is told what to do.
	if _, errOut, code = run(t, root, apply); code != 0 {
		t.Fatalf("exit %d\n%s", code, errOut)
	}
	writeFile(t, filepath.Join(root, "etc/app.conf.dpkg-dist"), "somebody wrote here\n")
	_, errOut, code = run(t, root, program+" undo --yes")
	oneLine(t, "undo of what changed", errOut, code, 2, "changed since", "--keep")
	intact(t, root, "2.0")
	if _, errOut, code = run(t, root, program+" undo --yes --keep"); code != 0 {
		t.Errorf("undo --keep: exit %d\n%s", code, errOut)
	}
	intact(t, root, "1.0")
	if got := textOf(t, filepath.Join(root, "etc/app.conf.dpkg-dist")); got != "somebody wrote here\n" {
		t.Errorf("undo --keep left %q", got)
	}
}

// An update that needs a new package brings it, marked as automatic, and undo
// takes it away.
func TestFixNewPackage(t *testing.T) {
	update := app("2.0")
	update.Depends = "newlib"
	root := appHost(t, update, hosts.Deb{Name: "newlib", Version: "1", Files: map[string]string{"usr/lib/newlib": "x", "etc/newlib": "x"}, Conffiles: []string{"/etc/newlib"}})
	before, _, _ := run(t, root, "dpkg-query -W; apt-mark showauto")
	if out, errOut, code := run(t, root, apply); code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errOut)
	}
	if out, _, _ := run(t, root, "apt-mark showauto newlib"); strings.TrimSpace(out) != "newlib" {
		t.Errorf("newlib is not marked as automatically installed: %q", out)
	}
	if out, errOut, code := run(t, root, program+" undo --yes"); code != 0 {
		t.Fatalf("undo: exit %d\n%s%s", code, out, errOut)
	}
	if after, _, _ := run(t, root, "dpkg-query -W; apt-mark showauto"); after != before {
		t.Errorf("after undo:\n%s", lineDiff(before, after))
	}
}

// Nothing is ever removed, and what cannot be undone safely needs consent.
func TestFixRefuses(t *testing.T) {
	t.Run("removal", func(t *testing.T) {
		update := app("2.0")
		update.Conflicts = "other"
		root := appHost(t, update)
		install(t, root, hosts.Deb{Name: "other", Version: "1"})
		_, errOut, code := run(t, root, apply)
		oneLine(t, "removal", errOut, code, 2, "would remove other")
		intact(t, root, "1.0")
	})
	t.Run("one-way", func(t *testing.T) {
		root := appHost(t, app("1.0"), hosts.Deb{Name: "redis-server", Version: "2"})
		install(t, root, hosts.Deb{Name: "redis-server", Version: "1"})
		_, errOut, code := run(t, root, apply)
		oneLine(t, "one-way", errOut, code, 2, "redis-server", "--accept-one-way")
		if _, errOut, code = run(t, root, apply+" --accept-one-way"); code != 0 {
			t.Errorf("with consent: exit %d\n%s", code, errOut)
		}
	})
	t.Run("no terminal", func(t *testing.T) {
		root := appHost(t, app("2.0"))
		_, errOut, code := run(t, root, program+" fix apply --advisories none </dev/null")
		oneLine(t, "no terminal", errOut, code, 2, "--yes")
		intact(t, root, "1.0")
	})
	t.Run("nobody", func(t *testing.T) {
		root := appHost(t, app("2.0"))
		_, errOut, code := run(t, root, "setpriv --reuid=65534 --regid=65534 --clear-groups "+apply)
		oneLine(t, "not root", errOut, code, 3, "needs root")
		out, errOut, code := run(t, root, "setpriv --reuid=65534 --regid=65534 --clear-groups "+program+" fix plan --advisories none")
		if code != 0 || !strings.Contains(out, "app 1.0 → 2.0") {
			t.Errorf("plan as nobody: exit %d\n%s%s", code, out, errOut)
		}
	})
}
