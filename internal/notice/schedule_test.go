package notice_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/notice"
)

func TestParseSchedule(t *testing.T) {
	good := map[[3]string]notice.Schedule{
		{}:                         {Every: notice.Daily, Hour: 8, Weekday: time.Monday},
		{"weekly", "06:30", "Fri"}: {Every: notice.Weekly, Hour: 6, Minute: 30, Weekday: time.Friday},
		{"never", "", ""}:          {Every: notice.Never, Hour: 8, Weekday: time.Monday},
		{"daily", "00:00", "Sun"}:  {Every: notice.Daily},
		{"daily", "23:59", "Mon"}:  {Every: notice.Daily, Hour: 23, Minute: 59, Weekday: time.Monday},
	}
	for in, want := range good {
		if got, err := notice.ParseSchedule(in[0], in[1], in[2]); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", in, got, err)
		}
	}
	bad := map[[3]string]string{
		{"hourly", "", ""}:      "write daily, weekly or never",
		{"", "8:00", ""}:        "08:00",
		{"", "24:00", ""}:       "08:00",
		{"", "08:00:00", ""}:    "08:00",
		{"", "", "monday\n"}:    "Sun, Mon",
		{"Daily\nx: y", "", ""}: "write daily",
	}
	for in, want := range bad {
		if _, err := notice.ParseSchedule(in[0], in[1], in[2]); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line with %q", in, err, want)
		}
	}
}

func TestNext(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	weekly := notice.Schedule{Every: notice.Weekly, Hour: 8, Weekday: time.Monday, Location: berlin}
	if got, want := weekly.Next(at(23, 8)), time.Date(2026, 11, 30, 8, 0, 0, 0, berlin); !got.Equal(want) { // 09:00 there: just over
		t.Errorf("got %v, want %v", got, want)
	}
	if got := (notice.Schedule{Every: notice.Never}).Next(morning); !got.IsZero() {
		t.Errorf("never is %v", got)
	}
	// The night in which the clock is put forward has no 02:30.
	night := notice.Schedule{Hour: 2, Minute: 30, Location: berlin}
	got := night.Next(time.Date(2027, 3, 28, 0, 0, 0, 0, berlin))
	if got.Day() != 28 {
		t.Errorf("got %v", got)
	}
}

// Whatever the zone, the digest of each day is sent exactly once to somebody
// who looks every hour.
func TestOneDigestEachDayInEveryZone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo"}).Draw(t, "zone"))
		if err != nil {
			t.Skip(err)
		}
		s := notice.Schedule{Hour: rapid.IntRange(0, 23).Draw(t, "hour"), Minute: rapid.IntRange(0, 59).Draw(t, "minute"), Location: zone, RepeatAfter: time.Minute}
		start := time.Date(2026, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), 15, 12, 0, 0, 0, zone)
		_, m := notice.Due(nil, notice.Memory{}, s, start)
		const days = 40
		digests := 0
		for now := start; now.Before(start.AddDate(0, 0, days)); now = now.Add(time.Hour) {
			var msg *notice.Message
			msg, m = notice.Due([]notice.Item{item(notice.NeedsPerson, "n")}, m, s, now)
			if msg != nil {
				digests++
			}
			m = m.Delivered(msg, now)
		}
		if digests < days-1 || digests > days {
			t.Fatalf("%d digests in %d days", digests, days)
		}
	})
}
