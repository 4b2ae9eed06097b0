package window_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/lockfast/lockfast/internal/window"
)

func parse(t testing.TB, text string) window.Window {
	t.Helper()
	w, err := window.Parse(text, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func moment(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestNextAndPrevious(t *testing.T) {
	const monday = "2026-11-23T12:00:00Z"
	for text, want := range map[string][4]string{ // next and previous, start and end
		"Sun 02:00-05:00":               {"2026-11-29T02:00:00Z", "2026-11-29T05:00:00Z", "2026-11-22T02:00:00Z", "2026-11-22T05:00:00Z"},
		"Sun 02:00-05:00 Europe/Berlin": {"2026-11-29T01:00:00Z", "2026-11-29T04:00:00Z", "2026-11-22T01:00:00Z", "2026-11-22T04:00:00Z"},
		"Mon-Fri 22:00-04:00":           {"2026-11-23T22:00:00Z", "2026-11-24T04:00:00Z", "2026-11-20T22:00:00Z", "2026-11-21T04:00:00Z"},
		"Sat,Sun 01:00-03:00 UTC":       {"2026-11-28T01:00:00Z", "2026-11-28T03:00:00Z", "2026-11-22T01:00:00Z", "2026-11-22T03:00:00Z"},
		"Sat-Mon 01:00-03:00":           {"2026-11-28T01:00:00Z", "2026-11-28T03:00:00Z", "2026-11-23T01:00:00Z", "2026-11-23T03:00:00Z"},
		"first Sun 02:00-05:00":         {"2026-12-06T02:00:00Z", "2026-12-06T05:00:00Z", "2026-11-01T02:00:00Z", "2026-11-01T05:00:00Z"},
		"last Mon 14:00-15:00":          {"2026-11-30T14:00:00Z", "2026-11-30T15:00:00Z", "2026-10-26T14:00:00Z", "2026-10-26T15:00:00Z"},
		"fourth Mon 11:00-11:30":        {"2026-12-28T11:00:00Z", "2026-12-28T11:30:00Z", "2026-11-23T11:00:00Z", "2026-11-23T11:30:00Z"},
		"daily 13:00-24:00":             {"2026-11-23T13:00:00Z", "2026-11-24T00:00:00Z", "2026-11-22T13:00:00Z", "2026-11-23T00:00:00Z"},
	} {
		s := window.Set{parse(t, text)}
		a, b, ok := s.Next(moment(t, monday))
		c, d, was := s.Previous(moment(t, monday))
		if !ok || !was {
			t.Fatalf("%s: next %v, previous %v", text, ok, was)
		}
		for i, got := range []time.Time{a, b, c, d} {
			if !got.Equal(moment(t, want[i])) {
				t.Errorf("%s: %d is %s, want %s", text, i, got.UTC().Format(time.RFC3339), want[i])
			}
		}
	}
}

// What daylight saving does: Berlin goes from 02:00 to 03:00 on 29 March 2026,
// and from 03:00 to 02:00 on 25 October.
func TestDaylightSaving(t *testing.T) {
	for name, c := range map[string]struct{ text, around, start, end string }{
		"begins in the gap":     {"Sun 02:30-05:00 Europe/Berlin", "2026-03-29T02:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00Z"},
		"ends in the gap":       {"Sun 01:00-02:30 Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"},
		"over the gap":          {"Sun 01:00-05:00 Europe/Berlin", "2026-03-29T02:00:00Z", "2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z"},
		"an hour comes twice":   {"Sun 02:00-03:00 Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"},
		"ends where one begins": {"Sun 01:00-02:00 Europe/Berlin", "2026-10-24T23:30:00Z", "2026-10-24T23:00:00Z", "2026-10-25T00:00:00Z"},
		"midnight comes twice":  {"Sat 22:00-24:00 America/Havana", "2026-11-01T03:00:00Z", "2026-11-01T02:00:00Z", "2026-11-01T04:00:00Z"},
		"an hour of yesterday":  {"Sat 22:00-24:00 America/Asuncion", "2024-03-24T03:30:00Z", "2024-03-24T01:00:00Z", "2024-03-24T04:00:00Z"},
		"midnight is not there": {"Sun 00:00-02:00 Africa/Cairo", "2026-04-25T22:00:00Z", "2026-04-25T21:00:00Z", "2026-04-25T23:00:00Z"},
		"the day after it is":   {"Fri 00:00-02:00 Africa/Cairo", "2026-04-23T22:30:00Z", "2026-04-23T22:00:00Z", "2026-04-23T23:00:00Z"},
		"half an hour, doubled": {"Sun 02:00-02:30 Europe/Berlin", "2026-10-25T01:15:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:30:00Z"},
		"Lord Howe, half hour":  {"Sun 01:30-03:00 Australia/Lord_Howe", "2026-04-04T15:30:00Z", "2026-04-04T14:30:00Z", "2026-04-04T16:30:00Z"},
	} {
		start, end, open := window.Set{parse(t, c.text)}.Current(moment(t, c.around))
		if !open || !start.Equal(moment(t, c.start)) || !end.Equal(moment(t, c.end)) {
			t.Errorf("%s: %v %s to %s, want %s to %s", name, open, start.UTC(), end.UTC(), c.start, c.end)
		}
	}
	// One that lies in the gap as a whole is not there that night.
	if start, _, open := (window.Set{parse(t, "Sun 02:00-03:00 Europe/Berlin")}).Current(moment(t, "2026-03-29T01:00:00Z")); open {
		t.Errorf("a window that no clock shows is open from %s", start)
	}
}

func TestAlwaysOpen(t *testing.T) {
	for _, s := range []window.Set{nil, {parse(t, "daily 00:00-24:00")}, {parse(t, "daily 00:00-13:00"), parse(t, "daily 12:00-00:00")}} {
		start, _, open := s.Current(moment(t, "2026-11-23T12:00:00Z"))
		if !open || !start.IsZero() {
			t.Errorf("%v: open %v from %s", s, open, start)
		}
	}
}

// Of a stretch longer than what a look around would see, begin and end are right.
func TestLong(t *testing.T) {
	weeks := window.Set{}
	for _, week := range []string{"first", "second", "third", "fourth"} { // the days 1 to 28
		weeks = append(weeks, parse(t, week+" Mon-Sun 00:00-24:00"))
	}
	for at, want := range map[string][2]string{
		"2026-11-14T12:00:00Z": {"2026-11-01T00:00:00Z", "2026-11-29T00:00:00Z"},
		"2026-02-28T12:00:00Z": {"2026-02-01T00:00:00Z", "2026-03-29T00:00:00Z"}, // a month of 28 days
	} {
		start, end, open := weeks.Current(moment(t, at))
		if !open || !start.Equal(moment(t, want[0])) || !end.Equal(moment(t, want[1])) {
			t.Errorf("%s: %v, %s to %s", at, open, start, end)
		}
	}
	// Two months of "last Sun", for the one of March is not there.
	berlin := window.Set{parse(t, "last Sun 02:00-03:00 Europe/Berlin")}
	if start, _, ok := berlin.Next(moment(t, "2026-02-22T01:00:00Z")); !ok || !start.Equal(moment(t, "2026-04-26T00:00:00Z")) {
		t.Errorf("next: %v, %s", ok, start)
	}
	if start, _, ok := berlin.Previous(moment(t, "2026-04-26T00:59:00Z")); !ok || !start.Equal(moment(t, "2026-02-22T01:00:00Z")) {
		t.Errorf("previous: %v, %s", ok, start)
	}
}

// An empty window never opens, an empty set always is.
func TestEmpty(t *testing.T) {
	now := moment(t, "2026-11-23T12:00:00Z")
	for open, s := range map[bool]window.Set{true: {}, false: {window.Window{}}} {
		if _, _, got := s.Current(now); got != open {
			t.Errorf("%v: open %v", s, got)
		}
		if _, _, ok := s.Next(now); ok {
			t.Errorf("%v: opens", s)
		}
		if _, _, ok := s.Previous(now); ok {
			t.Errorf("%v: was open", s)
		}
	}
}

func TestText(t *testing.T) {
	in := window.Set{parse(t, " first  Sat,Sun 01:00-03:00 Europe/Berlin"), parse(t, "daily 22:00-04:00")}
	data, err := json.Marshal(in)
	if want := `["first Sat,Sun 01:00-03:00 Europe/Berlin","daily 22:00-04:00"]`; err != nil || string(data) != want {
		t.Errorf("%s, %v", data, err)
	}
	var out window.Set
	if err := json.Unmarshal(data, &out); err != nil || len(out) != 2 || out[0].String() != in[0].String() || out[1].String() != in[1].String() {
		t.Errorf("%v, %v", out, err)
	}
	kept := out[0]
	if err := kept.UnmarshalText([]byte("Sun")); err == nil || kept.String() != out[0].String() {
		t.Errorf("became %s, %v", kept, err)
	}
	if _, err := (window.Window{}).MarshalText(); err == nil {
		t.Error("an empty window has a text")
	}
	if w, err := window.Parse("Sun 02:00-03:00", nil); err != nil || w.String() != "Sun 02:00-03:00" {
		t.Errorf("%s, %v", w, err)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"": "write it as", "Sun": "write it as", "Someday 02:00-03:00": "is no day", "Sun 2:00-03:00": "no time of day", "Sun 02:00": "write it as",
		"Sun 02:00-02:00": "has no length", "Sun 25:00-26:00": "no time of day", "Sun 24:00-25:00": "no time of day", "Sun 24:00-03:00": "begins at 00:00",
		"Sun 02:00-03:00 Mars/Olympus": "no time zone", "Sun 02:00-03:00 Local": "no time zone", "first daily 02:00-03:00": "needs a day",
		"Sun,Frui 02:00-03:00": "is no day", "Sun 02:00-03:00 UTC extra": "write it as", "Sun 02:60-03:00": "no time of day",
		"Sun Mon 02:00-03:00": "write it as", "fifth Sun 02:00-03:00": "is no day", "Sun 02:00–03:00": "write it as", "Sun 02:00-03:00 ../UTC": "no time zone",
		"Sun 02:00-03:00 \xff\x1b": "no time zone", strings.Repeat("ä", 200000): "write it as", "first": "write it as", "Sun 02:00-24:01": "no time of day",
	} {
		if _, err := window.Parse(text, time.UTC); err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 600 {
			t.Errorf("%.80q: got %v, want one line with %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"Sun 02:00-05:00 Europe/Berlin", "Mon-Fri 22:00-04:00", "daily 00:00-24:00", "last Sat,Sun 01:00-03:00"} {
		f.Add(text)
	}
	at := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		w, err := window.Parse(text, time.UTC)
		if err != nil {
			return
		}
		again, err := window.Parse(w.String(), time.UTC)
		if err != nil || again.String() != w.String() {
			t.Errorf("%q becomes %q, %v", text, again, err)
		}
		s := window.Set{w}
		if start, end, ok := s.Next(at); ok && (!start.After(at) || !end.After(start)) {
			t.Errorf("%q: next is %s to %s", text, start, end)
		}
		if start, end, ok := s.Previous(at); ok && (end.After(at) || !end.After(start)) {
			t.Errorf("%q: previous is %s to %s", text, start, end)
		}
		if start, end, open := s.Current(at); open && !start.IsZero() && (start.After(at) || !end.After(at)) {
			t.Errorf("%q: now is %s to %s", text, start, end)
		}
	})
}
