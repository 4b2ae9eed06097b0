package dnf

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

const (
	// resultFile is where --debugsolver writes, below the working folder.
	resultFile  = "debugdata/rpms/solver.result"
	resultLimit = 64 << 20
)

// solution is what the solver would do.
type solution struct {
	added   map[patch.Ref]patch.Ref // what comes, and what it takes the place of (zero: nothing)
	removed map[patch.Ref]bool      // what goes, also where its place is taken
	pushed  map[patch.Ref]patch.Ref // what goes because another package obsoletes it, and that package
	repo    map[patch.Ref]string    // where what comes is from
	problem []string                // why the request cannot be carried out
}

// solve has dnf solve a request and reads the solver's result. Without a result
// there was nothing to solve, which said says more of.
func (b *backend) solve(ctx context.Context, args ...string) (s solution, said hostexec.Result, err error) {
	dir, err := os.MkdirTemp("", "lockfast-dnf-")
	if err != nil {
		return s, said, fmt.Errorf("cannot make a folder for the solver's result: %w", err)
	}
	defer func() { _ = hostfs.RemoveAll(dir) }()
	said, err = b.ask(ctx, dir, append([]string{"--assumeno", "--debugsolver"}, args...)...)
	if err != nil {
		return s, said, err
	}
	if said.Code != 0 && said.Code != 1 { // 1 is "no" to the question that --assumeno answers, too
		return s, said, failure("dnf "+verb(args), said)
	}
	data, err := hostfs.ReadLimited(os.DirFS(dir), resultFile, resultLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return s, said, nil
	}
	if err != nil {
		return s, said, fmt.Errorf("cannot read the solver's result: %w", err)
	}
	s, err = parseSolution(string(data))
	return s, said, err
}

// parseSolution reads the format of libsolv's test cases, of which every line
// must be known.
func parseSolution(text string) (solution, error) {
	s := solution{added: map[patch.Ref]patch.Ref{}, removed: map[patch.Ref]bool{}, pushed: map[patch.Ref]patch.Ref{}, repo: map[patch.Ref]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		if err := s.line(line); err != nil {
			return solution{}, fmt.Errorf("cannot read the solver's result %q: %w", oneLine(line), err)
		}
	}
	return s, nil
}

func (s *solution) line(line string) error {
	what, rest, _ := strings.Cut(line, " ")
	if what == "problem" {
		return s.trouble(rest)
	}
	operands, err := parseOperands(rest)
	if err != nil {
		return err
	}
	first, second := operands[0], operands[len(operands)-1]
	pair := len(operands) == 2
	switch what {
	case "install", "multiinstall", "multireinstall":
		if pair || first.repo == system {
			return errors.New("its operands are not known")
		}
		s.add(first, patch.Ref{})
	case "erase":
		if pair || first.repo != system {
			return errors.New("its operands are not known")
		}
		s.removed[first.ref] = true
	case "upgrade", "downgrade", "reinstall", "change", "obsolete":
		if !pair || first.repo != system || second.repo == system {
			return errors.New("its operands are not known")
		}
		s.removed[first.ref] = true
		if what == "obsolete" {
			s.pushed[first.ref] = second.ref
			s.add(second, s.added[second.ref])
			break
		}
		s.add(second, first.ref)
	default:
		return errors.New("it is not known here: this version of dnf is too new")
	}
	return nil
}

func (s *solution) add(o operand, instead patch.Ref) {
	s.added[o.ref], s.repo[o.ref] = instead, o.repo
}

// trouble reads "HASH info TEXT"; solutions are not taken.
func (s *solution) trouble(rest string) error {
	_, rest, _ = strings.Cut(rest, " ")
	kind, text, _ := strings.Cut(rest, " ")
	switch kind {
	case "info":
		if text = oneLine(text); !slices.Contains(s.problem, text) {
			s.problem = append(s.problem, text)
		}
	case "solution":
	default:
		return errors.New("it is not known here: this version of dnf is too new")
	}
	return nil
}

// system is the repository of what is installed.
const system = "@System"

type operand struct {
	ref  patch.Ref
	repo string
}

// parseOperands reads one or two of "app-2-1.x86_64@updates".
func parseOperands(text string) ([]operand, error) {
	var all []operand
	for word := range strings.FieldsSeq(text) {
		name, repo, ok := strings.Cut(word, "@")
		ref, err := parseNEVRA(name)
		if !ok || repo == "" || err != nil {
			return nil, errors.Join(errors.New("it has no package and repository"), err)
		}
		all = append(all, operand{ref, repo})
	}
	if len(all) != 1 && len(all) != 2 {
		return nil, errors.New("it has not one or two packages")
	}
	return all, nil
}
