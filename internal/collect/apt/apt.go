package apt

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/inventory"
)

type collector struct{}

// New returns the collector "apt". It runs after "release" and "dpkg", whose
// packages it gives an origin, and fills Archives and Updates.
//
// It reads files only. With host.Changelogs and a runner it asks `apt-get
// changelog` for the changelogs of pending security updates, which apt fetches
// over the network; changelogs of updates already downloaded are read from the
// packages themselves.
func New() collect.Collector { return collector{} }

func (collector) Name() string { return "apt" }

// Collect never removes what it finds in inv; only packages of dpkg get an
// origin. Without any list every origin is unknown and the outcome Failed.
func (collector) Collect(ctx context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	all := newCatalogue(inv)
	if len(all.packages) == 0 {
		return inventory.Status{Outcome: inventory.NotApplicable}
	}
	now := inv.Taken
	if now.IsZero() {
		now = time.Now().UTC()
	}
	native := nativeArch(inv)
	c := readConfig(host.FS, native)
	if len(c.sources) == 0 {
		return unknownOrigins(inv, failure(host.FS, c))
	}
	found := findLists(host.FS, c, inv.Release, native, now)
	if len(found.archives) == 0 {
		reason := "apt has no package lists of its configured sources"
		return unknownOrigins(inv, sentence(append([]string{reason + ": run apt-get update"}, found.problems...)))
	}
	problems := slices.Concat(c.problems, found.problems)
	for i := range found.archives {
		if err := all.read(ctx, host.FS, found.archives, i); err != nil {
			problems = append(problems, damaged(err))
		}
	}
	gaps := len(found.missing) > 0 || len(problems) > 0
	fillOrigins(inv, &judge{archives: found.archives, all: all, host: inv.Release, gaps: gaps})
	inv.Archives = append(inv.Archives, archivesOf(found.archives)...)
	updates := fillUpdates(inv, all, newPolicy(c.pins, c.target, found.archives), found.archives)
	problems = append(problems, addChanges(ctx, host, all, inv.Updates[updates:])...)
	if len(found.missing) > 0 {
		problems = append(problems, "no package lists for "+strings.Join(found.missing, ", ")+": run apt-get update")
	}
	if len(found.expired) > 0 {
		problems = append(problems, strings.Join(found.expired, "; ")+": newer updates may exist, run apt-get update")
	}
	if len(problems) > 0 {
		return inventory.Status{Outcome: inventory.Partial, Reason: sentence(problems)}
	}
	return inventory.Status{Outcome: inventory.Succeeded}
}

func damaged(err error) string {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return "stopped: " + err.Error()
	}
	return "damaged list: " + err.Error() + "; run apt-get update"
}

// failure says why there is nothing to read.
func failure(fsys fs.FS, c config) string {
	if len(c.problems) > 0 {
		return sentence(c.problems)
	}
	if _, err := fs.Stat(fsys, configDir); err != nil {
		return "packages of dpkg are installed, but apt is not set up here (no /" + configDir + "): their origins and pending updates are unknown"
	}
	return "no package source is enabled in /" + path.Join(configDir, "sources.list") + " or /" + path.Join(configDir, "sources.list.d") + ": origins and pending updates are unknown"
}

// nativeArch is the host's architecture, else that of the package dpkg.
func nativeArch(inv *inventory.Inventory) string {
	if inv.Arch != "" {
		return inv.Arch
	}
	for i := range inv.Packages {
		if inv.Packages[i].Name == "dpkg" {
			return inv.Packages[i].Arch
		}
	}
	return ""
}

// unknownOrigins gives every package the reason why nothing is known.
func unknownOrigins(inv *inventory.Inventory, reason string) inventory.Status {
	for i := range inv.Packages {
		if p := &inv.Packages[i]; p.Manager == inventory.Dpkg && p.State.Present() {
			p.Origin = inventory.Origin{Reason: "apt's package lists could not be read"}
		}
	}
	return inventory.Status{Outcome: inventory.Failed, Reason: reason}
}

func fillOrigins(inv *inventory.Inventory, j *judge) {
	for i := range inv.Packages {
		if p := &inv.Packages[i]; p.Manager == inventory.Dpkg && p.State.Present() {
			p.Origin = j.origin(p)
		}
	}
}

// archivesOf lists the archives, each name once: an archive has one list for
// each architecture.
func archivesOf(archives []archive) []inventory.Archive {
	var all []inventory.Archive
	for i := range archives {
		a := &archives[i]
		one := inventory.Archive{Name: a.name, Security: a.security, Date: a.release.Date}
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	return all
}

// fillUpdates appends the pending updates and returns where they begin.
func fillUpdates(inv *inventory.Inventory, all *catalogue, p policy, archives []archive) int {
	first := len(inv.Updates)
	u := pending{archives: archives, all: all, policy: p, present: presentNames(all)}
	for i := range inv.Packages {
		one := &inv.Packages[i]
		if one.Manager != inventory.Dpkg || !one.State.Present() {
			continue
		}
		if update, ok := u.update(one); ok {
			inv.Updates = append(inv.Updates, update)
		}
	}
	inv.Updates = append(inv.Updates, all.kernels.withoutMeta(inv, inv.Updates[first:], archives)...)
	return first
}

// sentence joins problems; a host in disorder has many, the first tell enough.
func sentence(problems []string) string {
	const most = 8
	if n := len(problems) - most; n > 0 {
		problems = append(slices.Clone(problems[:most]), "and more of the kind")
	}
	return strings.Join(problems, "; ")
}
