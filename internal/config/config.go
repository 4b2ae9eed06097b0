// Package config reads /etc/lockfast/config.yaml, the drop-ins beside it and the
// LOCKFAST_ variables. The files are described in docs/formats/config.md; flags
// win over variables, variables over files, later files over earlier ones.
package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Schema is the format of the file.
const Schema = "lockfast.config/1"

// Path is where the file lies, and DropIns the folder of those that are read
// after it, *.yaml in the order of their names.
const (
	Path    = "/etc/lockfast/config.yaml"
	DropIns = "/etc/lockfast/config.d"
)

// Config is what a site set. Zero values mean "not set".
type Config struct {
	Schema        string     `yaml:"schema"`
	Advisories    string     `yaml:"advisories,omitempty"`     // store file
	MaxDataAge    Age        `yaml:"max_data_age,omitempty"`   // "7d", "36h"
	AcceptPartial bool       `yaml:"accept_partial,omitempty"` // partial data do not end in exit 3
	Waivers       string     `yaml:"waivers,omitempty"`        // waiver file
	State         string     `yaml:"state,omitempty"`          // folder for the journal and scan history
	Cache         string     `yaml:"cache,omitempty"`          // folder for package files
	Fix           Fix        `yaml:"fix,omitempty"`
	StaySecure    StaySecure `yaml:"stay_secure,omitempty"`
	Notify        Notify     `yaml:"notify,omitempty"`
	Feeds         Feeds      `yaml:"feeds,omitempty"`
}

// Fix is what `fix` does unless flags say otherwise.
type Fix struct {
	All     bool     `yaml:"all,omitempty"`     // bug fixes too
	Exclude []string `yaml:"exclude,omitempty"` // CVEs, advisories, packages; always added to --exclude
	MinAge  Age      `yaml:"min_age,omitempty"` // "3d"
}

// Feeds are the addresses `advisories sync` reads.
type Feeds struct {
	OSV        string   `yaml:"osv,omitempty"`        // base address; ECOSYSTEM/all.zip is added
	KEV        string   `yaml:"kev,omitempty"`        // address of the catalogue
	EPSS       string   `yaml:"epss,omitempty"`       // address of the scores
	Ecosystems []string `yaml:"ecosystems,omitempty"` // families to sync: "Debian", "AlmaLinux"; empty: this host's
}

// Age is a duration that may be written in days: "7d", "36h", "1d12h".
type Age time.Duration

// UnmarshalText reads an age.
func (a *Age) UnmarshalText(text []byte) error {
	d, err := ParseAge(string(text))
	*a = Age(d)
	return err
}

// MarshalText writes an age as ParseAge reads it.
func (a Age) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// String is the age in days where it is whole days: "3d", "36h", "90m".
func (a Age) String() string {
	d := time.Duration(a)
	switch day := 24 * time.Hour; {
	case d != 0 && d%day == 0:
		return fmt.Sprintf("%dd", d/day)
	case d != 0 && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d != 0 && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

// ParseAge reads "7d", "36h", "1d12h". It must be positive.
func ParseAge(s string) (time.Duration, error) {
	var days int64
	rest := s
	if n, after, ok := strings.Cut(s, "d"); ok {
		v, err := strconv.ParseInt(n, 10, 32)
		if err != nil {
			return 0, fmt.Errorf("%q is no age: write 7d, 36h or 1d12h", s)
		}
		days, rest = v, after
	}
	age := time.Duration(days) * 24 * time.Hour
	if rest != "" {
		d, err := time.ParseDuration(rest)
		if err != nil {
			return 0, fmt.Errorf("%q is no age: write 7d, 36h or 1d12h", s)
		}
		age += d
	}
	if age <= 0 {
		return 0, fmt.Errorf("%q is no age: it must be more than nothing", s)
	}
	return age, nil
}

// Override applies the LOCKFAST_ variables among environ ("NAME=value"). An
// unknown LOCKFAST_ variable is an error: it is a misspelt wish.
func (c Config) Override(environ []string) (Config, error) {
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		setting, ours := strings.CutPrefix(name, "LOCKFAST_")
		if !ours || value == "" { // an empty variable is how shells unset one for a command
			continue
		}
		var err error
		switch setting {
		case "ADVISORIES":
			c.Advisories = value
		case "MAX_DATA_AGE":
			err = c.MaxDataAge.UnmarshalText([]byte(value))
		case "ACCEPT_PARTIAL":
			c.AcceptPartial, err = strconv.ParseBool(value)
		case "WAIVERS":
			c.Waivers = value
		case "STATE":
			c.State = value
		case "CACHE":
			c.Cache = value
		case "FEEDS_OSV":
			c.Feeds.OSV = value
		case "FEEDS_KEV":
			c.Feeds.KEV = value
		case "FEEDS_EPSS":
			c.Feeds.EPSS = value
		case "TEST_CACHE", "SHARED_DATA": // read by the project's own tests
		case "HOOK", "TRANSACTION", "NOTICE_KIND": // what hooks and programs that tell people are told
		default:
			return c, fmt.Errorf("%s: no such setting; see lockfast help environment", name)
		}
		if err != nil {
			return c, fmt.Errorf("%s: %v", name, err)
		}
	}
	return c, nil
}
