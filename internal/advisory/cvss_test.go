package advisory_test

import (
	"math"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/advisory"
)

func TestParseCVSS(t *testing.T) {
	cases := []struct {
		name, vector string
		score        float64
		sev          advisory.Severity
	}{
		// the examples of FIRST's guides, and scores NVD publishes
		{"2.0 CVE-2002-0392", "AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8, advisory.SeverityHigh},
		{"2.0 CVE-2003-0818", "AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0, advisory.SeverityHigh},
		{"2.0 CVE-2003-0062", "AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2, advisory.SeverityMedium},
		{"2.0 with temporal metrics", "AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C", 7.8, advisory.SeverityHigh},
		{"2.0 in parentheses", "(AV:N/AC:L/Au:N/C:P/I:N/A:N)", 5.0, advisory.SeverityMedium},
		{"2.0 without impact", "AV:N/AC:L/Au:N/C:N/I:N/A:N", 0, advisory.SeverityLow},
		{"3.0 CVE-2015-8252", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8, advisory.SeverityCritical},
		{"3.0 CVE-2014-0160", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5, advisory.SeverityHigh},
		{"3.1 CVE-2013-1937", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1, advisory.SeverityMedium},
		{"3.1 CVE-2013-0375", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4, advisory.SeverityMedium},
		{"3.1 CVE-2014-3566", "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1, advisory.SeverityLow},
		{"3.1 CVE-2012-1516", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9, advisory.SeverityCritical},
		{"3.1 CVE-2021-44228", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0, advisory.SeverityCritical},
		{"3.1 without impact", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0, advisory.SeverityNone},
		{"3.1 with temporal metrics", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N/E:U/RL:O/RC:U", 6.1, advisory.SeverityMedium},
		{"3.1 with environmental metrics", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/MAV:P", 9.8, advisory.SeverityCritical},
		{"4.0 CVE-2022-41741", "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3, advisory.SeverityHigh},
		{"4.0 CVE-2014-0160", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N", 8.7, advisory.SeverityHigh},
		{"4.0 CVE-2021-44228", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10.0, advisory.SeverityCritical},
		{"4.0 CVE-2020-3549", "CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.7, advisory.SeverityHigh},
		{"4.0 without impact", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0, advisory.SeverityNone},
		{"4.0 with threat metric", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:U", 8.7, advisory.SeverityHigh},
		{"4.0 with other metrics", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:P/CR:L/MAV:P/S:P", 8.7, advisory.SeverityHigh},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			score, sev, err := advisory.ParseCVSS(c.vector)
			if err != nil || math.Abs(score-c.score) > 1e-9 || sev != c.sev {
				t.Errorf("ParseCVSS(%q) = %v, %v, %v, want %v, %v", c.vector, score, sev, err, c.score, c.sev)
			}
		})
	}
}

func TestParseCVSSRefuses(t *testing.T) {
	for _, vector := range []string{
		"", "7.5", "CRITICAL", "N/A",
		"AV:N/AC:L/Au:N/C:N/I:N",                         // a metric is missing
		"AV:N/AC:L/Au:N/C:N/I:N/A:X",                     // no such value
		"(AV:N/AC:L/Au:N/C:N/I:N/A:C",                    // half a pair of parentheses
		"CVSS:2.0/AV:N/AC:L/Au:N/C:N/I:N/A:C",            // 2.0 has no prefix
		"CVSS:5.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",   // unknown version
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",       // a metric is missing
		"CVSS:3.1/AV:N/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H",  // a metric twice
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/",  // goes on with nothing
		"CVSS:3.1AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",    // no separator
		"CVSS:4.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",   // 3.x metrics
		"cvss:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",   // case matters
		" CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",  // blanks matter
		"CVSS:4.0/" + strings.Repeat("AV:N/", 1<<16),     // too long
		"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/é", // no metric
	} {
		score, sev, err := advisory.ParseCVSS(vector)
		if err == nil || score != 0 || sev != advisory.SeverityUnknown {
			t.Errorf("ParseCVSS(%.60q) = %v, %v, %v, want an error", vector, score, sev, err)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("ParseCVSS(%.60q): the error has %d bytes", vector, len(err.Error()))
		}
	}
}

func TestParseRating(t *testing.T) {
	words := map[advisory.Severity][]string{
		advisory.SeverityCritical: {"Critical", "critical", "CRITICAL"},
		advisory.SeverityHigh:     {"Important", "important", "high", "HIGH", "high**"},
		advisory.SeverityMedium:   {"Moderate", "moderate", "medium", "medium**", "MEDIUM"},
		advisory.SeverityLow:      {"Low", "low", "low**", "negligible", " low "},
		advisory.SeverityNone:     {"none", "unimportant"},
		advisory.SeverityUnknown:  {"", "untriaged", "unknown", "not yet assigned", "end-of-life", "N/A", "7.5", "lowish"},
	}
	for want, list := range words {
		for _, word := range list {
			if got := advisory.ParseRating(word); got != want {
				t.Errorf("ParseRating(%q) = %v, want %v", word, got, want)
			}
		}
		if got := advisory.ParseRating(want.String()); got != want {
			t.Errorf("ParseRating(%q) = %v, want %v", want, got, want)
		}
	}
}

func FuzzParseCVSS(f *testing.F) {
	f.Add("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C")
	f.Add("(AV:N/AC:L/Au:N/C:P/I:N/A:N)")
	f.Add("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H")
	f.Add("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N/E:U/RL:O/RC:U/MAV:P")
	f.Add("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:N/VA:N/SC:N/SI:N/SA:N/E:P/CR:L/MAV:P/S:P")
	f.Add("CVSS:4.0")
	f.Add("CVSS:")
	f.Add("()")
	f.Fuzz(func(t *testing.T, vector string) {
		score, sev, err := advisory.ParseCVSS(vector)
		if (err == nil) == (sev == advisory.SeverityUnknown) {
			t.Errorf("ParseCVSS(%q): severity %v with error %v", vector, sev, err)
		}
		if score < 0 || score > 10 || math.IsNaN(score) {
			t.Errorf("ParseCVSS(%q): score %v", vector, score)
		}
	})
}
