//go:build realtools

package pkgver_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/lockfast/lockfast/internal/pkgver"
)

// These tests ask the package managers themselves. They need dpkg and rpm and
// fail without them: run them with `go test -tags realtools`.

// realPairs is how many pairs each tool is asked about; in three fifths of them
// both versions are real, in the others one is a mutant.
const realPairs = 36000

func TestDpkgAgrees(t *testing.T) {
	versions := append(samples(t, pkgver.Dpkg), aptVersions(t)...)
	slices.Sort(versions)
	versions = slices.Compact(versions)
	all := pairs(pkgver.Dpkg, versions, realPairs, 1)
	t.Logf("%d pairs of %d real versions", len(all), len(versions))

	// One shell keeps starting dpkg with our prediction: the three relations
	// exclude each other, so one answer settles the pair. Exit status 2 (dpkg
	// does not understand) counts as wrong.
	const script = `n=0; while read -r a op b; do
		n=$((n+1)); dpkg --compare-versions "$a" "$op" "$b" || echo "wrong: $a $op $b"
	done; echo "asked $n"`
	const parallel = 2
	var wait sync.WaitGroup
	for chunk := range slices.Chunk(all, (len(all)+parallel-1)/parallel) {
		wait.Go(func() {
			var input bytes.Buffer
			for _, p := range chunk {
				op := [3]string{"lt", "eq", "gt"}[pkgver.CompareDpkg(p.a, p.b)+1]
				fmt.Fprintln(&input, p.a, op, p.b)
			}
			want := fmt.Sprintf("asked %d\n", len(chunk))
			if got := run(t, &input, "sh", "-c", script); got != want {
				t.Errorf("dpkg disagrees:\n%s", got)
			}
		})
	}
	wait.Wait()
}

func TestDpkgAgreesWhatIsValid(t *testing.T) {
	tried := []string{
		"a1", "1-", "-1", "1:", ":1", "a:1", "-1:1", "1_2", "1-a_b", "1 2", "1/2", "1:2:3", "1-2-3", "01:1",
		"2147483647:1", "2147483648:1", "99999999999999999999:1", "~", "1~", "1~~-~", "1.é", "1:-1", "0", ".", "1.", "1-:",
	}
	for i, p := range pairs(pkgver.Dpkg, samples(t, pkgver.Dpkg), 300, 2) {
		tried = append(tried, p.a, strings.Replace(p.b, p.b[i%len(p.b):], "_-:", 1))
	}
	for _, v := range tried {
		err := exec.CommandContext(t.Context(), "dpkg", "--validate-version", v).Run()
		if ours := pkgver.Valid(pkgver.Dpkg, v); (ours == nil) != (err == nil) {
			t.Errorf("%q: dpkg says %v, we say %v", v, err, ours)
		}
	}
}

func TestRPMAgrees(t *testing.T) {
	versions := samples(t, pkgver.RPM)
	all := pairs(pkgver.RPM, versions, realPairs, 1)
	for _, p := range pairs(pkgver.RPM, versions, realPairs/10, 2) { // versions alone, as rpm's dependencies name them
		a, _, _ := strings.Cut(p.a, "-")
		all = append(all, pair{a, p.b}, pair{p.a, a}, pair{a + "-", a}, pair{a, a + "-~"}, pair{":" + a, a + ".a"})
	}
	t.Logf("%d pairs of %d real versions", len(all), len(versions))

	var input bytes.Buffer
	for _, p := range all {
		fmt.Fprintln(&input, p.a, pkgver.CompareRPM(p.a, p.b), p.b)
	}
	dir := t.TempDir()
	data := filepath.Join(dir, "pairs")
	script := filepath.Join(dir, "compare.lua")
	writeFile(t, data, input.String())
	writeFile(t, script, `local n = 0
for line in io.lines(`+strconv.Quote(data)+`) do
  local a, c, b = line:match("^(%S+) (%S+) (%S+)$")
  if rpm.vercmp(a, b) ~= tonumber(c) then print("wrong: " .. line .. "\n") end
  n = n + 1
end
print("asked " .. n)
`)
	got := run(t, nil, "rpm", "--eval", "%{lua: dofile("+strconv.Quote(script)+")}")
	if want := fmt.Sprintf("asked %d", len(all)); strings.TrimSpace(got) != want {
		t.Errorf("rpm disagrees:\n%s", got)
	}
}

// aptVersions returns the versions in apt's package lists, where there are any.
func aptVersions(t *testing.T) []string {
	t.Helper()
	var versions []string
	lists, err := filepath.Glob("/var/lib/apt/lists/*_Packages*")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		text := run(t, nil, "/usr/lib/apt/apt-helper", "cat-file", list) // lists may be compressed
		for line := range strings.Lines(text) {
			if v, found := strings.CutPrefix(line, "Version: "); found {
				versions = append(versions, strings.TrimSpace(v))
			}
		}
	}
	return versions
}

// run returns what a command prints; that it fails to start, or fails, is a
// failure of the test.
func run(t *testing.T, input io.Reader, name string, args ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = append(os.Environ(), "LC_ALL=C.UTF-8")
	command.Stdin = input
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Errorf("cannot run %s: %v\n%s", name, err, stderr.String())
	}
	return string(output)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
