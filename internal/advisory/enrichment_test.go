package advisory_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/advisory"
)

type parser func(io.Reader, func(advisory.CVE) error) (time.Time, error)

func collect(p parser, text string) (map[advisory.ID]advisory.CVE, time.Time, error) {
	found := map[advisory.ID]advisory.CVE{}
	date, err := p(strings.NewReader(text), func(c advisory.CVE) error {
		found[c.ID] = c
		return nil
	})
	return found, date, err
}

const kev = `{"title":"t","catalogVersion":"1","dateReleased":"2025-08-25T17:04:19.9796Z","count":2,"vulnerabilities":[
{"cveID":"CVE-2025-48384","vulnerabilityName":"Git Link Following Vulnerability","dateAdded":"2025-08-25","dueDate":"2025-09-15","knownRansomwareCampaignUse":"Unknown"},
{"cveID":"CVE-2024-0001","vulnerabilityName":"A Hole","dateAdded":"2025-08-01","knownRansomwareCampaignUse":"Known"}]}`

func TestParseKEV(t *testing.T) {
	got, date, err := collect(advisory.ParseKEV, kev)
	if err != nil || !date.Equal(at("2025-08-25T17:04:19Z")) {
		t.Fatal(date, err)
	}
	want := map[advisory.ID]advisory.CVE{
		"CVE-2025-48384": {ID: "CVE-2025-48384", KEV: &advisory.KEV{Added: at("2025-08-25T00:00:00Z"), Due: at("2025-09-15T00:00:00Z"), Name: "Git Link Following Vulnerability"}},
		"CVE-2024-0001":  {ID: "CVE-2024-0001", KEV: &advisory.KEV{Added: at("2025-08-01T00:00:00Z"), Ransomware: true, Name: "A Hole"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, bad := range map[string]string{
		"cut":         kev[:len(kev)-2],
		"short count": strings.Replace(kev, `"count":2`, `"count":3`, 1),
		"no entries":  `{"dateReleased":"2025-08-25T17:04:19Z","count":0,"vulnerabilities":[]}`,
		"no date":     strings.Replace(kev, "dateReleased", "released", 1),
		"bad id":      strings.Replace(kev, "CVE-2024-0001", "CVE-1", 1),
		"bad added":   strings.Replace(kev, "2025-08-01", "August", 1),
		"bad due":     strings.Replace(kev, "2025-09-15", "soon", 1),
	} {
		if _, _, err := collect(advisory.ParseKEV, bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

const epss = "#model_version:v2023.03.01,score_date:2023-03-07T00:00:00+0000\ncve,epss,percentile\nCVE-2020-5902,0.97567,0.99995\r\nCVE-2018-19571,1e-05,0\n"

func TestParseEPSS(t *testing.T) {
	got, date, err := collect(advisory.ParseEPSS, epss)
	if err != nil || !date.Equal(at("2023-03-07T00:00:00Z")) {
		t.Fatal(date, err)
	}
	want := map[advisory.ID]advisory.CVE{
		"CVE-2020-5902":  {ID: "CVE-2020-5902", HasEPSS: true, EPSS: 0.97567, Percentile: 0.99995},
		"CVE-2018-19571": {ID: "CVE-2018-19571", HasEPSS: true, EPSS: 0.00001},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	const head = "#model_version:1,score_date:2023-03-07\ncve,epss,percentile\n"
	for bad, line := range map[string]string{
		"": "line 1", "cve,epss,percentile\n": "line 1", "#model_version:1,score_date:today\n": "line 1", "#score_date:2023-03-07\nid,score\n": "line 2",
		head: "line 3", head + "CVE-2020-5902,0.5\n": "line 3", head + "CVE-2020-5902,0.5,0.5\nCVE-2020-1,0.5,0.5\n": "line 4",
		head + "CVE-2020-5902,1.5,0.5\n": "line 3", head + "CVE-2020-5902,NaN,0.5\n": "line 3", head + strings.Repeat("x", 5000): "line 3",
	} {
		if _, _, err := collect(advisory.ParseEPSS, bad); err == nil || !strings.Contains(err.Error(), line) {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

const (
	v2  = "AV:N/AC:L/Au:N/C:P/I:P/A:P"
	v31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
	v40 = "CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:L/VI:L/VA:N/SC:N/SI:N/SA:N"
	nvd = `{"resultsPerPage":2,"format":"NVD_CVE","version":"2.0","timestamp":"2026-01-02T00:00:00.000","vulnerabilities":[
{"cve":{"id":"CVE-2024-0001","lastModified":"2026-01-01T10:00:00.123","metrics":{"cvssMetricV2":[{"type":"Primary","cvssData":{"vectorString":"` + v2 + `"}}],
"cvssMetricV31":[{"type":"Secondary","cvssData":{"vectorString":"CVSS:3.1/AV:L/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:L"}},{"type":"Primary","cvssData":{"vectorString":"` + v31 + `"}}]}}},
{"cve":{"id":"CVE-2024-0002","lastModified":"2026-01-01T10:00:00.123","metrics":{}}}]}`
	cve5 = `{"dataType":"CVE_RECORD","dataVersion":"5.1","cveMetadata":{"cveId":"CVE-2024-0003","state":"PUBLISHED","dateUpdated":"2026-01-01T10:00:00.123Z"},
"containers":{"cna":{"metrics":[{"other":{"type":"x"}},{"cvssV3_1":{"vectorString":"not a vector"}}]},
"adp":[{"metrics":[{"cvssV3_1":{"vectorString":"` + v31 + `"}},{"cvssV4_0":{"vectorString":"` + v40 + `"}}]}]}}`
)

func TestParseCVERecords(t *testing.T) {
	got, date, err := collect(advisory.ParseCVERecords, nvd)
	if err != nil || !date.Equal(at("2026-01-02T00:00:00Z")) {
		t.Fatal(date, err)
	}
	want := map[advisory.ID]advisory.CVE{"CVE-2024-0001": {ID: "CVE-2024-0001", CVSS: v31, Severity: advisory.SeverityCritical, Score: 9.8}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got, date, err = collect(advisory.ParseCVERecords, cve5)
	if c := got["CVE-2024-0003"]; err != nil || !date.Equal(at("2026-01-01T10:00:00Z")) || c.CVSS != v40 || c.Score == 0 {
		t.Error(c, date, err)
	}
	got, _, err = collect(advisory.ParseCVERecords, strings.Replace(cve5, "PUBLISHED", "REJECTED", 1))
	if err != nil || len(got) != 0 {
		t.Error(got, err)
	}
	for name, bad := range map[string]string{
		"empty": "", "list": "[]", "nothing": "{}", "cut": nvd[:len(nvd)-2], "cut in the list": nvd[:len(nvd)/2], "two": nvd + nvd, "cut record": cve5[:len(cve5)-1],
		"no list": `{"vulnerabilities":{}}`, "numbers": `{"vulnerabilities":[5]}`, "id": strings.Replace(nvd, "CVE-2024-0002", "X", 1) + " ",
		"time": strings.Replace(nvd, "2026-01-01T10:00:00.123", "now", 1), "updated": strings.Replace(cve5, "2026-01-01T10:00:00.123Z", "now", 1),
	} {
		if name == "id" { // found only where there is a vector to report
			bad = strings.Replace(nvd, "CVE-2024-0001", "X", 1)
		}
		if _, _, err := collect(advisory.ParseCVERecords, bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestParsersPassOnTheCallersError(t *testing.T) {
	stop := errors.New("stop")
	for name, try := range map[string]struct {
		parse parser
		text  string
	}{"kev": {advisory.ParseKEV, kev}, "epss": {advisory.ParseEPSS, epss}, "nvd": {advisory.ParseCVERecords, nvd}, "cve": {advisory.ParseCVERecords, cve5}} {
		if _, err := try.parse(strings.NewReader(try.text), func(advisory.CVE) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// fuzzParser checks that whatever parses can be stored.
func fuzzParser(f *testing.F, p parser, seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := newBuilder()
		_, err := p(bytes.NewReader(data), b.AddCVE)
		if err != nil && strings.Contains(err.Error(), "cannot store") {
			t.Error(fmt.Errorf("parsed but not storable: %w", err))
		}
	})
}

func FuzzParseKEV(f *testing.F)        { fuzzParser(f, advisory.ParseKEV, kev) }
func FuzzParseEPSS(f *testing.F)       { fuzzParser(f, advisory.ParseEPSS, epss) }
func FuzzParseCVERecords(f *testing.F) { fuzzParser(f, advisory.ParseCVERecords, nvd, cve5) }
