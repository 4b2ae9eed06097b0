package pkgver_test

import (
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/pkgver"
)

func TestValidAccepts(t *testing.T) {
	accepted := map[pkgver.Scheme][]string{
		pkgver.Dpkg: {"0", "1.0", "1.0-1", "1:2:3-4", "1-2-3", "2147483647:1", "1~", "1.", "1.0+dfsg~rc1-1.1+deb12u1~bpo1", "00:1"},
		pkgver.RPM:  {"0", "1.0", "1.0-1.el9_2", "4294967295:1-1", "1.0~rc1^git2-1", "fd431d51-4ae0493b", "2.4-1.module_el8.9.0+3646+acd210d0", "1.0-1%{dist}"},
		pkgver.APK:  {"0", "1.0", "1.0.0a_rc1_p2~00ff-r12", "1.01", "20230506-r0", "0_git20220101-r0"},
	}
	for scheme, versions := range accepted {
		for _, v := range versions {
			if err := pkgver.Valid(scheme, v); err != nil {
				t.Errorf("%s: %v", schemeNames[scheme], err)
			}
		}
	}
}

func TestValidRefuses(t *testing.T) {
	cases := []struct {
		scheme  pkgver.Scheme
		version string
		want    string // part of the error
	}{
		{pkgver.Dpkg, "", "empty"},
		{pkgver.Dpkg, "a1", "does not start with a digit"},
		{pkgver.Dpkg, "1-", "nothing after the last hyphen"},
		{pkgver.Dpkg, "-1", "no upstream version"},
		{pkgver.Dpkg, "1:", "no upstream version"},
		{pkgver.Dpkg, ":1", "not a number"},
		{pkgver.Dpkg, "a:1", "not a number"},
		{pkgver.Dpkg, "2147483648:1", "too large"},
		{pkgver.Dpkg, "1_2", "upstream version contains '_'"},
		{pkgver.Dpkg, "1-a_b", "revision contains '_'"},
		{pkgver.Dpkg, "1.0 ", "contains ' '"},
		{pkgver.Dpkg, "1.0é", "contains"},
		{pkgver.Dpkg, "1" + strings.Repeat("0", 1024), "longer than 1024 bytes"},
		{pkgver.RPM, "", "empty"},
		{pkgver.RPM, "-1", "no version"},
		{pkgver.RPM, "1-", "nothing after the last hyphen"},
		{pkgver.RPM, "1-2-3", "version contains '-'"},
		{pkgver.RPM, ":1-1", "not a number"},
		{pkgver.RPM, "(none):1-1", "not a number"},
		{pkgver.RPM, "4294967296:1-1", "too large"},
		{pkgver.RPM, "1.0-1 el9", "release contains ' '"},
		{pkgver.APK, "", "empty"},
		{pkgver.APK, "a", `unexpected "a" at byte 1`},
		{pkgver.APK, "1.", `unexpected "." at byte 2`},
		{pkgver.APK, "1.0ab", `unexpected "b" at byte 5`},
		{pkgver.APK, "1.0a.1", `unexpected ".1" at byte 5`},
		{pkgver.APK, "1.0_foo1", `unexpected "_foo1" at byte 4`},
		{pkgver.APK, "1.0-1", `unexpected "-1"`},
		{pkgver.APK, "1.0-r", `unexpected "-r"`},
		{pkgver.APK, "1.0-r1-r2", `unexpected "-r2"`},
		{pkgver.APK, "1.0-r1_p1", `unexpected "_p1"`},
		{pkgver.APK, "1.0~", `unexpected "~"`},
		{pkgver.APK, "1.0~xyz", `unexpected "~xyz"`},
		{pkgver.APK, "1:1.0", `unexpected ":1.0"`},
		{pkgver.Scheme(0), "1", "unknown version scheme 0"},
	}
	for _, c := range cases {
		err := pkgver.Valid(c.scheme, c.version)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Valid(%d, %.40q) = %v, want an error with %q", c.scheme, c.version, err, c.want)
		}
	}
}

// TestValidAcceptsRealVersions guards against rules that are too strict: a
// refused version is reported as unknown.
func TestValidAcceptsRealVersions(t *testing.T) {
	for _, scheme := range schemes() {
		t.Run(schemeNames[scheme], func(t *testing.T) {
			for _, v := range samples(t, scheme) {
				if err := pkgver.Valid(scheme, v); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
