package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/hostsvc"
	"github.com/lockfast/lockfast/internal/stay"
)

// Defaults fills in what is not set; inUnit says that we run in the sandbox.
func (o Options) Defaults(inUnit bool) Options {
	o.RebootDelay = cmp.Or(o.RebootDelay, defaultRebootDelay)
	o.StaleAfter = cmp.Or(o.StaleAfter, defaultStale)
	if inUnit && o.Site.Manager == "apt" {
		o.Fix.Places.Apt = AptConfig
	}
	return o
}

// Pause keeps everything from being changed until a moment.
func (o Options) Pause(until time.Time) error {
	return o.change(func(s *stay.State) { s.Paused = until })
}

// Resume ends a pause, and lets a service go on that has given up.
func (o Options) Resume() error { return o.change((*stay.State).Resumed) }

// change changes the state between two turns.
func (o Options) change(how func(*stay.State)) error {
	switch {
	case os.Geteuid() != 0:
		return errors.New("changing this host needs root; run it with sudo")
	case !o.on():
		return errors.New("stay-secure is off: switch it on with lockfast stay-secure --mode auto, download or notify")
	}
	if err := hostfs.MakePrivate(o.folder()); err != nil {
		return fmt.Errorf("cannot make folder for the state of stay-secure: %w", err)
	}
	unlock, err := hostfs.Lock(o.file(lockFile), "lockfast stay-secure")
	if err != nil {
		return err
	}
	defer unlock()
	s, err := o.loadState(o.Now())
	if err != nil {
		return err
	}
	how(&s)
	return o.saveState(&s)
}

// WakeNow begins a turn in the service's own unit.
func (o Options) WakeNow(ctx context.Context) error {
	return hostsvc.New(hostexec.System{}).Start(ctx, turnUnit)
}
