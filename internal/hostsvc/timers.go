package hostsvc

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// ArmTimer starts a program once, after a time from now, even if we are dead by
// then; a reboot disarms it. A timer of the same name is replaced. The program
// runs as NAME.service.
func (m *Manager) ArmTimer(ctx context.Context, name string, after time.Duration, program string, args []string) error {
	if after <= 0 {
		return fmt.Errorf("cannot arm timer %s: %v is no time to wait", name, after)
	}
	if err := m.DisarmTimer(ctx, name); err != nil {
		return err
	}
	service := name + ".service"
	if block, err := m.ctl.showOne(ctx, stateProperties, service); err != nil {
		return err
	} else if block["ActiveState"] == failed {
		if err := m.ctl.do(ctx, service, "reset-failed"); err != nil {
			return fmt.Errorf("cannot clear %s: %w", service, err)
		}
	}
	// AccuracySec is a minute unless told.
	options := []string{
		"--unit=" + name, "--quiet", "--on-active=" + strconv.FormatInt(after.Milliseconds(), 10) + "ms", "--timer-property=AccuracySec=1s",
		"--", program,
	}
	if _, err := m.ctl.tool(ctx, "systemd-run", append(options, literal(args)...)...); err != nil {
		return fmt.Errorf("cannot arm timer %s: %w", name, err)
	}
	armed, err := m.TimerArmed(ctx, name)
	if err == nil && !armed {
		err = fmt.Errorf("timer %s was armed, and is not there", name)
	}
	return err
}

// DisarmTimer takes back ArmTimer; a timer that is not there is fine. A program
// that it has started already goes on.
func (m *Manager) DisarmTimer(ctx context.Context, name string) error {
	timer := name + ".timer"
	block, err := m.ctl.showOne(ctx, stateProperties, timer)
	if err != nil {
		return err
	}
	if block["ActiveState"] == inactive {
		return nil
	}
	if err := m.ctl.do(ctx, timer, "stop"); err != nil {
		// It may have elapsed between the two calls, which is no failure.
		if block, again := m.ctl.showOne(ctx, stateProperties, timer); again != nil || block["ActiveState"] != inactive {
			return fmt.Errorf("cannot disarm timer %s: %w", name, err)
		}
	}
	armed, err := m.TimerArmed(ctx, name)
	if err == nil && armed {
		err = fmt.Errorf("timer %s was stopped, and is still armed", name)
	}
	return err
}

// TimerArmed reports whether a timer is waiting for its time.
func (m *Manager) TimerArmed(ctx context.Context, name string) (bool, error) {
	block, err := m.ctl.showOne(ctx, stateProperties, name+".timer")
	if err != nil {
		return false, err
	}
	return block["ActiveState"] == active && block["SubState"] == "waiting", nil
}
