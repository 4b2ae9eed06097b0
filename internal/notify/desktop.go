package notify

import (
	"context"
	"errors"
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/notice"
)

const (
	desktopTime = 20 * time.Second // a session that hangs does not keep the others waiting for long
	maxSessions = 64
)

// user is somebody who sits in front of a screen.
type user struct{ name, uid string }

// desktop shows a message in each graphical session of this host.
func desktop(ctx context.Context, msg *notice.Message, r hostexec.Runner) (Told, error) {
	users, err := graphical(ctx, r)
	if err != nil {
		return Told{}, err
	}
	var told Told
	var failed []string
	for _, u := range users {
		if err := show(ctx, r, u, msg); err != nil {
			failed = append(failed, fmt.Sprintf("%s was not told: %v", u.name, err))
			continue
		}
		told.People++
	}
	switch all := notice.Clean(strings.Join(failed, "; ")); {
	case all != "" && told.People == 0:
		return Told{}, errors.New(all)
	case all != "":
		told.Note = all
	case told.People == 0:
		told.Note = "nobody to tell: no graphical session is active"
	}
	return told, nil
}

// graphical finds who has an active graphical session.
func graphical(ctx context.Context, r hostexec.Runner) ([]user, error) {
	list, err := loginctl(ctx, r, "list-sessions", "--no-legend", "--no-pager")
	if err != nil {
		return nil, err
	}
	var users []user
	seen := map[string]bool{}
	lines := strings.Split(list, "\n")
	for _, line := range lines[:min(len(lines), maxSessions)] {
		fields := strings.Fields(line)
		if len(fields) == 0 || atom(fields[0]) != fields[0] || strings.HasPrefix(fields[0], "-") {
			continue
		}
		text, err := loginctl(ctx, r, "show-session", fields[0], "-p", "Type", "-p", "Name", "-p", "User", "-p", "Active", "-p", "Class")
		if err != nil {
			continue // it ended since
		}
		if u, ok := sits(text); ok && !seen[u.uid] {
			seen[u.uid] = true
			users = append(users, u)
		}
	}
	return users, nil
}

func loginctl(ctx context.Context, r hostexec.Runner, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, desktopTime)
	defer cancel()
	result, err := r.Run(ctx, hostexec.Cmd{Name: "loginctl", Args: args, MaxOutput: programOutput})
	if err != nil {
		return "", fmt.Errorf("cannot see who is logged in: %w", err)
	}
	if result.Code != 0 {
		return "", fmt.Errorf("cannot see who is logged in: loginctl failed with exit code %d: %s", result.Code, said(result.Stderr))
	}
	return string(result.Stdout), nil
}

// sits reads a session's properties: whether a person looks at it, and who.
func sits(text string) (user, bool) {
	p := map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		name, value, _ := strings.Cut(line, "=")
		p[name] = strings.TrimSpace(value)
	}
	u := user{name: p["Name"], uid: p["User"]}
	_, err := strconv.ParseUint(u.uid, 10, 32)
	screen := p["Type"] == "x11" || p["Type"] == "wayland" || p["Type"] == "mir"
	named := u.name != "" && !strings.HasPrefix(u.name, "-") && !strings.ContainsAny(u.name, " /:=") && notice.Clean(u.name) == u.name
	return u, err == nil && screen && named && p["Active"] == "yes" && p["Class"] == "user"
}

// show runs notify-send as the user whose session it is: the session's bus takes
// nothing from root.
func show(ctx context.Context, r hostexec.Runner, u user, msg *notice.Message) error {
	ctx, cancel := context.WithTimeout(ctx, desktopTime)
	defer cancel()
	urgency := "normal"
	if msg.Urgent {
		urgency = "critical" // stays until it is clicked away
	}
	var body []string
	if lines := notice.Brief(msg); len(lines) > 1 {
		body = lines[1:]
	}
	text := html.EscapeString(strings.Join(body, "\n")) // the body may hold markup
	run := "/run/user/" + u.uid
	result, err := r.Run(ctx, hostexec.Cmd{
		Name:      "runuser",
		Args:      []string{"-u", u.name, "--", "notify-send", "--app-name=Lockfast", "--urgency=" + urgency, "--", notice.Subject(msg), text},
		Env:       []string{"DBUS_SESSION_BUS_ADDRESS=unix:path=" + run + "/bus", "XDG_RUNTIME_DIR=" + run},
		MaxOutput: programOutput,
	})
	if err != nil {
		return err
	}
	if result.Code != 0 {
		return fmt.Errorf("notify-send (of libnotify) failed with exit code %d: %s", result.Code, said(result.Stderr))
	}
	return nil
}
