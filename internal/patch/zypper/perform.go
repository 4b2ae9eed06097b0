package zypper

import (
	"context"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/plan"
)

// outputLimit bounds what is kept of a run's output to look for errors in; all
// of it is in the log.
const outputLimit = 16 << 20

// perform runs zypper in a unit of its own.
func (b *backend) perform(ctx context.Context, o patch.Order, unit string, args []string) error {
	var output strings.Builder
	code, err := b.launch.Launch(ctx, patch.Job{
		Unit: unit, Name: "zypper", Args: b.global(args...), Env: b.jobEnv(), Log: o.Log,
		Line: func(line string) {
			if output.Len() < outputLimit {
				output.WriteString(strings.TrimSuffix(line, "\n") + "\n")
			}
			report(o.Progress, line)
		},
	})
	if err != nil {
		return fmt.Errorf("cannot see the installation to its end: %w", err)
	}
	switch code {
	case 0, exitReboot, exitRestart:
		return nil
	case exitScript:
		return fmt.Errorf("the packages were installed, but a script of one of them failed: see %s", o.Log)
	}
	s, parseErr := parseStream([]byte(output.String()))
	if parseErr != nil { // it was killed, or printed nothing
		return fmt.Errorf("zypper ended with exit code %d in the middle of its output: see %s", code, o.Log)
	}
	return fmt.Errorf("%w: see %s", s.failure("zypper install", code), o.Log)
}

// jobEnv is the environment of what is launched.
func (b *backend) jobEnv() []string {
	env := []string{"LC_ALL=C.UTF-8", lockTimeout}
	if b.root != "/" {
		// Debian's rpm keeps its database below HOME: the one that is changed must
		// be the one that hostexec lets us read.
		env = append(env, "HOME=/nonexistent")
	}
	return env
}

// step is a line of zypper's output about one package.
type step struct {
	index, count int
	phase        string // "Installing" or "Removing"
	pkg          string // "alpha-1:1.2-1.x86_64"
	percent      int    // 0 when not stated
	done         bool   // it came to an end, good or bad
}

func parseStep(line string) (step, bool) {
	m := regexp.MustCompile(`^\s*<progress id="(install|remove)-resolvable" name="\(([0-9]{1,6})/([0-9]{1,6})\) ([A-Za-z]+):? ([^" ]+)"(?: value="([0-9]{1,3})")?(?: done="([0-9])")?/>`).FindStringSubmatch(line)
	if m == nil {
		return step{}, false
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n } // digits or empty
	s := step{index: number(m[2]), count: number(m[3]), phase: "Installing", pkg: html.UnescapeString(m[5]), percent: min(number(m[6]), 100), done: m[7] != ""}
	if m[1] == "remove" {
		s.phase = "Removing"
	}
	return s, s.index >= 1 && s.index <= s.count
}

func report(progress func(percent int, pkg, phase string), line string) {
	s, ok := parseStep(line)
	if !ok || progress == nil {
		return
	}
	if s.done {
		s.percent = 100
	}
	progress(((s.index-1)*100+s.percent)/s.count, s.pkg, s.phase)
}

// setMarks brings the marks of automatic installation and the locks to what is
// wanted. zypper takes what it is told to install for wanted by a person.
func (b *backend) setMarks(ctx context.Context, want []plan.Package) error {
	if err := b.setAuto(want); err != nil {
		return err
	}
	held, err := b.held(ctx)
	if err != nil {
		return err
	}
	for _, w := range want {
		if w.Version == "" || w.Held == held[w.Name] {
			continue
		}
		verb := "removelock"
		if w.Held {
			verb = "addlock"
		}
		if !nameForm.MatchString(w.Name) {
			return fmt.Errorf("cannot lock package %q: that is no name of a package", w.Name)
		}
		if _, err := b.list(ctx, nil, "--no-refresh", verb, "--type", "package", w.Name); err != nil {
			return err
		}
	}
	return nil
}
