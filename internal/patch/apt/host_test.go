package apt_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostexec/hostexectest"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/apt"
)

// Command lines up to what they are asked about.
const (
	audits    = "dpkg-query -W -f ${Package}\t${Architecture}\t${Version}\t${db:Status-Want}\t${db:Status-Eflag}\t${db:Status-Status}\n"
	states    = audits + " "
	occupies  = "dpkg-query -W -f ${Package}\t${Architecture}\t${Installed-Size}\n "
	wishes    = "-q -y --no-install-recommends --allow-downgrades -o Debug::NoLocking=1 -o APT::Get::AutomaticRemove=false "
	wouldGet  = "apt-get --print-uris -q --no-remove -o Dir::Cache::Archives=/nonexistent/ " + wishes
	rehearses = "apt-get -s " + wishes
	shows     = "apt-cache show --no-all-versions "
)

// host is a machine on which apt answers what a test says.
type host struct {
	*testing.T
	*apt.Backend
	o       apt.Options
	fake    *hostexectest.Fake
	fs      fstest.MapFS
	fetch   patch.Fetch
	solve   func(line string) (hostexec.Result, bool) // asked before the fake's results
	work    map[string]func()                         // what programs do beside answering, by the beginning of their command line
	jobs    []string                                  // command lines that were launched, without the shell
	job     patch.Job                                 // the last of them
	output  map[string][]string                       // lines that launched programs print, by the first word
	codes   map[string]int                            // exit codes of launched programs, by the first word
	failure error                                     // of the launcher
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{
		T: t, fake: &hostexectest.Fake{Results: map[string]hostexec.Result{}}, fs: fstest.MapFS{}, fetch: patch.Fetch{Dir: t.TempDir()},
		work: map[string]func(){}, output: map[string][]string{}, codes: map[string]int{},
	}
	h.o = apt.Options{Runner: h, Launcher: h, FS: h.fs}
	h.Backend = apt.New(h.o)
	return h
}

// options makes the backend anew.
func (h *host) options(change func(*apt.Options)) {
	change(&h.o)
	h.Backend = apt.New(h.o)
}

func (h *host) Run(ctx context.Context, cmd hostexec.Cmd) (hostexec.Result, error) {
	r, err := h.fake.Run(ctx, cmd)
	line := strings.Join(append([]string{cmd.Name}, cmd.Args...), " ")
	for begin, do := range h.work {
		if strings.HasPrefix(line, begin) {
			do()
		}
	}
	if h.solve != nil {
		if r, ok := h.solve(line); ok {
			return r, nil
		}
	}
	return r, err
}

func (h *host) Running(context.Context, string) (bool, error) { return false, nil }

// Launch expects the shell that gives apt a descriptor for its status.
func (h *host) Launch(_ context.Context, j patch.Job) (int, error) {
	if j.Name != "sh" || len(j.Args) < 4 || j.Args[0] != "-c" || j.Args[1] != `exec "$@" 3>&1` {
		h.Errorf("launched %s %q", j.Name, j.Args)
	}
	line := strings.Join(j.Args[3:], " ")
	h.jobs, h.job = append(h.jobs, line), j
	if h.failure != nil {
		return -1, h.failure
	}
	name := j.Args[3]
	for _, text := range h.output[name] {
		j.Line(text)
	}
	if do := h.work["launch "+name]; do != nil {
		do()
	}
	return h.codes[name], nil
}

func (h *host) answer(line, out string) { h.fake.Results[line] = hostexec.Result{Stdout: []byte(out)} }

func (h *host) refuse(line string, code int, words string) {
	h.fake.Results[line] = hostexec.Result{Stderr: []byte(words), Code: code}
}

// ran lists the programs that were run, without what they were asked.
func (h *host) ran() string {
	var names []string
	for _, line := range h.fake.Calls() {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

// installed is what dpkg says of a package.
func installed(r patch.Ref, want, flag, status string) string {
	return strings.Join([]string{r.Name, r.Arch, r.Version, want, flag, status}, "\t") + "\n"
}

// whole is what dpkg says of packages that are installed as they should.
func whole(refs ...patch.Ref) string {
	var text strings.Builder
	for _, r := range refs {
		text.WriteString(installed(r, "install", "ok", "installed"))
	}
	return text.String()
}

func ref(name, version string) patch.Ref {
	return patch.Ref{Name: name, Arch: "amd64", Version: version}
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// stanza is what apt-cache shows of a package file with this content.
func stanza(r patch.Ref, content string) string {
	return fmt.Sprintf("Package: %s\nVersion: %s\nInstalled-Size: 100\nArchitecture: %s\nSize: %d\nSHA256: %s\nDescription: a\n b\n\n", r.Name, r.Version, r.Arch, len(content), digest(content))
}

// put writes a package file into our cache.
func (h *host) put(r patch.Ref, content string) patch.Archive {
	h.Helper()
	file := filepath.Join(h.fetch.Dir, apt.FileName(r))
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		h.Fatal(err)
	}
	return patch.Archive{Ref: r, Path: file, SHA256: digest(content), Size: int64(len(content))}
}

// has reads a package file of our cache.
func (h *host) has(r patch.Ref) string {
	h.Helper()
	data, err := os.ReadFile(filepath.Join(h.fetch.Dir, apt.FileName(r)))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.Fatal(err)
	}
	return string(data)
}

// says reports whether an error is there and has words in it.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			t.Errorf("%v: does not say %q", err, w)
		}
	}
}
