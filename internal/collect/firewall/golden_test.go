package firewall_test

import (
	"bufio"
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/firewall"
	"github.com/lockfast/lockfast/internal/collect/socket"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostexec/hostexectest"
	"github.com/lockfast/lockfast/internal/inventory"
)

const list = "nft -j list ruleset"

// want is what the head of a ruleset says of one listener:
// "# want tcp 0.0.0.0:22 open", and perhaps a word of the reason.
type want struct {
	listener inventory.Listener
	filter   string
	reason   string
}

func wants(t *testing.T, file string) []want {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []want
	for lines := bufio.NewScanner(f); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), "# want ")
		if !ok {
			continue
		}
		words := strings.SplitN(rest, " ", 4)
		where, err := netip.ParseAddrPort(words[1])
		if err != nil {
			t.Fatal(err)
		}
		w := want{filter: words[2], listener: inventory.Listener{Protocol: words[0], Address: where.Addr().String(), Port: where.Port(), Scope: socket.ScopeOf(where.Addr())}}
		if len(words) > 3 {
			w.reason = words[3]
		}
		all = append(all, w)
	}
	if len(all) == 0 {
		t.Fatalf("%s: no lines \"# want\"", file)
	}
	return all
}

func name(f inventory.Filter) string {
	return map[inventory.Filter]string{inventory.FilterOpen: "open", inventory.FilterFiltered: "filtered", inventory.FilterUnknown: "unknown"}[f]
}

// check asks about each listener by itself, as if it were the only one.
func check(t *testing.T, host collect.Host, all []want) {
	t.Helper()
	for _, w := range all {
		inv := &inventory.Inventory{Listeners: []inventory.Listener{w.listener}}
		s := firewall.Collector{Tables: func() (int, error) { return 0, nil }}.Collect(t.Context(), host, inv)
		got := inv.Listeners[0]
		where := fmt.Sprintf("%s %s port %d", got.Protocol, got.Address, got.Port)
		if s.Outcome != inventory.Succeeded {
			t.Errorf("%s: %s", where, s.Reason)
		}
		if name(got.Filter) != w.filter || !strings.Contains(got.FilterReason, w.reason) {
			t.Errorf("%s: got %s (%s), want %s (%s)", where, name(got.Filter), got.FilterReason, w.filter, w.reason)
		}
	}
}

func live(results map[string]string) collect.Host {
	fake := &hostexectest.Fake{Results: map[string]hostexec.Result{}}
	for line, out := range results {
		fake.Results[line] = hostexec.Result{Stdout: []byte(out)}
	}
	return collect.Host{FS: fstest.MapFS{}, Live: true, Privileged: true, Exec: fake}
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestNFT judges rulesets that a real nft printed: each NAME.json is NAME.nft
// loaded into an empty network namespace.
func TestNFT(t *testing.T) {
	files, err := filepath.Glob("testdata/nft/*.nft")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d rulesets, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			check(t, live(map[string]string{list: read(t, strings.TrimSuffix(file, ".nft")+".json")}), wants(t, file))
		})
	}
}

// TestIPTables judges what iptables-save printed, as rules of its older form.
func TestIPTables(t *testing.T) {
	files, err := filepath.Glob("testdata/iptables/*.save")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d rulesets, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			program, names := "iptables-legacy-save", "proc/net/ip_tables_names"
			if strings.HasSuffix(file, "6.save") {
				program, names = "ip6tables-legacy-save", "proc/net/ip6_tables_names"
			}
			host := live(map[string]string{list: "", program: read(t, file)})
			host.FS = fstest.MapFS{names: {Data: []byte("filter\n")}}
			check(t, host, wants(t, file))
		})
	}
}

func TestReasonsAreSentences(t *testing.T) {
	host := live(map[string]string{list: `{"nftables":[{"table":{"family":"ip","name":"f"}},{"chain":{"family":"ip","table":"f","name":"in","hook":"input","prio":0,"policy":"accept"}},{"rule":{"family":"ip","table":"f","chain":"in","expr":[{"queue":null}]}}]}`})
	inv := &inventory.Inventory{Listeners: []inventory.Listener{{Protocol: "tcp", Address: "0.0.0.0", Port: 22, Scope: inventory.ScopeAny}}}
	firewall.Collector{}.Collect(t.Context(), host, inv)
	if got := inv.Listeners[0]; got.Filter != inventory.FilterUnknown || cmp.Or(got.FilterReason, "nothing") != "a rule leaves the decision to another program (queue)" {
		t.Errorf("got %s, %q", name(got.Filter), got.FilterReason)
	}
}
