package report_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/result"
)

func text(t *testing.T, name string, f report.Format) string {
	t.Helper()
	return string(written(t, name, f, report.Options{}))
}

func decoded[T any](t *testing.T, name string, f report.Format) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(written(t, name, f, report.Options{}), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

type vexFile struct {
	Context    string         `json:"@context"`
	ID         string         `json:"@id"`
	Author     string         `json:"author"`
	Role       string         `json:"role"`
	Timestamp  time.Time      `json:"timestamp"`
	Version    int            `json:"version"`
	Tooling    string         `json:"tooling"`
	Statements []vexStatement `json:"statements"`
}

type vexStatement struct {
	Vulnerability struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	} `json:"vulnerability"`
	Products []struct {
		ID          string            `json:"@id"`
		Identifiers map[string]string `json:"identifiers"`
	} `json:"products"`
	Status        string `json:"status"`
	StatusNotes   string `json:"status_notes"`
	Justification string `json:"justification"`
	Impact        string `json:"impact_statement"`
	Action        string `json:"action_statement"`
}

// The rules of the OpenVEX 0.2.0 schema that its reference reader does not
// check: no field it does not know, nothing twice, and for "not affected"
// either a justification or an impact statement.
func TestVEXKeepsTheRules(t *testing.T) {
	for name := range samples() {
		d := json.NewDecoder(bytes.NewReader(written(t, name, report.VEX, report.Options{})))
		d.DisallowUnknownFields()
		var doc vexFile
		if err := d.Decode(&doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if doc.ID == "" || doc.Author == "" || doc.Version < 1 || doc.Timestamp.IsZero() || doc.Statements == nil {
			t.Errorf("%s: a required field is missing: %+v", name, doc)
		}
		for i, st := range doc.Statements {
			if slices.ContainsFunc(doc.Statements[:i], func(o vexStatement) bool { return reflect.DeepEqual(o, st) }) {
				t.Errorf("%s: statement %d stands twice", name, i)
			}
			if len(st.Products) == 0 || st.Vulnerability.Name == "" {
				t.Errorf("%s: statement %d is about nothing", name, i)
			}
			if st.Status == "not_affected" && (st.Justification == "") == (st.Impact == "") {
				t.Errorf("%s: statement %d needs either a justification or an impact statement", name, i)
			}
			if st.Status == "affected" && st.Action == "" {
				t.Errorf("%s: statement %d does not say what to do", name, i)
			}
		}
	}
}

// A kernel left on disk is not affected; the one that lacks the fix is, although
// both have the same name and the same CVE.
func TestVersionsOfOneNameAreToldApart(t *testing.T) {
	status := map[string]string{}
	for _, st := range decoded[vexFile](t, "kernels", report.VEX).Statements {
		for _, p := range st.Products {
			status[p.ID] += st.Status
		}
	}
	want := map[string]string{
		"pkg:rpm/almalinux/kernel-core@5.14.0-1.el9?arch=x86_64": "not_affected", "pkg:rpm/almalinux/kernel-core@5.14.0-2.el9?arch=x86_64": "affected",
	}
	if diff := cmp.Diff(want, status); diff != "" {
		t.Error(diff)
	}
	type bom struct {
		Vulnerabilities []struct {
			Analysis struct{ State string }
			Affects  []struct{ Ref string }
		}
		Components []struct {
			Ref string `json:"bom-ref"`
		}
	}
	b := decoded[bom](t, "kernels", report.CycloneDX)
	for _, v := range b.Vulnerabilities {
		if len(v.Affects) != 1 || strings.Contains(v.Affects[0].Ref, "-1.el9") != (v.Analysis.State == "not_affected") {
			t.Errorf("wrong package: %+v", v)
		}
	}
	refs := map[string]bool{"": true}
	for _, c := range b.Components {
		if refs[c.Ref] {
			t.Errorf("reference %q is empty or stands twice", c.Ref)
		}
		refs[c.Ref] = true
	}
}

// An accepted finding stays in every report, marked as accepted.
func TestWaivedFindingsStay(t *testing.T) {
	for _, f := range report.Formats() {
		if f == report.Prometheus { // counts only
			continue
		}
		got := text(t, "rich", f)
		if !strings.Contains(got, "2026-12-31") || !strings.Contains(got, "not used") {
			t.Errorf("%s does not say until when and why a finding is waived", f)
		}
	}
	type log struct {
		Runs []struct {
			Results []struct {
				Fingerprints map[string]string `json:"partialFingerprints"`
				Suppressions []struct{ Status string }
			}
		}
	}
	for _, r := range decoded[log](t, "rich", report.SARIF).Runs[0].Results {
		waived := r.Fingerprints["findingKey/v1"] == "debian:vim@2"
		if r.Suppressions == nil || waived != (len(r.Suppressions) == 1) {
			t.Errorf("%v: suppressions %v", r.Fingerprints, r.Suppressions)
		}
	}
}

// A run that could not look is a failed one; what a person accepted is not.
func TestSARIFSaysWhetherItLooked(t *testing.T) {
	type log struct {
		Runs []struct {
			Invocations []struct {
				ExecutionSuccessful        bool
				ToolExecutionNotifications []struct{ Level string }
			}
			Bases map[string]struct{ URI string } `json:"originalUriBaseIds"`
		}
	}
	for name, want := range map[string]struct {
		ok    bool
		level string
		root  string
	}{
		"blind": {false, "error", "file:///"}, "partial": {true, "warning", "file:///"}, "kernels": {true, "", "file:///mnt/image%20one/"},
	} {
		run := decoded[log](t, name, report.SARIF).Runs[0]
		inv := run.Invocations[0]
		first := ""
		if len(inv.ToolExecutionNotifications) > 0 {
			first = inv.ToolExecutionNotifications[0].Level
		}
		if inv.ExecutionSuccessful != want.ok || first != want.level || run.Bases["ROOT"].URI != want.root {
			t.Errorf("%s: %+v", name, run)
		}
	}
}

// Nothing that was not looked at is counted as zero, no series stands twice,
// and every line has the form that the textfile collector takes.
func TestMetricsNeverClaimZero(t *testing.T) {
	for name := range samples() {
		seen := map[string]bool{}
		for l := range strings.Lines(text(t, name, report.Prometheus)) {
			l = strings.TrimSuffix(l, "\n")
			if !metricLine.MatchString(l) {
				t.Errorf("%s: %q", name, l)
			}
			series := l[:strings.LastIndex(l, " ")]
			if seen[series] {
				t.Errorf("%s: %q stands twice", name, series)
			}
			seen[series] = true
		}
	}
	for _, name := range []string{"blind", "partial"} {
		got := text(t, name, report.Prometheus)
		for _, metric := range []string{"lockfast_findings", "lockfast_kev_findings", "lockfast_exposed_findings", "lockfast_worst_patch_gap_days"} {
			if strings.Contains(got, metric) {
				t.Errorf("%s: %s claims a number that nobody knows:\n%s", name, metric, got)
			}
		}
	}
	s := samples()["rich"]
	hours := int64(9)
	s.Data = append(s.Data, result.Data{Name: "kev", Kind: "kev", AgeHours: &hours})
	var out bytes.Buffer
	if err := report.Write(&out, report.Prometheus, s, report.Options{}); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); strings.Count(got, `lockfast_data_age_seconds{source="kev"`) != 1 || !strings.Contains(got, `kind="kev"} 32400`) {
		t.Errorf("of two sources of one name the older must stand:\n%s", got)
	}
}

// The headline says "none" only as far as was looked.
func TestHeadlineOfAnEmptyList(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*result.Scan)
		want   string
	}{
		"all seen":    {func(*result.Scan) {}, "No security fix is missing.\n"},
		"no CVE data": {func(s *result.Scan) { s.Summary.CVEData = false }, "No security fix that the package manager knows of is missing.\n"},
		"waived":      {func(s *result.Scan) { s.Summary.Waived = 2 }, "No security fix is missing besides 2 findings that are waived.\n"},
		"not root": {func(s *result.Scan) {
			s.Host.Collectors = append(s.Host.Collectors, result.Status{Collector: "processes", Outcome: "partial"})
		}, "No security fix is missing; but these could not be seen in full: processes.\n"},
		"no database": {func(s *result.Scan) { s.Host.Collectors[0].Outcome = "failed" }, "No missing fix was seen, but not everything could be looked at: see what is unknown.\n"},
		"accepted":    {func(s *result.Scan) { s.Unknown = []result.Unknown{{What: "x", Blocking: true, Accepted: true}} }, "No missing fix was seen, but not everything could be looked at: see what is unknown.\n"},
	} {
		s := cleanHost()
		c.change(s)
		var out bytes.Buffer
		if err := report.Write(&out, report.Table, s, report.Options{Width: 200}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: want %q in\n%s", name, c.want, out.String())
		}
	}
}

// The page's policy lets the style sheet through, and nothing else.
func TestPolicyNamesTheStyle(t *testing.T) {
	page := text(t, "hostile", report.HTML)
	_, rest, _ := strings.Cut(page, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	want := "style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	if !strings.Contains(html.UnescapeString(page), want) || strings.Contains(page, "unsafe") || strings.Contains(page, "style=") {
		t.Errorf("the policy does not hold %s alone", want)
	}
}
