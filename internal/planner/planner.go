package planner

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/result"
)

// Options are what a person or a policy asks for.
type Options struct {
	All     bool     // bug fixes too, each to its newest version
	Only    []string // advisories, CVEs, source or binary packages; empty: everything
	Exclude []string // likewise; the last element of a name may be "*"
	// MinAge is how long a fix must have been seen before it is taken.
	MinAge time.Duration
	// MinAgeKEV makes known exploited holes wait too.
	MinAgeKEV bool
	// Seen is since when a version of a source package has been seen on offer.
	Seen func(source, version string) time.Time
	Now  time.Time
}

// Target is a package to be brought to a version.
type Target struct {
	Update   inventory.Update
	Version  string
	Findings []*result.Finding // that it closes
}

// Selection is what to do and what is left.
type Selection struct {
	Targets []Target
	Left    []result.Left
}

// Select chooses the updates for the findings of a scan. What a waiver accepts
// is left as it is, unless everything is to be updated.
func Select(inv *inventory.Inventory, findings []result.Finding, waived []result.Waived, o Options) Selection {
	s := &selector{inv: inv, o: o, targets: map[string]*Target{}}
	for i := range findings {
		s.finding(&findings[i])
	}
	spoken := findings
	for i := range waived {
		f := &waived[i].Finding
		s.leave(f, f.SourcePackage, "it is waived until "+waived[i].Expires+": "+waived[i].Reason)
		spoken = append(spoken[:len(spoken):len(spoken)], *f)
	}
	for i := range inv.Updates {
		u := &inv.Updates[i]
		if s.targets[key(u)] == nil && (o.All || u.Security && !s.spoken(spoken, u)) {
			s.update(u)
		}
	}
	out := Selection{Left: s.left}
	for _, k := range s.order {
		out.Targets = append(out.Targets, *s.targets[k])
	}
	return out
}

type selector struct {
	inv     *inventory.Inventory
	o       Options
	targets map[string]*Target
	order   []string
	left    []result.Left
}

func key(u *inventory.Update) string { return u.Package + ":" + u.Arch }

// spoken reports whether a finding has dealt with an update.
func (s *selector) spoken(findings []result.Finding, u *inventory.Update) bool {
	return slices.ContainsFunc(findings, func(f result.Finding) bool {
		return f.Status == result.StatusOpen && slices.Contains(f.Packages, u.Package)
	})
}

// version is the version that an update is taken to: the lowest with all
// security fixes, or with All the newest.
func (s *selector) version(u *inventory.Update) string {
	if s.o.All || u.Fixed == "" {
		return u.Candidate
	}
	return u.Fixed
}

func (s *selector) finding(f *result.Finding) {
	if reason := s.unfit(f); reason != "" {
		s.leave(f, f.SourcePackage, reason)
		return
	}
	var missing []string
	for _, b := range f.Binaries {
		u := s.offer(b.Name, b.Arch)
		switch {
		case u == nil || f.FixedVersion != "" && !s.reaches(u, f):
			missing = append(missing, b.Name)
		case s.held(u):
			s.leave(f, u.Package, "it is held at its version; release it (apt-mark unhold) or name it with --only and --unhold")
		default:
			s.take(u, f)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		missing = slices.Compact(missing)
		s.leave(f, f.SourcePackage, fmt.Sprintf("the fix %s exists, but no configured archive offers it for %s; refresh the package manager's lists, or add the archive that has it", f.FixedVersion, strings.Join(missing, ", ")))
	}
}

// unfit says why nothing is to be done for a finding, "" if something is.
func (s *selector) unfit(f *result.Finding) string {
	switch f.Status {
	case result.StatusNoFix:
		return "no fix exists yet"
	case result.StatusLeftover:
		return "it is only left on disk and does not run"
	case result.StatusRestart:
		return "the fix is installed and does not run yet: restart " + strings.Join(f.Restart, ", ")
	}
	switch {
	case !s.wanted(f.SourcePackage, f.Packages, f.IDs):
		return "it is not among what --only names"
	case s.excluded(f.SourcePackage, f.Packages, f.IDs):
		return "it is excluded"
	}
	if f.KEV != nil && *f.KEV && !s.o.MinAgeKEV {
		return ""
	}
	return s.young(f.SourcePackage, f.FixedVersion)
}

// young says that a fix is not yet old enough.
func (s *selector) young(source, version string) string {
	if s.o.MinAge == 0 || s.o.Seen == nil {
		return ""
	}
	since := s.o.Seen(source, version)
	if due := since.Add(s.o.MinAge); due.After(s.o.Now) {
		return fmt.Sprintf("the fix was first seen on %s and waits until %s (--min-age)", since.UTC().Format(time.RFC3339), due.UTC().Format(time.RFC3339))
	}
	return ""
}

func (s *selector) wanted(source string, packages, ids []string) bool {
	return len(s.o.Only) == 0 || named(s.o.Only, source, packages, ids)
}

func (s *selector) excluded(source string, packages, ids []string) bool {
	return named(s.o.Exclude, source, packages, ids)
}

func named(list []string, source string, packages, ids []string) bool {
	return slices.ContainsFunc(list, func(pattern string) bool {
		fits := func(name string) bool {
			if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
				return strings.HasPrefix(name, prefix)
			}
			return strings.EqualFold(name, pattern)
		}
		return fits(source) || slices.ContainsFunc(packages, fits) || slices.ContainsFunc(ids, fits)
	})
}

func (s *selector) offer(name, arch string) *inventory.Update {
	for i := range s.inv.Updates {
		u := &s.inv.Updates[i]
		if u.Package == name && (u.Arch == arch || u.Arch == "" || arch == "") {
			return u
		}
	}
	return nil
}

// reaches reports whether what the archive offers has the fix.
func (s *selector) reaches(u *inventory.Update, f *result.Finding) bool {
	fixed := u.FixedSource
	if fixed == "" || s.o.All {
		return true // the manager's own security metadata speak of the binary package
	}
	return s.inv.Scheme().Compare(fixed, f.FixedVersion) >= 0
}

func (s *selector) held(u *inventory.Update) bool {
	if slices.Contains(s.o.Only, u.Package) {
		return false
	}
	return slices.ContainsFunc(s.inv.Packages, func(p inventory.Package) bool {
		return p.Name == u.Package && (p.Arch == u.Arch || u.Arch == "") && p.Held && p.State.Present()
	})
}

func (s *selector) take(u *inventory.Update, f *result.Finding) {
	k := key(u)
	t := s.targets[k]
	if t == nil {
		t = &Target{Update: *u, Version: s.version(u)}
		s.targets[k] = t
		s.order = append(s.order, k)
	}
	if f != nil && !slices.Contains(t.Findings, f) {
		t.Findings = append(t.Findings, f)
	}
}

// update takes an update that no finding speaks of.
func (s *selector) update(u *inventory.Update) {
	source, packages := u.Source, []string{u.Package}
	if source == "" {
		source = u.Package
	}
	switch {
	case !s.wanted(source, packages, u.IDs):
	case s.excluded(source, packages, u.IDs):
		s.left = append(s.left, result.Left{Package: u.Package, Reason: "it is excluded", IDs: u.IDs})
	case s.held(u):
		s.left = append(s.left, result.Left{Package: u.Package, Reason: "it is held at its version", IDs: u.IDs})
	default:
		if reason := s.young(source, s.version(u)); reason != "" {
			s.left = append(s.left, result.Left{Package: u.Package, Reason: reason, IDs: u.IDs})
			return
		}
		s.take(u, nil)
	}
}

func (s *selector) leave(f *result.Finding, name, reason string) {
	s.left = append(s.left, result.Left{
		Finding: f.Key, Package: name, Reason: reason, IDs: f.IDs, Severity: f.Severity, KEV: f.KEV != nil && *f.KEV,
	})
}

// Source is the source package of an installed binary package.
func Source(inv *inventory.Inventory, name, arch string) string {
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if p.Name == name && (arch == "" || p.Arch == arch) && p.State.Present() {
			source, _ := match.Source(p)
			return source
		}
	}
	return name
}
