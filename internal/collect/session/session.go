// Package session sees who is logged in, through logind.
package session

import (
	"context"
	"fmt"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
)

// Session is a person who is logged in.
type Session struct {
	ID     string
	User   string
	Type   string // "tty", "x11", "wayland" …
	Remote bool   // over the network
}

// List lists the sessions of people; those of the system's own programs (a
// greeter, cron, a user's manager) do not count. An error means that it is not
// known who is logged in.
func List(ctx context.Context, run hostexec.Runner) ([]Session, error) {
	out, err := ask(ctx, run, "list-sessions", "--no-legend", "--no-pager")
	if err != nil {
		return nil, err
	}
	var ids []string
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) > 0 {
			ids = append(ids, f[0])
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	out, err = ask(ctx, run, append([]string{"show-session", "--no-pager", "-p", "Id", "-p", "Name", "-p", "Type", "-p", "Remote", "-p", "Class", "-p", "State", "--"}, ids...)...)
	if err != nil {
		return nil, err
	}
	return parse(out), nil
}

func ask(ctx context.Context, run hostexec.Runner, args ...string) (string, error) {
	r, err := run.Run(ctx, hostexec.Cmd{Name: "loginctl", Args: args})
	if err != nil {
		return "", fmt.Errorf("cannot see who is logged in: %w", err)
	}
	if r.Code != 0 {
		return "", fmt.Errorf("cannot see who is logged in: loginctl failed (exit %d): %s", r.Code, strings.TrimSpace(string(r.Stderr)))
	}
	return string(r.Stdout), nil
}

// parse reads blocks of NAME=VALUE lines with an empty line between.
func parse(out string) []Session {
	var list []Session
	for block := range strings.SplitSeq(out, "\n\n") {
		p := map[string]string{}
		for line := range strings.Lines(block) {
			if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
				p[name] = value
			}
		}
		// user, and since systemd 256 "user-early" and others with this beginning
		if !strings.HasPrefix(p["Class"], "user") || p["State"] == "closing" {
			continue
		}
		list = append(list, Session{ID: p["Id"], User: p["Name"], Type: p["Type"], Remote: p["Remote"] == "yes"})
	}
	return list
}
