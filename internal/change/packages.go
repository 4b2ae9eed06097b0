package change

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"github.com/lockfast/lockfast/internal/plan"
)

// setPackages brings packages, and where the state names them the files they
// own, to a state. A person's wish to stop does not stop a package manager in
// its middle.
func (e *Engine) setPackages(ctx context.Context, t *Transaction, step int, to plan.PackageSet) error {
	ctx = context.WithoutCancel(ctx)
	if err := e.host.Packages.Set(ctx, t.ID, to); err != nil {
		settled := e.host.Packages.Settle(ctx, t.ID)
		now, look := e.host.Packages.State(ctx, to)
		versions := plan.PackageSet{Packages: to.Packages}
		if look != nil || len((plan.State{Packages: &versions}).Differences(plan.State{Packages: &now})) > 0 {
			return errors.Join(err, settled, look)
		}
	}
	if to.Conffiles == nil {
		return nil
	}
	return e.setConffiles(ctx, t, step, to)
}

// setConffiles restores the files that the packages own and people change, with
// what the package manager puts beside them.
func (e *Engine) setConffiles(ctx context.Context, t *Transaction, step int, to plan.PackageSet) error {
	now, err := e.host.Packages.State(ctx, to)
	if err != nil {
		return err
	}
	all, err := e.observe(ctx, &t.Steps[step].Step) // where the plan names no files, new ones are found here
	if err != nil {
		return err
	}
	paths := map[string]bool{}
	for path := range all.Packages.Conffiles {
		paths[path] = true
	}
	for path := range now.Conffiles {
		paths[path] = true
	}
	for path := range to.Conffiles {
		paths[path] = true
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		want, ok := to.Conffiles[path]
		if !ok {
			want = plan.File{Type: plan.Absent}
		}
		if err := e.setConffile(t, step, path, want); err != nil {
			return fmt.Errorf("cannot restore %s: %w", path, err)
		}
	}
	return nil
}

func (e *Engine) setConffile(t *Transaction, step int, path string, want plan.File) error {
	now, err := e.host.Files.Observe(path)
	if err != nil {
		return err
	}
	same := (plan.State{File: &want}).Same(plan.State{File: &now})
	switch {
	case same:
		return nil
	case now.Type == plan.Regular: // whoever made it: it is not lost
		if err := e.keepFile(path, now); err != nil {
			return err
		}
	case now.Type == plan.Absent, now.Type == plan.Link:
	default:
		return fmt.Errorf("it has become a %s", now.Type)
	}
	switch {
	case want.Type == plan.Absent:
		if err := e.host.Files.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	case want.Type == now.Type && want.Type == plan.Regular && want.SHA256 == now.SHA256:
		return e.host.Files.Adjust(path, want)
	}
	content := io.NopCloser(bytes.NewReader(nil))
	if want.Type == plan.Regular {
		if content, err = e.blob(t, step, want.SHA256); err != nil {
			return err
		}
		content = verify(content, want.SHA256)
	}
	defer func() { _ = content.Close() }()
	return e.host.Files.Put(path, temporary(t, step), want, content)
}
