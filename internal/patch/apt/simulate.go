package apt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
)

// Lines of apt-get -s, which are not translated: apt-get(8), --simulate.
//
//	Inst nginx [1.22.1-9] (1.22.1-9+deb12u3 Debian-Security:12/stable-security [amd64]) []
//	Remv nginx [1.22.1-9]
var (
	instLine = regexp.MustCompile(`^Inst (\S+?)(?::(\S+))? (?:\[(\S+)\] )?\((\S+) (.*?) ?\[(\S+)\]\)`)
	remvLine = regexp.MustCompile(`^(?:Remv|Purg) (\S+?)(?::(\S+))? \[(\S+)\]`)
)

// Simulate asks apt what a request would do. A target that cannot be reached
// is found by asking again for halves, so that the others are still answered.
func (b *Backend) Simulate(ctx context.Context, r patch.Request) (patch.Simulation, error) {
	if r.All {
		changes, err := b.simulate(ctx, "upgrade", "--with-new-pkgs")
		if err != nil {
			return patch.Simulation{}, fmt.Errorf("cannot simulate the update: %w", err)
		}
		return b.finish(ctx, r, patch.Simulation{Changes: changes})
	}
	if len(r.Targets) == 0 {
		return patch.Simulation{}, nil
	}
	sim, err := b.simulateTargets(ctx, r.Targets, r.NewOK)
	if err != nil {
		return patch.Simulation{}, fmt.Errorf("cannot simulate the update: %w", err)
	}
	return b.finish(ctx, r, sim)
}

// finish refuses what the request did not allow and adds sizes.
func (b *Backend) finish(ctx context.Context, r patch.Request, sim patch.Simulation) (patch.Simulation, error) {
	for i := range sim.Changes {
		c := &sim.Changes[i]
		c.Requested = r.All && c.From != "" || slices.ContainsFunc(r.Targets, func(t patch.Ref) bool { return t.Name == c.Name && t.Version == c.To })
		if c.From == "" && !r.NewOK {
			sim.Problems = append(sim.Problems, patch.Problem{Package: c.Name, Why: "it would be installed anew, which was not allowed"})
		}
	}
	return sim, b.sizes(ctx, sim.Changes)
}

func (b *Backend) simulateTargets(ctx context.Context, targets []patch.Ref, newOK bool) (patch.Simulation, error) {
	changes, err := b.simulate(ctx, installArgs(targets)...)
	if i := slices.IndexFunc(changes, func(c patch.Change) bool { return c.From == "" }); err == nil && i >= 0 && !newOK {
		err = &simulationError{changes[i].Name + " would be installed anew, which was not allowed"}
	}
	var failed *simulationError
	switch {
	case err == nil:
		return patch.Simulation{Changes: changes}, nil
	case !errors.As(err, &failed):
		return patch.Simulation{}, err
	case len(targets) == 1:
		return patch.Simulation{Problems: []patch.Problem{{Package: targets[0].Name, Why: failed.why}}}, nil
	}
	return b.withoutProblems(ctx, targets, newOK)
}

// withoutProblems leaves out the targets that fail on their own and asks for
// the rest together.
func (b *Backend) withoutProblems(ctx context.Context, targets []patch.Ref, newOK bool) (patch.Simulation, error) {
	var sim patch.Simulation
	var good []patch.Ref
	for half := range slices.Chunk(targets, (len(targets)+1)/2) {
		part, err := b.simulateTargets(ctx, half, newOK)
		if err != nil {
			return sim, err
		}
		sim.Problems = append(sim.Problems, part.Problems...)
		for _, t := range half {
			if !slices.ContainsFunc(part.Problems, func(p patch.Problem) bool { return p.Package == t.Name }) {
				good = append(good, t)
			}
		}
	}
	switch {
	case len(good) == 0:
		return sim, nil
	case len(sim.Problems) == 0: // each half works and both together do not
		var err error
		half := (len(targets) + 1) / 2
		if good, sim.Problems, err = b.together(ctx, targets[:half], targets[half:]); err != nil {
			return sim, err
		}
	}
	again, err := b.simulateTargets(ctx, good, newOK)
	sim.Changes, sim.Problems = again.Changes, append(sim.Problems, again.Problems...)
	return sim, err
}

// together adds to targets that work what it can of more. What does not go with
// them is found by halves.
func (b *Backend) together(ctx context.Context, good, more []patch.Ref) ([]patch.Ref, []patch.Problem, error) {
	all := slices.Concat(good, more)
	_, err := b.simulate(ctx, installArgs(all)...)
	var failed *simulationError
	switch {
	case err == nil:
		return all, nil, nil
	case !errors.As(err, &failed):
		return nil, nil, err
	case len(more) == 1:
		return good, []patch.Problem{{Package: more[0].Name, Why: "it cannot be updated together with the others: " + failed.why}}, nil
	}
	var problems []patch.Problem
	for half := range slices.Chunk(more, (len(more)+1)/2) {
		var found []patch.Problem
		if good, found, err = b.together(ctx, good, half); err != nil {
			return nil, nil, err
		}
		problems = append(problems, found...)
	}
	return good, problems, nil
}

// installArgs asks apt-get for targets.
func installArgs(targets []patch.Ref) []string {
	args := []string{"install"}
	for _, t := range targets {
		args = append(args, arg(t))
	}
	return args
}

// simulationError says that apt found no way.
type simulationError struct{ why string }

func (e *simulationError) Error() string { return e.why }

var wish = []string{ //nolint:gochecknoglobals // a constant list
	"-q", "-y", "--no-install-recommends", "--allow-downgrades", // and what is held stays
	"-o", "Debug::NoLocking=1", "-o", "APT::Get::AutomaticRemove=false",
}

// simulate lists what apt would install by the package files that it would
// fetch, which costs half of what "apt-get -s" does. Only if apt finds no way
// without a removal is it asked for one, so that it can be named.
func (b *Backend) simulate(ctx context.Context, args ...string) ([]patch.Change, error) {
	files := append([]string{"--print-uris", "-q", "--no-remove", "-o", "Dir::Cache::Archives=/nonexistent/"}, wish...) // an empty cache: all files are named
	r, err := b.o.Runner.Run(ctx, hostexec.Cmd{Name: "apt-get", Args: append(files, args...), Env: quiet})
	if err != nil {
		return nil, err
	}
	if r.Code == 0 {
		changes, err := ParseURIs(r.Stdout)
		if err != nil {
			return nil, err
		}
		return changes, b.installed(ctx, changes)
	}
	return b.rehearse(ctx, args...)
}

// rehearse asks apt for every step that it would take.
func (b *Backend) rehearse(ctx context.Context, args ...string) ([]patch.Change, error) {
	all := append(append([]string{"-s"}, wish...), args...)
	r, err := b.o.Runner.Run(ctx, hostexec.Cmd{Name: "apt-get", Args: all, Env: quiet})
	if err != nil {
		return nil, err
	}
	if r.Code != 0 {
		return nil, &simulationError{failure("apt-get", r).Error()}
	}
	return ParseSimulation(r.Stdout)
}

// ParseURIs reads the lines of apt-get --print-uris:
//
//	'http://deb.example.org/pool/n/nginx/nginx_1.22_amd64.deb' nginx_1.22_amd64.deb 532468 SHA256:…
func ParseURIs(out []byte) ([]patch.Change, error) {
	changes, _, err := parseURIs(out)
	return changes, err
}

// parseURIs also returns where each file is.
func parseURIs(out []byte) (changes []patch.Change, uris []string, err error) {
	for line := range bytes.Lines(out) {
		if line[0] != '\'' {
			continue // words for people, before the list
		}
		text := strings.TrimRight(string(line), "\n")
		uri, rest, ok := strings.Cut(text[1:], "' ")
		f := strings.Fields(rest)
		if !ok || len(f) < 2 {
			return nil, nil, fmt.Errorf("cannot read apt-get's line %q", text)
		}
		ref, err := parseFileName(f[0])
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read apt-get's line %q: %w", text, err)
		}
		size, err := strconv.ParseInt(f[1], 10, 64)
		if err == nil && size < 0 {
			err = errors.New("its size is negative")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read apt-get's line %q: %w", text, err)
		}
		archive, _, _ := strings.Cut(uri, "/pool/")
		changes = append(changes, patch.Change{Name: ref.Name, Arch: ref.Arch, To: ref.Version, Size: size, Archive: archive})
		uris = append(uris, uri)
	}
	return changes, uris, nil
}

// parseFileName takes apart what FileName makes.
func parseFileName(name string) (patch.Ref, error) {
	base, isDeb := strings.CutSuffix(name, ".deb")
	parts := strings.Split(base, "_")
	if !isDeb || len(parts) != 3 {
		return patch.Ref{}, fmt.Errorf("%q is no name of a package file", name)
	}
	for i := range parts {
		var err error
		if parts[i], err = url.PathUnescape(parts[i]); err != nil {
			return patch.Ref{}, err
		}
		if parts[i] == "" || strings.ContainsAny(parts[i], "/\x00") {
			return patch.Ref{}, fmt.Errorf("%q is no name of a package file", name)
		}
	}
	return patch.Ref{Name: parts[0], Version: parts[1], Arch: parts[2]}, nil
}

// installed adds to changes which versions they replace.
func (b *Backend) installed(ctx context.Context, changes []patch.Change) error {
	names := make([]string, 0, len(changes))
	for _, c := range changes {
		names = append(names, c.Name)
	}
	if len(names) == 0 {
		return nil
	}
	entries, err := b.query(ctx, names...)
	if err != nil {
		return err
	}
	for i := range changes {
		for _, e := range entries {
			if e.name == changes[i].Name && e.present() && (e.arch == changes[i].Arch || e.arch == "all" || changes[i].Arch == "all") {
				changes[i].From = e.version
			}
		}
	}
	return nil
}

// ParseSimulation reads the Inst, Remv and Purg lines of apt-get -s. A line of
// these that cannot be read is an error.
func ParseSimulation(out []byte) ([]patch.Change, error) {
	var changes []patch.Change
	for line := range bytes.Lines(out) {
		text := strings.TrimRight(string(line), "\n")
		switch word, _, _ := strings.Cut(text, " "); word {
		case "Inst":
			m := instLine.FindStringSubmatch(text)
			if m == nil {
				return nil, fmt.Errorf("cannot read apt-get's line %q", text)
			}
			changes = append(changes, patch.Change{Name: m[1], Arch: m[6], From: m[3], To: m[4], Archive: m[5]})
		case "Remv", "Purg":
			m := remvLine.FindStringSubmatch(text)
			if m == nil {
				return nil, fmt.Errorf("cannot read apt-get's line %q", text)
			}
			changes = append(changes, patch.Change{Name: m[1], Arch: m[2], From: m[3]})
		}
	}
	return changes, nil
}
