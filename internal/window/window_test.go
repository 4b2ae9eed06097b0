package window_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

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

// A minute-by-minute look at the clock on the wall agrees, but where an hour
// comes twice (then a window may stay open in between).
func TestAgreesWithTheClock(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns", "Pacific/Chatham"}
	names := []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}
	rapid.Check(t, func(rt *rapid.T) {
		zone := rapid.SampledFrom(zones).Draw(rt, "zone")
		loc, err := time.LoadLocation(zone)
		if err != nil {
			rt.Fatal(err)
		}
		day := rapid.IntRange(0, 6).Draw(rt, "day")
		from, length := rapid.IntRange(0, 1439).Draw(rt, "from"), rapid.IntRange(1, 1439).Draw(rt, "length")
		to := (from + length) % 1440
		clock := func(m int) string {
			return time.Date(2026, 1, 1, 0, m, 0, 0, time.UTC).Format("15:04")
		}
		w := parse(t, names[day]+" "+clock(from)+"-"+clock(to)+" "+zone)
		at := time.Unix(rapid.Int64Range(1.6e9, 2.0e9).Draw(rt, "at")/60*60, 0)
		local := at.In(loc)
		minute := local.Hour()*60 + local.Minute()
		today, yesterday := int(local.Weekday()) == day, (int(local.Weekday())+6)%7 == day
		want := today && minute >= from && (to <= from || minute < to) || yesterday && to <= from && minute < to
		start, end, got := window.Set{w}.Current(at)
		if got != want && !doubled(at, loc) {
			rt.Errorf("%s at %s: open %v, want %v", w, local, got, want)
		}
		if got && (at.Before(start) || !at.Before(end)) {
			rt.Errorf("%s at %s: open from %s to %s", w, local, start, end)
		}
		if next, _, ok := (window.Set{w}).Next(at); !ok || !next.After(at) {
			rt.Errorf("%s at %s: next is %s", w, local, next)
		}
		if _, ended, ok := (window.Set{w}).Previous(at); !ok || ended.After(at) {
			rt.Errorf("%s at %s: previous ended %s", w, local, ended)
		}
	})
}

// doubled reports whether clocks are put back within hours of a moment.
func doubled(at time.Time, loc *time.Location) bool {
	_, before := at.Add(-26 * time.Hour).In(loc).Zone()
	_, after := at.Add(26 * time.Hour).In(loc).Zone()
	return after < before
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"": "write it as", "Sun": "write it as", "Someday 02:00-03:00": "is no day", "Sun 2:00-03:00": "no time of day", "Sun 02:00": "write it as",
		"Sun 02:00-02:00": "has no length", "Sun 25:00-26:00": "no time of day", "Sun 24:00-25:00": "no time of day", "Sun 24:00-03:00": "begins at 00:00",
		"Sun 02:00-03:00 Mars/Olympus": "no time zone", "Sun 02:00-03:00 Local": "no time zone", "first daily 02:00-03:00": "needs a day",
		"Sun,Frui 02:00-03:00": "is no day", "Sun 02:00-03:00 UTC extra": "write it as", "Sun 02:60-03:00": "no time of day",
	} {
		if _, err := window.Parse(text, time.UTC); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line with %q", text, err, want)
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
	})
}
