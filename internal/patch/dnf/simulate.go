package dnf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// maxRounds bounds how often the solver is asked again without what it may not
// install.
const maxRounds = 25

// keepAll makes dnf take away nothing that nobody asked for, and bring nothing
// that a package only recommends.
var keepAll = []string{"--setopt=installonly_limit=0", "--setopt=clean_requirements_on_remove=0", "--setopt=install_weak_deps=0"} //nolint:gochecknoglobals // a constant list

// Simulate asks dnf's solver. Targets that cannot be had are left out, and each
// is then asked about alone for the reason.
func (b *backend) Simulate(ctx context.Context, r patch.Request) (patch.Simulation, error) {
	if err := b.four(ctx); err != nil {
		return patch.Simulation{}, err
	}
	db, err := b.database(ctx)
	if err != nil {
		return patch.Simulation{}, err
	}
	q := question{b: b, db: db, r: r}
	if q.held, err = b.held(); err != nil {
		return patch.Simulation{}, err
	}
	if r.All {
		err = q.everything(ctx)
	} else {
		err = q.targets(ctx)
	}
	if err != nil {
		return patch.Simulation{}, err
	}
	changes, err := q.changes(ctx)
	return patch.Simulation{Changes: changes, Problems: q.problems}, err
}

// question is a request on its way to an answer.
type question struct {
	b        *backend
	db       database
	r        patch.Request
	held     map[string]bool
	wanted   []patch.Ref
	problems []patch.Problem
	s        solution
}

func (q *question) problem(name, why string) {
	q.problems = append(q.problems, patch.Problem{Package: name, Why: why})
}

// everything is an upgrade of all packages.
func (q *question) everything(ctx context.Context) error {
	upgrades, err := q.b.query(ctx, "--upgrades")
	if err != nil {
		return err
	}
	// Without obsoletes: a package that takes the place of another removes it.
	if err := q.rounds(ctx, true, "--setopt=best=0", "--setopt=obsoletes=0", "upgrade"); err != nil {
		return err
	}
	came := map[string]bool{}
	for ref := range q.s.added {
		came[ref.Name] = true
	}
	var left []patch.Ref
	for k, files := range upgrades {
		if !came[k.name] {
			newest := slices.MaxFunc(files, func(a, b offered) int { return pkgver.CompareRPM(a.Version, b.Version) })
			left = append(left, newest.Ref)
		}
	}
	return q.explain(ctx, left)
}

// targets brings packages to versions.
func (q *question) targets(ctx context.Context) error {
	known, err := q.b.queryFor(ctx, q.r.Targets)
	if err != nil {
		return err
	}
	for _, t := range q.r.Targets {
		switch {
		case q.db.has(t):
		case len(known.at(t)) > 0:
			q.wanted = append(q.wanted, t)
		case q.held[t.Name]:
			q.problem(t.Name, "It is locked at its version: release it (dnf versionlock delete).")
		default:
			q.problem(t.Name, "No enabled repository has version "+t.Version+" for "+t.Arch+", or dnf is configured to exclude it.")
		}
	}
	if len(q.wanted) == 0 {
		return nil
	}
	specs, err := nevras(q.wanted)
	if err != nil {
		return err
	}
	if err := q.rounds(ctx, false, append([]string{"--setopt=strict=0", "--setopt=best=0", "install"}, specs...)...); err != nil {
		return err
	}
	return q.explain(ctx, slices.DeleteFunc(slices.Clone(q.wanted), func(t patch.Ref) bool { _, ok := q.s.added[t]; return ok }))
}

// rounds asks until the answer installs nothing anew that may not be, and with
// keep removes nothing.
func (q *question) rounds(ctx context.Context, keep bool, args ...string) error {
	var without []string
	for range maxRounds {
		all := slices.Concat(fromCache, keepAll, args)
		if len(without) > 0 {
			all = append([]string{"--exclude=" + strings.Join(without, ",")}, all...)
		}
		s, said, err := q.b.solve(ctx, all...)
		if err != nil {
			return err
		}
		if s.added == nil && said.Code != 0 {
			return failure("dnf "+verb(args), said)
		}
		q.s = s
		more := q.unwanted(keep)
		if len(more) == 0 {
			return nil
		}
		without = append(without, more...)
	}
	return errors.New("dnf's solver goes on finding ways that are not wanted; update fewer packages at once")
}

// unwanted are the packages in the answer that must not come, as specifications.
func (q *question) unwanted(keep bool) []string {
	var more []string
	for ref := range q.s.added {
		if !q.r.NewOK && q.anew(ref) && !slices.Contains(q.wanted, ref) {
			more = append(more, ref.Name)
		}
	}
	for _, by := range q.s.pushed {
		if keep {
			more = append(more, by.Name)
		}
	}
	slices.Sort(more)
	return slices.Compact(more)
}

// anew reports whether a package is not installed in any version.
func (q *question) anew(ref patch.Ref) bool { return q.db.near(keyOf(ref)) == "" }

// explain says of each package that is left why. Each is asked about alone.
func (q *question) explain(ctx context.Context, left []patch.Ref) error {
	slices.SortFunc(left, func(a, b patch.Ref) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch)) })
	for _, t := range left {
		spec, err := nevra(t)
		if err != nil {
			return err
		}
		s, said, err := q.b.solve(ctx, slices.Concat(fromCache, keepAll, []string{"install", spec})...)
		if err != nil {
			return err
		}
		q.problem(t.Name, q.why(t, s, complaint(string(said.Stderr))))
	}
	return nil
}

// why is one sentence.
func (q *question) why(t patch.Ref, s solution, said string) string {
	_, came := s.added[t]
	switch {
	case len(s.problem) > 0:
		return "dnf's solver says: " + strings.Join(s.problem, "; ") + "."
	case !came && said != "":
		return "dnf says: " + strings.TrimSuffix(said, ".") + "."
	case !came:
		return "dnf does not bring it to " + t.Version + " and gives no reason."
	}
	var anew, gone []string
	for ref := range s.added {
		if q.anew(ref) && ref != t {
			anew = append(anew, ref.Name)
		}
	}
	for ref := range s.pushed {
		gone = append(gone, ref.Name)
	}
	slices.Sort(anew)
	slices.Sort(gone)
	switch {
	case len(anew) > 0 && !q.r.NewOK:
		return "It needs packages that are not installed: " + strings.Join(anew, ", ") + "."
	case len(gone) > 0 && q.r.All:
		return "It would take the place of " + strings.Join(gone, ", ") + "."
	}
	return "It works by itself, but not with the others."
}

// changes are those of the answer, with sizes.
func (q *question) changes(ctx context.Context) ([]patch.Change, error) {
	var comes []patch.Ref
	for ref := range q.s.added {
		comes = append(comes, ref)
	}
	known, err := q.b.queryFor(ctx, comes)
	if err != nil {
		return nil, err
	}
	var changes []patch.Change
	replaced := map[key]bool{}
	for _, ref := range comes {
		replaced[keyOf(ref)] = true
		c := patch.Change{Name: ref.Name, Arch: ref.Arch, To: ref.Version, Archive: q.s.repo[ref]}
		old := q.db.newest(keyOf(ref))
		c.From = old.Version
		if instead := q.s.added[ref]; keyOf(instead) == keyOf(ref) {
			c.From = instead.Version
			old, _ = q.db.find(instead)
		}
		c.Requested = slices.Contains(q.wanted, ref) || q.r.All && !q.anew(ref)
		at := known.at(ref)
		if i := slices.IndexFunc(at, func(o offered) bool { return o.repo == c.Archive }); i >= 0 {
			c.Size, c.Disk = at[i].size, at[i].disk
		} else {
			return nil, fmt.Errorf("dnf's solver takes %s %s from %s, where it is not", ref.Name, ref.Version, c.Archive)
		}
		if q.s.removed[old.Ref] { // else both stay side by side
			c.Disk -= old.disk
		}
		changes = append(changes, c)
	}
	for ref := range q.s.removed {
		if !replaced[keyOf(ref)] {
			old, _ := q.db.find(ref)
			changes = append(changes, patch.Change{Name: ref.Name, Arch: ref.Arch, From: ref.Version, Disk: -old.disk})
		}
	}
	slices.SortFunc(changes, func(a, b patch.Change) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch)) })
	return changes, nil
}
