package change

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// Timers arms timers that outlive us; the service manager's.
type Timers interface {
	ArmTimer(ctx context.Context, name string, after time.Duration, program string, args []string) error
	DisarmTimer(ctx context.Context, name string) error
}

// Paths of the unit that runs recovery at boot. A package of Lockfast ships it;
// where it was only copied, it is there while a transaction is under way.
const (
	bootUnit    = "lockfast-recover.service"
	packaged    = "/usr/lib/systemd/system/" + bootUnit
	ownUnit     = "/etc/systemd/system/" + bootUnit
	ownWants    = "/etc/systemd/system/multi-user.target.wants"
	ownWantLink = ownWants + "/" + bootUnit
)

// Systemd is the Alarm of a host that systemd booted.
type Systemd struct {
	Timers  Timers
	Root    string   // "/"
	Program string   // absolute path of lockfast
	Args    []string // where its state lies, if not in the usual place
}

// Arm makes the boot unit and, if after is not 0, a timer.
func (s Systemd) Arm(ctx context.Context, tx string, after time.Duration) error {
	if err := s.install(); err != nil {
		return fmt.Errorf("cannot make %s: %w", ownUnit, err)
	}
	if after == 0 {
		return nil
	}
	args := append([]string{"recover", "--expired", tx}, s.Args...)
	return s.Timers.ArmTimer(ctx, timerName(tx), after, s.Program, args)
}

func timerName(tx string) string { return "lockfast-rollback-" + tx }

// Disarm stops the timer and removes our boot unit.
func (s Systemd) Disarm(ctx context.Context, tx string) error {
	return errors.Join(s.Timers.DisarmTimer(ctx, timerName(tx)), s.uninstall())
}

// install writes the unit and the symlink that enables it. No daemon-reload is
// needed: only the next boot reads them.
func (s Systemd) install() error {
	tree := hostfs.NewTree(s.Root)
	if n, err := tree.Node(packaged); err == nil && n.Type == hostfs.Regular {
		return nil
	}
	text := fmt.Sprintf(`# Written by lockfast while a change is under way, removed at its end.
[Unit]
Description=Finish or roll back a change of lockfast that was interrupted
After=local-fs.target
ConditionFileIsExecutable=%[1]s

[Service]
Type=oneshot
ExecStart=%[1]s recover --boot%[2]s

[Install]
WantedBy=multi-user.target
`, s.Program, strings.TrimRight(" "+strings.Join(s.Args, " "), " "))
	if err := tree.Put(ownUnit, "."+bootUnit+".new", hostfs.Node{Type: hostfs.Regular, Mode: 0o644}, bytes.NewReader([]byte(text))); err != nil {
		return err
	}
	if n, err := tree.Node(ownWants); err != nil || n.Type == hostfs.Absent {
		if err := tree.Put(ownWants, ".multi-user.wants.new", hostfs.Node{Type: hostfs.Directory, Mode: 0o755}, nil); err != nil {
			return err
		}
	}
	return tree.Put(ownWantLink, "."+bootUnit+".new", hostfs.Node{Type: hostfs.Symlink, Target: ownUnit}, nil)
}

func (s Systemd) uninstall() error {
	tree := hostfs.NewTree(s.Root)
	for _, path := range []string{ownWantLink, ownUnit} {
		if err := tree.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
