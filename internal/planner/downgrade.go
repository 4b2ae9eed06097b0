package planner

import (
	"fmt"
	"path"

	"github.com/lockfast/lockfast/internal/policy"
)

// DowngradeSchema names the format of the list of packages that are not safe
// to take back.
const DowngradeSchema = "lockfast.downgrades/1"

// Downgrades says which packages are not safe to take back to an earlier
// version, and why.
type Downgrades []struct {
	Match string `yaml:"match"` // of a binary package's name, path.Match
	Why   string `yaml:"why"`
}

// ParseDowngrades reads the list. Errors name the line or the entry.
func ParseDowngrades(data []byte) (Downgrades, error) {
	var file struct {
		Schema   string     `yaml:"schema"`
		Packages Downgrades `yaml:"packages"`
	}
	if err := policy.StrictYAML(data, &file); err != nil {
		return nil, err
	}
	if file.Schema != DowngradeSchema {
		return nil, fmt.Errorf("schema is %q, this program knows %q", file.Schema, DowngradeSchema)
	}
	for i, p := range file.Packages {
		if p.Match == "" || p.Why == "" {
			return nil, fmt.Errorf("packages[%d]: match and why are both needed", i)
		}
		if _, err := path.Match(p.Match, ""); err != nil {
			return nil, fmt.Errorf("packages[%d]: match %q: %w", i, p.Match, err)
		}
	}
	return file.Packages, nil
}

// Unsafe says why a package should not be taken back, "" if nothing is known
// against it.
func (d Downgrades) Unsafe(name string) string {
	for _, p := range d {
		if ok, err := path.Match(p.Match, name); ok && err == nil {
			return p.Why
		}
	}
	return ""
}
