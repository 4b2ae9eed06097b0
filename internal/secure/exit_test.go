package secure //nolint:testpackage // the decision is a table of its own, and not exported

import (
	"testing"

	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/result"
)

func finding(severity string, kev *bool, parts ...string) result.Finding {
	f := result.Finding{Status: result.StatusOpen, Severity: severity, KEV: kev}
	for _, p := range parts {
		f.Vulnerabilities = append(f.Vulnerabilities, result.Vulnerability{Severity: p})
	}
	return f
}

func TestDecide(t *testing.T) {
	current := match.Knowledge{HasKEV: true}
	leftover := finding("critical", new(true), "critical")
	leftover.Status = result.StatusLeftover
	blocking := []result.Unknown{{What: "packages", Blocking: true}}
	foreign := []result.Unknown{{What: "nginx 99", IDs: []string{"CVE-2026-0001"}, Severity: "critical"}}
	cases := []struct {
		name     string
		findings []result.Finding
		unknown  []result.Unknown
		limit    FailOn
		know     match.Knowledge
		code     int
	}{
		{"nothing", nil, nil, FailAny, current, 0},
		{"findings without a limit", []result.Finding{finding("critical", new(true), "critical")}, nil, FailNever, current, 0},
		{"any", []result.Finding{finding("low", new(false), "low")}, nil, FailAny, current, 1},
		{"high under high", []result.Finding{finding("high", new(false), "high")}, nil, FailHigh, current, 1},
		{"critical under high", []result.Finding{finding("critical", new(false), "critical")}, nil, FailHigh, current, 1},
		{"high under critical", []result.Finding{finding("high", new(false), "high")}, nil, FailCritical, current, 0},
		{"medium under high", []result.Finding{finding("medium", new(false), "medium", "low")}, nil, FailHigh, current, 0},
		{"medium with an unrated part", []result.Finding{finding("medium", new(false), "medium", "unknown")}, nil, FailHigh, current, 3},
		{"unknown severity", []result.Finding{finding("unknown", new(false))}, nil, FailHigh, current, 3},
		{"unknown severity without a limit", []result.Finding{finding("unknown", nil)}, nil, FailNever, match.Knowledge{}, 0},
		{"exploited", []result.Finding{finding("low", new(true), "low")}, nil, FailKEV, current, 1},
		{"not exploited", []result.Finding{finding("critical", new(false), "critical")}, nil, FailKEV, current, 0},
		{"exploitation unknown", []result.Finding{finding("low", nil, "low")}, nil, FailKEV, current, 3},
		{"exploited without KEV data", nil, nil, FailKEV, match.Knowledge{}, 3},
		{"exploited with stale KEV data", nil, nil, FailKEV, match.Knowledge{HasKEV: true, KEVStale: true}, 3},
		{"kernel left on disk", []result.Finding{leftover}, nil, FailAny, current, 0},
		{"blocked", nil, blocking, FailNever, current, 3},
		{"blocked wins over findings", []result.Finding{finding("high", new(false), "high")}, blocking, FailAny, current, 3},
		{"blocked, accepted", nil, []result.Unknown{{Blocking: true, Accepted: true}}, FailAny, current, 0},
		{"foreign package without a limit", nil, foreign, FailNever, current, 0},
		{"foreign package over the limit", nil, foreign, FailHigh, current, 3},
		{"foreign package below the limit", nil, []result.Unknown{{IDs: []string{"x"}, Severity: "low"}}, FailHigh, current, 0},
		{"foreign package, not exploited", nil, foreign, FailKEV, current, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			exit := decide(&result.Scan{Findings: c.findings, Unknown: c.unknown}, c.limit, c.know)
			if exit.Code != c.code || (exit.Code != 0) != (len(exit.Reasons) > 0) {
				t.Errorf("code %d (%v), want %d", exit.Code, exit.Reasons, c.code)
			}
		})
	}
}
