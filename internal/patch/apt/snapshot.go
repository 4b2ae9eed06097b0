package apt

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// fromSnapshot fetches files of older versions from the archives that the site
// names for it; signatures are checked as ever.
func (b *Backend) fromSnapshot(ctx context.Context, refs []patch.Ref, f patch.Fetch) ([]patch.Archive, error) {
	if err := hostfs.MkdirAll(filepath.Join(b.o.Lists, "partial"), 0o755); err != nil {
		return nil, err
	}
	other := &Backend{o: b.o, listed: map[patch.Ref]listed{}, aside: []string{
		"-o", "Dir::Etc::SourceList=" + b.o.Snapshot, "-o", "Dir::Etc::SourceParts=/dev/null", "-o", "Dir::State::Lists=" + b.o.Lists,
		"-o", "Dir::Cache::PkgCache=", "-o", "Dir::Cache::SrcPkgCache=",
		"-o", "Acquire::Check-Valid-Until=false", // a snapshot is old by nature
	}}
	if _, err := b.run(ctx, "apt-get", append([]string{"-q", "-o", "APT::Update::Error-Mode=any"}, append(other.aside, "update")...)...); err != nil {
		return nil, fmt.Errorf("cannot refresh its lists: %w", err)
	}
	found, err := other.show(ctx, refs)
	if err != nil {
		return nil, err
	}
	var offered []patch.Ref
	for _, r := range refs {
		if found[r].sha256 != "" {
			offered = append(offered, r)
		}
	}
	if len(offered) == 0 {
		return nil, nil
	}
	if err := other.fetch(ctx, offered, found, f); err != nil {
		return nil, err
	}
	return collect(offered, found, f.Dir, "snapshot")
}
