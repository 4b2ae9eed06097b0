package apt

import (
	"context"
	"os"
	"path/filepath"

	"github.com/lockfast/lockfast/internal/patch"
)

// Outlook says where package files of installed versions will come from.
func (b *Backend) Outlook(ctx context.Context, refs []patch.Ref, dir string) (map[patch.Ref]string, error) {
	found, err := b.show(ctx, refs)
	if err != nil {
		return nil, err
	}
	from := map[patch.Ref]string{}
	for _, r := range refs {
		switch {
		case there(filepath.Join(dir, FileName(r))), there(filepath.Join(aptCache, FileName(r))):
			from[r] = "cache"
		case found[r].sha256 != "":
			from[r] = "archive"
		case b.o.Repack != nil:
			from[r] = "repacked"
		}
	}
	return from, nil
}

func there(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}
