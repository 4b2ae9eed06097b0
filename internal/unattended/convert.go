package unattended

import (
	"fmt"
	"strings"

	"github.com/lockfast/lockfast/internal/config"
)

// names of options.
const (
	upgrade  = "Unattended-Upgrade::"
	periodic = "APT::Periodic::"
)

// Convert judges a set-up. An error is a mistake of ours: whatever was written
// into the options ends up in the lists.
func Convert(s *Setup) (*Conversion, error) {
	c := &converter{s: s, taken: map[string]bool{}}
	c.out = Conversion{Settings: []Mapped{}, Not: []Unmapped{}, Same: []Kept{}} // empty lists are lists in JSON too
	c.schedule()
	c.origins()
	c.blacklist()
	c.whitelist()
	c.reboot()
	c.mail()
	c.limits()
	c.removal()
	c.plain()
	c.rest()
	c.out.Config = c.yaml()
	if _, err := config.Parse(c.out.Config); err != nil {
		return nil, fmt.Errorf("internal error: the configuration made from unattended-upgrades cannot be read: %w", err)
	}
	return &c.out, nil
}

type converter struct {
	s        *Setup
	out      Conversion
	taken    map[string]bool // options that were dealt with, in lower case
	settings []setting
}

// setting is a line of the configuration and what it came from.
type setting struct {
	field string // "stay_secure.mode"
	value string // as YAML
	from  []string
}

// given is an option as it is set.
type given struct {
	option, value string
	set           bool // to something else than ""
}

// take is an option's value; from now on it counts as dealt with.
func (c *converter) take(option string) given {
	c.taken[strings.ToLower(option)] = true
	value := c.s.Options.Value(option)
	return given{option, value, value != ""}
}

// takeList is a list's entries; the list counts as dealt with.
func (c *converter) takeList(option string) []given {
	c.taken[strings.ToLower(option)+"::"] = true
	if own := c.take(option); own.set {
		c.same(own, "unattended-upgrades reads only the list below it")
	}
	var all []given
	for _, value := range c.s.Options.List(option) {
		all = append(all, given{option, value, true})
	}
	return all
}

// to makes a setting. One that the configuration refuses is not converted.
func (c *converter) to(g given, field, value, note string) bool {
	if err := accepts(field, value); err != nil {
		keeps := strings.HasSuffix(field, "windows") || field == "fix.exclude" // updates away
		c.not(g, "Lockfast does not take the value: "+err.Error(), "write "+field+" by hand", keeps)
		return false
	}
	c.out.Settings = append(c.out.Settings, Mapped{g.option, g.value, field + ": " + value, note})
	line := fmt.Sprintf("%s %q", g.option, clip(g.value))
	if !g.set {
		line = g.option + " is not set"
	}
	if note != "" {
		line += ": " + note
	}
	c.setting(field, value, line)
	return true
}

// setting puts a line into the configuration, where it replaces an earlier one
// of the same field.
func (c *converter) setting(field, value, from string) {
	for i := range c.settings {
		if c.settings[i].field == field {
			c.settings[i].value = value
			c.settings[i].from = append(c.settings[i].from, from)
			return
		}
	}
	c.settings = append(c.settings, setting{field, value, []string{from}})
}

// same is said of an option that needs no setting; one that is not set was not
// seen.
func (c *converter) same(g given, note string) {
	if g.set {
		c.out.Same = append(c.out.Same, Kept{g.option, g.value, note})
	}
}

func (c *converter) not(g given, why, do string, more bool) {
	c.out.Not = append(c.out.Not, Unmapped{g.option, g.value, why, do, more})
}

// plainOption is a yes or no that is no setting of ours.
type plainOption struct {
	name      string
	otherwise bool   // what unattended-upgrades does if it is not set
	fine      string // "yes", "no" or "both": which needs nothing to be done
	note      string // why that is so
	why, do   string // of the other one
	more      bool
}

var plainOptions = [...]plainOption{
	{name: upgrade + "MinimalSteps", otherwise: true, fine: "both", note: "how an update is cut into steps is not a setting: a shutdown waits for the step that runs, and the next turn goes on"},
	{name: "Unattended-Upgrades::MinimalSteps", otherwise: true, fine: "both", note: "how an update is cut into steps is not a setting: a shutdown waits for the step that runs, and the next turn goes on"},
	{name: upgrade + "InstallOnShutdown", fine: "no", note: "Lockfast installs while the host runs",
		why: "Lockfast never installs during a shutdown", do: "set stay_secure.windows to hours at which the host is on and nobody minds", more: true},
	{name: upgrade + "AutoFixInterruptedDpkg", otherwise: true, fine: "yes", note: "an interrupted installation is completed first, changed configuration files are kept",
		why: "Lockfast completes an interrupted installation before it installs anything", do: "use stay_secure.mode: download if a person should look first", more: true},
	{name: upgrade + "Allow-downgrade", fine: "no", note: "Lockfast goes back only to undo an update",
		why: "Lockfast does not follow pins to older versions", do: "run apt-get --allow-downgrades dist-upgrade where a pin asks for it"},
	{name: upgrade + "Allow-APT-Mark-Fallback", otherwise: true, fine: "both", note: "Lockfast says itself which versions are to be installed"},
	{name: upgrade + "DevRelease", otherwise: true, fine: "both", note: "makes a difference only on a release in development"},
	{name: upgrade + "IgnoreAppsRequireRestart", fine: "both", note: "programs that run replaced code are found by looking at processes; stay_secure.restart says what is restarted"},
	{name: upgrade + "Keep-Debs-After-Install", fine: "both", note: "package files that lead back are kept in Lockfast's own cache"},
	{name: upgrade + "Verbose", fine: "no", note: "see lockfast history and the journal of lockfast-stay-secure.service",
		why: "there is no such switch", do: "read lockfast history and journalctl -u lockfast-stay-secure"},
	{name: upgrade + "Debug", fine: "no", note: "see lockfast history and the journal of lockfast-stay-secure.service",
		why: "there is no such switch", do: "read lockfast history and journalctl -u lockfast-stay-secure"},
	{name: upgrade + "SyslogEnable", fine: "both", note: "the service writes to the journal, which hands it to a syslog daemon"},
	{name: periodic + "Download-Upgradeable-Packages-Debdelta", otherwise: true, fine: "both", note: "whole packages are downloaded"},
}

// plain deals with options that have no setting of ours.
func (c *converter) plain() {
	for _, p := range plainOptions {
		g := c.take(p.name)
		on := yes(g.value, p.otherwise)
		if p.fine == "both" || on == (p.fine == "yes") {
			c.same(g, p.note)
			continue
		}
		c.not(g, p.why, p.do, p.more)
	}
	for _, name := range []string{"SyslogFacility", "LogDir", "LogFile"} {
		if g := c.take(upgrade + name); g.set {
			c.not(g, "Lockfast logs to the journal of systemd", "adapt what reads the log: journalctl -u lockfast-stay-secure, lockfast history", false)
		}
	}
	for _, name := range []string{"LogDir", "LogFile"} {
		if g := c.take("APT::UnattendedUpgrades::" + name); g.set {
			c.not(g, "Lockfast logs to the journal of systemd", "adapt what reads the log: journalctl -u lockfast-stay-secure, lockfast history", false)
		}
	}
	for _, g := range c.takeList(upgrade + "Dirs::Plugins") {
		c.not(g, "plug-ins of unattended-upgrades are not run", "use a hook in /etc/lockfast/hooks.d, or a sink of notify", false)
	}
	for _, file := range c.s.Included {
		c.not(given{"#include", file, true}, "an included file is not followed on a host that does not run", "convert on the host itself", true)
	}
}

// rest says of what is left that unattended-upgrades does not know it either.
func (c *converter) rest() {
	c.s.Options.Walk(func(name, value string) {
		low := strings.ToLower(name)
		ours := false
		for _, prefix := range []string{upgrade, "Unattended-Upgrades::", periodic, "APT::UnattendedUpgrades::"} {
			ours = ours || strings.HasPrefix(low+"::", strings.ToLower(prefix))
		}
		if !ours || c.dealt(low) {
			return
		}
		if value == "" && !strings.HasSuffix(name, "::") {
			return // nothing but the name of what lies below, or not set
		}
		c.not(given{name, value, true}, "unattended-upgrades up to 2.13 has no such option: it had no effect there", "see whether it is misspelt", false)
	})
}

// dealt reports whether an option, or the list that it is an entry of, was
// taken.
func (c *converter) dealt(low string) bool {
	if c.taken[low] {
		return true
	}
	at := strings.LastIndex(low, "::")
	return at >= 0 && c.taken[low[:at]+"::"]
}

// accepts asks the configuration whether it takes a value.
func accepts(field, value string) error {
	_, err := config.Parse(document([]setting{{field: field, value: value}}))
	return err
}
