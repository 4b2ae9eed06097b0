package pkgver_test

import (
	"testing"

	"github.com/lockfast/lockfast/internal/pkgver"
)

func FuzzCompareDpkg(f *testing.F) { fuzzOrder(f, pkgver.Dpkg) }
func FuzzCompareRPM(f *testing.F)  { fuzzOrder(f, pkgver.RPM) }
func FuzzCompareAPK(f *testing.F)  { fuzzOrder(f, pkgver.APK) }

// fuzzOrder looks for three strings that break the total order, or a panic.
func fuzzOrder(f *testing.F, scheme pkgver.Scheme) {
	f.Helper()
	f.Add("", "0", "~")
	f.Add("1:1.0-1", "1:1.0~rc1-1", "2-1")
	f.Add("1.0^git1-1", "1.0-1", "1.0.1-1")
	f.Add("1.01_rc1-r0", "1.1_p1~ab-r1", "1.0.0a")
	f.Add("-", ":", "--:")
	f.Add("1\x00", "1é", "1\xff")
	for _, p := range pairs(scheme, samples(f, scheme), 50, 5) {
		f.Add(p.a, p.b, p.a+"~")
	}
	f.Fuzz(func(t *testing.T, a, b, c string) {
		holdsOrder(t, scheme, [3]string{a, b, c})
		for _, v := range []string{a, b, c} {
			if err := pkgver.Valid(scheme, v); err != nil && err.Error() == "" {
				t.Errorf("Valid(%q) says nothing", v)
			}
		}
	})
}
