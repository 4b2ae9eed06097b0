package unattended

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// maxSpan is more than any timer waits, and far from overflowing.
const maxSpan = 10 * 366 * 24 * time.Hour

// unit is how long the units of systemd.time(7) last; a number alone is seconds.
func unit(name string) (time.Duration, bool) {
	const day = 24 * time.Hour
	switch name {
	case "us", "usec":
		return time.Microsecond, true
	case "ms", "msec":
		return time.Millisecond, true
	case "", "s", "sec", "second", "seconds":
		return time.Second, true
	case "m", "min", "minute", "minutes":
		return time.Minute, true
	case "h", "hr", "hour", "hours":
		return time.Hour, true
	case "d", "day", "days":
		return day, true
	case "w", "week", "weeks":
		return 7 * day, true
	case "M", "month", "months":
		return 2629800 * time.Second, true
	case "y", "year", "years":
		return 31557600 * time.Second, true
	}
	return 0, false
}

// span reads "60m", "1h 30min", "90". Nothing is no time at all.
func span(text string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no time span", clip(text))
	total := 0.0
	for rest := strings.TrimSpace(text); rest != ""; {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789."))
		number, err := strconv.ParseFloat(rest[:digits], 64)
		if err != nil {
			return 0, bad
		}
		rest = strings.TrimLeft(rest[digits:], " \t")
		end := strings.IndexAny(rest, " \t0123456789.")
		if end < 0 {
			end = len(rest)
		}
		one, ok := unit(rest[:end])
		if !ok {
			return 0, bad
		}
		total += number * float64(one)
		rest = strings.TrimLeft(rest[end:], " \t")
	}
	if total > float64(maxSpan) || math.IsNaN(total) {
		return 0, bad
	}
	return time.Duration(total), nil
}
