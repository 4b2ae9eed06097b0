package secure

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/hostsvc"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/probe"
	"github.com/lockfast/lockfast/internal/result"
)

// DefaultProbes is where a site names what must go on answering.
const DefaultProbes = "/etc/lockfast/probes.yaml"

// patience is how long services may take to answer again after they were
// restarted.
const patience = 20 * time.Second

// baseline is what worked before a change.
type baseline struct {
	units  []hostsvc.Unit
	probes probe.Baseline
}

// watch is a baseline that is taken while something else is done.
type watch struct {
	began time.Time
	done  chan struct{}
	base  *baseline
	err   error
}

// freshness is how old a baseline may be when a change begins: a person may
// have thought about the plan for long.
const freshness = time.Minute

func (m *machine) startWatch(ctx context.Context, o FixOptions, inv *inventory.Inventory) *watch {
	w := &watch{began: time.Now(), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.base, w.err = m.takeBaseline(ctx, o, inv)
	}()
	return w
}

// baselineOf waits for the baseline that was begun with the plan, or takes one.
func (m *machine) baselineOf(ctx context.Context, o FixOptions, f *fixing) (*baseline, error) {
	o.Events.phase("noting what works now")
	if f.works == nil || time.Since(f.works.began) > freshness {
		return m.takeBaseline(ctx, o, f.inv)
	}
	<-f.works.done // probes have limits of their own
	return f.works.base, f.works.err
}

// takeBaseline notes which units are active and what the host's services
// answer, twice.
func (m *machine) takeBaseline(ctx context.Context, o FixOptions, inv *inventory.Inventory) (*baseline, error) {
	b := &baseline{}
	var err error
	if m.booted {
		if b.units, err = m.services.Active(ctx); err != nil {
			return nil, fmt.Errorf("cannot see which services run: %w", err)
		}
	}
	targets, err := m.targets(o.Probes, inv)
	if err != nil {
		return nil, err
	}
	b.probes = probe.Take(ctx, targets)
	return b, nil
}

// targets are the site's own probes and what listens here.
func (m *machine) targets(file string, inv *inventory.Inventory) ([]probe.Target, error) {
	detected := probe.Detect(inv)
	optional := file == ""
	if optional {
		file = DefaultProbes
	}
	const limit = 1 << 20
	data, err := hostfs.ReadLimited(m.root, strings.TrimPrefix(file, "/"), limit)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return detected, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read probes: %w", err)
	}
	own, err := probe.ParseTargets(data)
	if err != nil {
		return nil, fmt.Errorf("probes %s: %w", file, err)
	}
	return append(own, detected...), nil
}

// judge compares the host with what worked before. broken names what does not
// work any more: units, and URLs.
func (m *machine) judge(ctx context.Context, b *baseline) (broken []string, all []result.Judgement) {
	for _, v := range probe.Settle(ctx, b.probes, patience) {
		all = append(all, result.Judgement{Subject: v.Target.URL, State: v.State, Why: v.Why})
		if v.State == probe.StateBroken {
			broken = append(broken, v.Target.URL)
		}
	}
	if !m.booted {
		return broken, all
	}
	now, err := m.services.Active(ctx)
	if err != nil {
		return broken, append(all, result.Judgement{Subject: "services", State: probe.StateNotJudged, Why: err.Error()})
	}
	for _, c := range hostsvc.Compare(b.units, now) {
		all = append(all, result.Judgement{Subject: c.Unit, State: probe.StateBroken, Why: c.Why})
		broken = append(broken, c.Unit)
	}
	return broken, all
}
