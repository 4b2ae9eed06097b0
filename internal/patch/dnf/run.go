package dnf

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
)

// exitLocked is dnf's exit code where another program has its locks.
const exitLocked = 200

// fromCache makes dnf use what it has, and makes an error of a repository whose
// metadata it has not.
var fromCache = []string{"-C", "-q", "--setopt=*.skip_if_unavailable=0"} //nolint:gochecknoglobals // a constant list

// noRepos makes dnf look at what is installed, and at files given by path.
var noRepos = []string{"-C", "-q", "--disablerepo=*"} //nolint:gochecknoglobals // a constant list

// global are the arguments of every run.
func (b *backend) global(more ...string) []string {
	args := []string{"--setopt=exit_on_lock=1"}
	if b.root != "/" {
		args = append(args, "--installroot="+b.root)
	}
	return append(append(args, b.args...), more...)
}

// ask runs dnf in a folder; the caller judges the exit code.
func (b *backend) ask(ctx context.Context, dir string, args ...string) (hostexec.Result, error) {
	r, err := b.run.Run(ctx, hostexec.Cmd{Name: "dnf", Args: b.global(args...), Dir: dir})
	if err == nil && r.Code == exitLocked {
		err = b.locked(r)
	}
	return r, err
}

// must runs dnf, which has to succeed, and returns what it printed.
func (b *backend) must(ctx context.Context, args ...string) (string, error) {
	r, err := b.ask(ctx, "", args...)
	if err != nil {
		return "", err
	}
	if r.Code != 0 {
		return "", failure("dnf "+verb(args), r)
	}
	return string(r.Stdout), nil
}

// verb is the first argument that is no option.
func verb(args []string) string {
	i := slices.IndexFunc(args, func(a string) bool { return !strings.HasPrefix(a, "-") })
	if i < 0 {
		return strings.Join(args, " ")
	}
	return args[i]
}

// failure says what a program printed of its failure.
func failure(what string, r hostexec.Result) error {
	text := complaint(string(r.Stderr))
	if text == "" {
		text = complaint(string(r.Stdout))
	}
	if text == "" {
		text = "it gave no reason"
	}
	return fmt.Errorf("%s failed (exit %d): %s", what, r.Code, text)
}

// complaint is the part of an output that begins with "Error:", else all of it.
func complaint(text string) string {
	if i := strings.Index(text, "Error: "); i >= 0 {
		text = text[i+len("Error: "):]
	}
	// These are no reasons: dnf was told not to go on, and Debian's rpm warns of itself.
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line != "" && line != "Operation aborted." && !strings.HasPrefix(line, "rpm: ") {
			lines = append(lines, strings.TrimPrefix(line, "Error: "))
		}
	}
	return oneLine(strings.Join(lines, " "))
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

// jobEnv is the environment of what is launched.
func (b *backend) jobEnv() []string {
	env := []string{"LC_ALL=C.UTF-8"}
	if b.root != "/" {
		// Debian's rpm keeps its database below HOME: the one that is changed must
		// be the one that hostexec lets us read.
		env = append(env, "HOME=/nonexistent")
	}
	return env
}
