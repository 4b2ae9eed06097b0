package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/notice"
	"github.com/lockfast/lockfast/internal/window"
)

// check finds the first field whose value cannot be meant.
func (c Config) check() *fieldError {
	s, n := c.StaySecure, c.Notify
	problems := []*fieldError{
		oneOf("stay_secure.mode", s.Mode, "auto", "download", "notify"),
		oneOf("stay_secure.missed", s.Missed, "next", "soon"),
		oneOf("stay_secure.restart", s.Restart, "never", "safe", "all"),
		oneOf("stay_secure.reboot", s.Reboot, "never", "when-needed", "window"),
		oneOf("stay_secure.on_battery", s.OnBattery, "wait", "go-on"),
		oneOf("stay_secure.metered", s.Metered, "wait", "go-on"),
		windows("stay_secure.windows", s.Windows),
		windows("stay_secure.exploited.windows", s.Exploited.Windows),
		windows("stay_secure.reboot_windows", s.RebootWindows),
		rate("stay_secure.rate_limit", s.RateLimit),
		atLeast("stay_secure.give_up_after", s.GiveUpAfter, 0),
		atLeastAge("stay_secure.check", s.Check, 10*time.Minute),
		oneOf("notify.digest", n.Digest, "daily", "weekly", "never"),
		clock("notify.at", n.At),
		oneOf("notify.on", n.On, "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
		sinks("notify.to", n.To),
		server("notify.mail.server", n.Mail.Server),
		oneOf("notify.mail.tls", n.Mail.TLS, "starttls", "tls", "none"),
		absolute("notify.mail.password_file", n.Mail.PasswordFile),
		absolute("notify.webhook.secret_file", n.Webhook.SecretFile),
	}
	i := slices.IndexFunc(problems, func(p *fieldError) bool { return p != nil })
	if i < 0 {
		return nil
	}
	return problems[i]
}

func wrong(field, format string, args ...any) *fieldError {
	return &fieldError{field, fmt.Errorf(format, args...)}
}

func oneOf(field, value string, allowed ...string) *fieldError {
	if value == "" || slices.Contains(allowed, value) {
		return nil
	}
	last := len(allowed) - 1
	return wrong(field, "%q: want %s or %s", value, strings.Join(allowed[:last], ", "), allowed[last])
}

func atLeast(field string, value, least int) *fieldError {
	if value < least {
		return wrong(field, "%d: want at least %d", value, least)
	}
	return nil
}

func atLeastAge(field string, value Age, least time.Duration) *fieldError {
	if value != 0 && time.Duration(value) < least {
		return wrong(field, "%s: want at least %s; archives are shared by many", value, Age(least))
	}
	return nil
}

func clock(field, value string) *fieldError {
	if value == "" {
		return nil
	}
	if _, err := time.Parse("15:04", value); err != nil {
		return wrong(field, "%q: write the time of day as 08:00", value)
	}
	return nil
}

func server(field, value string) *fieldError {
	if value == "" {
		return nil
	}
	if colon := strings.LastIndexByte(value, ':'); colon < 1 || colon == len(value)-1 {
		return wrong(field, "%q: write it as smtp.example.org:587", value)
	}
	return nil
}

func absolute(field, value string) *fieldError {
	if value != "" && !filepath.IsAbs(value) {
		return wrong(field, "%q: write the whole path", value)
	}
	return nil
}

func rate(field, value string) *fieldError {
	if _, err := ParseRate(value); err != nil {
		return &fieldError{field, err}
	}
	return nil
}

func windows(field string, list []string) *fieldError {
	for _, text := range list {
		if _, err := window.Parse(text, time.UTC); err != nil {
			return &fieldError{field, err}
		}
	}
	return nil
}

func sinks(field string, list []string) *fieldError {
	for _, text := range list {
		if _, err := notice.ParseSink(text); err != nil {
			return &fieldError{field, err}
		}
	}
	return nil
}
