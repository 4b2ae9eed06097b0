package zypper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// Simulate lets zypper's solver work out what the targets need. Where all
// together do not work, the largest part that does is found by halving, so that
// one package that cannot be updated does not hold up the others.
func (b *backend) Simulate(ctx context.Context, r patch.Request) (patch.Simulation, error) {
	host, err := b.open()
	if err != nil {
		return patch.Simulation{}, err
	}
	defer func() { _ = host.Close() }()
	all, err := b.allMetadata(ctx, host) // first: zypper fetches what is missing, asked or not
	if err != nil {
		return patch.Simulation{}, err
	}
	db, err := b.database(ctx)
	if err != nil {
		return patch.Simulation{}, err
	}
	targets := r.Targets
	if r.All {
		if targets, err = b.listUpdates(ctx); err != nil {
			return patch.Simulation{}, err
		}
	}
	known, err := b.index(ctx, host, all, names(targets))
	if err != nil {
		return patch.Simulation{}, err
	}
	s := solver{b: b, db: db, newOK: r.NewOK, keep: r.All}
	targets, problems := s.possible(targets, known)
	good, more, err := s.halve(ctx, targets)
	if err != nil {
		return patch.Simulation{}, err
	}
	changes, more, err := s.together(ctx, good, len(targets), more)
	if err != nil {
		return patch.Simulation{}, err
	}
	known, err = b.index(ctx, host, all, changedNames(changes))
	if err != nil {
		return patch.Simulation{}, err
	}
	complete(changes, known, db, good)
	return patch.Simulation{Changes: changes, Problems: append(problems, more...)}, nil
}

func names(refs []patch.Ref) map[string]bool {
	set := map[string]bool{}
	for _, r := range refs {
		set[r.Name] = true
	}
	return set
}

func changedNames(changes []patch.Change) map[string]bool {
	set := map[string]bool{}
	for _, c := range changes {
		set[c.Name] = true
	}
	return set
}

// solver asks zypper about subsets of the targets.
type solver struct {
	b     *backend
	db    database
	newOK bool // packages may be installed anew
	keep  bool // nothing may be removed
	last  []patch.Change
}

// possible leaves out targets that are there already, and those that no
// repository has.
func (s *solver) possible(targets []patch.Ref, known index) (left []patch.Ref, problems []patch.Problem) {
	for _, t := range targets {
		switch {
		case s.db.has(t):
		case len(known.at(t)) == 0:
			problems = append(problems, patch.Problem{Package: t.Name, Why: "No enabled repository has version " + t.Version + " for " + t.Arch + "."})
		default:
			left = append(left, t)
		}
	}
	return left, problems
}

// halve returns the targets that work, at least each half by itself.
func (s *solver) halve(ctx context.Context, targets []patch.Ref) (good []patch.Ref, problems []patch.Problem, err error) {
	if len(targets) == 0 {
		return nil, nil, nil
	}
	why, err := s.try(ctx, targets)
	if err != nil {
		return nil, nil, err
	}
	if why == "" {
		return targets, nil, nil
	}
	if len(targets) == 1 {
		return nil, []patch.Problem{{Package: targets[0].Name, Why: why}}, nil
	}
	for _, half := range [][]patch.Ref{targets[:len(targets)/2], targets[len(targets)/2:]} {
		g, p, err := s.halve(ctx, half)
		if err != nil {
			return nil, nil, err
		}
		good, problems = append(good, g...), append(problems, p...)
	}
	return good, problems, nil
}

// together makes sure that the good ones also work with each other; all is the
// number of targets, of which all were tried together already.
func (s *solver) together(ctx context.Context, good []patch.Ref, all int, problems []patch.Problem) ([]patch.Change, []patch.Problem, error) {
	if len(good) == 0 {
		return nil, problems, nil
	}
	if len(good) == all && len(problems) == 0 {
		return s.last, problems, nil
	}
	why, err := s.try(ctx, good)
	if err != nil {
		return nil, nil, err
	}
	if why == "" {
		return s.last, problems, nil
	}
	for _, t := range good {
		problems = append(problems, patch.Problem{Package: t.Name, Why: "It works by itself but not with the others: " + why})
	}
	return nil, problems, nil
}

// try asks zypper about targets. why is the reason that these cannot be had, as
// one sentence; if there is none, the changes stand in last.
func (s *solver) try(ctx context.Context, targets []patch.Ref) (why string, err error) {
	args := []string{"--no-refresh", "install", "--type", "package", "--no-recommends", "--dry-run", "--details"}
	var capabilities []string
	lower := false
	for _, t := range targets {
		c, err := capability(t)
		if err != nil {
			return "", err
		}
		capabilities = append(capabilities, c)
		here := s.db.newest(keyOf(t)).Version
		lower = lower || here != "" && pkgver.CompareRPM(t.Version, here) < 0
	}
	if lower {
		args = append(args, "--oldpackage")
	}
	answer, code, err := s.b.ask(ctx, nil, append(args, capabilities...)...)
	if err != nil {
		return "", err
	}
	if why := answer.refusal(code); why != "" {
		return why, nil
	}
	if answer.errorText() != "" || !dryRunGood(code) {
		return "", answer.failure("zypper install --dry-run", code)
	}
	s.last, err = answer.changes()
	if err != nil {
		return "", err
	}
	return s.objection(targets), nil
}

func dryRunGood(code int) bool { return code == 0 || code == exitReboot || code == exitRestart }

// refusal is what zypper said of the request itself, rather than of something
// that went wrong, as a sentence.
func (s *stream) refusal(code int) string {
	if why := s.conflict(); why != "" && code == exitZyppProblem {
		return "zypper's solver says: " + why + "."
	}
	if code == exitNotFound {
		return strings.TrimSuffix(cmp.Or(s.errorText(), "zypper does not find it"), ".") + "."
	}
	return ""
}

// objection is what speaks against the changes.
func (s *solver) objection(targets []patch.Ref) string {
	for _, t := range targets {
		if !slices.ContainsFunc(s.last, func(c patch.Change) bool { return c.Name == t.Name && c.Arch == t.Arch && c.To == t.Version }) {
			return "zypper does not bring it to " + t.Version + " and gives no reason; is it locked?"
		}
	}
	var anew, removed []string
	for _, c := range s.last {
		switch {
		case c.To == "":
			removed = append(removed, c.Name)
		case c.From == "" && !isTarget(targets, c):
			anew = append(anew, c.Name)
		}
	}
	if len(anew) > 0 && !s.newOK {
		return "It needs packages that are not installed: " + strings.Join(anew, ", ") + "."
	}
	if len(removed) > 0 && s.keep {
		return "It would remove " + strings.Join(removed, ", ") + "."
	}
	return ""
}

func isTarget(targets []patch.Ref, c patch.Change) bool {
	return slices.ContainsFunc(targets, func(t patch.Ref) bool { return t.Name == c.Name && t.Arch == c.Arch })
}

// changes reads the summary of a run. Every section must be known, and every
// package in it have a name and a version.
func (s *stream) changes() ([]patch.Change, error) {
	if s.Summary == nil {
		return nil, errors.New("zypper gave no summary of what it would do")
	}
	found := map[patch.Change]bool{}
	for _, section := range s.Summary.Sections {
		for i := range section.Other {
			if n := &section.Other[i]; n.packages() {
				return nil, fmt.Errorf("zypper's summary has packages in <%s> in <%s>, which is not known here: this version of zypper is too new", n.XMLName.Local, section.XMLName.Local)
			}
		}
		for _, p := range section.Solvables {
			switch p.Type {
			case "package":
			case "patch", "pattern", "product", "application":
				continue // made of packages, which stand in the summary too
			default:
				return nil, fmt.Errorf("zypper's summary has a %q called %q, which is not known here", p.Type, p.Name)
			}
			if err := addChange(found, section.XMLName.Local, p); err != nil {
				return nil, err
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b patch.Change) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), cmp.Compare(a.To, b.To), cmp.Compare(a.From, b.From))
	}), nil
}
