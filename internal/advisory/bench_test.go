package advisory_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/advisory/advisorytest"
)

const benchSeed = 2001

// generated builds a store of the first n records of the benchmark's series.
func generated(tb testing.TB, n int) []byte {
	tb.Helper()
	b := advisory.NewBuilder(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "test")
	for i := range n {
		record, err := advisory.ParseRecord(advisorytest.Record(benchSeed, i))
		if err != nil {
			tb.Fatal(err)
		}
		if err := b.AddRecord(record); err != nil {
			tb.Fatal(err)
		}
	}
	for i := range 300_000 {
		if err := b.AddCVE(advisory.CVE{ID: advisory.ID(fmt.Sprintf("CVE-%d-%04d", 2014+i%13, 1000+i/13)), HasEPSS: true, EPSS: float64(i%1000) / 1e5, Percentile: 0.5}); err != nil {
			tb.Fatal(err)
		}
	}
	var out bytes.Buffer
	if _, err := b.WriteTo(&out); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// BenchmarkColdScan opens a store and asks for 830 packages of one release, as a
// scan does, with nothing cached; 45,000 and 400,000 records must be close.
func BenchmarkColdScan(b *testing.B) {
	for _, n := range []int{45_000, 400_000} {
		data := generated(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			rows := 0
			for b.Loop() {
				rows = coldScan(b, data)
			}
			b.ReportMetric(float64(rows), "rows")
			b.ReportMetric(float64(len(data))/(1<<20), "MiB")
		})
	}
}

func coldScan(tb testing.TB, data []byte) int {
	tb.Helper()
	s, err := advisory.OpenStore(data)
	if err != nil {
		tb.Fatal(err)
	}
	rows := 0
	for i := range 830 {
		// Every fourth name has no record; the others spread over the range.
		name := advisorytest.Package(i * 4)
		if i%4 == 0 {
			name = "no-such-" + name
		}
		found, err := s.Lookup("Debian:12", name)
		if err != nil {
			tb.Fatal(err)
		}
		rows += len(found)
	}
	return rows
}

// BenchmarkCVE asks for CVEs in no order.
func BenchmarkCVE(b *testing.B) {
	s, err := advisory.OpenStore(generated(b, 1000))
	if err != nil {
		b.Fatal(err)
	}
	i := 0
	for b.Loop() {
		i += 7919
		id := advisory.ID(fmt.Sprintf("CVE-%d-%04d", 2014+i%13, 1000+i%20000))
		if _, _, err := s.CVE(id); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParse is one record of the usual size.
func BenchmarkParse(b *testing.B) {
	data := advisorytest.Record(benchSeed, 7)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := advisory.ParseOSV(data); err != nil {
			b.Fatal(err)
		}
	}
}
