package pkgver_test

import (
	"testing"

	"github.com/lockfast/lockfast/internal/pkgver"
)

func BenchmarkCompareDpkg(b *testing.B) { benchmarkCompare(b, pkgver.Dpkg) }
func BenchmarkCompareRPM(b *testing.B)  { benchmarkCompare(b, pkgver.RPM) }
func BenchmarkCompareAPK(b *testing.B)  { benchmarkCompare(b, pkgver.APK) }

// benchmarkCompare measures one comparison, over 4096 pairs of real versions,
// most of them close neighbours.
func benchmarkCompare(b *testing.B, scheme pkgver.Scheme) {
	b.Helper()
	all := pairs(scheme, samples(b, scheme), 4096, 9)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p := &all[i%len(all)]
		scheme.Compare(p.a, p.b)
	}
}
