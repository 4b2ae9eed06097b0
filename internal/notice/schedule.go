package notice

import (
	"fmt"
	"strings"
	"time"
)

// Every is how often what can wait is told.
type Every string

// How often there is a digest.
const (
	Daily  Every = "daily" // also if it is not set
	Weekly Every = "weekly"
	Never  Every = "never" // only what cannot wait is told
)

// DefaultRepeat is when what still stands is told again.
const DefaultRepeat = 7 * 24 * time.Hour

// Schedule is when people want to be told. The zero value means daily at
// midnight, UTC.
type Schedule struct {
	Every        Every
	Hour, Minute int            // of the digest
	Weekday      time.Weekday   // of a weekly one
	Location     *time.Location // nil: UTC
	RepeatAfter  time.Duration  // 0: DefaultRepeat
	Quiet        bool           // only failures and what needs a person
	Host         string         // put on messages
}

// weekdays are written as in the configuration.
var weekdays = [...]string{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"}

// ParseSchedule reads the three settings of a digest. What is empty is daily,
// "08:00" and "Mon".
func ParseSchedule(every, at, on string) (Schedule, error) {
	s := Schedule{Every: Daily, Hour: 8, Weekday: time.Monday}
	switch Every(every) {
	case Daily, Weekly, Never:
		s.Every = Every(every)
	case "":
	default:
		return Schedule{}, fmt.Errorf("cannot plan a digest %q: write daily, weekly or never", cut(every, 40))
	}
	if at != "" {
		clock, err := time.Parse("15:04", at)
		if err != nil || len(at) != len("08:00") {
			return Schedule{}, fmt.Errorf("cannot plan a digest at %q: write the time of day as 08:00", cut(at, 40))
		}
		s.Hour, s.Minute = clock.Hour(), clock.Minute()
	}
	if on == "" {
		return s, nil
	}
	for day, name := range weekdays {
		if name == on {
			s.Weekday = time.Weekday(day)
			return s, nil
		}
	}
	return Schedule{}, fmt.Errorf("cannot plan a digest on %q: write %s", cut(on, 40), strings.Join(weekdays[:], ", "))
}

// Next is the first moment after now at which a digest is due; zero if there is
// none.
func (s Schedule) Next(now time.Time) time.Time {
	for ahead := range 9 {
		if at, ok := s.on(now, ahead); ok && at.After(now) {
			return at
		}
	}
	return time.Time{}
}

// slot is the last moment, not after now, at which a digest was due.
func (s Schedule) slot(now time.Time) time.Time {
	for back := range 9 { // a week, and a day for a clock that is put forward
		if at, ok := s.on(now, -back); ok && !at.After(now) {
			return at
		}
	}
	return time.Time{}
}

// on is when the digest of a day is due, counted from that of now.
func (s Schedule) on(now time.Time, days int) (time.Time, bool) {
	year, month, day := now.In(s.location()).Date()
	noon := time.Date(year, month, day+days, 12, 0, 0, 0, time.UTC) // no clock is put forward over it
	if s.Every == Never || s.Every == Weekly && noon.Weekday() != s.Weekday {
		return time.Time{}, false
	}
	return time.Date(noon.Year(), noon.Month(), noon.Day(), s.Hour, s.Minute, 0, 0, s.location()), true
}

func (s Schedule) location() *time.Location {
	if s.Location == nil {
		return time.UTC
	}
	return s.Location
}

func (s Schedule) repeat() time.Duration {
	if s.RepeatAfter <= 0 {
		return DefaultRepeat
	}
	return s.RepeatAfter
}
