package report_test

import (
	"bytes"
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/report"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/stay"
)

// forPeople writes a document of a verb that changes a host as a table; nil if
// it has none.
func forPeople(v any) func(io.Writer, report.Options) error {
	switch d := v.(type) {
	case *result.FixPlan:
		return func(w io.Writer, o report.Options) error { return report.FixPlan(w, d, o) }
	case *result.Fix:
		return func(w io.Writer, o report.Options) error { return report.Fix(w, d, o) }
	case *result.Undo:
		return func(w io.Writer, o report.Options) error { return report.Undo(w, d, o) }
	case *result.History:
		return func(w io.Writer, o report.Options) error { return report.History(w, d, o) }
	case *stay.Status:
		return func(w io.Writer, o report.Options) error { return report.StayStatus(w, d, o) }
	}
	return nil
}

func TestGoldenChanges(t *testing.T) {
	for name, v := range changeSamples() {
		write := forPeople(v)
		if write == nil {
			continue
		}
		all := name == "history.detailed"
		for suffix, o := range map[string]report.Options{"": {All: all}, ".narrow": {Width: 60, All: all}, ".colour": {Color: true, All: all}} {
			var out bytes.Buffer
			if err := write(&out, o); err != nil {
				t.Fatal(err)
			}
			golden(t, name+suffix, out.Bytes())
		}
	}
}

// A list that is cut short says by how much, and how to see the rest.
func TestLongListsAreCut(t *testing.T) {
	d := typicalFixPlan()
	one := d.Updates[3]
	for range 60 {
		one.Source += "x"
		one.Package += "x"
		d.Updates = append(d.Updates, one)
		d.Left = append(d.Left, result.Left{Package: one.Package, Reason: "it is excluded"})
		d.RestartPID = append(d.RestartPID, result.Process{PID: len(d.Updates), Command: "screen"})
	}
	short, long := table(t, d, report.Options{}), table(t, d, report.Options{All: true})
	for _, cut := range []string{"… and 22 more (--list-all)", "and 48 more"} {
		if !strings.Contains(short, cut) || strings.Contains(long, "… and") {
			t.Errorf("no %q in\n%s", cut, short)
		}
	}
	if strings.Count(long, one.Package+" ") != 1 {
		t.Errorf("--list-all does not list %s", one.Package)
	}
}

func table(t *testing.T, v any, o report.Options) string {
	t.Helper()
	var out bytes.Buffer
	if err := forPeople(v)(&out, o); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// What a person must know before consent is never left out.
func TestMarks(t *testing.T) {
	for _, c := range []struct {
		change func(u *result.Update)
		want   string
		not    string
	}{
		{func(u *result.Update) { u.KEV = true }, "[KEV]", "EXPOSED"},
		{func(u *result.Update) { u.Exposed = new(true) }, "[EXPOSED]", "KEV"},
		{func(u *result.Update) { u.Exposed = new(false) }, "", "EXPOSED"},
		{func(u *result.Update) { u.Previous = "none" }, "[NO WAY BACK]", ""},
		{func(u *result.Update) { u.Previous = "repacked" }, "[way back: repacked]", ""},
		{func(u *result.Update) { u.OneWay = "why" }, "[ONE-WAY]", ""},
		{func(u *result.Update) { u.OneWay, u.From, u.Previous = "why", "", "new" }, "(new)", "ONE-WAY"},
	} {
		u := result.Update{Package: "a", From: "1", To: "2", Previous: "archive"}
		c.change(&u)
		plain := u
		plain.Package, plain.KEV, plain.Exposed, plain.OneWay = "b", false, nil, ""
		got := table(t, &result.FixPlan{Updates: []result.Update{u, plain}}, report.Options{})
		if !strings.Contains(got, c.want) || c.not != "" && strings.Contains(got, c.not) {
			t.Errorf("want %q, not %q:\n%s", c.want, c.not, got)
		}
		mixed := table(t, &result.FixPlan{Updates: []result.Update{plain, u}}, report.Options{Color: true})
		if strings.Contains(mixed, "\x1b[31ma, b") || u.KEV != strings.Contains(mixed, "\x1b[31mb, a") {
			t.Errorf("what is exploited is red, whichever of a group comes first:\n%q", mixed)
		}
	}
}

// Without a second scan nothing is said of what is open now.
func TestUnseenIsNotClosed(t *testing.T) {
	if got := table(t, fixUnseen(), report.Options{}); strings.Contains(got, " after") || !strings.Contains(got, "what is open now is unknown") {
		t.Error(got)
	}
	for _, name := range []string{"undo.planned", "undo.inexact", "undo.failed"} {
		if got := table(t, changeSamples()[name], report.Options{}); strings.Contains(got, "Exact:") {
			t.Errorf("%s is called exact:\n%s", name, got)
		}
	}
}

// Whatever a host names itself: no character steers the terminal, no line is
// too wide, and the JSON document comes back.
func TestEveryChangeReportHoldsItsForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := filler{
			str:     func() string { return rapid.SampledFrom(nasty).Draw(t, "string") },
			integer: func(limit int) int { return rapid.IntRange(0, limit).Draw(t, "number") },
		}
		o := report.Options{Width: rapid.IntRange(60, 200).Draw(t, "width"), All: rapid.Bool().Draw(t, "all")}
		for _, v := range []any{&result.FixPlan{}, &result.Fix{}, &result.Undo{}, &result.History{}, &stay.Status{}} {
			f.fill(reflect.ValueOf(v).Elem())
			holdsAsChange(t, v, o)
		}
	})
}

func holdsAsChange(t failer, v any, o report.Options) {
	t.Helper()
	var out, again, data, back bytes.Buffer
	if err := forPeople(v)(&out, o); err != nil {
		t.Fatalf("%v", err)
	}
	if err := forPeople(v)(&again, o); err != nil || !bytes.Equal(out.Bytes(), again.Bytes()) {
		t.Fatalf("it differs from one time to the next (%v)", err)
	}
	for line := range strings.Lines(out.String()) {
		if n := screenColumns(strings.TrimSuffix(line, "\n")); n > o.Width {
			t.Fatalf("%T: %d columns of %d: %q", v, n, o.Width, line)
		}
	}
	if err := report.Document(&data, v); err != nil {
		t.Fatalf("%v", err)
	}
	for _, r := range out.String() + data.String() {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			t.Fatalf("%T lets %U through", v, r)
		}
	}
	read := reflect.New(reflect.TypeOf(v).Elem()).Interface()
	if err := json.Unmarshal(data.Bytes(), read); err != nil {
		t.Fatalf("%v", err)
	}
	if err := report.Document(&back, read); err != nil || !bytes.Equal(back.Bytes(), data.Bytes()) {
		t.Fatalf("%T does not come back (%v):\n%s", v, err, data.String())
	}
}
