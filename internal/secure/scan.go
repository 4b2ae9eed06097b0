package secure

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/exposure"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/lifecycle"
	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/policy"
	"github.com/lockfast/lockfast/internal/result"
)

// ScanOptions says what to scan, with what, and what counts as too much.
type ScanOptions struct {
	Root          string // "" for the running host, else an unpacked one
	Store         string // advisory store; "" for none
	MaxDataAge    time.Duration
	AcceptPartial bool
	FailOn        FailOn
	Fixable       bool // leave out findings without a fix
	Changelogs    bool
	Waivers       []policy.Waiver
	History       string // folder of the scan history; "" to keep none
	Lifecycles    lifecycle.Table
	Tool          result.Tool
	Now           time.Time
}

// Scan answers what is vulnerable on a host. An error means that nothing could
// be said at all (no such root, a damaged store); it deserves exit code 3.
func Scan(ctx context.Context, o ScanOptions) (*result.Scan, error) {
	s, _, err := look(ctx, o)
	return s, err
}

// look scans and also returns what it looked at.
func look(ctx context.Context, o ScanOptions) (*result.Scan, *inventory.Inventory, error) {
	host, err := openHost(o)
	if err != nil {
		return nil, nil, err
	}
	defer host.close()
	store, err := openStore(o.Store)
	if err != nil {
		return nil, nil, err
	}
	defer store.close()

	inv := host.gather(ctx, o)
	if err := ctx.Err(); err != nil {
		return nil, nil, fmt.Errorf("scan was stopped: %w", err)
	}
	know, data := judgeData(inv, store, o)
	out, err := match.Findings(inv, know)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot use advisory store %s: %w; import or sync it again", o.Store, err)
	}

	s := &result.Scan{Schema: result.ScanSchema, Generated: o.Now.UTC(), Tool: o.Tool, Data: data.entries}
	s.Host = describeHost(inv, o)
	s.Listeners = describeListeners(inv)
	s.Inventory = describePackages(inv)
	s.Unknown = unknowns(inv, o, data, out)
	found, waived, expired := policy.Waive(findings(inv, out.Findings, o), o.Waivers, inv.Hostname, o.Now)
	s.Findings = exposure.Rank(found)
	for i := range s.Findings {
		s.Findings[i].Reason = exposure.Reason(s.Findings[i])
	}
	s.Waived = waived
	s.Exit = decide(s, o.FailOn, know)
	if o.History != "" {
		if err := compareWithLast(s, o); err != nil {
			return nil, nil, err
		}
	}
	s.Summary = summarise(s, expired, o.Store != "")
	return s, inv, nil
}

// findings adds what runs and what is exposed, and the fixes that are installed
// but not running.
func findings(inv *inventory.Inventory, found []result.Finding, o ScanOptions) []result.Finding {
	listed := make([]result.Finding, 0, len(found))
	open := map[string]bool{}
	for i := range found {
		f := found[i]
		if o.Fixable && f.Status == result.StatusNoFix {
			continue
		}
		apply(&f, exposure.Of(inv, f.Packages))
		if f.Status == result.StatusLeftover {
			no := false
			f.Running, f.Exposed = &no, &no
		}
		for _, p := range f.Packages {
			open[p] = open[p] || f.Status == result.StatusOpen || f.Status == result.StatusRestart
		}
		listed = append(listed, f)
	}
	return append(listed, stale(inv, open)...)
}

func apply(f *result.Finding, facts exposure.Facts) {
	f.Exposed, f.ExposedOn = facts.Exposed, facts.ExposedOn
	f.Running, f.RunningIn = facts.Running, facts.RunningIn
	f.Restart = append(f.Restart, facts.Restart...)
	slices.Sort(f.Restart)
	f.Restart = slices.Compact(f.Restart)
}

// openedStore is a store and the file behind it.
type openedStore struct {
	*advisory.Store
	path  string
	unmap func() error
}

func openStore(path string) (*openedStore, error) {
	if path == "" {
		return nil, nil
	}
	data, unmap, err := hostfs.Map(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open advisory store: %w; make one with lockfast advisories import or sync", err)
	}
	s, err := advisory.OpenStore(data)
	if err != nil {
		_ = unmap()
		return nil, fmt.Errorf("cannot use advisory store %s: %w; import or sync it again", path, err)
	}
	return &openedStore{Store: s, path: path, unmap: unmap}, nil
}

func (s *openedStore) close() {
	if s != nil {
		_ = s.unmap() // the mapping is read-only: nothing can be lost
	}
}
