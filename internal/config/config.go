// Package config reads /etc/lockfast/config.yaml and the LOCKFAST_ variables.
// The file is described in docs/formats/config.md; flags win over variables,
// variables over the file.
package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/policy"
)

// Schema is the format of the file.
const Schema = "lockfast.config/1"

// Path is where the file lies.
const Path = "/etc/lockfast/config.yaml"

// Config is what a site set. Zero values mean "not set".
type Config struct {
	Schema        string `yaml:"schema"`
	Advisories    string `yaml:"advisories"`     // store file
	MaxDataAge    Age    `yaml:"max_data_age"`   // "7d", "36h"
	AcceptPartial bool   `yaml:"accept_partial"` // partial data do not end in exit 3
	Waivers       string `yaml:"waivers"`        // waiver file
	State         string `yaml:"state"`          // folder for the journal and scan history
	Cache         string `yaml:"cache"`          // folder for package files
	Fix           Fix    `yaml:"fix"`
	Feeds         Feeds  `yaml:"feeds"`
}

// Fix is what `fix` does unless flags say otherwise.
type Fix struct {
	Exclude []string `yaml:"exclude"` // CVEs, advisories, packages; always added to --exclude
	MinAge  Age      `yaml:"min_age"` // "3d"
}

// Feeds are the addresses `advisories sync` reads.
type Feeds struct {
	OSV        string   `yaml:"osv"`        // base address; ECOSYSTEM/all.zip is added
	KEV        string   `yaml:"kev"`        // address of the catalogue
	EPSS       string   `yaml:"epss"`       // address of the scores
	Ecosystems []string `yaml:"ecosystems"` // families to sync: "Debian", "AlmaLinux"; empty: this host's
}

// Age is a duration that may be written in days: "7d", "36h", "1d12h".
type Age time.Duration

// UnmarshalText reads an age.
func (a *Age) UnmarshalText(text []byte) error {
	d, err := ParseAge(string(text))
	*a = Age(d)
	return err
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

// Parse reads a configuration file. Errors name line and field.
func Parse(data []byte) (Config, error) {
	var c Config
	if err := policy.StrictYAML(data, &c); err != nil {
		return Config{}, err
	}
	if c.Schema != Schema {
		return Config{}, fmt.Errorf("schema: is %q, this program reads %q", c.Schema, Schema)
	}
	return c, nil
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
		case "HOOK", "TRANSACTION": // what hooks are told
		default:
			return c, fmt.Errorf("%s: no such setting; see lockfast help environment", name)
		}
		if err != nil {
			return c, fmt.Errorf("%s: %v", name, err)
		}
	}
	return c, nil
}
