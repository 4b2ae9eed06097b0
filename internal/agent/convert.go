package agent

import (
	"context"
	"fmt"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/unattended"
)

// Convert reads how unattended-upgrades is set up on this host, or on the one
// that is unpacked at root, and makes a configuration of it.
func Convert(ctx context.Context, root string) (*unattended.Conversion, error) {
	dir, runner := "/", hostexec.Runner(hostexec.System{})
	if root != "" {
		dir, runner = root, nil
	}
	fsys, err := hostfs.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = fsys.Close() }() // only read from
	setup, err := unattended.Read(ctx, fsys, runner)
	if err != nil {
		return nil, fmt.Errorf("cannot read how unattended-upgrades is set up: %w", err)
	}
	return unattended.Convert(setup)
}
