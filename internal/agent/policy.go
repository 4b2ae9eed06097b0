package agent

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"time"

	"github.com/lockfast/lockfast/internal/config"
	"github.com/lockfast/lockfast/internal/stay"
	"github.com/lockfast/lockfast/internal/window"
)

// What is so unless the configuration says otherwise: docs/formats/config.md.
const (
	defaultCheck       = 6 * time.Hour
	defaultJitter      = 30 * time.Minute
	defaultGiveUp      = 3
	defaultStale       = 3 * 24 * time.Hour
	defaultRebootDelay = 5 * time.Minute
)

// PolicyOf makes what was configured a policy; times without a zone are local.
func PolicyOf(c config.StaySecure, local *time.Location) (stay.Policy, error) {
	p := stay.Policy{
		Mode: stay.Mode(c.Mode), Missed: stay.Missed(cmp.Or(c.Missed, string(stay.MissedNext))), Check: cmp.Or(time.Duration(c.Check), defaultCheck),
		Jitter: cmp.Or(time.Duration(c.Jitter), defaultJitter), Reboot: stay.Reboot(cmp.Or(c.Reboot, string(stay.RebootNever))),
		OnBattery: c.OnBattery == "go-on", Metered: c.Metered == "go-on", GiveUpAfter: cmp.Or(c.GiveUpAfter, defaultGiveUp), Seed: seed(),
		RebootWithUsers: c.RebootWithUsers == nil || *c.RebootWithUsers,
	}
	var err error
	if p.Windows, err = windowsOf("stay_secure.windows", c.Windows, local); err != nil {
		return p, err
	}
	if p.Exploited, err = windowsOf("stay_secure.exploited.windows", c.Exploited.Windows, local); err != nil {
		return p, err
	}
	p.RebootWindows, err = windowsOf("stay_secure.reboot_windows", c.RebootWindows, local)
	return p, err
}

// windowsOf is nil for no windows.
func windowsOf(field string, texts []string, local *time.Location) (stay.Windows, error) {
	if len(texts) == 0 {
		return nil, nil
	}
	var set window.Set
	for _, text := range texts {
		w, err := window.Parse(text, local)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", field, err)
		}
		set = append(set, w)
	}
	return set, nil
}

// seed is the same for a host at all times, and another one for others.
func seed() uint64 {
	id, err := os.ReadFile("/etc/machine-id")
	if err != nil {
		host, _ := os.Hostname() // spreads less well
		id = []byte(host)
	}
	sum := sha256.Sum256(append([]byte("lockfast jitter "), id...)) // the id itself is confidential: machine-id(5)
	return binary.LittleEndian.Uint64(sum[:8])
}
