package planner_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/planner"
	"github.com/lockfast/lockfast/internal/result"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// host has nginx with a security update to 2 and a newer one to 3, curl that is
// held, and tar with a bug fix only.
func host() *inventory.Inventory {
	pkg := func(name string, held bool) inventory.Package {
		return inventory.Package{Manager: inventory.Dpkg, Name: name, Version: "1", Arch: "amd64", Source: name, SourceVersion: "1", State: inventory.StateInstalled, Held: held}
	}
	return &inventory.Inventory{
		Packages: []inventory.Package{pkg("nginx", false), pkg("curl", true), pkg("tar", false), pkg("bash", false)},
		Updates: []inventory.Update{
			{Package: "nginx", Arch: "amd64", Source: "nginx", Installed: "1", Candidate: "3", Security: true, Fixed: "2", FixedSource: "2"},
			{Package: "curl", Arch: "amd64", Source: "curl", Installed: "1", Candidate: "2", Security: true, Fixed: "2", FixedSource: "2"},
			{Package: "tar", Arch: "amd64", Source: "tar", Installed: "1", Candidate: "2"},
		},
	}
}

func finding(name, status, fixed string, kev bool, ids ...string) result.Finding {
	return result.Finding{
		Key: "debian:" + name + "@1", Status: status, SourcePackage: name, Packages: []string{name}, FixedVersion: fixed, IDs: ids, KEV: &kev, Reason: "why",
		Binaries: []result.Binary{{Name: name, Version: "1", Arch: "amd64", Manager: "dpkg"}}, Restart: []string{"x.service"},
	}
}

// taken writes a selection as "nginx 2, tar 3" and what is left as "curl: reason".
func taken(s planner.Selection) string {
	var list []string
	for _, t := range s.Targets {
		list = append(list, t.Update.Package+" "+t.Version)
	}
	return strings.Join(list, ", ")
}

func TestSelect(t *testing.T) {
	open := func(name, fixed string, ids ...string) result.Finding {
		return finding(name, result.StatusOpen, fixed, false, ids...)
	}
	both := []result.Finding{open("nginx", "2", "CVE-2026-1"), open("curl", "2", "CVE-2026-2")}
	yesterday := func(string, string) time.Time { return now.Add(-24 * time.Hour) }
	exploited := finding("nginx", result.StatusOpen, "2", true, "CVE-2026-1")
	for name, c := range map[string]struct {
		findings []result.Finding
		waived   []result.Waived
		options  planner.Options
		want     string
		left     string // package: part of its reason; empty: nothing
	}{
		"lowest version with the fixes":     {findings: both[:1], want: "nginx 2"},
		"all takes the newest":              {findings: both[:1], options: planner.Options{All: true}, want: "nginx 3, tar 2", left: "curl: held"},
		"held":                              {findings: both, want: "nginx 2", left: "curl: held"},
		"held, also when named":             {findings: both, options: planner.Options{Only: []string{"curl"}}, left: "curl: held"},
		"only a CVE":                        {findings: both, options: planner.Options{Only: []string{"cve-2026-1"}}, want: "nginx 2", left: "curl: --only"},
		"excluded by prefix":                {findings: both[:1], options: planner.Options{Exclude: []string{"ngi*"}}, left: "nginx: excluded"},
		"excluded by CVE":                   {findings: both[:1], options: planner.Options{Exclude: []string{"CVE-2026-1"}}, left: "nginx: excluded"},
		"too young":                         {findings: both[:1], options: planner.Options{MinAge: 72 * time.Hour, Seen: yesterday, Now: now}, left: "nginx: waits until 2026-11-25"},
		"old enough":                        {findings: both[:1], options: planner.Options{MinAge: time.Hour, Seen: yesterday, Now: now}, want: "nginx 2"},
		"exploited does not wait":           {findings: []result.Finding{exploited}, options: planner.Options{MinAge: 72 * time.Hour, Seen: yesterday, Now: now}, want: "nginx 2"},
		"exploited waits if told":           {findings: []result.Finding{exploited}, options: planner.Options{MinAge: 72 * time.Hour, MinAgeKEV: true, Seen: yesterday, Now: now}, left: "nginx: waits until"},
		"no fix":                            {findings: []result.Finding{finding("bash", result.StatusNoFix, "", false)}, want: "nginx 2", left: "bash: no fix"},
		"not running":                       {findings: []result.Finding{finding("bash", result.StatusRestart, "1", false)}, want: "nginx 2", left: "bash: restart x.service"},
		"left on disk":                      {findings: []result.Finding{finding("bash", result.StatusLeftover, "2", false)}, want: "nginx 2", left: "bash: does not run"},
		"no archive has it":                 {findings: []result.Finding{open("bash", "2")}, want: "nginx 2", left: "bash: no configured archive"},
		"archive is behind":                 {findings: []result.Finding{open("nginx", "2.1")}, left: "nginx: no configured archive"},
		"waived":                            {waived: []result.Waived{{Finding: both[0], Reason: "behind a proxy", Expires: "2026-12-01"}}, left: "nginx: behind a proxy"},
		"security update without a finding": {want: "nginx 2"},
	} {
		s := planner.Select(host(), c.findings, c.waived, c.options)
		if got := taken(s); got != c.want {
			t.Errorf("%s: took %q, want %q", name, got, c.want)
		}
		pkg, reason, _ := strings.Cut(c.left, ": ")
		found := c.left == "" || slices.ContainsFunc(s.Left, func(l result.Left) bool { return l.Package == pkg && strings.Contains(l.Reason, reason) })
		if !found {
			t.Errorf("%s: left %+v, want %q", name, s.Left, c.left)
		}
	}
}

// Whatever is asked for, every open finding is closed by a target or left with a
// reason: none is passed over.
func TestNothingIsPassedOver(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		inv := host()
		names := []string{"nginx", "curl", "tar", "bash"}
		var findings []result.Finding
		for _, name := range names {
			if !rapid.Bool().Draw(t, name) {
				continue
			}
			status := rapid.SampledFrom([]string{result.StatusOpen, result.StatusNoFix, result.StatusRestart, result.StatusLeftover}).Draw(t, "status")
			findings = append(findings, finding(name, status, rapid.SampledFrom([]string{"", "1", "2", "9"}).Draw(t, "fixed"), rapid.Bool().Draw(t, "kev"), "CVE-"+name))
		}
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"nginx", "c*", "CVE-tar", "none"}), 0, 2)
		s := planner.Select(inv, findings, nil, planner.Options{
			All: rapid.Bool().Draw(t, "all"), Only: words.Draw(t, "only"), Exclude: words.Draw(t, "exclude"), Now: now,
			MinAge: time.Duration(rapid.IntRange(0, 3).Draw(t, "age")) * time.Hour, Seen: func(string, string) time.Time { return now.Add(-2 * time.Hour) },
		})
		for i := range findings {
			f := &findings[i]
			closed := slices.ContainsFunc(s.Targets, func(x planner.Target) bool {
				return slices.ContainsFunc(x.Findings, func(o *result.Finding) bool { return o.Key == f.Key })
			})
			left := slices.ContainsFunc(s.Left, func(l result.Left) bool { return l.Finding == f.Key && l.Reason != "" })
			if closed == left {
				t.Fatalf("%s (%s): closed %v, left %v", f.Key, f.Status, closed, left)
			}
		}
		for _, x := range s.Targets {
			if x.Version == "" {
				t.Fatalf("%s goes to no version", x.Update.Package)
			}
		}
	})
}
