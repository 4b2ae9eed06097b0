package advisory_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/advisory/advisorytest"
)

func written(t interface{ Fatal(...any) }, b *advisory.Builder) []byte {
	var out bytes.Buffer
	n, err := b.WriteTo(&out)
	if err != nil || n != int64(out.Len()) {
		t.Fatal(n, out.Len(), err)
	}
	return out.Bytes()
}

func newBuilder() *advisory.Builder { return advisory.NewBuilder(at("2026-01-03T00:00:00Z"), "test") }

// truth is what was put into a store.
type truth struct {
	rows map[string][]advisory.Row // by ecosystem and package
	cves map[advisory.ID]advisory.CVE
}

func key(e advisory.Ecosystem, pkg string) string { return string(e) + "\x00" + pkg }

// sampled builds a store of the first n records of a series, with CVEs.
func sampled(t interface{ Fatal(...any) }, seed uint64, n int) ([]byte, truth) {
	b, want := newBuilder(), truth{map[string][]advisory.Row{}, map[advisory.ID]advisory.CVE{}}
	for i := range n {
		record, err := advisory.ParseRecord(advisorytest.Record(seed, i*997))
		if err != nil {
			t.Fatal(err)
		}
		if err := b.AddRecord(record); err != nil {
			t.Fatal(err)
		}
		for _, r := range record.Rows {
			k := key(r.Ecosystem, r.Package)
			want.rows[k] = append(want.rows[k], r)
		}
	}
	for i := range 2 * n {
		c := advisory.CVE{ID: advisory.ID(fmt.Sprintf("CVE-%d-%04d", 2000+i%20, i)), HasEPSS: true, EPSS: float64(i) / 1e5, Percentile: 0.123456789}
		if i%3 == 0 {
			c.CVSS, c.Severity, c.Score = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", advisory.SeverityCritical, 9.8
		}
		if i%5 == 0 {
			c.KEV = &advisory.KEV{Added: at("2026-01-01T00:00:00Z"), Ransomware: i%2 == 0, Name: "A Hole"}
		}
		want.cves[c.ID] = c
		if err := b.AddCVE(c); err != nil {
			t.Fatal(err)
		}
	}
	return written(t, b), want
}

// check asks a store for everything and returns the first wrong answer; errors
// of the store are answers when it may be damaged.
func (want truth) check(s *advisory.Store, damaged bool) error {
	for k, rows := range want.rows {
		eco, pkg, _ := strings.Cut(k, "\x00")
		got, err := s.Lookup(advisory.Ecosystem(eco), pkg)
		if err != nil && damaged {
			continue
		}
		if diff := cmp.Diff(byID(rows), byID(got)); err != nil || diff != "" {
			return fmt.Errorf("%s %s: %v %s", eco, pkg, err, diff)
		}
	}
	for id, c := range want.cves {
		got, ok, err := s.CVE(id)
		if err != nil && damaged {
			continue
		}
		if diff := cmp.Diff(c, got); err != nil || !ok || diff != "" {
			return fmt.Errorf("%s: %v %t %s", id, err, ok, diff)
		}
	}
	return nil
}

func byID(rows []advisory.Row) map[advisory.ID]advisory.Row {
	m := map[advisory.ID]advisory.Row{}
	for _, r := range rows {
		m[r.ID+"|"+advisory.ID(r.Module)] = r
	}
	return m
}

func TestStoreAnswersWhatWasAdded(t *testing.T) {
	data, want := sampled(t, 1, 500)
	s, err := advisory.OpenStore(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := want.check(s, false); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "a", "zzz", "linux", "linux-00"} {
		if rows, err := s.Lookup("Debian:12", name); len(rows) != 0 || err != nil {
			t.Errorf("%q: %d rows, error %v", name, len(rows), err)
		}
	}
	if rows, err := s.Lookup("Debian:1", "linux-0"); len(rows) != 0 || err != nil {
		t.Errorf("unknown ecosystem: %d rows, error %v", len(rows), err)
	}
	for _, id := range []advisory.ID{"CVE-1999-0001", "CVE-2035-0001", "CVE-2000-9999", "DSA-1-1", "CVE-2000-00001"} {
		if _, ok, err := s.CVE(id); ok || err != nil {
			t.Errorf("%s: %t, error %v", id, ok, err)
		}
	}
}

func TestStoreForConcurrentReaders(t *testing.T) {
	data, want := sampled(t, 2, 200)
	s, err := advisory.OpenStore(data)
	if err != nil {
		t.Fatal(err)
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			if err := want.check(s, false); err != nil {
				t.Error(err)
			}
		})
	}
	readers.Wait()
}

func anyRow() *rapid.Generator[advisory.Row] {
	text := rapid.StringN(0, 12, -1)
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(t, "seconds"), 0).UTC()
	})
	span := rapid.Custom(func(t *rapid.T) advisory.Range {
		from := rapid.SampledFrom([]string{"", "0", "1.2-3"}).Draw(t, "from")
		return advisory.Range{Introduced: from, Fixed: text.Draw(t, "fixed"), LastAffected: text.Draw(t, "last")}
	})
	return rapid.Custom(func(t *rapid.T) advisory.Row {
		return advisory.Row{
			Ecosystem: rapid.SampledFrom([]advisory.Ecosystem{"Debian:12", "Debian:11", "AlmaLinux:9", "?"}).Draw(t, "ecosystem"),
			Package:   rapid.StringN(1, 5, -1).Draw(t, "package"),
			ID:        advisory.ID(rapid.SampledFrom([]string{"", "DEBIAN-CVE-2024-0001", "DSA-"}).Draw(t, "prefix") + rapid.StringN(1, 6, -1).Draw(t, "id")),
			IDs:       rapid.SliceOfN(rapid.Map(rapid.SampledFrom([]string{"CVE-2024-0001", "CVE-2024-00012", "x"}), func(s string) advisory.ID { return advisory.ID(s) }), 0, 3).Draw(t, "ids"),
			Kind:      advisory.Kind(rapid.IntRange(1, 3).Draw(t, "kind")), Verdict: advisory.Verdict(rapid.IntRange(0, 2).Draw(t, "verdict")),
			Ranges: rapid.SliceOfN(span, 0, 3).Draw(t, "ranges"), Versions: rapid.SliceOfN(text, 0, 3).Draw(t, "versions"),
			Module: text.Draw(t, "module"), Binaries: rapid.SliceOfN(text, 0, 3).Draw(t, "binaries"),
			Severity: advisory.Severity(rapid.IntRange(0, 5).Draw(t, "severity")), Rating: text.Draw(t, "rating"), CVSS: text.Draw(t, "cvss"),
			Published: moment.Draw(t, "published"), Modified: moment.Draw(t, "modified"), FixDate: moment.Draw(t, "fix"),
			Withdrawn: rapid.Bool().Draw(t, "withdrawn"), Summary: text.Draw(t, "summary"),
		}
	})
}

func TestStoreKeepsAnyRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfNDistinct(anyRow(), 1, 40, func(r advisory.Row) string { return key(r.Ecosystem, r.Package) + "\x00" + string(r.ID) }).Draw(t, "rows")
		b := newBuilder()
		want := map[string][]advisory.Row{}
		for i := range rows {
			if err := b.Carry(rows[i]); err != nil {
				t.Fatal(err)
			}
			k := key(rows[i].Ecosystem, rows[i].Package)
			want[k] = append(want[k], empties(rows[i]))
		}
		s, err := advisory.OpenStore(written(t, b))
		if err != nil {
			t.Fatal(err)
		}
		if err := (truth{rows: want}).check(s, false); err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := s.EachRow(func(advisory.Row) error { n++; return nil }); err != nil || n != len(rows) {
			t.Fatalf("%d of %d rows, error %v", n, len(rows), err)
		}
	})
}

// empties makes empty lists nil, as they come out.
func empties(r advisory.Row) advisory.Row {
	if len(r.IDs) == 0 {
		r.IDs = nil
	}
	if len(r.Ranges) == 0 {
		r.Ranges = nil
	}
	if len(r.Versions) == 0 {
		r.Versions = nil
	}
	if len(r.Binaries) == 0 {
		r.Binaries = nil
	}
	return r
}

func TestStoreKeepsAnyCVE(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := truth{cves: map[advisory.ID]advisory.CVE{}}
		b := newBuilder()
		b.AddSource(advisory.Source{Name: "epss", Kind: advisory.SourceEPSS})
		for range rapid.IntRange(1, 50).Draw(t, "n") {
			c := advisory.CVE{ID: advisory.ID(fmt.Sprintf("CVE-%d-%04d", rapid.IntRange(1999, 2030).Draw(t, "year"), rapid.IntRange(0, 999_999_999).Draw(t, "number")))}
			if rapid.Bool().Draw(t, "epss") {
				c.HasEPSS, c.EPSS, c.Percentile = true, rapid.Float64Range(0, 1).Draw(t, "score"), float64(rapid.IntRange(0, 1e5).Draw(t, "percentile"))/1e5
			}
			if rapid.Bool().Draw(t, "kev") {
				c.KEV = &advisory.KEV{Added: time.Unix(rapid.Int64Range(0, 30000).Draw(t, "day")*86400, 0).UTC(), Name: rapid.String().Draw(t, "name"), Ransomware: rapid.Bool().Draw(t, "ransomware")}
			}
			if err := b.AddCVE(c); err != nil {
				t.Fatal(err)
			}
			have := want.cves[c.ID]
			if !c.HasEPSS {
				c.HasEPSS, c.EPSS, c.Percentile = have.HasEPSS, have.EPSS, have.Percentile
			}
			if c.KEV == nil {
				c.KEV = have.KEV
			}
			want.cves[c.ID] = c
		}
		s, err := advisory.OpenStore(written(t, b))
		if err != nil {
			t.Fatal(err)
		}
		if err := want.check(s, false); err != nil {
			t.Fatal(err)
		}
		n := 0
		if err := s.EachCVE(func(advisory.CVE) error { n++; return nil }); err != nil || n != len(want.cves) {
			t.Fatalf("%d of %d CVEs, error %v", n, len(want.cves), err)
		}
	})
}

func TestStoreSameInputSameBytes(t *testing.T) {
	first, _ := sampled(t, 3, 300)
	second, _ := sampled(t, 3, 300)
	if !bytes.Equal(first, second) {
		t.Error("two different stores")
	}
}

func TestBuilderRefuses(t *testing.T) {
	b := newBuilder()
	if _, err := b.WriteTo(&bytes.Buffer{}); err == nil {
		t.Error("a store of nothing was written")
	}
	if err := b.AddCVE(advisory.CVE{ID: "DSA-1"}); err == nil {
		t.Error("a CVE without CVE id was taken")
	}
	if err := b.AddRecord(advisory.Record{ID: "X", Rows: []advisory.Row{{ID: "X", Ecosystem: "Debian:12"}}}); err == nil {
		t.Error("a row without package was taken")
	}
}

func TestBuilderCoverage(t *testing.T) {
	b := newBuilder()
	add := func(eco, id, pkg, modified, partial string) {
		r := advisory.Record{ID: advisory.ID(id), Modified: at(modified), Partial: partial, Rows: []advisory.Row{
			{Ecosystem: advisory.Ecosystem(eco), Package: pkg, ID: advisory.ID(id), Kind: advisory.KindSecurity, Modified: at(modified)},
		}}
		if err := b.AddRecord(r); err != nil {
			t.Fatal(err)
		}
	}
	add("Debian:11", "A-1", "curl", "2023-03-29T00:00:00Z", "")
	add("Debian:12", "A-2", "curl", "2026-01-01T00:00:00Z", "derived from changelogs")
	add("Debian:12", "A-3", "nginx", "2025-12-01T00:00:00Z", "")
	add("AlmaLinux:9", "A-4", "nginx", "2024-12-01T00:00:00Z", "")
	b.MarkPartial("AlmaLinux:9", "only the web server")
	s, err := advisory.OpenStore(written(t, b))
	if err != nil {
		t.Fatal(err)
	}
	got := map[advisory.Ecosystem]string{}
	for _, c := range s.Meta().Coverage {
		got[c.Ecosystem] = fmt.Sprintf("%d %d %s", c.Records, c.Packages, c.Partial)
	}
	want := map[advisory.Ecosystem]string{
		"Debian:11":   "1 1 records end 2023-03-29",
		"Debian:12":   "2 2 derived from changelogs: only the 2 packages named in the records are covered",
		"AlmaLinux:9": "1 1 only the web server",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]advisory.Ecosystem{"AlmaLinux:9", "Debian:11", "Debian:12"}, s.Ecosystems()); diff != "" {
		t.Error(diff)
	}
}
