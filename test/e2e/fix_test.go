//go:build e2e

package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/test/hosts"
)

// program is where the binary lies in test hosts.
const program = "/usr/local/bin/lockfast"

// evidence is everything that an undo promises to restore, and what dpkg says
// of files.
func evidence(m *hosts.Machine) map[string]string {
	sh := func(script string) string { return m.Run("sh", "-c", script) }
	return map[string]string{
		"packages":  sh(`dpkg-query -W -f '${Package}:${Architecture} ${Version} ${db:Status-Want} ${db:Status-Status}\n'`),
		"marks":     sh(`apt-mark showauto`),
		"holds":     sh(`apt-mark showhold`),
		"files":     sh(`dpkg -V || true`),
		"conffiles": sh(`cd /etc; find . \( -type f -o -type l \) ! -name ld.so.cache -printf '%p %m %u %g %l\n' | sort; find . -type f ! -name ld.so.cache | sort | xargs sha256sum`),
		"content":   sh(`cat /var/lib/dpkg/info/*.list | sort -u | while read -r f; do [ -f "$f" ] && [ ! -L "$f" ] && echo "$f"; done | grep -v ^/etc/ | xargs -d '\n' sha256sum`),
	}
}

func same(t *testing.T, what string, before, after map[string]string) {
	t.Helper()
	for key, want := range before {
		if got := after[key]; got != want {
			t.Errorf("%s: %s differ:\n%s", what, key, lineDiff(want, got))
		}
	}
}

// lineDiff lists lines that only one of two texts has.
func lineDiff(a, b string) string {
	have := map[string]int{}
	for line := range strings.Lines(a) {
		have[line]--
	}
	for line := range strings.Lines(b) {
		have[line]++
	}
	var out []string
	for line, n := range have {
		if n < 0 {
			out = append(out, "- "+line)
		} else if n > 0 {
			out = append(out, "+ "+line)
		}
	}
	slices.Sort(out)
	return strings.Join(out[:min(len(out), 30)], "")
}

func inside[T any](t *testing.T, m *hosts.Machine, code []int, args ...string) T {
	t.Helper()
	out, errOut, got := m.Try(append([]string{program}, args...)...)
	var doc T
	if err := json.Unmarshal(out, &doc); err != nil || !slices.Contains(code, got) {
		t.Fatalf("%v: exit %d, want %v, %v\n%.3000s\n%s", args, got, code, err, out, errOut)
	}
	return doc
}

func answers(t testing.TB, m *hosts.Machine) {
	t.Helper()
	for _, url := range []string{"http://127.0.0.1:80/", "http://127.0.0.1:8081/"} {
		m.Wait("curl", "-sf", "-o", "/dev/null", url)
	}
}

// A host as administrators have it: a package held, one marked by hand, a
// configuration file changed. Everything is downloaded, the network is cut, the
// updates are applied, taken back exactly, and applied again.
func TestFixAndUndo(t *testing.T) {
	for _, suite := range []string{"bookworm", "bullseye", "trixie"} {
		t.Run(suite, func(t *testing.T) { fixAndUndo(t, suite) })
	}
}

func fixAndUndo(t *testing.T, suite string) {
	t.Helper()
	root := webHost(t, suite)
	hosts.Run(t, root, "apt-get", "clean") // nothing comes from apt's own cache
	appendFile(t, filepath.Join(root, "etc/nginx/nginx.conf"), "# ours\n")
	hosts.Run(t, root, "apt-mark", "hold", "curl")
	hosts.Run(t, root, "apt-mark", "manual", "libexpat1")
	out, errOut, code := hosts.Try(t, root, program, "fix", "download", "--json", "--advisories", "none")
	if code != 0 && code != 3 { // 3: bullseye is past its end of life
		t.Fatalf("download: exit %d\n%s\n%s", code, out, errOut)
	}
	m := hosts.Boot(t, hosts.Clone(t, root)) // its network has a loopback interface only
	answers(t, m)
	before := evidence(m)
	plan := inside[result.FixPlan](t, m, []int{0, 3}, "fix", "plan", "--json", "--advisories", "none")
	checkPlan(t, m, plan)

	t.Log("booted")
	first := inside[result.Fix](t, m, []int{0, 7}, "fix", "apply", "--offline", "--yes", "--json", "--advisories", "none")
	t.Logf("fix took %.1f s: %+v", first.Seconds, first.Health)
	checkFix(t, m, first, plan)
	answers(t, m)
	if d := m.Run("dpkg", "--audit"); d != "" {
		t.Errorf("dpkg --audit: %s", d)
	}
	updated := evidence(m)

	undo := inside[result.Undo](t, m, []int{0}, "undo", "--yes", "--json")
	if !undo.Exact || undo.Of != first.Transaction {
		t.Errorf("undo of %s: exact %v, kept %v, altered %v", undo.Of, undo.Exact, undo.Kept, undo.Altered)
	}
	same(t, "after undo", before, evidence(m))
	answers(t, m)

	again := inside[result.Fix](t, m, []int{0, 7}, "fix", "apply", "--offline", "--yes", "--json", "--advisories", "none")
	if len(again.Updates) != len(first.Updates) {
		t.Errorf("applied again: %d updates, the first time %d", len(again.Updates), len(first.Updates))
	}
	same(t, "applied again", updated, evidence(m))
	history := inside[result.History](t, m, []int{0}, "history", "--json")
	if len(history.Transactions) != 3 || history.NeedsPerson {
		t.Errorf("history: %+v", history)
	}
}

// checkPlan compares the plan with what apt would do on its own.
func checkPlan(t *testing.T, m *hosts.Machine, plan result.FixPlan) {
	t.Helper()
	var want []string
	for line := range strings.Lines(m.Run("apt-get", "-s", "dist-upgrade")) {
		if f := strings.Fields(line); len(f) > 3 && f[0] == "Inst" && strings.Contains(line, "security") {
			want = append(want, f[1])
		}
	}
	var got []string
	for _, u := range plan.Updates {
		got = append(got, u.Package)
		if u.From == "" || u.To == "" || u.Previous != "cache" || u.Why == "" {
			t.Errorf("update %+v", u)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	held := slices.DeleteFunc(slices.Clone(want), func(s string) bool { return slices.Contains(got, s) })
	if len(got) == 0 || len(held) > 1 || len(held) == 1 && held[0] != "curl" && !strings.HasPrefix(held[0], "libcurl") {
		t.Errorf("planned %v\napt would take %v", got, want)
	}
	if plan.Plan == nil || plan.Download != 0 || !slices.ContainsFunc(plan.Conffiles, func(f string) bool { return f == "/etc/nginx/nginx.conf" }) {
		t.Errorf("still to download %d, changed configuration files %v", plan.Download, plan.Conffiles)
	}
	for _, unit := range []string{"nginx.service", "ssh.service"} {
		if !slices.Contains(plan.Restarts, unit) {
			t.Logf("%s is not among %v", unit, plan.Restarts)
		}
	}
}

func checkFix(t *testing.T, m *hosts.Machine, fix result.Fix, plan result.FixPlan) {
	t.Helper()
	if fix.After == nil || fix.Before.Fixable == 0 || len(fix.Updates) != len(plan.Updates) {
		t.Fatalf("fix: %+v", fix)
	}
	s := scanInside(t, m)
	for _, name := range open(s) {
		if !slices.ContainsFunc(fix.Left, func(l result.Left) bool { return l.Package == name || strings.Contains(l.Package, "curl") }) {
			t.Errorf("%s is still open, and not among what was left: %+v", name, fix.Left)
		}
	}
	for _, p := range fix.StillOld {
		if p.Unit == "nginx.service" || p.Unit == "apache2.service" || p.Unit == "ssh.service" {
			t.Errorf("%s of %s still runs old code", p.Command, p.Unit)
		}
	}
	for _, j := range fix.Health {
		if j.State == "broken" {
			t.Errorf("%s: %s", j.Subject, j.Why)
		}
	}
	if !slices.ContainsFunc(fix.Health, func(j result.Judgement) bool { return j.State == "ok" && strings.Contains(j.Subject, ":80") }) {
		t.Errorf("the web server was not asked: %+v", fix.Health)
	}
	if !strings.Contains(m.Run("cat", "/etc/nginx/nginx.conf"), "# ours") {
		t.Error("the changed configuration file was not kept")
	}
}

func appendFile(t *testing.T, path, text string) {
	t.Helper()
	writeFile(t, path, textOf(t, path)+text)
}

func textOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
