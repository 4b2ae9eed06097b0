package pkgver_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/pkgver"
)

// anyVersion draws strings near the rules: real versions, mutants of them,
// strings of significant characters, and strings of anything.
func anyVersion(scheme pkgver.Scheme, known []string) *rapid.Generator[string] {
	mutant := rapid.Custom(func(t *rapid.T) string {
		seed := rapid.Uint64().Draw(t, "seed")
		rng := rand.New(rand.NewPCG(seed, seed))
		return mutate(rng, scheme, rapid.SampledFrom(known).Draw(t, "original"))
	})
	return rapid.OneOf(
		rapid.SampledFrom(known),
		mutant,
		rapid.StringMatching(`[01a~^.:_-]{0,6}`),
		rapid.StringMatching(`(0|1|01)(\.(0|00|1|01))?[ab]?(_(rc|p|pre|x)1?)?(~a)?(-r?0?)?`),
		rapid.String(),
	)
}

// holdsOrder checks what makes a total order of three versions.
func holdsOrder(t interface {
	Helper()
	Errorf(format string, args ...any)
}, scheme pkgver.Scheme, versions [3]string) {
	t.Helper()
	for _, v := range versions {
		if c := scheme.Compare(v, strings.Clone(v)); c != 0 {
			t.Errorf("Compare(%q, itself) = %d", v, c)
		}
	}
	var order [3][3]int
	for i, a := range versions {
		for j, b := range versions {
			order[i][j] = scheme.Compare(a, b)
			if order[i][j] < -1 || order[i][j] > 1 {
				t.Errorf("Compare(%q, %q) = %d", a, b, order[i][j])
			}
		}
	}
	for i := range 3 {
		j, k := (i+1)%3, (i+2)%3
		if order[i][j] != -order[j][i] {
			t.Errorf("not antisymmetric: %q, %q: %d and %d", versions[i], versions[j], order[i][j], order[j][i])
		}
		for _, s := range []int{-1, 1} {
			if order[i][j]*s <= 0 && order[j][k]*s <= 0 && order[i][k]*s > 0 {
				t.Errorf("not transitive: %q, %q, %q", versions[i], versions[j], versions[k])
			}
		}
		if order[i][j] == 0 && order[i][k] != order[j][k] {
			t.Errorf("%q and %q are equal, but differ against %q", versions[i], versions[j], versions[k])
		}
	}
}

func TestOrderIsTotal(t *testing.T) {
	for _, scheme := range schemes() {
		t.Run(schemeNames[scheme], func(t *testing.T) {
			version := anyVersion(scheme, samples(t, scheme))
			rapid.Check(t, func(t *rapid.T) {
				a := version.Draw(t, "a")
				rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				holdsOrder(t, scheme, [3]string{a, version.Draw(t, "b"), version.Draw(t, "c")})
				holdsOrder(t, scheme, [3]string{a, mutate(rng, scheme, a), mutate(rng, scheme, a)})
			})
		})
	}
}

// TestSortingIsConsistent compares all pairs of sorted slices: an order that is
// not transitive cannot put them in a row.
func TestSortingIsConsistent(t *testing.T) {
	for _, scheme := range schemes() {
		t.Run(schemeNames[scheme], func(t *testing.T) {
			rng := rand.New(rand.NewPCG(11, uint64(scheme)))
			versions := samples(t, scheme)
			rng.Shuffle(len(versions), func(i, j int) { versions[i], versions[j] = versions[j], versions[i] })
			chosen := slices.Clone(versions[:500])
			for i := range 500 {
				chosen = append(chosen, mutate(rng, scheme, versions[i]))
			}
			slices.SortFunc(chosen, scheme.Compare)
			for i, a := range chosen {
				for _, b := range chosen[i:] {
					if scheme.Compare(a, b) > 0 || scheme.Compare(b, a) < 0 {
						t.Fatalf("%q sorts before %q and is newer", a, b)
					}
				}
			}
		})
	}
}

// TestLongVersions would not end in useful time if comparing were not linear.
func TestLongVersions(t *testing.T) {
	for _, scheme := range schemes() {
		t.Run(schemeNames[scheme], func(t *testing.T) {
			for _, unit := range []string{"0", "1", "1.", "a", "a1", "~", "-", ":", "^", "_p", "_p1", ".", "-r", "\x00"} {
				long := strings.Repeat(unit, 1<<20)
				holdsOrder(t, scheme, [3]string{long, long + "1", long + "2"})
				holdsOrder(t, scheme, [3]string{"1" + long, "1" + long + "~", "1" + long + "z"})
			}
		})
	}
}

func TestCompareDoesNotAllocate(t *testing.T) {
	for _, scheme := range schemes() {
		t.Run(schemeNames[scheme], func(t *testing.T) {
			all := pairs(scheme, samples(t, scheme), 1000, 3)
			allocs := testing.AllocsPerRun(1, func() {
				for _, p := range all {
					scheme.Compare(p.a, p.b)
				}
			})
			if allocs != 0 {
				t.Errorf("comparing %d pairs allocated %v times, want 0", len(all), allocs)
			}
		})
	}
}

func TestCompareRefusesUnknownScheme(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Compare of an unknown scheme did not panic")
		}
	}()
	pkgver.Scheme(0).Compare("1", "1")
}
