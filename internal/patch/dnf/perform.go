package dnf

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
)

// perform runs dnf in a unit of its own.
func (b *backend) perform(ctx context.Context, o patch.Order, unit string, args []string) error {
	var said, scripts, refused []string
	all := slices.Concat([]string{"-C", "-y", "--disablerepo=*", "--disableplugin=versionlock", "--setopt=keepcache=1", "--comment=" + unit}, args)
	code, err := b.launch.Launch(ctx, patch.Job{
		Unit: unit, Name: "dnf", Args: b.global(all...), Env: b.jobEnv(), Log: o.Log,
		Line: func(line string) {
			report(o.Progress, line)
			const most = 5
			if refusal.MatchString(line) && len(refused) < most {
				refused = append(refused, oneLine(line))
			}
			if text, ok := strings.CutPrefix(line, "Error: "); ok && len(said) < most {
				said = append(said, oneLine(text))
			}
			if scriptForm.MatchString(line) && len(scripts) < most {
				scripts = append(scripts, oneLine(line))
			}
		},
	})
	switch {
	case err != nil:
		return fmt.Errorf("cannot see the installation to its end: %w", err)
	case code == exitLocked:
		return b.locked(hostexec.Result{Code: code, Stderr: []byte(strings.Join(refused, "\n"))})
	case code != 0:
		return fmt.Errorf("dnf failed (exit %d): %s; see %s", code, strings.Join(said, "; "), o.Log)
	case len(scripts) > 0:
		return errors.Join(
			fmt.Errorf("the packages were installed, but a script of one of them failed: %s; see %s", scripts[0], o.Log),
			note(o.Log, "\n"+markEnd+"\n"))
	}
	return nil
}

// refusal is what dnf says of a lock.
var refusal = regexp.MustCompile(`already locked by [0-9]|Malformed lock file`)

// scriptForm is not translated by dnf.
var scriptForm = regexp.MustCompile(`^Error in [A-Z]+ scriptlet in rpm package \S+$`)

// step is a line of dnf's output about one package.
type step struct {
	phase, pkg   string // "Upgrading", "app-2-1.x86_64"
	index, count int
}

// stepForm is "  Upgrading        : app-2-1.x86_64        2/5 ".
var stepForm = regexp.MustCompile(`^  ([A-Z][A-Za-z ]{0,30}?) *: (\S*) +([0-9]{1,6})/([0-9]{1,6}) *$`)

func parseStep(line string) (step, bool) {
	m := stepForm.FindStringSubmatch(line)
	if m == nil {
		return step{}, false
	}
	number := func(s string) int { n, _ := strconv.Atoi(s); return n } // digits only
	s := step{phase: m[1], pkg: m[2], index: number(m[3]), count: number(m[4])}
	return s, s.index >= 1 && s.index <= s.count
}

// report passes progress on: nine tenths of it are for installing, the rest for
// dnf's verification, in which every package comes once more.
func report(progress func(percent int, pkg, phase string), line string) {
	s, ok := parseStep(line)
	switch {
	case !ok || progress == nil:
	case s.phase == "Verifying":
		progress(90+10*s.index/s.count, s.pkg, s.phase)
	case s.phase == "Preparing":
		progress(0, s.pkg, s.phase)
	default:
		progress(90*s.index/s.count, s.pkg, s.phase)
	}
}
