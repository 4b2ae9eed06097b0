package dpkg_test

import (
	"testing"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/dpkg"
)

// Owners answers only for what was asked, with a package that there is.
func FuzzOwners(f *testing.F) {
	f.Add("/bin/sh\n/usr/bin/view\n", "/usr/bin/view\n/usr/bin/view.real\nother\n", "/usr/bin/sh")
	f.Add("/bin/sh", "/bin/sh\n/bin/sh\none\n", "/bin/sh")
	f.Fuzz(func(t *testing.T, list, diversions, path string) {
		m := files("var/lib/dpkg/info/one.list", list, "var/lib/dpkg/info/two.list", list, "var/lib/dpkg/diversions", diversions)
		got, err := dpkg.Collector{}.Owners(t.Context(), collect.Host{FS: m}, []string{path})
		for p, owner := range got {
			if err != nil || p != path || owner != "one" && owner != "two" {
				t.Errorf("%q: %q, %v", p, owner, err)
			}
		}
	})
}
