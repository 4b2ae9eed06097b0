package planner

import (
	"cmp"
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
	s.known = slices.Clip(findings)
	for i := range waived {
		f := &waived[i].Finding
		s.known = append(s.known, *f)
		if o.All {
			s.finding(f)
			continue
		}
		s.leave(f, f.SourcePackage, "it is waived until "+waived[i].Expires+": "+waived[i].Reason)
	}
	for i := range inv.Updates {
		u := &inv.Updates[i]
		if s.targets[key(u)] == nil && (o.All || u.Security && len(s.spoken(u)) == 0) {
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
	known   []result.Finding // waived ones too
}

func key(u *inventory.Update) string { return u.Package + ":" + u.Arch }

// spoken are the open findings that have dealt with an update.
func (s *selector) spoken(u *inventory.Update) []*result.Finding {
	var list []*result.Finding
	for i := range s.known {
		if f := &s.known[i]; f.Status == result.StatusOpen && slices.Contains(f.Packages, u.Package) {
			list = append(list, f)
		}
	}
	return list
}

// version is the version that an update is taken to: the lowest with all
// security fixes, or with All the newest that is old enough. A pin may keep the
// candidate below the fix, or leave none.
func (s *selector) version(u *inventory.Update) string {
	switch {
	case u.Fixed == "":
		return u.Candidate
	case s.o.All && u.Candidate != "" && s.inv.Scheme().Compare(u.Candidate, u.Fixed) > 0 && s.young(cmp.Or(u.Source, u.Package), u.Candidate) == "":
		return u.Candidate
	}
	return u.Fixed
}

func (s *selector) finding(f *result.Finding) {
	if reason := s.unfit(f); reason != "" {
		s.leave(f, f.SourcePackage, reason)
		return
	}
	if len(f.Binaries) == 0 {
		s.leave(f, f.SourcePackage, "it names no installed package that could be updated")
		return
	}
	var missing []string
	for _, b := range f.Binaries {
		u := s.offer(b.Name, b.Arch)
		switch {
		case u == nil || f.FixedVersion != "" && !s.reaches(u, f):
			missing = append(missing, b.Name)
		case s.held(u):
			s.leave(f, u.Package, "it is held at its version; release it, or name the package with --only")
		default:
			s.take(u, f)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		missing = slices.Compact(missing)
		s.leave(f, f.SourcePackage, fmt.Sprintf("%s exists, but no configured archive offers it for %s; refresh the package manager's lists, or add the archive that has it", strings.TrimSpace("the fix "+f.FixedVersion), strings.Join(missing, ", ")))
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
		return "the fix is installed and does not run yet: restart " + cmp.Or(strings.Join(f.Restart, ", "), "what runs it")
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
				return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
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

// reaches reports whether the version that an update is taken to has the fix.
// Findings count by source; where the source's version cannot be told from the
// binary package's, the package manager is believed, and the scan afterwards
// says whether it was right.
func (s *selector) reaches(u *inventory.Update, f *result.Finding) bool {
	have := s.installed(u)
	next := have
	next.Version = s.version(u)
	next.SourceVersion = next.Version
	if next.Version == u.Fixed && u.FixedSource != "" {
		next.SourceVersion = u.FixedSource
	} else if have.Version != have.SourceVersion && !strings.HasPrefix(have.Version, have.SourceVersion+"+b") {
		return true
	}
	_, version := match.Source(&next)
	wanted := f.FixedVersion
	if have.Manager == inventory.RPM { // packages of one source have epochs of their own
		version, wanted = withoutEpoch(version), withoutEpoch(wanted)
	}
	return s.inv.Scheme().Compare(version, wanted) >= 0
}

func withoutEpoch(version string) string { return version[strings.IndexByte(version, ':')+1:] }

// installed is the package that an update replaces.
func (s *selector) installed(u *inventory.Update) inventory.Package {
	for i := range s.inv.Packages {
		if p := &s.inv.Packages[i]; p.Name == u.Package && (u.Arch == "" || p.Arch == u.Arch) && p.State.Present() {
			return *p
		}
	}
	return inventory.Package{Name: u.Package, Source: u.Source, Version: u.Installed, SourceVersion: u.Installed}
}

func (s *selector) held(u *inventory.Update) bool {
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

// update takes an update that no finding has taken. What was said of it with a
// finding is not said again.
func (s *selector) update(u *inventory.Update) {
	spoken := s.spoken(u)
	source, packages, ids := cmp.Or(u.Source, u.Package), []string{u.Package}, slices.Clone(u.IDs)
	for _, f := range spoken {
		ids = append(ids, f.IDs...)
	}
	reason := ""
	switch {
	case !s.wanted(source, packages, ids):
		return
	case s.excluded(source, packages, ids):
		reason = "it is excluded"
	case s.held(u):
		reason = "it is held at its version"
	default:
		reason = s.young(source, s.version(u))
	}
	switch {
	case reason == "":
		s.take(u, nil)
	case len(spoken) == 0:
		s.left = append(s.left, result.Left{Package: u.Package, Reason: reason, IDs: u.IDs})
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
