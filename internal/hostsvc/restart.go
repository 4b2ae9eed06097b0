package hostsvc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Result is how the restart of a unit went.
type Result struct {
	Unit      string
	Restarted bool // false without an error: it was inactive, and stays so
	Err       error
}

// Restart restarts units one by one and reads back that they are active. Units
// that are inactive are left alone. One that fails does not keep the others
// from being restarted.
func (m *Manager) Restart(ctx context.Context, units []string) []Result {
	list := make([]Result, 0, len(units))
	for _, unit := range units {
		r := Result{Unit: unit}
		r.Restarted, r.Err = m.restart(ctx, unit)
		list = append(list, r)
	}
	return list
}

func (m *Manager) restart(ctx context.Context, unit string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if NeverRestart(unit) {
		return false, errors.New("restarting it would end sessions or this program; reboot instead")
	}
	now, err := m.State(ctx, unit)
	if err != nil || now.Active != active {
		return false, err
	}
	if err := m.ctl.do(ctx, unit, "restart"); err != nil {
		return true, err
	}
	if err := m.stays(ctx, unit); err != nil {
		return true, err
	}
	return true, nil
}

// stays watches for a moment that a unit is active which was started: for many
// services systemd is content when their program was, which may then fail.
func (m *Manager) stays(ctx context.Context, unit string) error {
	const looks = 3
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for i := range looks {
		now, err := m.settled(ctx, unit)
		if err != nil {
			return fmt.Errorf("%s was started, but not read back: %w", unit, err)
		}
		if now.Active != active {
			return fmt.Errorf("%s was started, and is %s (%s) now; see systemctl status %s", unit, now.Active, now.Sub, unit)
		}
		if i == looks-1 {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// DaemonReload makes systemd read its unit files anew.
func (m *Manager) DaemonReload(ctx context.Context) error {
	if _, err := m.ctl.tool(ctx, "systemctl", "daemon-reload"); err != nil {
		return fmt.Errorf("cannot make systemd read its units anew: %w", err)
	}
	return nil
}

// Reexec makes systemd start itself anew, so that it runs its installed
// version; services go on.
func (m *Manager) Reexec(ctx context.Context) error {
	if _, err := m.ctl.tool(ctx, "systemctl", "daemon-reexec"); err != nil {
		return fmt.Errorf("cannot make systemd start itself anew: %w", err)
	}
	return nil
}

// NeverRestart reports whether a unit must not be restarted on a running host,
// so that only a reboot, or a person, brings its new version:
//
//   - the message bus: what is connected to it loses it and is not made for that
//   - logind, user managers, sessions, consoles, display managers: people are
//     thrown out of their sessions
//   - scopes and slices: they are no programs of systemd's and cannot be
//   - containers and machines that somebody runs
//   - what belongs to a change that is under way: our own units, and apt's
func NeverRestart(unit string) bool {
	name, kind := cutLast(unit)
	if kind != "service" && kind != "socket" && kind != "timer" && kind != "path" {
		return true
	}
	for _, prefix := range []string{"dbus-org.", "user@", "user-runtime-dir@", "session-", "getty@", "serial-getty@", "container-getty@", "autovt@",
		"systemd-nspawn@", "lxc@", "lockfast", "run-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	switch name {
	case "dbus", "dbus-broker", "systemd-logind", "elogind", "console-getty", "display-manager", "gdm", "gdm3", "lightdm", "sddm", "lxdm", "slim",
		"xdm", "nodm", "greetd", "emergency", "rescue", "apt-daily", "apt-daily-upgrade", "unattended-upgrades", "packagekit", "dnf-automatic-install":
		return true
	}
	return false
}

// SafeToRestart reports whether a unit is known to come back by itself within a
// moment and to lose nothing but the connections it is answering. Databases,
// caches in memory, containers and what configures the network are not.
func SafeToRestart(unit string) bool {
	name, kind := cutLast(unit)
	if kind != "service" || NeverRestart(unit) {
		return false
	}
	name, _, _ = strings.Cut(name, "@") // postfix@-
	if strings.HasPrefix(name, "php") && strings.HasSuffix(name, "-fpm") {
		return true
	}
	switch name {
	case "nginx", "apache2", "httpd", "lighttpd", "caddy", "haproxy", "varnish", "squid",
		"ssh", "sshd", "cron", "crond", "anacron", "atd", "rsyslog", "syslog-ng",
		"chrony", "chronyd", "ntp", "ntpd", "ntpsec", "openntpd", "systemd-timesyncd",
		"systemd-journald", "systemd-udevd", "systemd-resolved", "systemd-hostnamed", "systemd-localed", "systemd-timedated",
		"postfix", "exim4", "exim", "dovecot", "bind9", "named", "unbound", "dnsmasq", "nscd", "nslcd", "sssd",
		"fail2ban", "smartd", "smartmontools", "irqbalance", "snmpd", "polkit", "accounts-daemon", "udisks2", "upower", "rngd", "rng-tools",
		"qemu-guest-agent", "open-vm-tools", "vmtoolsd", "prometheus-node-exporter", "node_exporter", "cups", "cups-browsed", "avahi-daemon":
		return true
	}
	return false
}

// cutLast cuts "nginx.service" into name and kind.
func cutLast(unit string) (name, kind string) {
	i := strings.LastIndexByte(unit, '.')
	if i < 0 {
		return unit, ""
	}
	return unit[:i], unit[i+1:]
}
