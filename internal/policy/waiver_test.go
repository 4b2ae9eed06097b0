package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/policy"
	"github.com/lockfast/lockfast/internal/result"
)

const head = "schema: lockfast.waivers/1\nwaivers:\n"

func parse(t *testing.T, body string) []policy.Waiver {
	t.Helper()
	list, err := policy.ParseWaivers(strings.NewReader(head + body))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestBadWaiversNameTheLine(t *testing.T) {
	cases := map[string]string{
		"":                             "empty",
		"schema: lockfast.waivers/9\n": "schema",
		"schema: [\n":                  "line",
		head + "  - id: CVE-1\n    expires: 2026-01-01\n":                              "line 3: reason",
		head + "  - id: CVE-1\n    reason: x\n    expires: soon\n":                     "line 3: expires",
		head + "  - id: CVE-1\n    package: x\n    reason: x\n    expires: 2026-01-01": "exactly one",
		head + "  - reason: x\n    expires: 2026-01-01\n":                              "exactly one",
		head + "  - id: CVE-1\n    resaon: x\n":                                        "line 4: unknown field \"resaon\"",
		head + "  - just text\n":                                                       "line 3",
	}
	for text, want := range cases {
		_, err := policy.ParseWaivers(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func finding(ids ...string) result.Finding {
	f := result.Finding{Key: "debian:nginx@1", SourcePackage: "nginx", IDs: ids}
	for _, id := range ids {
		if strings.HasPrefix(id, "CVE-") {
			f.Vulnerabilities = append(f.Vulnerabilities, result.Vulnerability{ID: id})
		}
	}
	return f
}

func TestWaive(t *testing.T) {
	now := time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC)
	one := "  - id: CVE-1\n    reason: x\n    expires: 2026-12-31\n"
	two := "  - id: CVE-2\n    reason: y\n    expires: 2027-06-30\n"
	cases := []struct {
		name            string
		waivers         string
		f               result.Finding
		at              time.Time
		waived, expired int
	}{
		{"its only id", one, finding("CVE-1"), now, 1, 0},
		{"one of two ids", one, finding("CVE-1", "CVE-2"), now, 0, 0},
		{"both ids", one + two, finding("CVE-1", "CVE-2"), now, 1, 0},
		{"the day after", one, finding("CVE-1"), now.Add(time.Hour), 0, 1},
		{"the advisory", "  - id: DSA-1\n    reason: x\n    expires: 2026-12-31\n", finding("DSA-1", "CVE-1"), now, 1, 0},
		{"one of two advisories", "  - id: DSA-1\n    reason: x\n    expires: 2026-12-31\n", finding("DSA-1", "DSA-2", "CVE-1"), now, 0, 0},
		{"the package", "  - package: nginx\n    reason: x\n    expires: 2026-12-31\n", finding("CVE-1"), now, 1, 0},
		{"the key", "  - key: debian:nginx@1\n    reason: x\n    expires: 2026-12-31\n", finding("CVE-1"), now, 1, 0},
		{"another version's key", "  - key: debian:nginx@0\n    reason: x\n    expires: 2026-12-31\n", finding("CVE-1"), now, 0, 0},
		{"another host", "  - package: nginx\n    host: web2\n    reason: x\n    expires: 2026-12-31\n", finding("CVE-1"), now, 0, 0},
		{"nothing that could be covered", one, finding(), now, 0, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			stay, waived, expired := policy.Waive([]result.Finding{c.f}, parse(t, c.waivers), "web1", c.at)
			if len(waived) != c.waived || len(stay) != 1-c.waived || expired != c.expired {
				t.Errorf("stay %d, waived %d, expired %d", len(stay), len(waived), expired)
			}
		})
	}
}

func FuzzParseWaivers(f *testing.F) {
	f.Add(head + "  - id: CVE-1\n    reason: x\n    expires: 2026-01-01\n")
	f.Add("schema: lockfast.waivers/1\nwaivers: [&a {id: *a}]")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := policy.ParseWaivers(strings.NewReader(text))
		for _, w := range list {
			if err == nil && (w.Reason == "" || w.Expires.IsZero()) {
				t.Errorf("accepted a waiver without reason or end: %+v", w)
			}
		}
	})
}
