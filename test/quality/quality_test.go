package quality_test

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/result"
)

var update = flag.Bool("update", false, "record the figures measured")

// figures are what is recorded.
type figures struct {
	Cases     int     `json:"cases"`
	Labels    int     `json:"labels"`
	Precision float64 `json:"precision"` // right answers among those given
	Recall    float64 `json:"recall"`    // right answers among those expected
}

func TestQualityDoesNotFall(t *testing.T) {
	files, err := filepath.Glob("cases/*.txtar")
	if err != nil || len(files) < 10 {
		t.Fatalf("only %d cases were found: %v", len(files), err)
	}
	var got figures
	right, given, expected := 0, 0, 0
	for _, file := range files {
		c := load(t, file)
		answers := c.answers(t)
		got.Cases++
		got.Labels += len(c.labels)
		for label, want := range c.labels {
			have := answers[label]
			if want != "none" {
				expected++
			}
			if have != "" && have == want {
				right++
			} else if have != want && (want != "none" || have != "") {
				t.Logf("%s: %s: answered %q, labelled %q", file, label, have, want)
			}
		}
		for label, have := range answers {
			given++
			if c.labels[label] == "" {
				t.Logf("%s: %s: answered %q without a label", file, label, have)
			}
		}
	}
	got.Precision, got.Recall = float64(right)/float64(given), float64(right)/float64(expected)
	t.Logf("measured %+v", got)
	compare(t, got)
}

func compare(t *testing.T, got figures) {
	t.Helper()
	if *update {
		data, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("recorded.json", append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile("recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded figures
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	if got.Precision < recorded.Precision || got.Recall < recorded.Recall || got.Labels < recorded.Labels {
		t.Errorf("measured %+v, recorded %+v: it may not fall (run with -v to see which)", got, recorded)
	}
	if got.Cases != recorded.Cases {
		t.Errorf("%d cases, %d recorded: run make golden", got.Cases, recorded.Cases)
	}
}

// testCase is one labelled host.
type testCase struct {
	inv    inventory.Inventory
	ecos   []advisory.Ecosystem
	rows   rows
	labels map[string]string // "SOURCE ID" → answer
}

type rows map[string][]advisory.Row

func (r rows) Lookup(eco advisory.Ecosystem, pkg string) ([]advisory.Row, error) {
	return r[string(eco)+"\x00"+pkg], nil
}

func load(t *testing.T, file string) *testCase {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	c := &testCase{rows: rows{}, labels: map[string]string{}}
	ecos := map[advisory.Ecosystem]bool{}
	for _, f := range archive.Files {
		switch {
		case f.Name == "host":
			c.loadHost(t, file, string(f.Data))
		case f.Name == "labels":
			c.loadLabels(t, file, string(f.Data))
		case strings.HasPrefix(f.Name, "osv/"):
			parsed, err := advisory.ParseOSV(f.Data)
			if err != nil {
				t.Fatalf("%s: %s: %v", file, f.Name, err)
			}
			for _, r := range parsed {
				key := string(r.Ecosystem) + "\x00" + r.Package
				c.rows[key] = append(c.rows[key], r)
				ecos[r.Ecosystem] = true
			}
		default:
			t.Fatalf("%s: what is %s?", file, f.Name)
		}
	}
	have := make([]advisory.Ecosystem, 0, len(ecos))
	for e := range ecos {
		have = append(have, e)
	}
	slices.Sort(have)
	c.ecos = advisory.EcosystemsFor(c.inv.Release, have)
	if len(c.inv.Packages) == 0 || len(c.labels) == 0 {
		t.Fatalf("%s: needs packages and labels", file)
	}
	return c
}

// loadHost reads lines of "release ID VERSION", "running RELEASE [BUILD]",
// "kernel RELEASE PACKAGE VERSION", "update PACKAGE FIXED [new]" and
// "MANAGER NAME VERSION [source=S] [sourceversion=V] [origin=O] [module=M]".
func (c *testCase) loadHost(t *testing.T, file, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		switch {
		case len(w) == 0:
		case w[0] == "release" && len(w) == 3:
			c.inv.Release = inventory.Release{ID: w[1], VersionID: w[2]}
		case w[0] == "running" && len(w) >= 2:
			c.inv.Kernel.Running = w[1]
			if len(w) == 3 {
				c.inv.Kernel.Version = w[2]
			}
		case w[0] == "kernel" && len(w) == 4:
			c.inv.Kernel.Installed = append(c.inv.Kernel.Installed, inventory.InstalledKernel{Release: w[1], Package: w[2], Version: w[3]})
		case w[0] == "update" && len(w) >= 3:
			c.inv.Updates = append(c.inv.Updates, inventory.Update{Package: w[1], Arch: "any", Candidate: w[2], Fixed: w[2], FixedSource: w[2], Security: true, NewPackage: len(w) == 4})
		case len(w) >= 3:
			c.inv.Packages = append(c.inv.Packages, parsePackage(t, file, w))
		default:
			t.Fatalf("%s: cannot read host line %q", file, line)
		}
	}
}

func parsePackage(t *testing.T, file string, w []string) inventory.Package {
	t.Helper()
	p := inventory.Package{
		Manager: inventory.Manager(w[0]), Name: w[1], Version: w[2], Source: w[1], SourceVersion: w[2], Arch: "any",
		State: inventory.StateInstalled, Origin: inventory.Origin{Kind: inventory.OriginDistribution},
	}
	origins := map[string]inventory.OriginKind{
		"unknown": inventory.OriginUnknown, "distribution": inventory.OriginDistribution, "backports": inventory.OriginBackports,
		"vendor": inventory.OriginVendor, "local": inventory.OriginLocal,
	}
	for _, extra := range w[3:] {
		name, value, _ := strings.Cut(extra, "=")
		switch name {
		case "source":
			p.Source = value
		case "sourceversion":
			p.SourceVersion = value
		case "module":
			p.Module = value
		case "maintainer":
			p.Vendor = value
		case "origin":
			kind, ok := origins[value]
			if !ok {
				t.Fatalf("%s: origin %q", file, value)
			}
			p.Origin.Kind = kind
		default:
			t.Fatalf("%s: what is %q?", file, extra)
		}
	}
	return p
}

func (c *testCase) loadLabels(t *testing.T, file, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		w := strings.Fields(line)
		if len(w) == 0 || w[0] == "#" {
			continue
		}
		if len(w) != 3 || !slices.Contains([]string{"open", "restart", "no-fix", "unknown", "none"}, w[0]) {
			t.Fatalf("%s: cannot read label %q", file, line)
		}
		c.labels[w[1]+" "+w[2]] = w[0]
	}
}

// answers are what Lockfast says, in the form of labels. Ids that only rename
// a CVE (DEBIAN-CVE-…) are left out; a kernel left on disk is no answer.
func (c *testCase) answers(t *testing.T) map[string]string {
	t.Helper()
	out, err := match.Findings(&c.inv, match.Knowledge{Ecosystems: c.ecos, Rows: c.rows, Now: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)})
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]string{}
	words := map[string]string{result.StatusOpen: "open", result.StatusRestart: "restart", result.StatusNoFix: "no-fix"}
	for i := range out.Findings {
		f := &out.Findings[i]
		word := words[f.Status]
		if word == "" {
			continue
		}
		for _, id := range f.IDs {
			if plainID(id) {
				answers[f.SourcePackage+" "+id] = word
			}
		}
		if len(f.IDs) == 0 {
			answers[f.SourcePackage+" update"] = word
		}
	}
	for _, u := range out.Unknown {
		source, _, _ := strings.Cut(u.What, " ")
		for _, id := range u.IDs {
			if plainID(id) {
				answers[source+" "+id] = "unknown"
			}
		}
	}
	return answers
}

func plainID(id string) bool {
	return !strings.HasPrefix(id, "DEBIAN-CVE-") && !strings.HasPrefix(id, "UBUNTU-CVE-") && !strings.HasPrefix(id, "ALPINE-CVE-")
}

func TestRecordedFiguresAreGood(t *testing.T) {
	data, err := os.ReadFile("recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var f figures
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	if f.Precision < 0.95 || f.Recall < 0.95 {
		t.Errorf("recorded %+v: not good enough to ship", f)
	}
}
