package feed_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/feed"
)

// FuzzImport gives any file to the importer: it is refused in one line, or makes
// a store that can be opened.
func FuzzImport(f *testing.F) {
	for _, path := range []string{"a", "b", "c"} {
		f.Add([]byte(record("DSA-1-1", "curl", path)))
	}
	f.Add([]byte(kevText))
	f.Add([]byte(epssText))
	f.Add([]byte("PK\x05\x06" + strings.Repeat("\x00", 18)))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		folder := t.TempDir()
		path, out := filepath.Join(folder, "in"), filepath.Join(folder, "store")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := feed.Import(context.Background(), options(), out, []string{path}); err != nil {
			if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), path) {
				t.Errorf("error %q", err)
			}
			return
		}
		if _, err := feed.Status(out); err != nil {
			t.Error(err)
		}
	})
}
