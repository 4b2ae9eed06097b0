package gaps_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/gaps"
	"github.com/lockfast/lockfast/internal/inventory"
)

func TestWhatIsNotLookedInto(t *testing.T) {
	m := fstest.MapFS{
		"var/lib/docker/containers/abc/config.json":                              {},
		"var/lib/snapd/snaps/core_1.snap":                                        {},
		"usr/local/lib/python3.11/dist-packages/requests-2.0.dist-info/METADATA": {},
		"usr/local/lib/python3.11/dist-packages/requests/__init__.py":            {},
		"usr/local/bin/tool":                                                     {},
		"opt/vendor/lib/a.jar":                                                   {},
		"opt/vendor/lib/b.jar":                                                   {},
		"usr/lib/python3/dist-packages/packaged-1.0.dist-info/METADATA":          {},
	}
	inv := &inventory.Inventory{}
	if s := (gaps.Collector{}).Collect(t.Context(), collect.Host{FS: m}, inv); s.Outcome != inventory.Succeeded {
		t.Fatal(s)
	}
	want := []inventory.Gap{
		{What: "containers (Docker)", Where: "/var/lib/docker/containers", Count: 1},
		{What: "snaps", Where: "/var/lib/snapd/snaps", Count: 1},
		{What: "jars", Where: "/opt/vendor/lib", Count: 2},
		{What: "language packages (Python)", Where: "/usr/local/lib/python3.11/dist-packages", Count: 1},
		{What: "software beside the package manager", Where: "/opt", Count: 1},
		{What: "software beside the package manager", Where: "/usr/local/bin", Count: 1},
	}
	if diff := cmp.Diff(want, inv.Gaps); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyHostHasNoGaps(t *testing.T) {
	inv := &inventory.Inventory{}
	gaps.Collector{}.Collect(t.Context(), collect.Host{FS: fstest.MapFS{}}, inv)
	if len(inv.Gaps) != 0 {
		t.Errorf("got %+v", inv.Gaps)
	}
}
