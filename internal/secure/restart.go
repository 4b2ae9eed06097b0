package secure

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostsvc"
	"github.com/lockfast/lockfast/internal/result"
)

// RestartPolicy says what is restarted so that replaced code stops running.
type RestartPolicy string

// Restart policies.
const (
	RestartNever RestartPolicy = "never"
	RestartSafe  RestartPolicy = "safe" // services that are known to come back by themselves
	RestartAll   RestartPolicy = "all"  // all but those that a host does not survive
)

// ParseRestart reads a policy; "" is safe.
func ParseRestart(s string) (RestartPolicy, error) {
	switch p := RestartPolicy(s); p {
	case "":
		return RestartSafe, nil
	case RestartNever, RestartSafe, RestartAll:
		return p, nil
	}
	return "", fmt.Errorf("%q: want never, safe or all", s)
}

// restartStale restarts the units that still run replaced files, by policy.
func (m *machine) restartStale(ctx context.Context, o FixOptions, doc *result.Fix) error {
	if !m.booted || o.Restart == RestartNever {
		return nil
	}
	list, err := staleNow(ctx, o.Scan)
	if err != nil {
		return fmt.Errorf("the fix was applied, but it could not be seen what still runs old code: %w", err)
	}
	var units []string
	for _, stale := range list {
		for _, what := range stale.Restart {
			switch {
			case what == "systemctl daemon-reexec":
				if err := m.services.Reexec(ctx); err != nil {
					o.Events.note("systemd still runs replaced code: %v", err)
				}
			case what == "reboot", strings.Contains(what, "(pid "), hostsvc.NeverRestart(what):
			case o.Restart == RestartAll || hostsvc.SafeToRestart(what):
				units = append(units, what)
			}
		}
	}
	slices.Sort(units)
	units = slices.Compact(units)
	if len(units) == 0 {
		return nil
	}
	o.Events.phase("restarting %s", strings.Join(units, ", "))
	for _, r := range m.services.Restart(ctx, units) {
		if r.Err != nil {
			o.Events.note("cannot restart %s: %v", r.Unit, r.Err)
			continue
		}
		doc.Restarted = append(doc.Restarted, r.Unit)
	}
	return nil
}
