package notify_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostexec/hostexectest"
	"github.com/lockfast/lockfast/internal/notice"
	"github.com/lockfast/lockfast/internal/notify"
)

var update = flag.Bool("update", false, "rewrite golden files")

// stub runs a shell script of the test instead of sendmail.
type stub struct{ script string }

func (s stub) Run(ctx context.Context, cmd hostexec.Cmd) (hostexec.Result, error) {
	if cmd.Name != "/usr/sbin/sendmail" {
		return hostexec.Result{}, fmt.Errorf("started %s", cmd.Name)
	}
	cmd.Name = s.script
	return hostexec.System{}.Run(ctx, cmd)
}

// sendmailStub keeps arguments and input beside itself.
func sendmailStub(t *testing.T, end string) (stub, func() (args, mail string)) {
	t.Helper()
	script := write(t, "sendmail", "#!/bin/sh\nd=$(dirname \"$0\")\necho \"$*\" > \"$d/args\"\ncat > \"$d/mail\"\n"+end+"\n", 0o755)
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(filepath.Dir(script), name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	return stub{script}, func() (string, string) { return read("args"), read("mail") }
}

func TestSendmail(t *testing.T) {
	for name, msg := range map[string]*notice.Message{"plain": message(), "forged": forged()} {
		r, got := sendmailStub(t, "")
		told, err := notify.Local(t.Context(), sink(t, "mail:root"), msg, notify.Env{Run: r})
		if err != nil || told.People != 1 {
			t.Fatal(told, err)
		}
		args, mail := got()
		if args != "-t -i\n" || strings.Contains(mail, "\r") {
			t.Errorf("sendmail %s got %q", args, mail)
		}
		open(t, mail).honest(t, "root", "root", msg)
		if name == "plain" {
			golden(t, "mail", mail)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestSendmailThatFails(t *testing.T) {
	r, _ := sendmailStub(t, "printf 'queue is full\\n\\033[2J' >&2; exit 75")
	_, err := notify.Local(t.Context(), sink(t, "mail:root"), message(), notify.Env{Run: r})
	refused(t, err, "exit code 75: queue is full")
	_, err = notify.Local(t.Context(), sink(t, "mail:root"), message(), notify.Env{Run: &hostexectest.Fake{}})
	refused(t, err, "is not installed: install a mail program, or set notify.mail.server")
	_, err = notify.Local(t.Context(), sink(t, "mail:root"), message(), notify.Env{Run: r, From: "a@b\r\nBcc: c@d"})
	refused(t, err, "mail:admin@example.org")
}

// asRoot skips a test of programs that only root may own.
func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs files that root owns")
	}
}

func TestExec(t *testing.T) {
	asRoot(t)
	program := write(t, "tell", "#!/bin/sh\nd=$(dirname \"$0\")\ncat > \"$d/in\"\nenv > \"$d/env\"\n", 0o755)
	told, err := notify.Local(t.Context(), sink(t, "exec:"+program), message(), notify.Env{})
	if err != nil || told.People != 1 {
		t.Fatal(told, err)
	}
	want, err := notice.JSON(message())
	if err != nil {
		t.Fatal(err)
	}
	in, _ := os.ReadFile(filepath.Join(filepath.Dir(program), "in"))
	env, _ := os.ReadFile(filepath.Join(filepath.Dir(program), "env"))
	if string(in) != string(want) || !strings.Contains(string(env), "LOCKFAST_NOTICE_KIND=exploited-exposed\n") {
		t.Errorf("it got %q and %q", in, env)
	}
}

// unit runs programs elsewhere, as in a transient unit.
type unit struct{ calls []hostexec.Cmd }

func (u *unit) Run(_ context.Context, cmd hostexec.Cmd) (hostexec.Result, error) {
	u.calls = append(u.calls, cmd)
	_, err := io.ReadAll(cmd.Stdin)
	return hostexec.Result{}, err
}

func TestExecElsewhere(t *testing.T) {
	asRoot(t)
	program := write(t, "tell", "#!/bin/sh\nexit 1\n", 0o755)
	u := &unit{}
	if _, err := notify.Local(t.Context(), sink(t, "exec:"+program), message(), notify.Env{Exec: u}); err != nil || len(u.calls) != 1 || u.calls[0].Name != program {
		t.Errorf("got %+v, %v", u.calls, err)
	}
}

func TestProgramsThatAreNotRun(t *testing.T) {
	asRoot(t)
	good := "#!/bin/sh\n"
	open := write(t, "open", good, 0o755)
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	folder := write(t, "folder", good, 0o755)
	if err := os.Chmod(filepath.Dir(folder), 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		open: "others than root may write", folder: "others than root may write", link: "others than root may write",
		write(t, "text", good, 0o644):                           "chmod +x",
		filepath.Join(t.TempDir(), "tell"):                      "no such file",
		write(t, "fails", good+"echo why >&2; exit 3\n", 0o755): "exit code 3: why",
		write(t, "chatty", good+"exec yes\n", 0o755):            "printed more than",
	}
	for program, want := range cases {
		_, err := notify.Local(t.Context(), sink(t, "exec:"+program), message(), notify.Env{})
		refused(t, err, want)
	}
}

func TestMotd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "motd.d", "50-lockfast")
	env := notify.Env{Motd: file}
	if _, err := notify.Local(t.Context(), sink(t, "motd"), nil, env); err != nil {
		t.Fatal("nothing to take back: ", err)
	}
	if _, err := notify.Local(t.Context(), sink(t, "motd"), forged(), env); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if lines := strings.Split(string(data), "\n"); err != nil || len(lines) > 4 || strings.Contains(string(data), "\x1b") {
		t.Errorf("got %q, %v", data, err)
	}
	if _, err := notify.Local(t.Context(), sink(t, "motd"), message(), env); err != nil {
		t.Fatal(err)
	}
	data, _ = os.ReadFile(file)
	want := "Lockfast: URGENT: nginx listens with a hole that is being exploited\n  To do: lockfast fix apply nginx\n  And 1 other matter waits.\n"
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 || string(data) != want {
		t.Errorf("got %q, %v, %v", data, info, err)
	}
	if _, err := notify.Local(t.Context(), sink(t, "motd"), nil, env); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("still there: %v", err)
	}
}

const properties = " -p Type -p Name -p User -p Active -p Class"

func session(kind, name, uid, active, class string) hostexec.Result {
	return hostexec.Result{Stdout: []byte("Type=" + kind + "\nName=" + name + "\nUser=" + uid + "\nActive=" + active + "\nClass=" + class + "\n")}
}

func TestDesktop(t *testing.T) {
	calls := map[string]hostexec.Result{
		"loginctl list-sessions --no-legend --no-pager": {Stdout: []byte("  2 1000 jane seat0 tty2\n c1 115 gdm seat0\n3 1000 jane seat0\n4 1001 joe - pts/0\n5 1002 eve\n6 1003 ann\n-x 1 a\n7 1004 bob seat0\n\n")},
		"loginctl show-session 2" + properties:          session("wayland", "jane", "1000", "yes", "user"),
		"loginctl show-session c1" + properties:         session("x11", "gdm", "115", "yes", "greeter"),
		"loginctl show-session 3" + properties:          session("x11", "jane", "1000", "yes", "user"),
		"loginctl show-session 4" + properties:          session("tty", "joe", "1001", "yes", "user"),
		"loginctl show-session 5" + properties:          session("x11", "-c evil", "1002", "yes", "user"),
		"loginctl show-session 6" + properties:          {Code: 1},
		"loginctl show-session 7" + properties:          session("x11", "bob", "1004", "no", "user"),
	}
	note := "runuser -u jane -- notify-send --app-name=Lockfast --urgency=critical -- " + notice.Subject(message()) + "   To do: lockfast fix apply nginx\n  And 1 other matter waits."
	calls[note] = hostexec.Result{}
	fake := &hostexectest.Fake{Results: calls}
	told, err := notify.Local(t.Context(), sink(t, "desktop"), message(), notify.Env{Run: fake})
	if err != nil || told.People != 1 || told.Note != "" {
		t.Errorf("got %+v, %v\n%s", told, err, strings.Join(fake.Calls(), "\n"))
	}
	calls[note] = hostexec.Result{Code: 1, Stderr: []byte("no bus\n")}
	_, err = notify.Local(t.Context(), sink(t, "desktop"), message(), notify.Env{Run: fake})
	refused(t, err, "jane was not told: notify-send (of libnotify) failed with exit code 1: no bus")
	calls["loginctl show-session 7"+properties] = session("mir", "bob", "1004", "yes", "user")
	calls[strings.Replace(note, "jane", "bob", 1)] = hostexec.Result{}
	told, err = notify.Local(t.Context(), sink(t, "desktop"), message(), notify.Env{Run: fake})
	if err != nil || told.People != 1 || !strings.Contains(told.Note, "jane was not told") {
		t.Errorf("got %+v, %v", told, err)
	}
}

// bus looks at the environment of notify-send.
type bus struct {
	*hostexectest.Fake

	env []string
}

func (b *bus) Run(ctx context.Context, cmd hostexec.Cmd) (hostexec.Result, error) {
	if cmd.Name == "runuser" {
		b.env = cmd.Env
		return hostexec.Result{}, nil
	}
	return b.Fake.Run(ctx, cmd)
}

func TestDesktopUsesTheBusOfTheUser(t *testing.T) {
	b := &bus{Fake: &hostexectest.Fake{Results: map[string]hostexec.Result{
		"loginctl list-sessions --no-legend --no-pager": {Stdout: []byte("2 1000 jane seat0\n")},
		"loginctl show-session 2" + properties:          session("wayland", "jane", "1000", "yes", "user"),
	}}}
	if _, err := notify.Local(t.Context(), sink(t, "desktop"), message(), notify.Env{Run: b}); err != nil || len(b.env) == 0 || b.env[0] != "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus" {
		t.Errorf("environment %q, %v", b.env, err)
	}
}

func TestNobodyToTell(t *testing.T) {
	fake := &hostexectest.Fake{Results: map[string]hostexec.Result{"loginctl list-sessions --no-legend --no-pager": {}}}
	told, err := notify.Local(t.Context(), sink(t, "desktop"), message(), notify.Env{Run: fake})
	if err != nil || told.People != 0 || !strings.Contains(told.Note, "nobody to tell") {
		t.Errorf("got %+v, %v", told, err)
	}
	// Not being able to look is not nobody.
	_, err = notify.Local(t.Context(), sink(t, "desktop"), message(), notify.Env{Run: &hostexectest.Fake{}})
	refused(t, err, "cannot see who is logged in")
	fake.Results["loginctl list-sessions --no-legend --no-pager"] = hostexec.Result{Code: 1, Stderr: []byte("no bus")}
	_, err = notify.Local(t.Context(), sink(t, "desktop"), message(), notify.Env{Run: fake})
	refused(t, err, "exit code 1: no bus")
}

func TestPrometheus(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lockfast.prom")
	metrics := []notify.Metric{
		{Name: "lockfast_updates", Help: "Updates \\ that\nwait.", Labels: []notify.Label{{"state", `a "b" \ c` + "\nd"}, {"by", "x"}}, Value: 3},
		{Name: "lockfast_last", Help: "When.", Type: "counter", Value: 1795419000},
		{Name: "lockfast_updates", Help: "unused", Type: "unused", Value: math.Inf(1)},
		{Name: "lockfast_part", Value: 0.25},
	}
	if _, err := notify.Local(t.Context(), sink(t, "prometheus:"+file), nil, notify.Env{Metrics: metrics}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "metrics", string(data))
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestMetricsThatAreNotWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lockfast.prom")
	bad := map[string][]notify.Metric{
		"no name":           {{Name: "a b"}},
		"is no name":        {{Name: ""}},
		"it is no name":     {{Name: "1a"}},
		"no type":           {{Name: "a", Type: "histogram"}},
		"no label":          {{Name: "a", Labels: []notify.Label{{"b-c", ""}}}},
		"is no label":       {{Name: "a", Labels: []notify.Label{{"__name__", ""}}}},
		"or stands twice":   {{Name: "a", Labels: []notify.Label{{"b", "1"}, {"b", "2"}}}},
		"stands twice with": {{Name: "a", Labels: []notify.Label{{"b", "1"}, {"c", "2"}}}, {Name: "a", Labels: []notify.Label{{"c", "2"}, {"b", "1"}}}},
		"more than":         make([]notify.Metric, 10001),
	}
	for want, metrics := range bad {
		_, err := notify.Local(t.Context(), sink(t, "prometheus:"+file), nil, notify.Env{Metrics: metrics})
		refused(t, err, want)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("a file is there: %v", err)
	}
	_, err := notify.Local(t.Context(), sink(t, "prometheus:"+filepath.Join(t.TempDir(), "missing", "a.prom")), nil, notify.Env{})
	refused(t, err, "collector.textfile.directory")
}

func TestNoNews(t *testing.T) {
	for _, s := range []string{"mail:root", "desktop", "exec:/bin/true"} {
		told, err := notify.Local(t.Context(), sink(t, s), nil, notify.Env{Run: &hostexectest.Fake{}})
		if err != nil || told.People != 0 || told.Note == "" {
			t.Errorf("%s: got %+v, %v", s, told, err)
		}
	}
	_, err := notify.Local(t.Context(), sink(t, "webhook:https://h/T0KEN"), message(), notify.Env{})
	refused(t, err, "no sink of this host", "T0KEN")
	if !notify.IsRemote(sink(t, "webhook:https://h/"), notify.Settings{}) || notify.IsRemote(sink(t, "mail:root"), notify.Settings{}) ||
		!notify.IsRemote(sink(t, "mail:a@b"), notify.Settings{Mail: notify.Mail{Server: "h"}}) || notify.IsRemote(sink(t, "motd"), notify.Settings{}) {
		t.Error("the wrong sinks are remote")
	}
}
