package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/result"
)

// filler sets every field of a scan to something a host could make it.
type filler struct {
	str     func() string
	integer func(limit int) int
}

func (f filler) fill(v reflect.Value) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(when.Add(time.Duration(f.integer(1000)) * time.Hour)))
		return
	}
	switch v.Kind() { //nolint:exhaustive // the kinds of the document; others panic
	case reflect.String:
		v.SetString(f.str())
	case reflect.Bool:
		v.SetBool(f.integer(1) == 1)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(f.integer(100_000)))
	case reflect.Uint8:
		v.SetUint(uint64(f.integer(255)))
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(f.integer(65535)))
	case reflect.Float64:
		v.SetFloat(float64(f.integer(100)) / 10)
	case reflect.Pointer:
		if f.integer(1) == 1 {
			v.Set(reflect.New(v.Type().Elem()))
			f.fill(v.Elem())
		}
	case reflect.Slice:
		if n := f.integer(3); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			f.fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{"high", f.str()} {
			value := reflect.New(v.Type().Elem()).Elem()
			f.fill(value)
			v.SetMapIndex(reflect.ValueOf(key), value)
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			f.fill(field)
		}
	default:
		panic("internal error: the filler knows no " + v.Kind().String())
	}
}

var (
	tag        = regexp.MustCompile(`</?([a-zA-Z!][a-zA-Z0-9]*)`)
	ourTags    = regexp.MustCompile(`^(!doctype|html|head|meta|title|style|body|div|header|main|footer|p|h1|h2|ul|ol|li|b|br|strong|span|code|table|thead|tbody|tr|th|td|details|summary|dl|dt|dd)$`)
	metricLine = regexp.MustCompile(`^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="([^"\\\n]|\\["\\n])*"(,[a-z]+="([^"\\\n]|\\["\\n])*")*\})? -?\d+)$`)
)

// failer is what a test and a property have in common.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// holds checks what every report promises, whatever is in the scan.
func holds(t failer, s *result.Scan, width int) {
	t.Helper()
	for _, f := range report.Formats() {
		var out, again bytes.Buffer
		if err := report.Write(&out, f, s, report.Options{Width: width}); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if err := report.Write(&again, f, s, report.Options{Width: width}); err != nil || !bytes.Equal(out.Bytes(), again.Bytes()) {
			t.Fatalf("%s differs from one time to the next (%v)", f, err)
		}
		for _, r := range out.String() {
			if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
				t.Fatalf("%s lets %U through", f, r)
			}
		}
		holdsForm(t, f, out.String(), width)
	}
}

func holdsForm(t failer, f report.Format, text string, width int) {
	t.Helper()
	switch f {
	case report.Table:
		for line := range strings.Lines(text) {
			if n := screenColumns(strings.TrimSuffix(line, "\n")); n > width {
				t.Fatalf("%d columns of %d: %q", n, width, line)
			}
		}
	case report.HTML:
		for _, m := range tag.FindAllStringSubmatch(text, -1) {
			if !ourTags.MatchString(m[1]) {
				t.Fatalf("a tag that is not ours: %q", m[0])
			}
		}
	case report.Prometheus:
		for line := range strings.Lines(text) {
			if !metricLine.MatchString(strings.TrimSuffix(line, "\n")) {
				t.Fatalf("no line of metrics: %q", line)
			}
		}
	case report.JSON, report.SARIF, report.CycloneDX, report.VEX:
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
	}
}

// screenColumns counts what a terminal shows: an independent, rougher table
// than the one under test, for the characters that the tests use.
func screenColumns(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) && r < 0xff61:
			n += 2
		default:
			n++
		}
	}
	return n
}

var nasty = []string{
	"", "openssl", "\x1b[31m", "\x1b]0;title\x07", "\u009b31m", "\x7f", "<script>alert(1)</script>", "'\"><img src=x onerror=alert(1)>", "\u202eevil", "a\nb\r\nc", "\u2028", "\ufeff",
	"\U000e0041", "包裹", "한국어", "e\u0301\u0301", "{{.}}", `\`, `"`, "</style>", "]]>", "-->", "%s%d%n", strings.Repeat("x", 300), strings.Repeat("long word ", 40), "\x00", "CVE-2026-1",
}

// Whatever a host or an advisory names itself, every report keeps its form, no
// character steers the terminal, and the JSON document comes back as it was.
func TestEveryReportHoldsItsForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s result.Scan
		f := filler{
			str:     func() string { return rapid.SampledFrom(nasty).Draw(t, "string") },
			integer: func(limit int) int { return rapid.IntRange(0, limit).Draw(t, "number") },
		}
		f.fill(reflect.ValueOf(&s).Elem())
		for i := range s.Findings {
			s.Findings[i].Status = rapid.SampledFrom([]string{"open", "not-running", "no-fix", "leftover"}).Draw(t, "status")
		}
		holds(t, &s, rapid.IntRange(60, 200).Draw(t, "width"))
		var out bytes.Buffer
		var back result.Scan
		if err := report.Write(&out, report.JSON, &s, report.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(out.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, back, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the document does not come back:\n%s", diff)
		}
	})
}

// FuzzNames puts one name everywhere.
func FuzzNames(f *testing.F) {
	for _, s := range nasty {
		f.Add(s, 80)
	}
	f.Add("\xff\xfe broken", 60)
	f.Fuzz(func(t *testing.T, name string, width int) {
		if width < 60 || width > 200 || len(name) > 10_000 || strings.ContainsFunc(name, func(r rune) bool { return r > 0x2000 && !unicode.Is(unicode.Cf, r) }) {
			return // the test's own idea of columns ends there
		}
		n := 0
		var s result.Scan
		filler{str: func() string { return name }, integer: func(limit int) int { n++; return n * 7 % (limit + 1) }}.fill(reflect.ValueOf(&s).Elem())
		holds(t, &s, width)
	})
}

// BenchmarkWrite writes a report the size of a neglected host's: 60 findings
// with 1,500 CVEs, 800 packages.
func BenchmarkWrite(b *testing.B) {
	s := large()
	for _, f := range report.Formats() {
		b.Run(string(f), func(b *testing.B) {
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if err := report.Write(&out, f, s, report.Options{}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(out.Len()), "bytes")
		})
	}
}

func large() *result.Scan {
	s := rich()
	model := s.Findings[0]
	s.Findings = nil
	for range 60 {
		f := model
		f.IDs, f.Vulnerabilities = nil, nil
		for i := range 25 {
			v := model.Vulnerabilities[0]
			v.ID = fmt.Sprintf("CVE-2026-%d", 10000+len(s.Findings)*100+i)
			f.IDs = append(f.IDs, v.ID, "DEBIAN-"+v.ID)
			f.Vulnerabilities = append(f.Vulnerabilities, v)
		}
		s.Findings = append(s.Findings, f)
	}
	for i := range 800 {
		p := s.Inventory[0]
		p.Name += strconv.Itoa(i)
		p.PURL += strconv.Itoa(i)
		s.Inventory = append(s.Inventory, p)
	}
	return s
}
