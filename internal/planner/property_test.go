package planner_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/planner"
	"github.com/lockfast/lockfast/internal/result"
)

// Whatever a host has and whatever is asked for: every finding is closed by a
// target or left with a reason, no target is below what is installed, and
// nothing excluded is taken.
func TestNoFindingGoesMissing(t *testing.T) {
	names := []string{"a", "b", "liba", "libb"}
	archs := []string{"amd64", "i386"}
	versions := []string{"1-1", "1-2", "1-3", "2:1-1"}
	rapid.Check(t, func(t *rapid.T) {
		pick := func(from []string, what string) string { return rapid.SampledFrom(from).Draw(t, what) }
		coin := func(what string) bool { return rapid.Bool().Draw(t, what) }
		inv := &inventory.Inventory{}
		for _, name := range names {
			for _, arch := range archs {
				if !coin("installed") {
					continue
				}
				inv.Packages = append(inv.Packages, inventory.Package{Manager: inventory.Dpkg, Name: name, Arch: arch, Source: name[len(name)-1:], Version: "1-1", SourceVersion: pick(versions, "source version"), State: inventory.StateInstalled, Held: coin("held")})
				if !coin("offered") {
					continue
				}
				u := inventory.Update{Package: name, Arch: arch, Source: name[len(name)-1:], Installed: "1-1", Candidate: pick([]string{"", "1-2", "1-3"}, "candidate")}
				if u.Security = u.Candidate == "" || coin("security"); u.Security {
					u.Fixed, u.FixedSource = pick(versions[1:], "fixed"), pick([]string{"", "1-2", "1-3", "2:1-1"}, "fixed source")
				}
				inv.Updates = append(inv.Updates, u)
			}
		}
		finding := func(n int) result.Finding {
			f := result.Finding{Key: fmt.Sprint(n), Status: pick([]string{"open", "open", "not-running", "no-fix", "leftover"}, "status"), SourcePackage: pick([]string{"a", "b"}, "source"), FixedVersion: pick(versions, "fixed version"), IDs: []string{fmt.Sprintf("CVE-2026-%d", n)}}
			for _, p := range inv.Packages {
				if p.Source == f.SourcePackage && coin("binary") {
					f.Packages = append(f.Packages, p.Name)
					f.Binaries = append(f.Binaries, result.Binary{Name: p.Name, Arch: p.Arch})
				}
			}
			if coin("kev known") {
				f.KEV = new(coin("kev"))
			}
			return f
		}
		var findings []result.Finding
		var waived []result.Waived
		for n := range rapid.IntRange(0, 4).Draw(t, "findings") {
			findings = append(findings, finding(n))
		}
		for n := range rapid.IntRange(0, 2).Draw(t, "waived") {
			waived = append(waived, result.Waived{Finding: finding(10 + n), Reason: "r", Expires: "2026-12-31"})
		}
		words := []string{"a", "b", "liba", "lib*", "CVE-2026-0", "CVE-2026-1*", "*"}
		o := planner.Options{All: coin("all"), MinAge: time.Duration(rapid.IntRange(0, 3).Draw(t, "age")) * time.Hour, MinAgeKEV: coin("kev waits"), Now: now}
		o.Only = rapid.SliceOfN(rapid.SampledFrom(words), 0, 2).Draw(t, "only")
		o.Exclude = rapid.SliceOfN(rapid.SampledFrom(words), 0, 2).Draw(t, "exclude")
		since := rapid.IntRange(0, 4).Draw(t, "seen")
		o.Seen = func(string, string) time.Time { return now.Add(-time.Duration(since) * time.Hour) }

		got := planner.Select(inv, findings, waived, o)
		spoken := map[string]bool{}
		for _, l := range got.Left {
			if l.Reason == "" || l.Package == "" {
				t.Fatalf("left without a reason: %+v", l)
			}
			spoken[l.Finding] = true
		}
		taken := map[string]bool{}
		for _, target := range got.Targets {
			name := target.Update.Package + ":" + target.Update.Arch
			if taken[name] {
				t.Fatalf("%s is taken twice", name)
			}
			taken[name] = true
			if target.Version != target.Update.Fixed && target.Version != target.Update.Candidate || target.Version == "" {
				t.Fatalf("%s is taken to %q, which is not on offer", name, target.Version)
			}
			for _, f := range target.Findings {
				spoken[f.Key] = true
				if f.Status != result.StatusOpen || !slices.Contains(f.Packages, target.Update.Package) {
					t.Fatalf("%s closes %+v", name, f)
				}
			}
			if slices.Contains(o.Exclude, target.Update.Package) || slices.Contains(o.Exclude, "*") {
				t.Fatalf("%s is excluded, and taken", name)
			}
			if len(o.Only) == 0 && !o.All && len(target.Findings) == 0 && !target.Update.Security {
				t.Fatalf("%s is a bug fix that nobody asked for", name)
			}
		}
		for _, f := range findings {
			if !spoken[f.Key] {
				t.Fatalf("finding %s is neither closed nor left: %+v", f.Key, f)
			}
		}
		for _, w := range waived {
			if !spoken[w.Finding.Key] {
				t.Fatalf("waived finding %s is neither closed nor left", w.Finding.Key)
			}
		}
	})
}
