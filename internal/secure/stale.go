package secure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/exposure"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/result"
)

// stale are findings for packages whose installed files are fine while
// processes still run older ones: installed is not running. Packages that have
// an open finding anyway are left to it.
func stale(inv *inventory.Inventory, open map[string]bool) []result.Finding {
	bySource := map[string]*result.Finding{}
	var order []string
	for _, s := range exposure.NotRunning(inv) {
		if open[s.Package] {
			continue
		}
		for i := range inv.Packages {
			p := &inv.Packages[i]
			if p.Name != s.Package || !p.State.Present() {
				continue
			}
			source, version := match.Source(p)
			f := bySource[source]
			if f == nil {
				f = &result.Finding{
					Key: fmt.Sprintf("%s:%s@%s#%s", inv.Release.ID, source, version, result.StatusRestart), Status: result.StatusRestart, SourcePackage: source,
					InstalledVersion: version, FixedVersion: version, Severity: advisory.SeverityUnknown.String(),
				}
				bySource[source] = f
				order = append(order, source)
			}
			addStale(f, p, s)
			break // the same name on another architecture has the same processes
		}
	}
	list := make([]result.Finding, 0, len(order))
	for _, source := range order {
		f := bySource[source]
		facts := exposure.Of(inv, f.Packages)
		running := true
		f.Running, f.Exposed, f.ExposedOn = &running, facts.Exposed, facts.ExposedOn
		list = append(list, *f)
	}
	return list
}

func addStale(f *result.Finding, p *inventory.Package, s exposure.Stale) {
	f.Packages = append(f.Packages, p.Name)
	f.Binaries = append(f.Binaries, result.Binary{Name: p.Name, Version: p.Version, Arch: p.Arch, Manager: string(p.Manager)})
	for _, r := range s.Processes {
		if !slices.ContainsFunc(f.RunningIn, func(known result.Process) bool { return known.PID == r.PID }) {
			f.RunningIn = append(f.RunningIn, r)
		}
	}
	f.Restart = append(f.Restart, s.Restart...)
	slices.Sort(f.Restart)
	f.Restart = slices.Compact(f.Restart)
	f.Evidence = append(f.Evidence, result.Evidence{
		Kind: "process", Source: "processes",
		Detail: fmt.Sprintf("%s still runs files that were replaced: %s", commands(s.Processes), strings.Join(s.Files[:min(3, len(s.Files))], ", ")),
	})
}

func commands(list []result.Process) string {
	names := make([]string, 0, len(list))
	for _, p := range list {
		names = append(names, p.Command)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) > 3 {
		return strings.Join(names[:3], ", ") + fmt.Sprintf(" and %d more", len(names)-3)
	}
	return strings.Join(names, ", ")
}
