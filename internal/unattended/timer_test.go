package unattended_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/unattended"
)

const drop = "etc/systemd/system/apt-daily-upgrade.timer.d/"

func TestWindows(t *testing.T) {
	tests := map[string]struct {
		drop string
		want string // "" is at any time
		not  string // part of the reason
	}{
		"delay":            {"RandomizedDelaySec=3h 30min", `["daily 06:00-09:30"]`, ""},
		"no delay":         {"RandomizedDelaySec=", `["daily 06:00-07:00"]`, ""},
		"delay in seconds": {"RandomizedDelaySec=7200", `["daily 06:00-08:00"]`, ""},
		"a day of delay":   {"RandomizedDelaySec=1d", "", ""},
		"bad delay":        {"RandomizedDelaySec=often", `["daily 06:00-07:00"]`, "calendar times and a delay"},
		"one more":         {"OnCalendar=18:00", `["daily 06:00-07:00", "daily 18:00-19:00"]`, ""},
		"another":          {"OnCalendar=\nOnCalendar=Sun *-*-* 03:15:00", `["Sun 03:15-04:15"]`, ""},
		"work days":        {"OnCalendar=\nOnCalendar=Mon..Fri 22:30", `["Mon-Fri 22:30-23:30"]`, ""},
		"over midnight":    {"OnCalendar=\nOnCalendar=Mon..Fri 22:30\nRandomizedDelaySec=5h", `["Mon-Fri 22:30-03:30"]`, ""},
		"over the weekend": {"OnCalendar=\nOnCalendar=Sat..Mon 01:00", `["Mon 01:00-02:00", "Sat-Sun 01:00-02:00"]`, ""},
		"some days":        {"OnCalendar=\nOnCalendar=Mon,wednesday 2:00", `["Mon 02:00-03:00", "Wed 02:00-03:00"]`, ""},
		"time zone":        {"OnCalendar=\nOnCalendar=02:00 Europe/Berlin", `["daily 02:00-03:00 Europe/Berlin"]`, ""},
		"hours":            {"OnCalendar=\nOnCalendar=*-*-* 0/8:00", `["daily 00:00-01:00", "daily 08:00-09:00", "daily 16:00-17:00"]`, ""},
		"hour range":       {"OnCalendar=\nOnCalendar=1..2:30", `["daily 01:30-02:30", "daily 02:30-03:30"]`, ""},
		"daily":            {"OnCalendar=\nOnCalendar=daily", `["daily 00:00-01:00"]`, ""},
		"weekly":           {"OnCalendar=\nOnCalendar=weekly", `["Mon 00:00-01:00"]`, ""},
		"Sundays":          {"OnCalendar=\nOnCalendar=Sun", `["Sun 00:00-01:00"]`, ""},
		"Sundays all day":  {"OnCalendar=\nOnCalendar=Sun 04:00\nRandomizedDelaySec=2d", `["Sun 04:00-03:59"]`, ""},
		"hourly":           {"OnCalendar=\nOnCalendar=hourly", "", ""},
		"every hour":       {"OnCalendar=\nOnCalendar=*:15", "", ""},
		"Sundays hourly":   {"OnCalendar=\nOnCalendar=Sun *:15", `["Sun 00:00-24:00"]`, ""},
		"monthly":          {"OnCalendar=\nOnCalendar=monthly", "", "dates"},
		"second of month":  {"OnCalendar=\nOnCalendar=*-*-2 03:00", "", "dates"},
		"twice an hour":    {"OnCalendar=\nOnCalendar=3:00,30", "", "several minutes"},
		"nonsense":         {"OnCalendar=\nOnCalendar=after lunch", "", "is not understood"},
		"25 o'clock":       {"OnCalendar=\nOnCalendar=25:00", "", "no time of day"},
		"after a start":    {"OnBootSec=15min", `["daily 06:00-07:00"]`, "calendar times and a delay"},
		"nothing at all":   {"OnCalendar=", "", ""},
		"comments":         {"# OnCalendar=1:00\n; OnCalendar=2:00\n  RandomizedDelaySec = \\\n# no\n 2h", `["daily 06:00-08:00"]`, ""},
		"other section":    {"[Service]\nOnCalendar=1:00", `["daily 06:00-07:00"]`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := convert(t, debian(t, map[string]string{drop + "own.conf": "[Timer]\n" + test.drop + "\n"}))
			if found := strings.Contains(string(c.Config), "windows: "); test.want == "" && found || test.want != "" && !has(c, "windows: "+test.want) {
				t.Errorf("want %s in:\n%s", test.want, c.Config)
			}
			found := slices.ContainsFunc(c.Not, func(n unattended.Unmapped) bool {
				return strings.HasPrefix(n.Option, "apt-daily-upgrade.timer") && strings.Contains(n.Why, cmpOr(test.not, "\x00")) && n.More
			})
			timers := slices.ContainsFunc(c.Not, func(n unattended.Unmapped) bool { return strings.HasPrefix(n.Option, "apt-daily-upgrade.timer") })
			if found != (test.not != "") || timers != found {
				t.Errorf("want %q in %+v", test.not, c.Not)
			}
		})
	}
}

func cmpOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func TestTimerStates(t *testing.T) {
	const unit = "usr/lib/systemd/system/apt-daily-upgrade."
	tests := map[string]struct {
		change func(fstest.MapFS)
		state  unattended.TimerState
		mode   unattended.Mode
	}{
		"as it comes":    {func(fstest.MapFS) {}, unattended.TimerEnabled, unattended.Auto},
		"disabled":       {func(f fstest.MapFS) { delete(f, wants+"apt-daily-upgrade.timer") }, unattended.TimerDisabled, unattended.Download},
		"masked":         {func(f fstest.MapFS) { f["etc/systemd/system/apt-daily-upgrade.timer"] = link("/dev/null") }, unattended.TimerMasked, unattended.Download},
		"masked, empty":  {func(f fstest.MapFS) { f["etc/systemd/system/apt-daily-upgrade.timer"] = file("") }, unattended.TimerMasked, unattended.Download},
		"masked for now": {func(f fstest.MapFS) { f["run/systemd/system/apt-daily-upgrade.timer"] = link("/dev/null") }, unattended.TimerMasked, unattended.Download},
		"service masked": {func(f fstest.MapFS) { f["etc/systemd/system/apt-daily-upgrade.service"] = link("/dev/null") }, unattended.TimerMasked, unattended.Download},
		"absent":         {func(f fstest.MapFS) { delete(f, unit+"timer") }, unattended.TimerAbsent, unattended.Download},
		"of another unit": {func(f fstest.MapFS) {
			delete(f, wants+"apt-daily-upgrade.timer")
			f["etc/systemd/system/x.target.requires/apt-daily-upgrade.timer"] = link(unit)
		}, unattended.TimerEnabled, unattended.Auto},
		"both disabled": {func(f fstest.MapFS) { delete(f, wants+"apt-daily-upgrade.timer"); delete(f, wants+"apt-daily.timer") }, unattended.TimerDisabled, unattended.Off},
		"not installed": {func(f fstest.MapFS) { delete(f, "usr/bin/unattended-upgrade") }, unattended.TimerEnabled, unattended.Notify},
		"cron": {func(f fstest.MapFS) {
			delete(f, "usr/lib/systemd/systemd")
			delete(f, unit+"timer")
			f["etc/cron.daily/apt-compat"] = file("#!/bin/sh\n")
		}, unattended.TimerAbsent, unattended.Auto},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			fsys := debian(t, nil)
			test.change(fsys)
			s, err := unattended.Read(t.Context(), fsys, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c := convert(t, fsys); s.Upgrade.State != test.state || c.Mode != test.mode {
				t.Errorf("got %s, %s; want %s, %s", s.Upgrade.State, c.Mode, test.state, test.mode)
			}
		})
	}
}

// Files of the same name hide each other, the others are read in the order of
// their names wherever they lie.
func TestDropIns(t *testing.T) {
	fsys := debian(t, map[string]string{
		"usr/lib/systemd/system/apt-daily-upgrade.timer.d/10.conf": "[Timer]\nOnCalendar=1:00\n",
		"usr/lib/systemd/system/apt-daily-upgrade.timer.d/20.conf": "[Timer]\nOnCalendar=2:00\n",
		"lib/systemd/system/apt-daily-upgrade.timer.d/15.conf":     "[Timer]\nOnCalendar=\nOnCalendar=1:30\n",
		"run/systemd/system/timer.d/30.conf":                       "[Timer]\nRandomizedDelaySec=2h\n",
		drop + "20.conf":                                           "[Timer]\nOnCalendar=3:00\n",
		drop + "40.conf.bak":                                       "[Timer]\nOnCalendar=4:00\n",
		drop + "readme":                                            "[Timer]\nOnCalendar=5:00\n",
		drop + "dir.conf.d/40":                                     "",
	})
	fsys[drop+"50.conf"] = link("/dev/null")
	s, err := unattended.Read(t.Context(), fsys, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"1:30", "3:00"}, s.Upgrade.Calendar); diff != "" || s.Upgrade.Delay != 2*time.Hour || !s.Upgrade.Changed || s.Update.Delay != 2*time.Hour {
		t.Error(diff, s.Upgrade, s.Update)
	}
}

func FuzzTimer(f *testing.F) {
	f.Add([]byte(upgradeTimer))
	f.Add([]byte("[Timer]\nOnCalendar=Sat..Mon *-*-* 0/8,3..5:30:10.5 Europe/Berlin\nRandomizedDelaySec=1h 2min 3.5s\\\n4\nOnBootSec=1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		timer := unattended.Timer{Name: "apt-daily-upgrade.timer", State: unattended.TimerEnabled}
		timer.Apply(data)
		if timer.Delay < 0 {
			t.Error(timer.Delay)
		}
		other := timer
		other.Name = "apt-daily.timer"
		if _, err := unattended.Convert(&unattended.Setup{Options: &unattended.Tree{}, Systemd: true, Upgrade: timer, Update: other}); err != nil {
			t.Error(err)
		}
	})
}

func FuzzParseCalendar(f *testing.F) {
	for _, s := range []string{"daily", "Mon..Fri 22:30", "*-*-* 6,18:00", "Sun *-*-* 03:00:00 Europe/Berlin", "0/6:00", "*:*", "Sat,Sun", "monthly"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := unattended.ParseCalendar(s); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %q", err)
		}
	})
}
