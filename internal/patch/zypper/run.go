package zypper

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
)

// Exit codes of zypper(8) that are no failure.
const (
	exitUpdates     = 100 // updates are needed
	exitSecurity    = 101 // security updates are needed
	exitReboot      = 102 // the installed patches need a reboot
	exitRestart     = 103 // zypper itself was updated and must be run again
	exitNotFound    = 104
	exitNoRepos     = 6
	exitLocked      = 7   // another program uses zypper or rpm
	exitScript      = 107 // a package script failed
	exitZyppProblem = 4
)

// lockTimeout lets zypper wait for another run of it to end.
const lockTimeout = "ZYPP_LOCK_TIMEOUT=120"

// global are the arguments that every run starts with. No prompt is answered
// but by its default, which is always the careful one.
func (b *backend) global(more ...string) []string {
	args := []string{"--xmlout", "--non-interactive"}
	if b.root != "/" {
		args = append(args, "--root", b.root)
	}
	return append(append(args, b.args...), more...)
}

// ask runs zypper and reads its answer; the caller judges the exit code.
func (b *backend) ask(ctx context.Context, env []string, args ...string) (*stream, int, error) {
	result, err := b.run.Run(ctx, hostexec.Cmd{Name: "zypper", Args: b.global(args...), Env: append([]string{lockTimeout}, env...)})
	if err != nil {
		return nil, 0, err
	}
	s, err := parseStream(result.Stdout)
	if err != nil {
		return nil, 0, fmt.Errorf("zypper ended with exit code %d: %w%s", result.Code, err, stderrText(result))
	}
	return s, result.Code, nil
}

// list is ask for what must succeed as a whole.
func (b *backend) list(ctx context.Context, good []int, args ...string) (*stream, error) {
	s, code, err := b.ask(ctx, nil, args...)
	if err != nil {
		return nil, err
	}
	if s.errorText() != "" || code != 0 && !slices.Contains(good, code) {
		return nil, s.failure("zypper "+strings.Join(args, " "), code)
	}
	return s, nil
}

// failure says what went wrong in a run.
func (s *stream) failure(what string, code int) error {
	text := s.errorText()
	if code == exitLocked {
		holder := "another program"
		if m := regexp.MustCompile(`pid ([0-9]+) \(([^()]*)\)`).FindStringSubmatch(text); m != nil {
			holder = path.Base(m[2]) + " (pid " + m[1] + ")"
		}
		return &patch.LockedError{Manager: "zypper", Holder: holder}
	}
	return failed(what, code, text)
}

func failed(what string, code int, text string) error {
	if text == "" {
		text = "it gave no reason"
	}
	return fmt.Errorf("%s ended with exit code %d: %s", what, code, text)
}

// rpm runs rpm or one of its kin; the caller judges the exit code.
func (b *backend) rpm(ctx context.Context, program string, args ...string) (hostexec.Result, error) {
	return b.run.Run(ctx, hostexec.Cmd{Name: program, Args: b.rpmArgs(args...)})
}

func (b *backend) rpmArgs(args ...string) []string {
	if b.root == "/" {
		return args
	}
	return append([]string{"--root", b.root}, args...)
}

func stderrText(r hostexec.Result) string {
	if text := oneLine(string(r.Stderr)); text != "" {
		return "; it said: " + text
	}
	return ""
}

// first runs a program that needs no root, and returns its first line.
func (b *backend) first(ctx context.Context, program string, args ...string) (string, error) {
	result, err := b.run.Run(ctx, hostexec.Cmd{Name: program, Args: args})
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(result.Stdout), "\n")
	if result.Code != 0 || line == "" {
		return "", failed(program, result.Code, oneLine(string(result.Stderr)))
	}
	return line, nil
}
