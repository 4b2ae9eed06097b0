package zypper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
)

// Repair completes what an interrupted run left: it repairs the database, takes
// away the older of two installations of a package, and carries out again what
// the run's log began and did not end. What the order still wants it then does.
func (b *backend) Repair(ctx context.Context, o patch.Order) ([]patch.Broken, error) {
	if !idForm.MatchString(o.ID) || !filepath.IsAbs(o.Log) {
		return nil, fmt.Errorf("cannot repair: the order has the id %q and the log %q", o.ID, o.Log)
	}
	running, err := b.launch.Running(ctx, patch.Unit(o.ID))
	if err != nil {
		return nil, fmt.Errorf("cannot see whether the installation still runs: %w", err)
	}
	if running {
		return nil, errors.New("the installation still runs: wait for its end")
	}
	begun, err := begunSteps(o.Log)
	if err != nil {
		return nil, err
	}
	if err := b.repairDatabase(ctx); err != nil {
		return nil, err
	}
	if err := b.dropDuplicates(ctx, o); err != nil {
		return nil, err
	}
	broken, err := b.finish(ctx, o, begun)
	if err != nil {
		return nil, err
	}
	if len(o.Want) > 0 {
		if err := b.Install(ctx, o); err != nil {
			return broken, err
		}
	}
	more, err := b.Audit(ctx)
	return append(broken, more...), err
}

func (b *backend) repairDatabase(ctx context.Context) error {
	result, err := b.rpm(ctx, "rpmdb", "--verifydb")
	if err != nil || result.Code == 0 {
		return err
	}
	result, err = b.rpm(ctx, "rpmdb", "--rebuilddb")
	if err != nil {
		return err
	}
	if result.Code != 0 {
		return failed("rpmdb --rebuilddb", result.Code, oneLine(string(result.Stderr)))
	}
	return nil
}

// dropDuplicates removes what was installed earlier of two installations. The
// files that the later one owns too stay.
func (b *backend) dropDuplicates(ctx context.Context, o patch.Order) error {
	db, err := b.database(ctx)
	if err != nil {
		return err
	}
	twice, err := b.duplicates(ctx, db)
	if err != nil {
		return err
	}
	var old []string
	for _, k := range twice {
		all := slices.SortedFunc(slices.Values(db[k]), func(a, b installed) int {
			return cmp.Or(cmp.Compare(b.since, a.since), cmp.Compare(b.entry, a.entry))
		})
		for _, p := range all[1:] {
			old = append(old, p.Name+"-"+p.Version+"."+p.Arch)
		}
	}
	if len(old) == 0 {
		return nil
	}
	args := append([]string{"-e", "--nodeps", "--noscripts"}, old...)
	code, err := b.launch.Launch(ctx, patch.Job{
		Unit: patch.Unit(o.ID) + "-repair", Name: "rpm", Args: b.rpmArgs(args...), Env: b.jobEnv(), Log: o.Log,
	})
	if err != nil {
		return fmt.Errorf("cannot see the repair to its end: %w", err)
	}
	if code != 0 {
		return fmt.Errorf("rpm %s ended with exit code %d: see %s", strings.Join(args, " "), code, o.Log)
	}
	return nil
}
