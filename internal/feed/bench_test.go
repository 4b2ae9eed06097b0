package feed_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/lockfast/lockfast/internal/advisory/advisorytest"
	"github.com/lockfast/lockfast/internal/feed"
)

// BenchmarkImport45000 imports the zip of one distribution. "user+sys" CPU time
// of the process counts, not the wall clock: two workers share the reading.
func BenchmarkImport45000(b *testing.B) {
	data, err := advisorytest.Zip(2001, advisorytest.DebianRecords)
	if err != nil {
		b.Fatal(err)
	}
	folder := b.TempDir()
	path := filepath.Join(folder, "all.zip")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	before := cpuSeconds()
	for b.Loop() {
		if _, err := feed.Import(context.Background(), options(), filepath.Join(folder, "store"), []string{path}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric((cpuSeconds()-before)/float64(b.N), "cpu-s/op")
	b.ReportMetric(peakMiB(), "peak-MiB")
}
