package match_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/advisory/advisorytest"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/match"
)

// generated are rows of Debian 12 from the seeded generator.
func generated(tb testing.TB, records int) store {
	tb.Helper()
	s := store{}
	for i := range records {
		rows, err := advisorytest.Rows(1, i)
		if err != nil {
			tb.Fatal(err)
		}
		s.add(rows...)
	}
	return s
}

// hostOf is a seeded host: packages of the generator at one of a few versions.
func hostOf(rng *rand.Rand, size int) []inventory.Package {
	list := make([]inventory.Package, 0, size)
	for i := range size {
		list = append(list, deb(advisorytest.Package(i*2), fmt.Sprintf("1.%d.0-1+deb12u%d", rng.IntN(8), rng.IntN(3))))
	}
	return list
}

// A fleet says of each host what a scan of that host alone says.
func TestFleetAgreesWithSingleHosts(t *testing.T) {
	rows := generated(t, 5000)
	fleet := match.NewFleet([]advisory.Ecosystem{debian}, rows)
	rng := rand.New(rand.NewPCG(1, 2))
	some := 0
	for range 20 {
		host := hostOf(rng, 200)
		alone, err := match.Packages(host, []advisory.Ecosystem{debian}, rows)
		if err != nil {
			t.Fatal(err)
		}
		var ids []match.PairID
		for i := range host {
			id, err := fleet.Add(&host[i])
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if got := fleet.Evaluate(ids, nil); got != len(alone.Hits) {
			t.Fatalf("fleet %d hits, host alone %d", got, len(alone.Hits))
		}
		some += len(alone.Hits)
	}
	if some == 0 {
		t.Fatal("nothing applied to any host: this proves nothing")
	}
}

func TestNewAdvisoryReachesOnlyItsPairs(t *testing.T) {
	rows := store{}
	fleet := match.NewFleet([]advisory.Ecosystem{debian}, rows)
	a, b := deb("a", "1"), deb("b", "1")
	idA, _ := fleet.Add(&a)
	idB, _ := fleet.Add(&b)
	rows.add(row(debian, "a", "CVE-2026-0001", advisory.Range{Fixed: "2"}))
	touched, err := fleet.Refresh("a")
	if err != nil || len(touched) != 1 || touched[0] != idA {
		t.Fatalf("touched %v, %v", touched, err)
	}
	if fleet.Evaluate([]match.PairID{idA}, nil) != 1 || fleet.Evaluate([]match.PairID{idB}, nil) != 0 {
		t.Error("the new advisory is not where it belongs")
	}
}

// BenchmarkFleet evaluates 10,000 hosts of 700 packages; hosts/s/core is the
// figure of docs/benchmarks.md. Adding hosts is measured with it.
func BenchmarkFleet(b *testing.B) {
	const hosts, size = 10_000, 700
	rows := generated(b, 45_000)
	rng := rand.New(rand.NewPCG(3, 4))
	kinds := make([][]inventory.Package, 50) // fleets are made from images
	for i := range kinds {
		kinds[i] = hostOf(rng, size)
	}
	for b.Loop() {
		fleet := match.NewFleet([]advisory.Ecosystem{debian}, rows)
		ids := make([]match.PairID, size)
		total := 0
		for h := range hosts {
			kind := kinds[h%len(kinds)]
			for i := range kind {
				id, err := fleet.Add(&kind[i])
				if err != nil {
					b.Fatal(err)
				}
				ids[i] = id
			}
			total += fleet.Evaluate(ids, nil)
		}
		if total == 0 {
			b.Fatal("nothing applied")
		}
	}
	b.ReportMetric(float64(hosts)*float64(b.N)/b.Elapsed().Seconds(), "hosts/s")
}

// BenchmarkFleetEvaluate leaves out the interning: hosts whose packages have
// not changed since they were added, as a server keeps them.
func BenchmarkFleetEvaluate(b *testing.B) {
	const hosts, size = 10_000, 700
	fleet := match.NewFleet([]advisory.Ecosystem{debian}, generated(b, 45_000))
	rng := rand.New(rand.NewPCG(3, 4))
	all := make([][]match.PairID, hosts)
	for h := range all {
		for _, p := range hostOf(rng, size) {
			id, err := fleet.Add(&p)
			if err != nil {
				b.Fatal(err)
			}
			all[h] = append(all[h], id)
		}
	}
	for b.Loop() {
		for _, ids := range all {
			fleet.Evaluate(ids, nil)
		}
	}
	b.ReportMetric(float64(hosts)*float64(b.N)/b.Elapsed().Seconds(), "hosts/s")
}
