package advisory_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/advisory"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// osv is a record with these affected[] entries.
func osv(id, summary, rest string, entries ...string) string {
	return `{"id":"` + id + `","modified":"2026-01-02T00:00:00.5Z","published":"2026-01-01T00:00:00Z","summary":"` + summary + `"` + rest +
		`,"affected":[` + strings.Join(entries, ",") + `]}`
}

func entry(eco, name, events string) string { return entryWith(eco, name, events, "") }

func entryWith(eco, name, events, rest string) string {
	return `{"package":{"ecosystem":"` + eco + `","name":"` + name + `"},"ranges":[{"type":"ECOSYSTEM","events":[` + events + `]}]` + rest + `}`
}

const zeroTo2 = `{"introduced":"0"},{"fixed":"2"}`

func TestParseOSV(t *testing.T) {
	row := advisory.Row{
		Ecosystem: "Debian:12", Package: "curl", ID: "DSA-5365-1", IDs: []advisory.ID{"CVE-2023-1", "CVE-2023-2"}, Kind: advisory.KindSecurity,
		Ranges: []advisory.Range{{Introduced: "0", Fixed: "2"}}, Published: at("2026-01-01T00:00:00Z"), Modified: at("2026-01-02T00:00:00Z"),
		FixDate: at("2026-01-01T00:00:00Z"), Summary: "curl - security update",
	}
	got, err := advisory.ParseOSV([]byte(osv("DSA-5365-1", "curl - security update",
		`,"upstream":["CVE-2023-2"],"aliases":["CVE-2023-1","DSA-5365-1"],"related":["CVE-2023-2"]`, entry("Debian:12", "curl", zeroTo2))))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]advisory.Row{row}, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseOSVRanges(t *testing.T) {
	const v = `{"introduced":"0"}`
	cases := map[string]struct {
		entry string
		want  []advisory.Range
	}{
		"no fix yet":            {entry("Debian:12", "p", v), []advisory.Range{{Introduced: "0"}}},
		"any order":             {entry("Debian:12", "p", `{"fixed":"2"},`+v), []advisory.Range{{Introduced: "0", Fixed: "2"}}},
		"several pairs":         {entry("Debian:12", "p", `{"fixed":"5"},{"introduced":"4"},{"fixed":"2"},`+v), []advisory.Range{{"0", "2", ""}, {"4", "5", ""}}},
		"two fixes, first wins": {entry("Debian:12", "p", v+`,{"fixed":"3"},{"fixed":"2"}`), []advisory.Range{{"0", "2", ""}}},
		"version order":         {entry("Debian:12", "p", `{"introduced":"10"},{"fixed":"9"},{"introduced":"8"},{"fixed":"11"}`), []advisory.Range{{"8", "9", ""}, {"10", "11", ""}}},
		"last affected":         {entry("Debian:12", "p", v+`,{"last_affected":"3"}`), []advisory.Range{{"0", "", "3"}}},
		"only one version":      {entry("Debian:12", "p", `{"introduced":"3"},{"last_affected":"3"}`), []advisory.Range{{"3", "", "3"}}},
		"limit":                 {entry("Debian:12", "p", v+`,{"limit":"4"}`), []advisory.Range{{"0", "4", ""}}},
		"limit of infinity":     {entry("Debian:12", "p", v+`,{"limit":"*"}`), []advisory.Range{{Introduced: "0"}}},
		"fixed where it began":  {entry("Debian:12", "p", v+`,{"fixed":"0"}`), nil},
		"reopened at the fix":   {entry("Debian:12", "p", v+`,{"fixed":"2"},{"introduced":"2"}`), []advisory.Range{{"0", "2", ""}, {"2", "", ""}}},
		"git beside": {`{"package":{"ecosystem":"Debian:12","name":"p"},"ranges":[{"type":"GIT","repo":"r","events":[{"introduced":"0"}]},
			{"type":"ECOSYSTEM","events":[` + zeroTo2 + `]}]}`, []advisory.Range{{"0", "2", ""}}},
		"nothing said": {`{"package":{"ecosystem":"Debian:12","name":"p"}}`, []advisory.Range{{Introduced: "0"}}},
		"rocky's epoch": {`{"package":{"ecosystem":"Rocky Linux:9","name":"p","purl":"pkg:rpm/rocky/p@2?distro=rocky-9&epoch=1"},
			"ranges":[{"type":"ECOSYSTEM","events":[` + zeroTo2 + `]}]}`, []advisory.Range{{"0", "1:2", ""}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rows, err := advisory.ParseOSV([]byte(osv("X-1", "", "", c.entry)))
			if err != nil || len(rows) != 1 {
				t.Fatalf("%d rows, error %v", len(rows), err)
			}
			if diff := cmp.Diff(c.want, rows[0].Ranges); diff != "" {
				t.Error(diff)
			}
			if (c.want == nil) != (rows[0].Verdict == advisory.VerdictNotAffected) {
				t.Errorf("verdict %d", rows[0].Verdict)
			}
		})
	}
}

func TestParseOSVVersionsOutsideRangesStay(t *testing.T) {
	rows, err := advisory.ParseOSV([]byte(osv("X-1", "", "", entryWith("Debian:12", "p", zeroTo2, `,"versions":["1","7","1.5","7"]`))))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"7"}, rows[0].Versions); diff != "" {
		t.Error(diff)
	}
}

func TestParseOSVPackageNamedTwice(t *testing.T) {
	rows, err := advisory.ParseOSV([]byte(osv("ALSA-1", "", "",
		entry("AlmaLinux:9", "p", zeroTo2), entry("AlmaLinux:9", "q", zeroTo2), entry("AlmaLinux:9", "p", `{"introduced":"0"},{"fixed":"3"}`), entry("AlmaLinux:9", "p", zeroTo2))))
	if err != nil || len(rows) != 2 {
		t.Fatalf("rows %+v, error %v", rows, err)
	}
	if diff := cmp.Diff([]advisory.Range{{Introduced: "0", Fixed: "2"}, {Introduced: "0", Fixed: "3"}}, rows[0].Ranges); diff != "" {
		t.Error(diff)
	}
}

func TestParseOSVModules(t *testing.T) {
	const build = `{"introduced":"0"},{"fixed":"1:18.9.1-1.module_el8.7.0+3343+ea2b7901"}`
	cases := map[string]struct {
		summary, entry string
		want           []string
	}{
		"stream in the summary": {"Important: nodejs:18 security update", entry("AlmaLinux:8", "nodejs", build), []string{"nodejs:18"}},
		"two streams":           {"Moderate: virt:rhel and virt-devel:rhel security update", entry("AlmaLinux:8", "qemu", build), []string{"virt:rhel", "virt-devel:rhel"}},
		"unknown stream":        {"Important: 389-ds security update", entry("AlmaLinux:8", "389-ds-base", build), []string{"?"}},
		"no module":             {"Important: nodejs:18 security update", entry("AlmaLinux:8", "nodejs", zeroTo2), []string{""}},
		"both":                  {"Important: nodejs:18 security update", entry("AlmaLinux:8", "p", zeroTo2) + "," + entry("AlmaLinux:8", "p", build), []string{"", "nodejs:18"}},
		"in the package URL": {"update", `{"package":{"ecosystem":"Red Hat:enterprise_linux:8::appstream","name":"n","purl":"pkg:rpm/redhat/n?rpmmod=nodejs%3A20%3A80900"},
			"ranges":[{"type":"ECOSYSTEM","events":[` + strings.ReplaceAll(build, "module_el", "module+el") + `]}]}`, []string{"nodejs:20"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rows, err := advisory.ParseOSV([]byte(osv("ALSA-1", c.summary, "", c.entry)))
			if err != nil {
				t.Fatal(err)
			}
			var modules []string
			for _, r := range rows {
				modules = append(modules, r.Module)
				if len(r.Ranges) != 1 {
					t.Errorf("ranges %v", r.Ranges)
				}
			}
			if diff := cmp.Diff(c.want, modules); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseOSVRatings(t *testing.T) {
	const v31, v40 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "CVSS:4.0/AV:L/AC:L/AT:N/PR:L/UI:N/VC:L/VI:L/VA:N/SC:N/SI:N/SA:N"
	cases := map[string]struct {
		summary, rest, entry string
		severity             advisory.Severity
		rating, cvss         string
		verdict              advisory.Verdict
	}{
		"vector":           {"", `,"severity":[{"type":"CVSS_V3","score":"` + v31 + `"}]`, "", advisory.SeverityCritical, "", v31, 0},
		"newest vector":    {"", `,"severity":[{"type":"CVSS_V3","score":"` + v31 + `"},{"type":"CVSS_V4","score":"` + v40 + `"}]`, "", advisory.SeverityMedium, "", v40, 0},
		"bad vector":       {"", `,"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/nonsense"}]`, "", advisory.SeverityUnknown, "", "", 0},
		"ubuntu":           {"", `,"severity":[{"type":"Ubuntu","score":"high"}]`, "", advisory.SeverityHigh, "high", "", 0},
		"alma":             {"Important: curl security update", "", "", advisory.SeverityHigh, "Important", "", 0},
		"record's word":    {"", `,"database_specific":{"severity":"Moderate"}`, "", advisory.SeverityMedium, "Moderate", "", 0},
		"entry's vector":   {"", `,"severity":[{"type":"CVSS_V3","score":"` + v31 + `"}]`, `,"severity":[{"type":"CVSS_V4","score":"` + v40 + `"}]`, advisory.SeverityMedium, "", v40, 0},
		"unimportant":      {"", "", `,"ecosystem_specific":{"urgency":"unimportant"}`, advisory.ParseRating("unimportant"), "unimportant", "", advisory.VerdictIgnored},
		"end of life":      {"", "", `,"ecosystem_specific":{"urgency":"end-of-life"}`, advisory.SeverityUnknown, "end-of-life", "", advisory.VerdictIgnored},
		"not yet assigned": {"", "", `,"ecosystem_specific":{"urgency":"not yet assigned"}`, advisory.SeverityUnknown, "", "", 0},
		"not affected":     {"", "", `,"ecosystem_specific":{"urgency":"not-affected"}`, advisory.SeverityUnknown, "not-affected", "", advisory.VerdictNotAffected},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rows, err := advisory.ParseOSV([]byte(osv("X-1", c.summary, c.rest, entryWith("Debian:12", "p", zeroTo2, c.entry))))
			if err != nil {
				t.Fatal(err)
			}
			r := rows[0]
			if r.Severity != c.severity || r.Rating != c.rating || r.CVSS != c.cvss || r.Verdict != c.verdict {
				t.Errorf("severity %s, rating %q, vector %q, verdict %d", r.Severity, r.Rating, r.CVSS, r.Verdict)
			}
		})
	}
}

func TestParseOSVBinaries(t *testing.T) {
	cases := map[string]struct {
		specific string
		want     []string
	}{
		"ubuntu":         {`{"binaries":[{"binary_name":"libcurl4","binary_version":"1"},{"binary_name":"curl","binary_version":"1"}]}`, []string{"curl", "libcurl4"}},
		"suse":           {`{"binaries":[{"libcurl4":"7.1-1","curl":"7.1-1"}]}`, []string{"curl", "libcurl4"}},
		"kernel":         {`{"binaries":[{"binary_name":"linux-image-5.15.0-94-generic","binary_version":"1"},{"binary_name":"linux-doc","binary_version":"1"}]}`, nil},
		"not a version":  {`{"binaries":[{"binary_name":"libpython3.11-minimal"},{"binary_name":"gcc-12-base"}]}`, []string{"gcc-12-base", "libpython3.11-minimal"}},
		"null":           {`{"binaries":null}`, nil},
		"something else": {`{"availability":"No subscription required"}`, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rows, err := advisory.ParseOSV([]byte(osv("USN-1-1", "", "", entryWith("Ubuntu:22.04:LTS", "p", zeroTo2, `,"ecosystem_specific":`+c.specific))))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, rows[0].Binaries); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseOSVKindsAndFixDates(t *testing.T) {
	cases := map[string]struct {
		kind advisory.Kind
		fix  bool
	}{
		"DSA-1-1": {advisory.KindSecurity, true}, "DEBIAN-CVE-2024-0001": {advisory.KindSecurity, false}, "USN-1-1": {advisory.KindSecurity, true},
		"ALSA-2024:1": {advisory.KindSecurity, true}, "ALBA-2024:1": {advisory.KindBugfix, false}, "ALEA-2024:1": {advisory.KindEnhancement, false},
		"RLBA-2024:1": {advisory.KindBugfix, false}, "RHEA-2024:1": {advisory.KindEnhancement, false}, "SUSE-SU-2024:1-1": {advisory.KindSecurity, true},
		"SUSE-RU-2024:1-1": {advisory.KindBugfix, false}, "SUSE-FU-2024:1-1": {advisory.KindEnhancement, false}, "CVE-2024-0001": {advisory.KindSecurity, false},
	}
	for id, c := range cases {
		rows, err := advisory.ParseOSV([]byte(osv(id, "", "", entry("Debian:12", "p", zeroTo2))))
		if err != nil {
			t.Fatal(err)
		}
		if rows[0].Kind != c.kind || rows[0].FixDate.IsZero() == c.fix {
			t.Errorf("%s: kind %d, fix date %s", id, rows[0].Kind, rows[0].FixDate)
		}
	}
}

func TestParseOSVRefusesAndNamesTheField(t *testing.T) {
	good := entry("Debian:12", "p", zeroTo2)
	cases := map[string]struct{ record, want string }{
		"no json":         {`{"id":`, "cannot read OSV record"},
		"no id":           {`{"modified":"2026-01-01T00:00:00Z"}`, "no id"},
		"no modified":     {`{"id":"X-1"}`, `"X-1": it has no modified time`},
		"bad time":        {strings.Replace(osv("X-1", "", "", good), "2026-01-01T", "yesterday", 1), "published is no RFC 3339 time"},
		"bad withdrawn":   {osv("X-1", "", `,"withdrawn":"true"`, good), "withdrawn is no"},
		"wrong type":      {`{"id":"X-1","modified":"2026-01-01T00:00:00Z","affected":{}}`, "affected"},
		"no name":         {osv("X-1", "", "", entry("Debian:12", "", zeroTo2)), "affected[0] (Debian:12 ): the package has no name"},
		"range type":      {osv("X-1", "", "", good, strings.Replace(good, "ECOSYSTEM", "LUNAR", 1)), `affected[1] (Debian:12 p): ranges[0] has the unknown type "LUNAR"`},
		"never begins":    {osv("X-1", "", "", entry("Debian:12", "p", `{"fixed":"2"}`)), "ranges[0]: no event introduces"},
		"two in an event": {osv("X-1", "", "", entry("Debian:12", "p", `{"introduced":"0","fixed":"2"}`)), "events[0]: it has 2 of"},
		"empty event":     {osv("X-1", "", "", entry("Debian:12", "p", `{}`)), "events[0]: it has 0 of"},
		"name twice":      {`{"id":"X-1","id":"X-2","modified":"2026-01-01T00:00:00Z"}`, "duplicate"},
		"binaries":        {osv("X-1", "", "", entryWith("Ubuntu:22.04:LTS", "p", zeroTo2, `,"ecosystem_specific":{"binaries":"all"}`)), "binaries"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := advisory.ParseOSV([]byte(c.record)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestParseOSVLeavesOutOthers(t *testing.T) {
	rows, err := advisory.ParseOSV([]byte(osv("CVE-2024-1", "", "", entry("npm", "left-pad", zeroTo2), `{"ranges":[{"type":"GIT","events":[{"introduced":"0"}]}]}`)))
	if err != nil || len(rows) != 0 {
		t.Errorf("rows %v, error %v", rows, err)
	}
}

func TestParseRecordPartial(t *testing.T) {
	for specific, want := range map[string]string{
		`{"derived_from":"changelogs"}`: "derived from changelogs", `{"partial":"only servers"}`: "only servers",
		`{"partial":true}`: "its records say that they are partial", `{"partial":false}`: "", `{"cwe":[]}`: "", `"derived_from"`: "its records say that they are derived",
	} {
		r, err := advisory.ParseRecord([]byte(osv("X-1", "", `,"database_specific":`+specific, entry("Debian:12", "p", zeroTo2))))
		if err != nil || r.Partial != want {
			t.Errorf("%s: %q, error %v", specific, r.Partial, err)
		}
	}
}

func FuzzParseOSV(f *testing.F) {
	files, err := filepath.Glob("testdata/osv/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := advisory.ParseOSV(data)
		if err != nil {
			return
		}
		b := advisory.NewBuilder(time.Time{}, "fuzz")
		for i := range rows {
			if err := b.Carry(rows[i]); err != nil {
				t.Fatalf("a row that parsed cannot be stored: %v", err)
			}
		}
	})
}
