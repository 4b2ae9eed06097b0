package report_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/lockfast/lockfast/internal/report"
)

var update = flag.Bool("update", false, "rewrite golden files and the schema")

func written(t *testing.T, name string, f report.Format, o report.Options) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := report.Write(&out, f, samples()[name], o); err != nil {
		t.Fatalf("%s of %s: %v", f, name, err)
	}
	return out.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s changed; look at it, then run make golden. Got:\n%s", path, got)
	}
}

func TestGolden(t *testing.T) {
	for name := range samples() {
		for _, f := range report.Formats() {
			golden(t, name+"."+string(f), written(t, name, f, report.Options{}))
		}
	}
	golden(t, "rich.narrow.table", written(t, "rich", report.Table, report.Options{Width: 60}))
	golden(t, "rich.colour.table", written(t, "rich", report.Table, report.Options{Color: true, All: true}))
}

// No string of a host or advisory reaches a terminal as it is.
func TestTextIsNeutralised(t *testing.T) {
	for _, f := range report.Formats() {
		for _, r := range string(written(t, "hostile", f, report.Options{})) {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Errorf("%s lets %U through", f, r)
				break
			}
		}
	}
	if strings.Contains(string(written(t, "hostile", report.HTML, report.Options{})), "<script") {
		t.Error("html lets a tag through")
	}
}

// No line of the table is wider than the terminal.
func TestTableFits(t *testing.T) {
	for name := range samples() {
		for _, width := range []int{60, 80, 133, 200} {
			for line := range strings.Lines(string(written(t, name, report.Table, report.Options{Width: width}))) {
				n := 0
				for _, r := range strings.TrimSuffix(line, "\n") {
					n++
					if r >= 0x4e00 && r <= 0x9fff {
						n++
					}
				}
				if n > width {
					t.Errorf("%s at %d: %d columns: %q", name, width, n, line)
				}
			}
		}
	}
}

// A host that could not be looked at is never called clean.
func TestBlindIsNotClean(t *testing.T) {
	for _, f := range []report.Format{report.Table, report.HTML} {
		text := string(written(t, "blind", f, report.Options{}))
		if strings.Contains(text, "No security fix is missing") || !strings.Contains(text, "not everything could be looked at") {
			t.Errorf("%s of a host that could not be looked at:\n%s", f, text)
		}
		if !strings.Contains(string(written(t, "clean", f, report.Options{})), "No security fix is missing.") {
			t.Errorf("%s of a clean host does not say so", f)
		}
	}
	if text := string(written(t, "blind", report.Prometheus, report.Options{})); strings.Contains(text, "lockfast_kev_findings") {
		t.Error("prometheus counts exploited findings without KEV data")
	}
}

func TestHTMLNeedsNothingElse(t *testing.T) {
	text := string(written(t, "rich", report.HTML, report.Options{}))
	for _, s := range []string{"src=", "href=", "url(", "@import", "<script", "<link"} {
		if strings.Contains(text, s) {
			t.Errorf("the page has %q: it must need nothing else", s)
		}
	}
}
