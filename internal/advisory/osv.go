package advisory

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxRecord is the largest OSV record that is read, in bytes. The largest
// published ones (kernel advisories that list every version) stay below 8 MiB.
const MaxRecord = 32 << 20

// Record is one OSV record, cut down to its rows.
type Record struct {
	ID       ID
	Modified time.Time
	Partial  string // why packages that its data set does not name are unknown; empty when the record says nothing of the kind
	Rows     []Row  // one for each package (and module) of the ecosystems Lockfast knows
}

// The OSV schema (https://ossf.github.io/osv-schema/), as far as it is needed.
type osvRecord struct {
	ID        string         `json:"id"`
	Modified  string         `json:"modified"`
	Published string         `json:"published"`
	Withdrawn string         `json:"withdrawn"`
	Aliases   []ID           `json:"aliases"`
	Upstream  []ID           `json:"upstream"`
	Related   []ID           `json:"related"`
	Summary   string         `json:"summary"`
	Severity  []osvSeverity  `json:"severity"`
	Affected  []osvAffected  `json:"affected"`
	Database  jsontext.Value `json:"database_specific"`
}

type osvSeverity struct {
	Type  string `json:"type"`
	Score string `json:"score"`
}

type osvAffected struct {
	Package   osvPackage     `json:"package"`
	Ranges    []osvRange     `json:"ranges"`
	Versions  []string       `json:"versions"`
	Severity  []osvSeverity  `json:"severity"`
	Ecosystem jsontext.Value `json:"ecosystem_specific"`
	Database  jsontext.Value `json:"database_specific"`
}

type osvPackage struct {
	Ecosystem Ecosystem `json:"ecosystem"`
	Name      string    `json:"name"`
	PURL      string    `json:"purl"`
}

type osvRange struct {
	Type   string     `json:"type"`
	Events []osvEvent `json:"events"`
}

// osvEvent has exactly one of its fields set.
type osvEvent struct {
	Introduced   string `json:"introduced"`
	Fixed        string `json:"fixed"`
	LastAffected string `json:"last_affected"`
	Limit        string `json:"limit"`
}

// ParseOSV reads one OSV record and returns a row for each package it names in
// an ecosystem that Lockfast knows. The error names the field that cannot be
// understood.
func ParseOSV(data []byte) ([]Row, error) {
	record, err := ParseRecord(data)
	return record.Rows, err
}

// ParseRecord is [ParseOSV] with what concerns the record as a whole.
func ParseRecord(data []byte) (Record, error) {
	if len(data) > MaxRecord {
		return Record{}, fmt.Errorf("cannot read OSV record: it has %d bytes, more than the %d allowed", len(data), MaxRecord)
	}
	var raw osvRecord
	// Names given twice would hide one of the two: the decoder refuses them.
	if err := json.Unmarshal(data, &raw); err != nil {
		return Record{}, fmt.Errorf("cannot read OSV record: %v", err)
	}
	record, err := raw.cut()
	if err != nil {
		return Record{}, fmt.Errorf("cannot read OSV record %.80q: %v", raw.ID, err)
	}
	return record, nil
}

// cut makes the rows. Entries of one package are joined, so that a package named
// twice has both ranges: alternatives for two builds of the same fix.
func (o *osvRecord) cut() (Record, error) {
	base, err := o.base()
	if err != nil {
		return Record{}, err
	}
	record := Record{ID: base.ID, Modified: base.Modified, Partial: partialOf(o.Database)}
	streams := streamsIn(o.Summary)
	joined := newJoiner(len(o.Affected))
	for i := range o.Affected {
		a := &o.Affected[i]
		if err := o.addEntry(joined, a, &base, streams); err != nil {
			return Record{}, fmt.Errorf("affected[%d] (%s %s): %v", i, a.Package.Ecosystem, a.Package.Name, err)
		}
	}
	record.Rows = joined.finish()
	return record, nil
}

// base is what all rows of the record share.
func (o *osvRecord) base() (Row, error) {
	if strings.TrimSpace(o.ID) == "" {
		return Row{}, errors.New("it has no id")
	}
	row := Row{ID: ID(o.ID), Kind: kindOf(o.ID), Summary: cutSummary(o.Summary)}
	var err error
	if row.Modified, err = parseTime("modified", o.Modified); err != nil {
		return Row{}, err
	}
	if row.Modified.IsZero() {
		return Row{}, errors.New("it has no modified time")
	}
	if row.Published, err = parseTime("published", o.Published); err != nil {
		return Row{}, err
	}
	withdrawn, err := parseTime("withdrawn", o.Withdrawn)
	if err != nil {
		return Row{}, err
	}
	row.Withdrawn = !withdrawn.IsZero()
	if announcesFix(o.ID) {
		row.FixDate = row.Published
	}
	row.IDs = otherIDs(row.ID, o.Aliases, o.Upstream, o.Related)
	return row, nil
}

// addEntry adds one affected[] entry, split by module when its ranges belong to
// several.
func (o *osvRecord) addEntry(joined *joiner, a *osvAffected, base *Row, streams []string) error {
	if a.Package.Ecosystem == "" && a.Package.Name == "" {
		return nil // GIT ranges need no package
	}
	scheme, known := a.Package.Ecosystem.Scheme()
	if !known {
		return nil
	}
	if a.Package.Name == "" {
		return errors.New("the package has no name")
	}
	specific, err := readSpecific(a.Ecosystem, a.Database)
	if err != nil {
		return err
	}
	spans, err := spansOf(a, scheme)
	if err != nil {
		return err
	}
	row := *base
	row.Ecosystem, row.Package = a.Package.Ecosystem, a.Package.Name
	row.Binaries = specific.binaries
	row.CVSS, row.Severity, row.Rating = rate(a, o, specific)
	for _, part := range splitByModule(spans, a, scheme, streams) {
		row.Module, row.Ranges, row.Versions, row.Verdict = part.module, part.ranges, part.versions, specific.verdict
		if len(part.ranges) == 0 && len(part.versions) == 0 {
			row.Verdict = VerdictNotAffected // every range was empty: fixed in the version it began in
		}
		joined.add(&row)
	}
	return nil
}

// kindOf tells security advisories from the bug-fix and enhancement notices that
// AlmaLinux, Rocky, Red Hat, Oracle and SUSE publish in the same feeds.
func kindOf(id string) Kind {
	prefix, _, _ := strings.Cut(id, "-")
	switch prefix {
	case "ALBA", "RLBA", "RHBA", "ELBA":
		return KindBugfix
	case "ALEA", "RLEA", "RHEA", "ELEA":
		return KindEnhancement
	case "SUSE", "openSUSE":
		return suseKind(id)
	}
	return KindSecurity
}

// suseKind reads the second word: RU recommended, FU feature, OU optional updates.
func suseKind(id string) Kind {
	_, rest, _ := strings.Cut(id, "-")
	switch word, _, _ := strings.Cut(rest, "-"); word {
	case "RU", "OU":
		return KindBugfix
	case "FU":
		return KindEnhancement
	}
	return KindSecurity
}

// announcesFix reports whether a record is the announcement of a fix, so that
// its publication dates the fix. Records of a CVE (DEBIAN-CVE-…) are not: their
// date is the hole's.
func announcesFix(id string) bool {
	for _, prefix := range []string{"DSA-", "DLA-", "ELA-", "USN-", "RHSA-", "ALSA-", "RLSA-", "ELSA-", "SUSE-SU-", "openSUSE-SU-"} {
		if strings.HasPrefix(id, prefix) {
			return true
		}
	}
	return false
}

// otherIDs joins the lists, sorted, without the record's own id.
func otherIDs(own ID, lists ...[]ID) []ID {
	var ids []ID
	for _, list := range lists {
		for _, id := range list {
			if id != "" && id != own {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return slices.Clip(slices.Compact(ids))
}

// parseTime reads an RFC 3339 time, cut to seconds; an empty one is zero.
func parseTime(field, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s is no RFC 3339 time: %.60q", field, s)
	}
	return t.UTC().Truncate(time.Second), nil
}

// cutSummary shortens a summary to what a report can show, at a character's edge.
func cutSummary(s string) string {
	const most = 200
	s = strings.TrimSpace(s)
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// partialOf reads what a data set says of its own completeness.
func partialOf(specific jsontext.Value) string {
	if !bytes.Contains(specific, []byte(`"derived_from"`)) && !bytes.Contains(specific, []byte(`"partial"`)) {
		return ""
	}
	var v struct {
		DerivedFrom any `json:"derived_from"`
		Partial     any `json:"partial"`
	}
	if json.Unmarshal(specific, &v) != nil {
		return "its records say that they are derived"
	}
	if text, ok := v.Partial.(string); ok && text != "" {
		return cutSummary(text)
	}
	if text, ok := v.DerivedFrom.(string); ok && text != "" {
		return "derived from " + cutSummary(text)
	}
	if v.DerivedFrom != nil || v.Partial != nil && v.Partial != false {
		return "its records say that they are partial"
	}
	return ""
}
