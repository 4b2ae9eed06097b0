package window_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/window"
)

// wanted is a window as the oracle has it.
type wanted struct {
	days     [7]bool
	week     int
	from, to int // minutes
	zone     *time.Location
}

// begins reports whether a window begins on the day that a clock shows.
func (w wanted) begins(day time.Time) bool {
	if !w.days[day.Weekday()] {
		return false
	}
	first, last := day.Day() <= 7, day.AddDate(0, 0, 7).Month() != day.Month()
	return w.week == 0 || w.week == 1 && first || w.week == -1 && last || w.week > 1 && day.Day() > 7*(w.week-1) && day.Day() <= 7*w.week
}

// mark walks over minutes, looks at the clock on the wall at each, and marks
// all from the first to the last that are in the window of one day.
func (w wanted) mark(open []bool, begin time.Time) {
	type hull struct{ first, last int }
	days := map[string]hull{}
	for i := range open {
		local := begin.Add(time.Duration(i) * time.Minute).In(w.zone)
		minute := local.Hour()*60 + local.Minute()
		day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, time.UTC)
		over := w.to <= w.from
		switch {
		case minute >= w.from && (over || minute < w.to) && w.begins(day):
		case over && minute < w.to && w.begins(day.AddDate(0, 0, -1)):
			day = day.AddDate(0, 0, -1)
		default:
			continue
		}
		h, seen := days[day.Format(time.DateOnly)]
		if !seen {
			h.first = i
		}
		h.last = i
		days[day.Format(time.DateOnly)] = h
	}
	for _, h := range days {
		for i := h.first; i <= h.last; i++ {
			open[i] = true
		}
	}
}

// drawn is any window, and how it is written.
func drawn(rt *rapid.T) (wanted, string) {
	var w wanted
	names := []string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}
	week := rapid.SampledFrom([]string{"", "", "", "first ", "second ", "third ", "fourth ", "last "}).Draw(rt, "week")
	w.week = map[string]int{"first ": 1, "second ": 2, "third ": 3, "fourth ": 4, "last ": -1}[week]
	var days string
	switch a, b := rapid.IntRange(0, 6).Draw(rt, "day"), rapid.IntRange(0, 6).Draw(rt, "other"); rapid.IntRange(0, 3).Draw(rt, "kind") {
	case 0:
		days, w.days[a] = names[a], true
	case 1:
		days, w.days[a], w.days[b] = names[a]+","+names[b], true, true
	case 2:
		days = names[a] + "-" + names[b]
		for d := a; d != b; d = (d + 1) % 7 {
			w.days[d] = true
		}
		w.days[b] = true
	case 3:
		days, week, w.week, w.days = "daily", "", 0, [7]bool{true, true, true, true, true, true, true}
	}
	w.from = clock(rt, "from", 1439)
	if w.to = clock(rt, "to", 1440); w.to == w.from {
		w.to++
	}
	zone := rapid.SampledFrom([]string{
		"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", // the usual
		"America/St_Johns", "Pacific/Chatham", "Africa/Casablanca", "Europe/Dublin", // odd offsets, twice a year, winter as daylight saving
		"America/Havana", "America/Asuncion", "Africa/Cairo", "Atlantic/Azores", "Asia/Beirut", // changes at midnight
		"Pacific/Apia", // a day that was left out
	}).Draw(rt, "zone")
	w.zone, _ = time.LoadLocation(zone)
	return w, fmt.Sprintf("%s%s %02d:%02d-%02d:%02d %s", week, days, w.from/60, w.from%60, w.to/60, w.to%60, zone)
}

// clock is a time of day; every other time one of half an hour, where zones
// change.
func clock(rt *rapid.T, name string, most int) int {
	if rapid.Bool().Draw(rt, name+" odd") {
		return rapid.IntRange(0, most).Draw(rt, name)
	}
	return 30 * rapid.IntRange(0, most/30).Draw(rt, name)
}

// near is a moment, most times close to one at which a zone changes its clock.
func near(rt *rapid.T, zone *time.Location) time.Time {
	at := time.Unix(rapid.Int64Range(1_260_000_000, 2_000_000_000).Draw(rt, "at"), 0) // 2009 to 2033
	_, change := at.In(zone).ZoneBounds()
	if change.IsZero() || rapid.IntRange(0, 3).Draw(rt, "anywhere") == 0 {
		return at
	}
	return change.Add(time.Duration(rapid.Int64Range(-2*86400, 2*86400).Draw(rt, "away")) * time.Second)
}

// look is what one sees who walks over minutes: the stretch that a minute is in
// and those beside it. An edge of what was walked over is no begin and no end.
type look struct{ open []bool }

// stretch is the one that i is in; -1 stands for out of sight.
func (l look) stretch(i int) (start, end int) {
	start = i
	for start >= 0 && l.open[start] {
		start--
	}
	end = i
	for end < len(l.open) && l.open[end] {
		end++
	}
	if end == len(l.open) {
		end = -1
	}
	if start < 0 {
		return -1, end
	}
	return start + 1, end
}

func (l look) next(i int) int {
	for i++; i < len(l.open); i++ {
		if l.open[i] && !l.open[i-1] {
			return i
		}
	}
	return -1
}

func (l look) previous(i int) int { // the last minute of it
	for ; i > 0; i-- {
		if !l.open[i] && l.open[i-1] {
			return i - 1
		}
	}
	return -1
}

// Days of sight, twelve before a moment and twelve after.
const sight = 12 * 24 * 60

// Who looks at the clock on the wall minute by minute sees the same.
func TestAgreesWithTheClock(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var set window.Set
		var texts []string
		var at, begin time.Time
		l := look{make([]bool, 2*sight)}
		for i := range rapid.IntRange(1, 3).Draw(rt, "windows") {
			w, text := drawn(rt)
			if i == 0 {
				at = near(rt, w.zone)
				begin = at.Truncate(time.Minute).Add(-sight * time.Minute)
			}
			w.mark(l.open, begin)
			set, texts = append(set, parse(t, text)), append(texts, text)
		}
		agree(rt, fmt.Sprintf("%s at %s", strings.Join(texts, "; "), at.UTC().Format(time.RFC3339)), set, at, l, begin)
	})
}

func agree(rt *rapid.T, name string, set window.Set, at time.Time, l look, begin time.Time) {
	same := func(what string, got time.Time, minute int) {
		if want := begin.Add(time.Duration(minute) * time.Minute); minute >= 0 && !got.Equal(want) {
			rt.Errorf("%s: %s %s, want %s", name, what, got.UTC(), want.UTC())
		}
	}
	start, end, open := set.Current(at)
	if open != l.open[sight] {
		rt.Errorf("%s: open %v", name, open)
	}
	if open {
		first, last := l.stretch(sight)
		if !start.IsZero() || first >= 0 || last >= 0 { // else always, as far as one sees
			same("opened", start, first)
			same("closes", end, last)
		}
	}
	start, end, ok := set.Next(at)
	if i := l.next(sight); i >= 0 {
		_, last := l.stretch(i)
		same("next opens", start, i)
		same("next closes", end, last)
	} else if ok && start.Before(begin.Add(2*sight*time.Minute)) {
		rt.Errorf("%s: next is %s, where there is none", name, start.UTC())
	}
	start, end, ok = set.Previous(at)
	if i := l.previous(sight); i >= 0 {
		first, _ := l.stretch(i)
		same("previous opened", start, first)
		same("previous closed", end, i+1)
	} else if ok && end.After(begin) {
		rt.Errorf("%s: previous ended %s, where there is none", name, end.UTC())
	}
}
