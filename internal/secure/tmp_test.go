package secure_test

import (
	"io"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/secure"
)

func BenchmarkTmp(b *testing.B) {
	for b.Loop() {
		s, err := secure.Scan(b.Context(), secure.ScanOptions{Root: "/tmp/lf/bench/root", Store: "/tmp/lf/bench/a.store", MaxDataAge: 1e18, Now: time.Now()})
		if err != nil {
			b.Fatal(err)
		}
		if err := report.Write(io.Discard, report.JSON, s, report.Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
