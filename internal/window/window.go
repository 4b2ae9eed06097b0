package window

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Window is one kind of stretch. Make it with [Parse]; an empty one never opens.
type Window struct {
	days [7]bool // by time.Weekday
	week int     // of the month, by weekday: 1 to 4, -1 the last, 0 every
	from int     // minutes after midnight
	to   int     // likewise; at most from: on the next day
	zone *time.Location
	text string
}

// String is the window as it was written, with single spaces.
func (w Window) String() string { return w.text }

// MarshalText is String.
func (w Window) MarshalText() ([]byte, error) {
	if w.text == "" {
		return nil, errors.New("a window that was not read has no text")
	}
	return []byte(w.text), nil
}

// UnmarshalText is [Parse]; without a zone times are those of the host's own.
func (w *Window) UnmarshalText(text []byte) error {
	read, err := Parse(string(text), time.Local)
	if err == nil {
		*w = read
	}
	return err
}

// on reports whether a window begins on a day.
func (w Window) on(year int, month time.Month, day int) bool {
	noon := time.Date(year, month, day, 12, 0, 0, 0, time.UTC)
	if !w.days[noon.Weekday()] {
		return false
	}
	switch w.week {
	case 0:
		return true
	case -1:
		return noon.AddDate(0, 0, 7).Month() != noon.Month()
	}
	return (noon.Day()-1)/7+1 == w.week
}

// of is the stretch that begins on a day; it may be empty where the clock is put
// forward over it.
func (w Window) of(year int, month time.Month, day int) Span {
	start, _, _ := shown(time.Date(year, month, day, 0, w.from, 0, 0, time.UTC), w.zone)
	if w.to <= w.from {
		day++
	}
	// The last minute counts, not the one after: that may come twice when the
	// last one does not.
	_, stop, is := shown(time.Date(year, month, day, 0, w.to-1, 0, 0, time.UTC), w.zone)
	if is {
		stop = stop.Add(time.Minute)
	}
	return Span{start, stop}
}

// shown are the first and the last moment at which clocks of a zone show a time
// (given as if it were UTC): two where an hour comes twice. For one that no
// clock shows, both are the moment at which it is put forward.
func shown(wall time.Time, zone *time.Location) (first, last time.Time, is bool) {
	const around = 24 * time.Hour // no zone changes twice in so short a time
	before, after := offset(wall.Add(-around), zone), offset(wall.Add(around), zone)
	early, late := wall.Add(-before).In(zone), wall.Add(-after).In(zone)
	isEarly, isLate := offset(early, zone) == before, offset(late, zone) == after
	switch {
	case isEarly && isLate:
		return early, late, true
	case isEarly:
		return early, early, true
	case isLate:
		return late, late, true
	}
	jump, _ := early.ZoneBounds()
	return jump, jump, false
}

// offset is what clocks of a zone show more than UTC at a moment.
func offset(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// Span is from Start, and up to End.
type Span struct{ Start, End time.Time }

func (s Span) empty() bool { return !s.Start.Before(s.End) }

// Parse reads a window; without a zone times are those of local, and of UTC if
// that is nil.
func Parse(text string, local *time.Location) (Window, error) {
	const longest = 200 // all days one by one and the longest zone are 75
	if local == nil {
		local = time.UTC
	}
	if len(text) > longest {
		return Window{}, fmt.Errorf("%q… is no window: %s", strings.ToValidUTF8(text[:60], "?"), how)
	}
	w, err := parse(strings.Fields(text), local)
	if err != nil {
		return Window{}, fmt.Errorf("%q is no window: %w", strings.ToValidUTF8(text, "?"), err)
	}
	w.text = strings.Join(strings.Fields(text), " ")
	return w, nil
}
