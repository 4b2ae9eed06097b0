package agent

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/change"
	"github.com/lockfast/lockfast/internal/collect/power"
	"github.com/lockfast/lockfast/internal/collect/session"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/stay"
)

// facts are what the moment is like. What cannot be seen counts as no reason to
// wait: a server has neither battery nor NetworkManager.
func (t *turn) facts(ctx context.Context) stay.Facts {
	if t.o.Look != nil {
		return t.o.Look(t.now())
	}
	f := stay.Facts{Now: t.now(), Up: uptime()}
	if boot, err := change.BootID(); err == nil {
		f.Boot = boot
	}
	p := power.Look(ctx, os.DirFS("/"), hostexec.System{})
	f.Battery = p.OnBattery != nil && *p.OnBattery
	f.Metered = p.Metered != nil && *p.Metered
	if people, err := session.List(ctx, hostexec.System{}); err == nil {
		f.Users = len(people)
	}
	return f
}

// uptime is how long the host runs; what cannot be read counts as long.
func uptime() time.Duration {
	data, err := os.ReadFile("/proc/uptime")
	if err != nil {
		return 24 * time.Hour
	}
	text, _, _ := strings.Cut(string(data), " ")
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 24 * time.Hour
	}
	return time.Duration(seconds * float64(time.Second))
}
