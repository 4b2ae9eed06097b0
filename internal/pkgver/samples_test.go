package pkgver_test

import (
	"bufio"
	"compress/gzip"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockfast/lockfast/internal/pkgver"
)

// schemeNames lists every scheme with the name tests print.
var schemeNames = map[pkgver.Scheme]string{
	pkgver.Dpkg: "dpkg",
	pkgver.RPM:  "rpm",
	pkgver.APK:  "apk",
}

// schemes lists every scheme in a fixed order.
func schemes() []pkgver.Scheme {
	return []pkgver.Scheme{pkgver.Dpkg, pkgver.RPM, pkgver.APK}
}

// samples returns real versions of a scheme: committed lists for dpkg and rpm,
// for apk generated from its grammar, because no Alpine data are at hand.
func samples(tb testing.TB, scheme pkgver.Scheme) []string {
	tb.Helper()
	if scheme == pkgver.APK {
		return grammarVersions(rand.New(rand.NewPCG(1, 2)), 5000)
	}
	path := filepath.Join("testdata", schemeNames[scheme]+".txt.gz")
	file, err := os.Open(path)
	if err != nil {
		tb.Fatalf("cannot open sample: %v", err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		tb.Fatalf("cannot read sample %s: %v", path, err)
	}
	var versions []string
	lines := bufio.NewScanner(unzipped)
	for lines.Scan() {
		versions = append(versions, lines.Text())
	}
	if err := lines.Err(); err != nil {
		tb.Fatalf("cannot read sample %s: %v", path, err)
	}
	if len(versions) < 5000 {
		tb.Fatalf("sample %s has %d versions, want at least 5000", path, len(versions))
	}
	return versions
}

// grammarVersions makes n versions that keep apk's grammar.
func grammarVersions(rng *rand.Rand, n int) []string {
	numbers := []string{"0", "1", "2", "9", "10", "11", "00", "01", "010", "100", "20261123", "98765432109876543210"}
	suffixes := []string{"alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"}
	pick := func(from []string) string { return from[rng.IntN(len(from))] }
	versions := make([]string, 0, n)
	for range n {
		v := pick(numbers)
		for range rng.IntN(4) {
			v += "." + pick(numbers)
		}
		if rng.IntN(4) == 0 {
			v += string(rune('a' + rng.IntN(26)))
		}
		for rng.IntN(3) == 0 {
			v += "_" + pick(suffixes)
			if rng.IntN(3) > 0 {
				v += pick(numbers)
			}
		}
		if rng.IntN(8) == 0 {
			v += "~" + pick([]string{"0", "1a", "deadbeef", "f00"})
		}
		if rng.IntN(3) > 0 {
			v += "-r" + pick(numbers)
		}
		versions = append(versions, v)
	}
	return versions
}

// pair is two versions to compare.
type pair struct{ a, b string }

// pairs makes n pairs of valid versions: neighbours in sorted order (where a
// wrong rule shows), a version and a mutant of it, and any two.
func pairs(scheme pkgver.Scheme, versions []string, n int, seed uint64) []pair {
	rng := rand.New(rand.NewPCG(seed, uint64(scheme)))
	sorted := slices.Clone(versions)
	slices.SortFunc(sorted, scheme.Compare)
	made := make([]pair, 0, n)
	for len(made) < n {
		i := rng.IntN(len(sorted))
		p := pair{a: sorted[i]}
		switch rng.IntN(5) {
		case 0, 1:
			p.b = sorted[(i+1+rng.IntN(3))%len(sorted)]
		case 2, 3:
			p.b = mutate(rng, scheme, sorted[i])
		case 4:
			p.b = sorted[rng.IntN(len(sorted))]
		}
		if rng.IntN(2) == 0 {
			p.a, p.b = p.b, p.a
		}
		if pkgver.Valid(scheme, p.a) == nil && pkgver.Valid(scheme, p.b) == nil {
			made = append(made, p)
		}
	}
	return made
}

// mutate changes a version in one to three places, in ways that hit the rules:
// separators, zeros, tildes, suffixes, epochs, revisions.
func mutate(rng *rand.Rand, scheme pkgver.Scheme, version string) string {
	alphabet := map[pkgver.Scheme]string{
		pkgver.Dpkg: "0019azAZ.+~-:",
		pkgver.RPM:  "0019azAZ._+~^-:",
		pkgver.APK:  "0019abz._~-r",
	}[scheme]
	endings := map[pkgver.Scheme][]string{
		pkgver.Dpkg: {"~", "~rc1", "+b1", "-0", "-1", "~bpo12+1", "+deb12u1", ".0", "a", "-"},
		pkgver.RPM:  {"~", "~rc1", "^", "^git1", "_1", ".el9", ".0", "a", "-1", "+"},
		pkgver.APK:  {"_rc", "_rc1", "_p", "_p0", "_git20260101", "-r0", "-r1", ".0", ".01", "a", "~abc"},
	}[scheme]
	v := []byte(version)
	for range 1 + rng.IntN(3) {
		i := rng.IntN(len(v) + 1)
		switch rng.IntN(6) {
		case 0, 1:
			v = slices.Insert(v, i, alphabet[rng.IntN(len(alphabet))])
		case 2:
			if i < len(v) {
				v = slices.Delete(v, i, i+1)
			}
		case 3:
			if i < len(v) {
				v[i] = alphabet[rng.IntN(len(alphabet))]
			}
		case 4:
			v = append(v, endings[rng.IntN(len(endings))]...)
		case 5:
			if scheme != pkgver.APK {
				v = append([]byte{byte('0' + rng.IntN(3)), ':'}, v...)
			}
		}
	}
	return string(v)
}
