package config

// StaySecure is what the unattended service does. Zero values mean "not set";
// what that is then is said in docs/formats/config.md.
type StaySecure struct {
	Mode            string    `yaml:"mode,omitempty"`              // auto, download, notify
	Windows         []string  `yaml:"windows,omitempty"`           // "Sun 02:00-05:00 Europe/Berlin"; none: at any time
	Check           Age       `yaml:"check,omitempty"`             // how often the archive is asked
	Jitter          Age       `yaml:"jitter,omitempty"`            // at most so much later
	Missed          string    `yaml:"missed,omitempty"`            // next, soon: what follows a window in which the host was off
	Exploited       Exploited `yaml:"exploited,omitempty"`         // known exploited holes
	Restart         string    `yaml:"restart,omitempty"`           // never, safe, all: services that run replaced code
	Reboot          string    `yaml:"reboot,omitempty"`            // never, when-needed, window
	RebootWindows   []string  `yaml:"reboot_windows,omitempty"`    // none: as windows
	RebootDelay     Age       `yaml:"reboot_delay,omitempty"`      // how long people who are logged in are warned
	RebootWithUsers *bool     `yaml:"reboot_with_users,omitempty"` // restart also while people are logged in
	OnBattery       string    `yaml:"on_battery,omitempty"`        // wait, go-on
	Metered         string    `yaml:"metered,omitempty"`           // wait, go-on
	RateLimit       string    `yaml:"rate_limit,omitempty"`        // bytes a second: 500k, 2M
	GiveUpAfter     int       `yaml:"give_up_after,omitempty"`     // failures in a row
	StaleAfter      Age       `yaml:"stale_after,omitempty"`       // when an archive that does not answer is told about
}

// Exploited is what is different for fixes of known exploited holes.
type Exploited struct {
	Windows []string `yaml:"windows,omitempty"` // none: as the others
	Wait    bool     `yaml:"wait,omitempty"`    // they wait for fix.min_age too
}

// Notify says who is told, and when.
type Notify struct {
	To          []string `yaml:"to,omitempty"`           // mail:root, webhook:https://…, exec:/path, motd, desktop, prometheus:/path
	Digest      string   `yaml:"digest,omitempty"`       // daily, weekly, never
	At          string   `yaml:"at,omitempty"`           // "08:00", time of the digest here
	On          string   `yaml:"on,omitempty"`           // "Mon", day of a weekly one
	Quiet       bool     `yaml:"quiet,omitempty"`        // only failures and what needs a person
	RepeatAfter Age      `yaml:"repeat_after,omitempty"` // what still stands is told again
	Mail        Mail     `yaml:"mail,omitempty"`
	Webhook     Webhook  `yaml:"webhook,omitempty"`
}

// Mail is how mail is sent.
type Mail struct {
	Server       string `yaml:"server,omitempty"` // "smtp.example.org:587"; none: this host's sendmail
	From         string `yaml:"from,omitempty"`
	User         string `yaml:"user,omitempty"`
	PasswordFile string `yaml:"password_file,omitempty"` // readable by root only
	TLS          string `yaml:"tls,omitempty"`           // starttls, tls, none (only to this host)
}

// Webhook is how webhooks are signed.
type Webhook struct {
	SecretFile string `yaml:"secret_file,omitempty"` // readable by root only
}
