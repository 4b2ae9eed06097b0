package secure

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/result"
)

// databases are the collectors without which nothing can be said of packages.
var databases = []string{"release", "dpkg", "rpm", "apk"}

// managers are the collectors that read the package manager's own evidence.
var managers = []string{"apt", "dnf", "zypper"}

// unknowns lists everything this scan could not say, what blocks an answer
// first.
func unknowns(inv *inventory.Inventory, o ScanOptions, data *dataView, out match.Outcome) []result.Unknown {
	list := slices.Clone(data.problems)
	for _, c := range data.coverage {
		if c.Partial != "" {
			list = append(list, result.Unknown{
				What:     fmt.Sprintf("packages of %s outside the advisories", c.Ecosystem),
				Why:      fmt.Sprintf("its records are partial (%s), so a package without a record is not thereby safe; sync complete data", c.Partial),
				Blocking: true, Accepted: o.AcceptPartial, Packages: out.Uncovered,
			})
		}
	}
	list = append(list, failedCollectors(inv, o)...)
	list = append(list, missingEvidence(inv, o)...)
	list = append(list, endOfLife(inv, o)...)
	list = append(list, foreignPackages(out)...)
	list = append(list, out.Unknown...)
	slices.SortStableFunc(list, func(a, b result.Unknown) int { return rank(a) - rank(b) })
	return list
}

func rank(u result.Unknown) int {
	switch {
	case u.Blocking && !u.Accepted:
		return 0
	case u.Blocking:
		return 1
	case len(u.IDs) > 0:
		return 2
	}
	return 3
}

func failedCollectors(inv *inventory.Inventory, o ScanOptions) []result.Unknown {
	var list []result.Unknown
	for _, s := range inv.Statuses {
		if s.Outcome != inventory.Failed && s.Outcome != inventory.Partial {
			continue
		}
		blocking := slices.Contains(databases, s.Collector) || o.Store == "" && slices.Contains(managers, s.Collector)
		list = append(list, result.Unknown{What: subject(s.Collector), Why: s.Reason, Blocking: blocking})
	}
	return list
}

// subject says in words what a collector answers.
func subject(collector string) string {
	switch collector {
	case "release":
		return "which release this is"
	case "dpkg", "rpm", "apk":
		return "packages in the " + collector + " database"
	case "apt", "dnf", "zypper":
		return "what " + collector + " knows of pending updates and origins"
	case "apk-repositories":
		return "where apk's packages come from"
	case "kernel":
		return "which kernel runs and which are installed"
	case "processes":
		return "what runs, and what still runs replaced files"
	case "dpkg-log":
		return "which replaced versions still run"
	case "sockets":
		return "who listens"
	case "firewall":
		return "what the packet filter lets in"
	}
	return collector
}

// missingEvidence speaks up where nothing at all stands behind "no findings".
func missingEvidence(inv *inventory.Inventory, o ScanOptions) []result.Unknown {
	var list []result.Unknown
	present := slices.ContainsFunc(inv.Packages, func(p inventory.Package) bool { return p.State.Present() })
	if !present && !anyOutcome(inv, databases[1:], inventory.Failed) {
		list = append(list, result.Unknown{What: "packages", Why: "no package database was found (dpkg, rpm, apk); is this the root of a host?", Blocking: true})
	}
	if o.Store == "" {
		list = append(list, result.Unknown{
			What: "CVE data", Why: "no advisory store is loaded: findings rest on the package manager's own security metadata, without severities, known exploitation or holes that have no fix yet; see lockfast advisories sync",
		})
	}
	if o.Store == "" && present && !anyOutcome(inv, managers, inventory.Succeeded, inventory.Partial, inventory.Failed) {
		list = append(list, result.Unknown{What: "pending security updates", Why: "there is neither an advisory store nor a package manager whose metadata could be read; import or sync advisories", Blocking: true})
	}
	if o.Store != "" && slices.ContainsFunc(inv.Packages, func(p inventory.Package) bool {
		return p.State.Present() && p.Origin.Kind == inventory.OriginUnknown
	}) {
		list = append(list, result.Unknown{What: "origin of some packages", Why: "it could not be found out from which archive they came; they are compared with the distribution's advisories as if they were its own", Packages: unknownOrigins(inv)})
	}
	return list
}

func unknownOrigins(inv *inventory.Inventory) []string {
	var names []string
	for _, p := range inv.Packages {
		if p.State.Present() && p.Origin.Kind == inventory.OriginUnknown {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func anyOutcome(inv *inventory.Inventory, names []string, outcomes ...inventory.Outcome) bool {
	return slices.ContainsFunc(inv.Statuses, func(s inventory.Status) bool {
		return slices.Contains(names, s.Collector) && slices.Contains(outcomes, s.Outcome)
	})
}

func endOfLife(inv *inventory.Inventory, o ScanOptions) []result.Unknown {
	r, ok := o.Lifecycles.Find(inv.Release)
	if !ok || !r.Ended(o.Now) {
		return nil
	}
	return []result.Unknown{{
		What: "holes found since " + r.End, Blocking: true, Accepted: o.AcceptPartial,
		Why: fmt.Sprintf("security updates of %s %s ended on that day: newer holes are neither fixed nor recorded; upgrade to a supported release", r.ID, r.Version),
	}}
}

func foreignPackages(out match.Outcome) []result.Unknown {
	archives := make([]string, 0, len(out.Foreign))
	for a := range out.Foreign {
		archives = append(archives, a)
	}
	slices.Sort(archives)
	var list []result.Unknown
	for _, a := range archives {
		names := out.Foreign[a]
		list = append(list, result.Unknown{
			What: fmt.Sprintf("%s from %s", plural(len(names), "package"), a),
			Why:  "the advisories of those who built them are not loaded: " + strings.Join(names[:min(3, len(names))], ", ") + more(names), Packages: names,
		})
	}
	return list
}

func more(names []string) string {
	if len(names) > 3 {
		return ", …"
	}
	return ""
}
