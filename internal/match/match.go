package match

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// Rows answers which advisories speak of a package. An empty answer means that
// there are none; an error means that it could not be found out.
type Rows interface {
	Lookup(eco advisory.Ecosystem, pkg string) ([]advisory.Row, error)
}

// State is what an advisory means for an installed package.
type State uint8

// States of a hit.
const (
	Open    State = 1 // affected, Hit.Fixed repairs it
	NoFix   State = 2 // affected, nothing repairs it yet
	Unknown State = 3 // may be affected; Hit.Why says what is missing to tell
)

// Hit is an advisory that applies, or may apply, to an installed package.
type Hit struct {
	Package int // index into the packages given
	Row     *advisory.Row
	State   State
	Fixed   string // lowest version that repairs it; for Unknown, what the distribution's own package would need
	Why     string // only for Unknown
}

// Answer is what [Packages] found.
type Answer struct {
	Hits []Hit
	// Covered[i] reports whether the store has any row for package i.
	Covered []bool
}

// Packages compares every present package with the rows of the ecosystems.
// An error means that part of the advisories could not be read, so that no
// answer can be given.
func Packages(pkgs []inventory.Package, ecos []advisory.Ecosystem, rows Rows) (Answer, error) {
	answer := Answer{Covered: make([]bool, len(pkgs))}
	lookup := newLookup(rows)
	for i := range pkgs {
		p := &pkgs[i]
		if !p.State.Present() {
			continue
		}
		for _, eco := range ecos {
			scheme, ok := eco.Scheme()
			if !ok || scheme != p.Manager.Scheme() {
				continue
			}
			found, err := lookup.rows(eco, nameIn(eco, p))
			if err != nil {
				return Answer{}, fmt.Errorf("cannot look up %s in the advisories: %w", p.Name, err)
			}
			answer.Covered[i] = answer.Covered[i] || len(found) > 0
			for r := range found {
				if hit, ok := Judge(p, &found[r], scheme); ok {
					hit.Package = i
					answer.Hits = append(answer.Hits, hit)
				}
			}
		}
	}
	return answer, nil
}

// lookup keeps the last answer: binary packages of one source come in a row.
type lookup struct {
	from Rows
	eco  advisory.Ecosystem
	name string
	last []advisory.Row
}

func newLookup(from Rows) *lookup { return &lookup{from: from} }

func (l *lookup) rows(eco advisory.Ecosystem, name string) ([]advisory.Row, error) {
	if l.eco == eco && l.name == name {
		return l.last, nil
	}
	found, err := l.from.Lookup(eco, name)
	if err != nil {
		return nil, err
	}
	l.eco, l.name, l.last = eco, name, found
	return found, nil
}

func nameIn(eco advisory.Ecosystem, p *inventory.Package) string {
	if eco.Names() == advisory.NamesSource {
		name, _ := Source(p)
		return name
	}
	return p.Name
}

func versionIn(row *advisory.Row, p *inventory.Package) string {
	if row.Ecosystem.Names() == advisory.NamesSource {
		_, version := Source(p)
		return version
	}
	return p.Version
}

// Judge says what one row means for one package; false when it means nothing.
func Judge(p *inventory.Package, row *advisory.Row, scheme pkgver.Scheme) (Hit, bool) {
	if row.Kind != advisory.KindSecurity || row.Withdrawn || row.Verdict != advisory.VerdictAffected {
		return Hit{}, false
	}
	if NoKernelCode(p) || !concerns(p, row) {
		return Hit{}, false
	}
	hit := Hit{Row: row}
	if row.Module == "?" {
		hit.State, hit.Why = Unknown, "the record does not say which module stream it speaks of"
		return hit, p.Module != ""
	}
	if bad := noVersion(row, scheme); bad != "" {
		hit.State, hit.Why = Unknown, "the record's version "+bad+" is none, so nothing can be compared with it"
		return hit, true
	}
	state, fixed := evaluate(versionIn(row, p), row, scheme)
	hit.State, hit.Fixed = state, fixed
	if why := foreign(p, state); why != "" {
		hit.State, hit.Why = Unknown, why
		if fixed == "" {
			hit.Fixed = lowestFix(row, scheme)
		}
		return hit, true
	}
	return hit, state != 0
}

// noVersion returns a bound of the row that is no version of the scheme, ""
// if there is none. Published records have such: "kernel-image-2.4.17-ia64".
func noVersion(row *advisory.Row, scheme pkgver.Scheme) string {
	for i := range row.Ranges {
		r := &row.Ranges[i]
		for _, v := range [...]string{begin(r), r.Fixed, r.LastAffected} {
			if v != "" && pkgver.Valid(scheme, v) != nil {
				return v
			}
		}
	}
	return ""
}

// concerns reports whether the row speaks of this binary package at all.
func concerns(p *inventory.Package, row *advisory.Row) bool {
	if row.Module != "?" && row.Module != p.Module {
		return false
	}
	if len(row.Binaries) == 0 || row.Ecosystem.Names() != advisory.NamesSource {
		return true
	}
	return slices.Contains(row.Binaries, p.Name)
}

// evaluate returns 0 when version is outside every range.
func evaluate(version string, row *advisory.Row, scheme pkgver.Scheme) (State, string) {
	state, fixed := State(0), ""
	for i := range row.Ranges {
		r := &row.Ranges[i]
		if !inside(version, r, scheme) || betterFixed(row.Ranges, r, scheme) {
			continue
		}
		if r.Fixed == "" {
			return NoFix, ""
		}
		state = Open
		if fixed == "" || scheme.Compare(r.Fixed, fixed) > 0 {
			fixed = r.Fixed
		}
	}
	if state == 0 {
		for _, v := range row.Versions {
			if scheme.Compare(v, version) == 0 {
				return listedFix(version, row, scheme)
			}
		}
	}
	return state, fixed
}

func inside(version string, r *advisory.Range, scheme pkgver.Scheme) bool {
	if begin(r) != "" && scheme.Compare(version, r.Introduced) < 0 {
		return false
	}
	if r.Fixed != "" {
		return scheme.Compare(version, r.Fixed) < 0
	}
	return r.LastAffected == "" || scheme.Compare(version, r.LastAffected) <= 0
}

// begin is where a range begins, "" for "from the first version".
func begin(r *advisory.Range) string {
	if r.Introduced == "0" {
		return ""
	}
	return r.Introduced
}

// betterFixed reports whether another range with the same beginning is closed
// earlier: the record names the package twice, and the lower build has the fix
// too. (With the same beginning the lower one also gives the fix to install.)
func betterFixed(all []advisory.Range, r *advisory.Range, scheme pkgver.Scheme) bool {
	for i := range all {
		other := &all[i]
		if other == r || other.Fixed == "" || begin(other) != begin(r) {
			continue
		}
		if r.Fixed == "" || scheme.Compare(other.Fixed, r.Fixed) < 0 {
			return true
		}
	}
	return false
}

// listedFix is the answer for a version named one by one: the lowest fix above it.
func listedFix(version string, row *advisory.Row, scheme pkgver.Scheme) (State, string) {
	fixed := ""
	for i := range row.Ranges {
		f := row.Ranges[i].Fixed
		if f != "" && scheme.Compare(version, f) < 0 && (fixed == "" || scheme.Compare(f, fixed) < 0) {
			fixed = f
		}
	}
	if fixed == "" {
		return NoFix, ""
	}
	return Open, fixed
}

func lowestFix(row *advisory.Row, scheme pkgver.Scheme) string {
	fixed := ""
	for i := range row.Ranges {
		f := row.Ranges[i].Fixed
		if f != "" && (fixed == "" || scheme.Compare(f, fixed) < 0) {
			fixed = f
		}
	}
	return fixed
}

// foreign says why the distribution's advisories prove nothing about a package,
// or "" when they do. state is what the version alone would say, 0 for "fixed".
func foreign(p *inventory.Package, state State) string {
	switch p.Origin.Kind {
	case inventory.OriginDistribution:
		return ""
	case inventory.OriginBackports:
		return "it comes from " + archive(p) + ", and the release's advisories do not cover backports"
	case inventory.OriginVendor:
		return "it comes from " + archive(p) + ", whose advisories are not loaded: its version number proves nothing against the distribution's"
	case inventory.OriginLocal:
		if state == 0 {
			return "it is in no configured archive (built or copied by hand): its version number proves nothing against the distribution's"
		}
		return "" // lower than the fix of the same source: open until shown otherwise
	case inventory.OriginUnknown:
	}
	if state == 0 && p.Manager == inventory.Dpkg && !madeByDistribution(p.Vendor) {
		return "its origin could not be found out, and its maintainer (" + p.Vendor + ") is not the distribution"
	}
	return ""
}

func archive(p *inventory.Package) string {
	if p.Origin.Archive == "" {
		return "another archive"
	}
	return p.Origin.Archive
}

// madeByDistribution reports whether a Debian maintainer field is one of the
// distribution's own. An empty field tells nothing and counts as its own: the
// caller has reported that origins are unknown.
func madeByDistribution(maintainer string) bool {
	if maintainer == "" {
		return true
	}
	m := strings.ToLower(maintainer)
	for _, own := range []string{"debian", "ubuntu", "canonical"} {
		if strings.Contains(m, own) {
			return true
		}
	}
	return false
}
