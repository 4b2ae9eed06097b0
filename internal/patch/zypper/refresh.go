package zypper

import (
	"context"
	"fmt"
)

// Refresh fetches the metadata of every enabled repository. zypper refuses what
// is not signed as configured; what it then holds is read back, as it goes on
// with older metadata where it may skip a repository.
func (b *backend) Refresh(ctx context.Context) error {
	if _, err := b.enabled(ctx); err != nil {
		return err
	}
	if _, err := b.list(ctx, nil, "refresh"); err != nil {
		return fmt.Errorf("cannot refresh the repositories: %w", err)
	}
	host, err := b.open()
	if err != nil {
		return err
	}
	defer func() { _ = host.Close() }()
	if _, err := b.allMetadata(ctx, host); err != nil {
		return fmt.Errorf("zypper refresh said it was done, but %w", err)
	}
	return nil
}
