package unattended

import (
	"errors"
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// days are days of the week, Monday in the lowest bit.
type days uint8

const everyDay days = 1<<7 - 1

var dayNames = [...]string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}

// runs writes days as windows do: "daily", "Mon-Fri", "Sun".
func (d days) runs() []string {
	if d == everyDay {
		return []string{"daily"}
	}
	var list []string
	for i := 0; i < 7; i++ {
		first := i
		for i < 7 && d&(1<<i) != 0 {
			i++
		}
		switch i - first {
		case 0:
		case 1:
			list = append(list, dayNames[first])
		default:
			list = append(list, dayNames[first]+"-"+dayNames[i-1])
		}
	}
	return list
}

// day reads "Mon" or "Monday".
func day(name string) (int, bool) {
	for i, short := range dayNames {
		long := time.Weekday((i + 1) % 7).String()
		if strings.EqualFold(name, short) || strings.EqualFold(name, long) {
			return i, true
		}
	}
	return 0, false
}

// Times are what a calendar expression names, as far as it names times of day.
type Times struct {
	days    days
	minutes []int  // of the day
	always  bool   // every hour or more often
	zone    string // "Europe/Berlin"; empty: the host's
}

var errDates = errors.New("it names dates; windows know days of the week and times of day")

// ParseCalendar reads a calendar expression of systemd.time(7) that repeats
// every day or on days of the week: "*-*-* 6,18:00", "Mon..Fri 22:30",
// "Sun *-*-* 03:00 Europe/Berlin".
func ParseCalendar(text string) (Times, error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "minutely", "hourly":
		return Times{days: everyDay, always: true}, nil
	case "daily":
		return Times{days: everyDay, minutes: []int{0}}, nil
	case "weekly":
		return Times{days: 1, minutes: []int{0}}, nil
	case "monthly", "yearly", "annually", "quarterly", "semiannually":
		return Times{}, errDates
	}
	t, err := parseTimes(strings.Fields(text))
	if err != nil {
		return Times{}, fmt.Errorf("%q: %w", clip(text), err)
	}
	return t, nil
}

var (
	dateForm = regexp.MustCompile(`^[0-9*/.,~-]+$`)
	zoneForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)
)

func parseTimes(words []string) (t Times, err error) {
	t = Times{days: everyDay, minutes: []int{0}}
	if len(words) == 0 {
		return t, errors.New("it is empty")
	}
	// Each part may be left out, but their order is fixed.
	if d, ok := weekdays(words[0]); ok {
		t.days, words = d, words[1:]
	}
	if len(words) > 0 && !strings.Contains(words[0], ":") && dateForm.MatchString(words[0]) {
		if words[0] != "*-*-*" && words[0] != "*-*" {
			return t, errDates
		}
		words = words[1:]
	}
	if len(words) > 0 && strings.Contains(words[0], ":") {
		if t.minutes, t.always, err = clockTimes(words[0]); err != nil {
			return t, err
		}
		words = words[1:]
	}
	if len(words) > 0 && zoneForm.MatchString(words[0]) {
		t.zone, words = words[0], words[1:]
	}
	if len(words) > 0 {
		return t, fmt.Errorf("%q is not understood", clip(words[0]))
	}
	return t, nil
}

// weekdays reads "Mon", "Mon,Wed", "Mon..Fri", "Sat..Mon".
func weekdays(text string) (days, bool) {
	var all days
	for part := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(part, "..")
		if !ranged {
			first, last, ranged = strings.Cut(part, "-") // as older versions of systemd wrote it
		}
		from, ok := day(first)
		to := from
		if ranged && ok {
			to, ok = day(last)
		}
		if !ok {
			return 0, false
		}
		for i := from; ; i = (i + 1) % 7 {
			all |= 1 << i
			if i == to {
				break
			}
		}
	}
	return all, true
}

// clockTimes reads "6,18:00", "02:30:00", "*:15", "0/6:00".
func clockTimes(text string) (minutes []int, always bool, err error) {
	parts := strings.Split(text, ":")
	if len(parts) > 3 {
		return nil, false, fmt.Errorf("%q is no time of day", clip(text))
	}
	if len(parts) == 3 { // seconds are of no account
		if _, err := numbers(strings.SplitN(parts[2], ".", 2)[0], 60); err != nil {
			return nil, false, err
		}
	}
	hours, err := numbers(parts[0], 24)
	if err != nil {
		return nil, false, err
	}
	of, err := numbers(parts[1], 60)
	if err != nil {
		return nil, false, err
	}
	if len(hours) == 24 {
		return nil, true, nil
	}
	for _, h := range hours {
		minutes = append(minutes, h*60+of[0])
	}
	if last := of[len(of)-1]; last != of[0] {
		return nil, false, errors.New("it names several minutes of an hour; write the window as you mean it")
	}
	return minutes, false, nil
}

// numbers reads "*", "6", "6,18", "0..5", "0/6", all below a limit, in order.
func numbers(text string, limit int) ([]int, error) {
	var set uint64
	for part := range strings.SplitSeq(text, ",") {
		from, to, step, err := stepped(part, limit)
		if err != nil {
			return nil, err
		}
		for i := from; i <= to; i += step {
			set |= 1 << i
		}
	}
	list := make([]int, 0, bits.OnesCount64(set))
	for i := range limit {
		if set&(1<<i) != 0 {
			list = append(list, i)
		}
	}
	return list, nil
}

func stepped(text string, limit int) (from, to, step int, err error) {
	bad := fmt.Errorf("%q is no time of day", clip(text))
	whole, every, repeats := strings.Cut(text, "/")
	first, last, ranged := strings.Cut(whole, "..")
	if first == "*" {
		first, last, ranged = "0", strconv.Itoa(limit-1), true
	}
	fields := []string{first, last, every}
	for i, used := range []bool{true, ranged, repeats} {
		if used && (len(fields[i]) > 2 || strings.Trim(fields[i], "0123456789") != "" || fields[i] == "") {
			return 0, 0, 0, bad
		}
	}
	from, _ = strconv.Atoi(first) // digits only, as was just seen
	to, step = from, 1
	switch {
	case ranged:
		to, _ = strconv.Atoi(last)
	case repeats:
		to = limit - 1
	}
	if repeats {
		step, _ = strconv.Atoi(every)
	}
	if from >= limit || to >= limit || from > to || step < 1 {
		return 0, 0, 0, bad
	}
	return from, to, step, nil
}

// windows are the windows that open at these times and stay open for a while,
// on some days only: "Mon-Fri 06:00-07:00". None, with all true: any time.
func (t Times) windows(open time.Duration, only days) (list []string, all bool) {
	on := t.days & only
	length := int(min(open, 24*time.Hour) / time.Minute)
	if t.always && on == everyDay || on == everyDay && length == 24*60 {
		return nil, true
	}
	starts := t.minutes
	if t.always {
		starts, length = []int{0}, 24*60
	}
	suffix := ""
	if t.zone != "" {
		suffix = " " + t.zone
	}
	for _, run := range on.runs() {
		for _, start := range starts {
			list = append(list, run+" "+hhmm(start)+"-"+until(start, length)+suffix)
		}
	}
	return slices.Clip(list), false
}

// until is the end of a window. One that ends where it begins could be taken for
// none.
func until(start, length int) string {
	switch {
	case start == 0 && length == 24*60:
		return "24:00"
	case length == 24*60:
		length--
	}
	return hhmm(start + length)
}

func hhmm(minutes int) string {
	return fmt.Sprintf("%02d:%02d", minutes/60%24, minutes%60)
}

// perWeek is how often these times come in a week; 168 stands for hourly or more.
func (t Times) perWeek() int {
	if t.always {
		return 168
	}
	return bits.OnesCount8(uint8(t.days)) * len(t.minutes)
}
