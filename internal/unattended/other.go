package unattended

import (
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/config"
)

var (
	clockForm = regexp.MustCompile(`^([01]?[0-9]|2[0-3]):([0-5][0-9])$`)
	delayForm = regexp.MustCompile(`^\+?([0-9]{1,5})$`)
)

// reboot turns when the host was restarted into when it is.
func (c *converter) reboot() {
	on, when := c.take(upgrade+"Automatic-Reboot"), c.take(upgrade+"Automatic-Reboot-Time")
	users := c.take(upgrade + "Automatic-Reboot-WithUsers")
	system, ignored := c.take(upgrade+"Automatic-Reboot-WithSystemUsers"), c.take(upgrade+"Automatic-Reboot-IgnoredUsers")
	if !yes(on.value, false) {
		c.to(on, "stay_secure.reboot", "never", "")
		for _, g := range []given{when, users, system, ignored} {
			c.same(g, "has no effect without Automatic-Reboot")
		}
		return
	}
	c.rebootTime(on, when)
	with := yes(users.value, true)
	c.to(users, "stay_secure.reboot_with_users", strconv.FormatBool(with), "")
	for _, g := range []given{system, ignored} {
		switch {
		case !g.set:
		case with:
			c.same(g, "has no effect with Automatic-Reboot-WithUsers")
		default:
			c.not(g, "Lockfast waits for everybody who is logged in", "nothing, or set stay_secure.reboot_with_users: true", false)
		}
	}
}

func (c *converter) rebootTime(on, when given) {
	if clock := clockForm.FindStringSubmatch(when.value); clock != nil {
		hour, _ := strconv.Atoi(clock[1]) // digits, as was just seen
		minute, _ := strconv.Atoi(clock[2])
		start := hour*60 + minute
		c.to(on, "stay_secure.reboot", "window", "")
		c.to(when, "stay_secure.reboot_windows", quoted([]string{"daily " + hhmm(start) + "-" + hhmm(start+60)}), "open for 1h")
		return
	}
	c.to(on, "stay_secure.reboot", "when-needed", "")
	delay := delayForm.FindStringSubmatch(when.value)
	switch {
	case !when.set, when.value == "now", delay != nil && strings.Trim(delay[1], "0") == "":
		c.same(when, "as soon as it is needed")
	case delay != nil:
		minutes, _ := strconv.Atoi(delay[1])
		c.to(when, "stay_secure.reboot_delay", config.Age(time.Duration(minutes)*time.Minute).String(), "")
	default:
		c.not(when, "it is no time of day", "set stay_secure.reboot: window and stay_secure.reboot_windows", true)
	}
}

// mail turns reports into notices.
func (c *converter) mail() {
	to, report := c.take(upgrade+"Mail"), c.take(upgrade+"MailReport")
	only, sender := c.take(upgrade+"MailOnlyOnError"), c.take(upgrade+"Sender")
	sinks, err := addresses(to.value)
	if err != nil {
		c.not(to, err.Error(), "write notify.to by hand", false)
	}
	if len(sinks) == 0 || !c.to(to, "notify.to", quoted(sinks), "") {
		for _, g := range []given{report, only, sender} {
			c.same(g, "has no effect without Mail")
		}
		return
	}
	c.report(report, only)
	switch {
	case !sender.set:
	case addressed(sender.value):
		c.to(sender, "notify.mail.from", quote(sender.value), "")
	default:
		c.not(sender, "it is no address of mail", "write notify.mail.from by hand", false)
	}
}

// addresses reads who gets mail; several are separated by commas.
func addresses(value string) (sinks []string, err error) {
	for _, address := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !addressed(address) {
			return nil, fmt.Errorf("%q is no address of mail", clip(address))
		}
		sinks = append(sinks, "mail:"+address)
	}
	if value != "" && len(sinks) == 0 {
		return nil, errors.New("it has no address of mail in it")
	}
	return sinks, nil
}

// addressed accepts what both mail and a person would take for an address:
// "root", "ops@example.org".
func addressed(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>()"\,;:`, r) }) {
		return false
	}
	if !strings.Contains(s, "@") {
		s += "@localhost"
	}
	parsed, err := mail.ParseAddress(s)
	return err == nil && parsed.Address == s
}

func (c *converter) report(report, only given) {
	switch {
	case report.value == "only-on-error":
		c.to(report, "notify.quiet", "true", "failures, and what needs a person")
	case report.value == "always":
		c.to(report, "notify.digest", "daily", "one mail a day, and none when there is nothing to tell")
	case report.value == "on-change":
		c.to(report, "notify.quiet", "false", "")
	case report.set:
		c.not(report, "unattended-upgrades has no such report; it takes it for on-change", "nothing, or set notify.quiet", false)
	case yes(only.value, false):
		c.to(only, "notify.quiet", "true", "failures, and what needs a person")
		return
	}
	if report.set {
		c.same(only, "MailReport is set, so it has no effect")
		return
	}
	c.same(only, "what was done is told")
}

// limits are what makes an update wait or go slowly.
func (c *converter) limits() {
	power, note := c.take(upgrade+"OnlyOnACPower"), ""
	if !yes(power.value, true) {
		note = "apt's own services still began on mains only"
	}
	c.to(power, "stay_secure.on_battery", waits(power.value), note)
	metered := c.take(upgrade + "Skip-Updates-On-Metered-Connections")
	c.to(metered, "stay_secure.metered", waits(metered.value), "")
	lowest := ""
	for _, name := range []string{"Acquire::http::Dl-Limit", "Acquire::https::Dl-Limit", "Acquire::ftp::Dl-Limit"} {
		g := c.take(name)
		n, err := strconv.ParseInt(g.value, 10, 32)
		switch {
		case !g.set || err == nil && n <= 0:
			c.same(g, "no limit")
		case err != nil:
			c.not(g, "it is no number of KiB a second", "set stay_secure.rate_limit", false)
		case strings.Contains(name, "ftp:"):
			c.not(g, "Lockfast has one limit, that of http", "set stay_secure.rate_limit lower if it matters", false)
		case lowest == "":
			lowest = g.value
			c.to(g, "stay_secure.rate_limit", strconv.FormatInt(n, 10)+"k", "KiB a second")
		default:
			c.not(g, "Lockfast has one limit for http and https, that of http is taken", "set stay_secure.rate_limit lower if it matters", false)
		}
	}
}

func waits(value string) string {
	if yes(value, true) {
		return "wait"
	}
	return "go-on"
}

// removal is what Lockfast leaves to people. What unattended-upgrades removes
// without being told is said too: nothing will do it any more.
func (c *converter) removal() {
	for _, o := range []struct {
		name      string
		otherwise bool
		what      string
	}{
		{"Remove-Unused-Kernel-Packages", true, "old kernels fill /boot: run apt-get autoremove --purge now and then"},
		{"Remove-New-Unused-Dependencies", true, "run apt-get autoremove now and then"},
		{"Remove-Unused-Dependencies", false, "run apt-get autoremove now and then"},
	} {
		g := c.take(upgrade + o.name)
		switch {
		case !yes(g.value, o.otherwise):
			c.same(g, "Lockfast removes no packages")
		case g.set || c.out.Mode == Auto:
			c.not(g, "Lockfast removes no packages, so that every update can be undone", o.what, false)
		}
	}
}
