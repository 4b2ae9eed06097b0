package secure

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/result"
)

// Restarted is what restarting services did that ran replaced code.
type Restarted struct {
	Units  []string
	Health []result.Judgement // of everything that worked before
}

// RestartStale restarts the services that still run replaced code, by the
// policy of o, and judges the host as after a fix.
func RestartStale(ctx context.Context, o FixOptions) (*Restarted, error) {
	m, err := openMachine(o.Places, "lockfast stay-secure", o.Events)
	if err != nil {
		return nil, err
	}
	defer m.close()
	o.Scan.Now = time.Now().UTC()
	_, inv, err := look(ctx, o.Scan)
	if err != nil {
		return nil, err
	}
	checks, err := m.takeBaseline(ctx, o, inv)
	if err != nil {
		return nil, err
	}
	doc := &result.Fix{}
	if err := m.restartStale(ctx, o, doc); err != nil {
		return nil, err
	}
	broken, health := m.judge(ctx, checks)
	r := &Restarted{doc.Restarted, health}
	if len(broken) > 0 {
		return r, &NeedsPersonError{fmt.Errorf("%s does not work any more since %s was restarted to run fixed code; look into its log", strings.Join(broken, ", "), strings.Join(doc.Restarted, ", "))}
	}
	return r, nil
}

// BeforeReboot runs the site's "pre-reboot" hooks: one that fails says no.
func BeforeReboot(ctx context.Context, o FixOptions) error {
	m, err := openMachine(o.Places, "lockfast stay-secure", o.Events)
	if err != nil {
		return err
	}
	defer m.close()
	return m.hooks(ctx, o, "pre-reboot", "")
}
