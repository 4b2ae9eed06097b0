package window

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const how = `write it as "Sun 02:00-05:00 Europe/Berlin", "Mon-Fri 22:00-04:00", "daily 00:00-24:00" or "first Sun 02:00-05:00"`

var (
	weekdays = map[string]time.Weekday{ //nolint:gochecknoglobals // a constant table
		"Sun": time.Sunday, "Mon": time.Monday, "Tue": time.Tuesday, "Wed": time.Wednesday, "Thu": time.Thursday, "Fri": time.Friday, "Sat": time.Saturday,
	}
	weeks = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1} //nolint:gochecknoglobals // likewise
)

func parse(words []string, local *time.Location) (Window, error) {
	w := Window{zone: local}
	if len(words) > 0 && weeks[words[0]] != 0 {
		w.week = weeks[words[0]]
		words = words[1:]
	}
	if len(words) < 2 || len(words) > 3 {
		return w, errors.New(how)
	}
	if err := w.readDays(words[0]); err != nil {
		return w, err
	}
	if err := w.readTimes(words[1]); err != nil {
		return w, err
	}
	if len(words) == 2 {
		return w, nil
	}
	zone, err := time.LoadLocation(words[2])
	if err != nil || words[2] == "Local" {
		return w, fmt.Errorf("there is no time zone %q; it is named like Europe/Berlin or UTC", words[2])
	}
	w.zone = zone
	return w, nil
}

func (w *Window) readDays(text string) error {
	if text == "daily" {
		if w.week != 0 {
			return errors.New("a week of the month needs a day: first Sun")
		}
		w.days = [7]bool{true, true, true, true, true, true, true}
		return nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		a, okA := weekdays[from]
		b, okB := weekdays[to]
		if !okA || !okB {
			return fmt.Errorf("%q is no day; %s", part, how)
		}
		for d := a; ; d = (d + 1) % 7 {
			w.days[d] = true
			if d == b {
				break
			}
		}
	}
	return nil
}

func (w *Window) readTimes(text string) error {
	from, to, ok := strings.Cut(text, "-")
	if !ok {
		return errors.New(how)
	}
	var err error
	if w.from, err = clock(from); err != nil {
		return err
	}
	if w.to, err = clock(to); err != nil {
		return err
	}
	switch w.from {
	case w.to:
		return fmt.Errorf("%s has no length; a whole day is 00:00-24:00", text)
	case 24 * 60:
		return errors.New("a window that begins at midnight begins at 00:00")
	}
	return nil
}

// clock reads "02:00" as minutes; "24:00" is the end of a day.
func clock(text string) (int, error) {
	hour, minute, ok := strings.Cut(text, ":")
	h, errH := strconv.ParseUint(hour, 10, 8)
	m, errM := strconv.ParseUint(minute, 10, 8)
	if !ok || errH != nil || errM != nil || len(hour) != 2 || len(minute) != 2 || m > 59 || h > 24 || h == 24 && m != 0 {
		return 0, fmt.Errorf("%q is no time of day; write 02:00", text)
	}
	return int(h*60 + m), nil
}
