package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/notice"
)

// Limits of what a local program may take.
const (
	programTime   = time.Minute
	programOutput = 1 << 20
)

// Env is what sinks of this host need.
type Env struct {
	Run     hostexec.Runner // sendmail, loginctl, runuser; nil: this machine's programs
	Exec    hostexec.Runner // runs the programs of exec sinks; nil: Run
	From    string          // sender of mail; empty: root
	Motd    string          // file shown at login; empty: [MotdFile]
	Metrics []Metric        // what a prometheus sink writes
}

// Told is how telling went.
type Told struct {
	People int    // sinks or sessions that were reached; 0: there was nobody to tell
	Note   string // why nobody, or who could not be reached beside those who were; may be empty
}

// Local takes a message to a sink of this host. Where a state is shown (motd,
// prometheus) msg may be nil: nothing stands.
func Local(ctx context.Context, sink notice.Sink, msg *notice.Message, env Env) (Told, error) {
	if env.Run == nil {
		env.Run = hostexec.System{}
	}
	told, err := local(ctx, sink, msg, env)
	if err != nil {
		return Told{}, fmt.Errorf("cannot send notice to %s: %w", sink.Name(), err)
	}
	return told, nil
}

func local(ctx context.Context, sink notice.Sink, msg *notice.Message, env Env) (Told, error) {
	one := Told{People: 1}
	news := sink.Kind != notice.Motd && sink.Kind != notice.Prometheus
	if news && msg == nil {
		return Told{Note: "nothing to tell"}, nil
	}
	switch sink.Kind {
	case notice.Motd:
		return one, motd(env.Motd, msg)
	case notice.Prometheus:
		return one, metricsFile(sink.Target, env.Metrics)
	case notice.Mail:
		return one, sendmail(ctx, sink.Target, msg, env)
	case notice.Exec:
		return one, program(ctx, sink.Target, msg, env)
	case notice.Desktop:
		return desktop(ctx, msg, env.Run)
	case notice.Webhook:
	}
	return Told{}, errors.New("internal error: it is no sink of this host")
}

// sendmail hands a mail to this host's mail program.
func sendmail(ctx context.Context, to string, msg *notice.Message, env Env) error {
	from := env.From
	if from == "" {
		from = "root" // the mail program adds the host as it is known outside
	}
	for _, a := range []string{from, to} {
		if err := checkAddress(a); err != nil {
			return err
		}
	}
	mail, err := compose(msg, from, to)
	if err != nil {
		return err
	}
	// Mail programs take lines as this system ends them, and some keep a CR.
	mail = bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n"))
	err = run(ctx, env.Run, hostexec.Cmd{Name: "/usr/sbin/sendmail", Args: []string{"-t", "-i"}, Stdin: bytes.NewReader(mail)})
	if errors.Is(err, hostexec.ErrNotFound) {
		return fmt.Errorf("%w: install a mail program, or set notify.mail.server", err)
	}
	return err
}

// program hands a message to a program of the site, as JSON.
func program(ctx context.Context, name string, msg *notice.Message, env Env) error {
	if err := rootsOwn(name); err != nil {
		return err
	}
	data, err := notice.JSON(msg)
	if err != nil {
		return err
	}
	runner := env.Exec
	if runner == nil {
		runner = env.Run
	}
	return run(ctx, runner, hostexec.Cmd{Name: name, Env: []string{"LOCKFAST_NOTICE_KIND=" + atom(string(msg.Kind()))}, Stdin: bytes.NewReader(data)})
}

// rootsOwn refuses a program into which others than root could put theirs: it
// runs as root.
func rootsOwn(name string) error {
	target, err := filepath.EvalSymlinks(name)
	if err != nil {
		return fmt.Errorf("cannot find the program: %w", err)
	}
	for _, part := range []string{filepath.Dir(name), filepath.Dir(target), target} {
		info, err := os.Stat(part)
		if err != nil {
			return fmt.Errorf("cannot look at the program: %w", err)
		}
		if !hostfs.RootOnly(info) {
			return fmt.Errorf("it is not run: others than root may write %s (chown root, chmod go-w)", part)
		}
		if part == target && (!info.Mode().IsRegular() || info.Mode()&0o111 == 0) {
			return fmt.Errorf("%s is no program (chmod +x)", part)
		}
	}
	return nil
}

// run runs a program and takes an exit code other than 0 for a failure.
func run(ctx context.Context, r hostexec.Runner, cmd hostexec.Cmd) error {
	ctx, cancel := context.WithTimeout(ctx, programTime)
	defer cancel()
	cmd.MaxOutput = programOutput
	result, err := r.Run(ctx, cmd)
	if err != nil {
		return err
	}
	if result.Code != 0 {
		return fmt.Errorf("%s failed with exit code %d: %s", cmd.Name, result.Code, said(result.Stderr))
	}
	return nil
}

// said is the end of what somebody else said, fit for an error.
func said(text []byte) string {
	if s := notice.Clean(strings.ToValidUTF8(string(text[max(0, len(text)-300):]), "")); s != "" {
		return s
	}
	return "it did not say why"
}
