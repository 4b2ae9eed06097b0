package firewall_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/collect/firewall"
	"github.com/lockfast/lockfast/internal/inventory"
)

// BenchmarkLarge is a host with 50 listeners, 2,000 rules and a block list of
// 50,000 addresses.
func BenchmarkLarge(b *testing.B) {
	var list50k, rules []string
	for i := range 50000 {
		list50k = append(list50k, fmt.Sprintf(`"%d.%d.%d.1"`, 11+i/65536, i/256%256, i%256))
	}
	for i := range 2000 {
		rules = append(rules, fmt.Sprintf(`{"rule":{"family":"inet","table":"f","chain":"in","expr":[{"match":{"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":%d}},{"counter":null},{"accept":null}]}}`, 20000+i))
	}
	text := `{"nftables":[{"table":{"family":"inet","name":"f"}},{"chain":{"family":"inet","table":"f","name":"in","hook":"input","prio":0,"policy":"drop"}},
{"set":{"family":"inet","table":"f","name":"bad","elem":[` + strings.Join(list50k, ",") + `]}},
{"rule":{"family":"inet","table":"f","chain":"in","expr":[{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"@bad"}},{"drop":null}]}},` + strings.Join(rules, ",") + `]}`
	host := live(map[string]string{"nft -j list ruleset": text})
	for b.Loop() {
		inv := &inventory.Inventory{}
		for i := range 50 {
			inv.Listeners = append(inv.Listeners, inventory.Listener{Protocol: "tcp", Address: "0.0.0.0", Port: uint16(20000 + 40*i), Scope: inventory.ScopeAny})
		}
		if s := (firewall.Collector{}).Collect(b.Context(), host, inv); s.Outcome != inventory.Succeeded || inv.Listeners[49].Filter != inventory.FilterOpen {
			b.Fatal(s, inv.Listeners[49])
		}
	}
}
