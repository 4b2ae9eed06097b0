package firewall_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/lockfast/lockfast/internal/collect/firewall"
	"github.com/lockfast/lockfast/internal/inventory"
)

// seeds adds files, and fails if there are none.
func seeds(f *testing.F, pattern string) {
	f.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds %s: %v", pattern, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// answered checks what holds for any rules: every listener has a reason, and an
// error leaves all unknown.
func answered(t *testing.T, s inventory.Status, inv *inventory.Inventory) {
	t.Helper()
	for _, l := range inv.Listeners {
		if l.FilterReason == "" {
			t.Errorf("no reason: %+v", l)
		}
		if s.Outcome == inventory.Failed && l.Filter != inventory.FilterUnknown {
			t.Errorf("%s, but %+v", s.Reason, l)
		}
	}
}

func FuzzNFT(f *testing.F) {
	seeds(f, "testdata/nft/*.json")
	f.Add([]byte(`{"nftables":[{"rule":{"family":"ip","table":"f","chain":"c","expr":[{"match":{"op":"==","left":{"concat":[{"&":[1]}]},"right":{"set":[[[1]]]}}}]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		inv := one()
		answered(t, firewall.Collector{}.Collect(t.Context(), live(map[string]string{list: string(data), "iptables-save": ""}), inv), inv)
	})
}

func FuzzIPTables(f *testing.F) {
	seeds(f, "testdata/iptables/*.save")
	f.Fuzz(func(t *testing.T, data []byte) {
		inv := one()
		host := live(map[string]string{list: "", "iptables-legacy-save": string(data)})
		host.FS = fstest.MapFS{"proc/net/ip_tables_names": {Data: []byte("filter\n")}}
		answered(t, firewall.Collector{}.Collect(t.Context(), host, inv), inv)
	})
}
