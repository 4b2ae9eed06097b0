package hostsvc

import (
	"context"
	"fmt"
	"time"
)

// Wake starts a unit at a moment of the clock on the wall, also if the host
// slept past it; a reboot forgets it. What was armed under the name before is
// replaced.
func (m *Manager) Wake(ctx context.Context, name, unit string, at time.Time) error {
	if err := m.DisarmTimer(ctx, name); err != nil {
		return err
	}
	if _, err := m.ctl.tool(ctx, "systemd-run", "--unit="+name, "--quiet", "--on-calendar="+at.UTC().Format("2006-01-02 15:04:05")+" UTC",
		"--timer-property=AccuracySec=1s", "--collect", "--", "systemctl", "start", "--no-block", unit); err != nil {
		return fmt.Errorf("cannot arm timer %s: %w", name, err)
	}
	armed, err := m.TimerArmed(ctx, name)
	if err == nil && !armed {
		err = fmt.Errorf("timer %s was armed, and is not there", name)
	}
	return err
}

// Start starts a unit and does not wait for it.
func (m *Manager) Start(ctx context.Context, unit string) error {
	if err := m.ctl.do(ctx, unit, "start", "--no-block"); err != nil {
		return fmt.Errorf("cannot start %s: %w", unit, err)
	}
	return nil
}
