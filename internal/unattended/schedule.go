package unattended

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/config"
)

const (
	oneDay = 24 * time.Hour
	// least is how long a window is open: unattended-upgrades began at a moment
	// and took as long as it took.
	least = time.Hour
	// soonest is how often Lockfast asks an archive at most.
	soonest = 10 * time.Minute
)

// interval is how often apt's daily script does something: "1", "12h",
// "always".
type interval struct {
	given
	off    bool
	always bool // each time the script runs
	every  time.Duration
}

func (c *converter) interval(name string) interval {
	i := interval{given: c.take(periodic + name)}
	var err error
	i.off, i.every, err = readInterval(i.value)
	i.always = !i.off && i.every == 0
	if err != nil {
		i.every, i.always = oneDay, false
		c.not(i.given, err.Error(), "it is taken for 1; see whether that is meant", false)
	}
	return i
}

func readInterval(value string) (off bool, every time.Duration, err error) {
	switch value {
	case "", "0":
		return true, 0, nil
	case "always":
		return false, 0, nil
	}
	number, one := value, oneDay
	switch last := len(value) - 1; value[last] {
	case 's':
		number, one = value[:last], time.Second
	case 'm':
		number, one = value[:last], time.Minute
	case 'h':
		number, one = value[:last], time.Hour
	case 'd':
		number = value[:last]
	}
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil || time.Duration(n) > maxSpan/one {
		return false, 0, errors.New("it is no interval such as 1, 12h or always")
	}
	return false, time.Duration(n) * one, nil
}

// schedule turns the intervals and timers into a mode, windows and how often the
// archives are asked.
func (c *converter) schedule() {
	enable := c.take(periodic + "Enable")
	n, err := strconv.Atoi(enable.value)
	enabled := err != nil || n != 0
	lists, download, install := c.interval("Update-Package-Lists"), c.interval("Download-Upgradeable-Packages"), c.interval("Unattended-Upgrade")
	asks, installs := c.starts(c.s.Update), c.starts(c.s.Upgrade)
	note := ""
	from := install
	switch {
	case !enabled:
		c.out.Mode = Off
	case !install.off && c.s.Program && installs == "":
		c.out.Mode = Auto
	case !install.off && c.s.Program && asks == "":
		c.out.Mode, note = Download, installs
	case !lists.off && !download.off && asks == "":
		c.out.Mode, from = Download, download
	case !lists.off && asks == "":
		c.out.Mode, from = Notify, lists
	default:
		c.out.Mode = Off
	}
	c.modeFrom(from.given, enable, note)
	c.intervals(lists, download, install)
	c.timers(lists)
}

// starts says why a timer starts nothing, "" if it does.
func (c *converter) starts(t Timer) string {
	switch {
	case !c.s.Systemd && c.s.Cron, t.State == TimerEnabled:
		return ""
	case t.State == TimerAbsent:
		return "there is no " + t.Name
	}
	return t.Name + " is " + string(t.State)
}

func (c *converter) modeFrom(from, enable given, note string) {
	result := "so the mode is " + string(c.out.Mode)
	for _, t := range []Timer{c.s.Update, c.s.Upgrade} {
		if why := c.starts(t); why != "" {
			c.same(given{t.Name, string(t.State), true}, result)
		}
	}
	if c.out.Mode == Off {
		c.same(enable, "whether anything runs is decided with lockfast stay-secure --mode")
		return
	}
	c.same(enable, "as if it were not set")
	if !c.s.Systemd && c.s.Cron {
		note = "cron starts apt once a day; a window can say when Lockfast installs"
	}
	c.to(from, "stay_secure.mode", string(c.out.Mode), note)
}

// intervals are the options of apt's daily script that do not decide the mode.
func (c *converter) intervals(lists, download, install interval) {
	used := func(i interval) bool {
		return slices.ContainsFunc(c.out.Settings, func(m Mapped) bool { return m.Option == i.option })
	}
	if download.set && !used(download) {
		c.same(download.given, "what is to be installed is downloaded before")
	}
	switch {
	case install.set && !install.off && !c.s.Program:
		c.same(install.given, "unattended-upgrades is not installed: nothing was installed unattended")
	case install.set && !used(install):
		c.same(install.given, "the mode is "+string(c.out.Mode))
	case c.out.Mode == Auto && install.every > oneDay:
		c.not(install.given, "Lockfast installs in every window, not every so many days", "name a day in stay_secure.windows", true)
	}
	c.check(lists)
	for _, name := range []string{"AutocleanInterval", "CleanInterval", "BackupArchiveInterval"} {
		c.housekeeping(c.interval(name))
	}
	for _, name := range []string{"MaxAge", "MinAge", "MaxSize", "BackupLevel"} {
		if g := c.take(periodic + name); g.set && strings.Trim(g.value, "0") != "" {
			c.not(g, "Lockfast looks after its own cache only, and apt's daily run ends with the switch", "run apt-get autoclean now and then", false)
		} else {
			c.same(g, "apt's own cache is left alone")
		}
	}
	c.same(c.take(periodic+"Verbose"), "see the journal of lockfast-stay-secure.service")
	c.same(c.take(periodic+"RandomSleep"), "only cron uses it; stay_secure.jitter spreads hosts")
}

func (c *converter) housekeeping(i interval) {
	if i.off || !i.set {
		c.same(i.given, "apt's own cache is left alone")
		return
	}
	c.not(i.given, "Lockfast looks after its own cache only, and apt's daily run ends with the switch", "run apt-get autoclean now and then", false)
}

// check is how often the archives were asked: at the interval, but not more
// often than the timer starts.
func (c *converter) check(lists interval) {
	if lists.off {
		if c.out.Mode == Auto || c.out.Mode == Download {
			c.not(lists.given, "the lists were fetched by something else; Lockfast asks the archives itself", "nothing, unless the archives must not be asked", false)
		} else {
			c.same(lists.given, "Lockfast asks the archives itself once it is switched on")
		}
		return
	}
	every, note := c.gap(), ""
	if !lists.always && lists.every > every {
		every = lists.every
	} else if !lists.always && lists.every < every {
		note = "the timer does not start more often"
	}
	if every < soonest {
		every, note = soonest, "Lockfast does not ask more often"
	}
	c.to(lists.given, "stay_secure.check", config.Age(every.Round(time.Minute)).String(), note)
}

// gap is how far apart the starts of the timer that asks the archives are.
func (c *converter) gap() time.Duration {
	count := 0
	for _, text := range c.s.Update.Calendar {
		if t, err := ParseCalendar(text); err == nil {
			count += t.perWeek()
		}
	}
	if count == 0 {
		return oneDay
	}
	return 7 * oneDay / time.Duration(count)
}

// timers turns the moments at which apt was started into windows.
func (c *converter) timers(lists interval) {
	for _, t := range []Timer{c.s.Update, c.s.Upgrade} {
		for _, text := range append(slices.Clone(t.Others), t.Odd...) {
			c.not(given{t.Name, text, true}, "only calendar times and a delay become windows", "write stay_secure.windows as you mean it", true)
		}
	}
	if u := c.s.Update; u.Delay >= time.Minute && !lists.off {
		c.to(given{u.Name + ": RandomizedDelaySec", config.Age(u.Delay).String(), true}, "stay_secure.jitter", config.Age(u.Delay.Round(time.Minute)).String(), "")
	}
	if len(c.s.Update.Calendar) > 0 {
		c.same(given{c.s.Update.Name + ": OnCalendar", strings.Join(c.s.Update.Calendar, "; "), true}, "the archives are asked at any time, stay_secure.check says how often")
	}
	c.windows(c.updateDays())
	if u := c.s.Upgrade; u.Persistent && len(u.Calendar) > 0 {
		c.to(given{u.Name + ": Persistent", "true", true}, "stay_secure.missed", "soon", "a run that was missed is made up for")
	}
}

// windows are open from the moment the timer starts for as long as its delay
// may last, on some days only.
func (c *converter) windows(only days, named []given) {
	list, from, always, note := c.opened(only, len(named) > 0)
	g := given{c.s.Upgrade.Name + ": OnCalendar", strings.Join(from, "; "), true}
	fits := false
	switch {
	case len(from) == 0:
	case always:
		c.same(g, "Lockfast installs at any time when there are no windows")
	case len(list) == 0:
		c.not(g, "no day of it is among Update-Days, so nothing was installed", "write stay_secure.windows as you mean it", true)
	default:
		fits = c.to(g, "stay_secure.windows", quoted(slices.Compact(list)), note)
	}
	for _, n := range named {
		if !fits {
			c.not(n, "there is no window to put the day into", "name the day in stay_secure.windows", true)
			continue
		}
		c.out.Settings = append(c.out.Settings, Mapped{n.option, n.value, "stay_secure.windows: " + quoted(list), "windows open on these days only"})
		c.setting("stay_secure.windows", quoted(slices.Compact(list)), n.option+" "+quote(clip(n.value)))
	}
}

// opened are the windows of all calendar times that can become one. Where no
// timer says when, days alone are whole days.
func (c *converter) opened(only days, restricted bool) (list, from []string, always bool, note string) {
	u := c.s.Upgrade
	open := max(least, u.Delay)
	calendar, note := u.Calendar, "open for "+config.Age(open.Round(time.Minute)).String()
	if len(calendar) == 0 && restricted {
		calendar, note = []string{"hourly"}, "at any time of these days"
	}
	for _, text := range calendar {
		t, err := ParseCalendar(text)
		if err != nil {
			c.not(given{u.Name + ": OnCalendar", text, true}, "it cannot become a window: "+err.Error(), "write stay_secure.windows as you mean it", true)
			continue
		}
		some, anytime := t.windows(open, only)
		always = always || anytime
		list, from = append(list, some...), append(from, text)
	}
	return list, from, always, note
}

// updateDays are the days on which unattended-upgrades installs, and the options
// that name them.
func (c *converter) updateDays() (only days, named []given) {
	list := c.takeList(upgrade + "Update-Days")
	for _, g := range list {
		i, ok := day(g.value)
		if n, err := strconv.Atoi(g.value); err == nil && len(g.value) == 1 && n < 7 {
			i, ok = (n+6)%7, true // Sunday is 0
		}
		if !ok {
			c.not(g, "it is no English name or number of a day", "name the day in stay_secure.windows", true)
			continue
		}
		only, named = only|1<<i, append(named, g)
	}
	if len(list) == 0 {
		return everyDay, nil
	}
	return only, named
}
