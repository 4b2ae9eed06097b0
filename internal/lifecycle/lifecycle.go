// Package lifecycle says until when a release gets security updates.
package lifecycle

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/inventory"
)

// Schema is the format of the data file.
const Schema = "lockfast.lifecycles/1"

// Table is the data file: end dates with their source.
type Table struct {
	Schema   string    `json:"schema"`
	Source   string    `json:"source"`
	Date     string    `json:"date"` // when it was looked up, RFC 3339 date
	Note     string    `json:"note"`
	Releases []Release `json:"releases"`
}

// Release is one release's dates, both inclusive, as RFC 3339 dates.
type Release struct {
	ID       string `json:"id"`
	Version  string `json:"version"`
	Codename string `json:"codename,omitempty"`
	Standard string `json:"standard,omitempty"` // end of the distribution's own security team, where others go on
	End      string `json:"end"`                // end of free security updates
}

// Parse reads a data file.
func Parse(data []byte) (Table, error) {
	var t Table
	if err := json.Unmarshal(data, &t); err != nil {
		return Table{}, fmt.Errorf("cannot read lifecycles: %v", err)
	}
	if t.Schema != Schema {
		return Table{}, fmt.Errorf("cannot read lifecycles: schema %q, this program knows %q", t.Schema, Schema)
	}
	for i, r := range t.Releases {
		if _, err := time.Parse(time.DateOnly, r.End); err != nil || r.ID == "" || r.Version == "" {
			return Table{}, fmt.Errorf("cannot read lifecycles: release %d (%s %s) needs id, version and end as YYYY-MM-DD", i+1, r.ID, r.Version)
		}
	}
	return t, nil
}

// Find returns the dates of a host's release. Point releases ("9.4", "3.18.2")
// belong to the release they are a point of.
func (t Table) Find(host inventory.Release) (Release, bool) {
	best := Release{}
	for _, r := range t.Releases {
		if r.ID != host.ID || r.Version != host.VersionID && !strings.HasPrefix(host.VersionID, r.Version+".") {
			continue
		}
		if len(r.Version) > len(best.Version) {
			best = r
		}
	}
	return best, best.ID != ""
}

// Ended reports whether the last day of security updates is over.
func (r Release) Ended(now time.Time) bool {
	end, err := time.Parse(time.DateOnly, r.End)
	return err == nil && !now.Before(end.AddDate(0, 0, 1))
}
