package secure

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/result"
)

func describeHost(inv *inventory.Inventory, o ScanOptions) result.Host {
	h := result.Host{
		Name: inv.Hostname, Arch: inv.Arch, Root: o.Root, Live: inv.Live,
		Release: strings.TrimSpace(inv.Release.ID + " " + inv.Release.VersionID), ReleaseName: inv.Release.PrettyName,
		KernelRunning:  inv.Kernel.Running,
		RebootRequired: inv.Reboot.Required, RebootReason: inv.Reboot.Reason,
	}
	if r, ok := o.Lifecycles.Find(inv.Release); ok {
		ended := r.Ended(o.Now)
		h.EndOfLife, h.PastEndOfLife = r.End, &ended
	}
	for i := range inv.Packages {
		if inv.Packages[i].State.Present() {
			h.Packages++
		}
	}
	describeKernel(&h, inv)
	for _, s := range inv.Statuses {
		h.Collectors = append(h.Collectors, result.Status{Collector: s.Collector, Outcome: s.Outcome.String(), Reason: s.Reason})
	}
	for _, g := range inv.Gaps {
		h.NotLookedInto = append(h.NotLookedInto, result.Gap{What: g.What, Where: g.Where, Count: g.Count})
	}
	return h
}

// describeKernel compares the running kernel with the newest one on disk. In a
// container the kernel is the machine's around it, and nothing is said.
func describeKernel(h *result.Host, inv *inventory.Inventory) {
	newest, _ := inv.NewestKernel()
	h.KernelNewest = newest.Release
	if outdated, known := inv.KernelOutdated(); known {
		h.KernelOutdated = &outdated
	}
}

func describeListeners(inv *inventory.Inventory) []result.Listener {
	list := make([]result.Listener, 0, len(inv.Listeners))
	for _, l := range inv.Listeners {
		list = append(list, result.Listener{
			Socket: result.Socket{
				Protocol: strings.TrimSuffix(l.Protocol, "6"), Address: l.Address, Port: l.Port, Process: l.Process, Filter: l.Filter.String(),
			},
			Scope: l.Scope.String(), PID: l.PID, Package: l.Package, Unit: l.Unit, Why: cmp.Or(l.Unknown, l.FilterReason),
		})
	}
	return list
}

func describePackages(inv *inventory.Inventory) []result.Package {
	list := make([]result.Package, 0, len(inv.Packages))
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if !p.State.Present() {
			continue
		}
		list = append(list, result.Package{
			Manager: string(p.Manager), Name: p.Name, Version: p.Version, Arch: p.Arch, Source: p.Source, SourceVersion: p.SourceVersion,
			Origin: p.Origin.Kind.String(), Archive: p.Origin.Archive, PURL: purl(p, inv.Release),
		})
	}
	slices.SortFunc(list, func(a, b result.Package) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.Version, b.Version))
	})
	return list
}

// purl is the package URL of an installed package.
// https://github.com/package-url/purl-spec, types deb, rpm and apk.
func purl(p *inventory.Package, r inventory.Release) string {
	kind := map[inventory.Manager]string{inventory.Dpkg: "deb", inventory.RPM: "rpm", inventory.APK: "apk"}[p.Manager]
	version := p.Version
	query := "arch=" + url.QueryEscape(p.Arch)
	if p.Manager == inventory.RPM {
		if epoch, rest, ok := strings.Cut(version, ":"); ok {
			version = rest
			query += "&epoch=" + epoch
		}
	}
	if r.ID != "" && r.VersionID != "" {
		query += "&distro=" + url.QueryEscape(r.ID+"-"+r.VersionID)
	}
	return "pkg:" + kind + "/" + url.PathEscape(r.ID) + "/" + url.PathEscape(p.Name) + "@" + strings.ReplaceAll(url.PathEscape(version), ":", "%3A") + "?" + query
}
