package advisory

import (
	"time"

	"github.com/lockfast/lockfast/internal/pkgver"
)

// ID is the identifier of an advisory or a CVE: "DSA-5365-1", "CVE-2023-23916".
type ID string

// Ecosystem is OSV's name for a distribution release: "Debian:12",
// "Ubuntu:22.04:LTS", "AlmaLinux:9", "Alpine:v3.18".
type Ecosystem string

// Kind is what an advisory is about.
type Kind uint8

// Kinds. Written-out numbers: they are stored.
const (
	KindSecurity    Kind = 1
	KindBugfix      Kind = 2 // ALBA, RLBA, RHBA …: never a finding
	KindEnhancement Kind = 3 // ALEA, RLEA, RHEA …: never a finding
)

// Verdict is what the distributor says of a package in an advisory.
type Verdict uint8

// Verdicts. Written-out numbers: they are stored.
const (
	VerdictAffected    Verdict = 0 // by its ranges
	VerdictNotAffected Verdict = 1 // the distributor says the package is not affected
	VerdictIgnored     Verdict = 2 // the distributor will not fix it: minor, end of life, unimportant
)

// Severity is how bad an advisory is, worst last. Zero is unknown, never "low".
type Severity uint8

// Severities. Written-out numbers: they are stored.
const (
	SeverityUnknown  Severity = 0
	SeverityNone     Severity = 1
	SeverityLow      Severity = 2
	SeverityMedium   Severity = 3
	SeverityHigh     Severity = 4
	SeverityCritical Severity = 5
)

// String returns the lower-case word used in every report.
func (s Severity) String() string {
	switch s {
	case SeverityNone:
		return "none"
	case SeverityLow:
		return "low"
	case SeverityMedium:
		return "medium"
	case SeverityHigh:
		return "high"
	case SeverityCritical:
		return "critical"
	case SeverityUnknown:
	}
	return "unknown"
}

// Row is one advisory as it concerns one package of one ecosystem: the unit the
// store keeps and match reads.
type Row struct {
	Ecosystem Ecosystem
	Package   string // source or binary name, as [Ecosystem.Names] says
	ID        ID     // the record's own id
	IDs       []ID   // aliases, upstream and related ids, sorted, without ID
	Kind      Kind
	Verdict   Verdict
	Ranges    []Range
	Versions  []string // versions named affected one by one
	Module    string   // module stream "nodejs:18" of an rpm module build, else empty
	Binaries  []string // binary packages concerned, where the record limits them; empty: all of the source
	Severity  Severity // from CVSS below, else the vendor's rating
	Rating    string   // the vendor's own word ("Important", "unimportant", "medium"), empty when none
	CVSS      string   // vector, the newest version the record carries, else empty
	Published time.Time
	Modified  time.Time
	FixDate   time.Time // when the fix came out, if the record is evidence of that (DSA, DLA, USN, RHSA, ALSA …); zero when not
	Withdrawn bool
	Summary   string
}

// Range is one span of affected versions: Introduced ≤ v < Fixed, or
// Introduced ≤ v ≤ LastAffected, or Introduced ≤ v with no fix yet.
type Range struct {
	Introduced   string // "0" or empty: from the beginning
	Fixed        string
	LastAffected string
}

// CVE is what the enrichment sources say of one CVE.
type CVE struct {
	ID         ID
	KEV        *KEV    // nil: not listed (only meaningful when the store has a KEV source)
	EPSS       float64 // probability of exploitation in 30 days, 0–1; meaningful if HasEPSS
	Percentile float64 // 0–1
	HasEPSS    bool
	CVSS       string   // vector from an imported CVE record, else empty
	Severity   Severity // from CVSS
	Score      float64  // base score 0–10 from CVSS
}

// KEV is an entry in CISA's catalogue of known exploited vulnerabilities.
type KEV struct {
	Added      time.Time
	Due        time.Time // due date for US federal agencies; zero when none
	Ransomware bool      // known use in ransomware campaigns
	Name       string    // "Git Link Following Vulnerability"
}

// SourceKind is the format a source was read from.
type SourceKind string

// Source kinds.
const (
	SourceOSV  SourceKind = "osv"
	SourceKEV  SourceKind = "kev"
	SourceEPSS SourceKind = "epss"
	SourceCVE  SourceKind = "cve" // NVD JSON 2.0 or CVE 5.x records
)

// Source is one input of a store.
type Source struct {
	Name    string     `json:"name"` // "osv/Debian", "kev", "epss": what it is, not where it lay
	Kind    SourceKind `json:"kind"`
	Date    time.Time  `json:"date"`              // the data's own date: newest record, dateReleased, score_date
	Checked time.Time  `json:"checked,omitzero"`  // when sync last learnt from the publisher that this is current; zero for imported files
	Fetched string     `json:"fetched,omitempty"` // "https" or "http" when synced without a signature of content, "signed" when verified, empty when imported from files
	Records int        `json:"records"`
	SHA256  string     `json:"sha256,omitempty"` // of the input
}

// Current is the moment up to which a source is known to be current: the later
// of its own date and the last check with its publisher.
func (s Source) Current() time.Time {
	if s.Checked.After(s.Date) {
		return s.Checked
	}
	return s.Date
}

// Coverage says what a store knows of one release.
type Coverage struct {
	Ecosystem Ecosystem `json:"ecosystem"`
	Source    string    `json:"source"` // name of the [Source] it came from
	Records   int       `json:"records"`
	Packages  int       `json:"packages"`
	Oldest    time.Time `json:"oldest"`
	Newest    time.Time `json:"newest"`            // newest published or modified date among its records
	Partial   string    `json:"partial,omitempty"` // why packages without a record are unknown rather than safe; empty when complete
}

// Meta describes a whole store.
type Meta struct {
	Created  time.Time  `json:"created"`
	Tool     string     `json:"tool"`
	Sources  []Source   `json:"sources"`
	Coverage []Coverage `json:"coverage"` // sorted by ecosystem
}

// Names says which package name an ecosystem's records use.
type Names uint8

// Which names.
const (
	NamesSource Names = 1
	NamesBinary Names = 2
)

// Scheme returns the version order of an ecosystem, false if it is none that
// Lockfast knows.
func (e Ecosystem) Scheme() (pkgver.Scheme, bool) {
	return schemeOf(e)
}
