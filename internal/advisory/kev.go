package advisory

import (
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"
)

// maxKEV limits the KEV catalogue, in bytes; in 2026 it has 1.3 MB.
const maxKEV = 64 << 20

// CISA's catalogue of known exploited vulnerabilities
// (https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities_schema.json).
type kevCatalogue struct {
	Released        string     `json:"dateReleased"`
	Count           int        `json:"count"`
	Vulnerabilities []kevEntry `json:"vulnerabilities"`
}

type kevEntry struct {
	ID         ID     `json:"cveID"`
	Name       string `json:"vulnerabilityName"`
	Added      string `json:"dateAdded"`
	Due        string `json:"dueDate"`
	Ransomware string `json:"knownRansomwareCampaignUse"`
}

// ParseKEV reads the KEV catalogue, calls each for every entry and returns the
// catalogue's date. A catalogue with fewer entries than it states is an error,
// and so is an empty one.
func ParseKEV(r io.Reader, each func(CVE) error) (time.Time, error) {
	data, err := readAll(r, maxKEV)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot read KEV catalogue: %w", err)
	}
	var catalogue kevCatalogue
	if err := json.Unmarshal(data, &catalogue); err != nil {
		return time.Time{}, fmt.Errorf("cannot read KEV catalogue: %v", err)
	}
	released, err := parseTime("dateReleased", catalogue.Released)
	if err != nil || released.IsZero() {
		return time.Time{}, fmt.Errorf("cannot read KEV catalogue: dateReleased %.60q is no time", catalogue.Released)
	}
	if n := len(catalogue.Vulnerabilities); n == 0 || n != catalogue.Count {
		return time.Time{}, fmt.Errorf("cannot read KEV catalogue: it states %d entries and has %d", catalogue.Count, n)
	}
	for i := range catalogue.Vulnerabilities {
		cve, err := catalogue.Vulnerabilities[i].cve()
		if err != nil {
			return time.Time{}, fmt.Errorf("cannot read KEV catalogue: vulnerabilities[%d]: %v", i, err)
		}
		if err := each(cve); err != nil {
			return time.Time{}, err
		}
	}
	return released, nil
}

func (k *kevEntry) cve() (CVE, error) {
	if _, ok := cveKey(k.ID); !ok {
		return CVE{}, fmt.Errorf("cveID %.60q is no CVE id", k.ID)
	}
	added, err := time.Parse(time.DateOnly, k.Added)
	if err != nil {
		return CVE{}, fmt.Errorf("%s: dateAdded %.40q is no date", k.ID, k.Added)
	}
	var due time.Time
	if k.Due != "" {
		if due, err = time.Parse(time.DateOnly, k.Due); err != nil {
			return CVE{}, fmt.Errorf("%s: dueDate %.40q is no date", k.ID, k.Due)
		}
	}
	return CVE{ID: k.ID, KEV: &KEV{
		Added: added, Due: due, Ransomware: k.Ransomware == "Known", Name: cutSummary(k.Name),
	}}, nil
}

// readAll reads up to limit bytes; more is an error.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("it has more than %d bytes", limit)
	}
	return data, nil
}
