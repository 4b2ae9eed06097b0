package result

import "time"

// ScanSchema names the format of [Scan]; the number rises with every change
// that could break a reader.
const ScanSchema = "lockfast.scan/1"

// Scan is the answer of one scan of one host.
type Scan struct {
	Schema    string     `json:"schema"` // [ScanSchema]
	Generated time.Time  `json:"generated"`
	Tool      Tool       `json:"tool"`
	Host      Host       `json:"host"`
	Data      []Data     `json:"data"`
	Findings  []Finding  `json:"findings"` // ranked, most urgent first
	Waived    []Waived   `json:"waived"`   // accepted findings whose waiver has not expired
	Unknown   []Unknown  `json:"unknown"`
	Summary   Summary    `json:"summary"`
	Changes   *Changes   `json:"changes,omitempty"` // with --diff
	Listeners []Listener `json:"listeners"`
	Inventory []Package  `json:"inventory"` // every package present: what was looked at
	Exit      Exit       `json:"exit"`
}

// Tool is the program that scanned.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
}

// Host says which host was scanned.
type Host struct {
	Name           string   `json:"name"`
	Arch           string   `json:"arch"`
	Root           string   `json:"root,omitempty"` // "" for the live host, else the path given with --root
	Live           bool     `json:"live"`
	Release        string   `json:"release"` // "debian 12"
	ReleaseName    string   `json:"release_name"`
	EndOfLife      string   `json:"end_of_life,omitempty"` // RFC 3339 date on which the release's security support ends, empty when unknown
	PastEndOfLife  *bool    `json:"past_end_of_life"`      // nil: not in the data file
	KernelRunning  string   `json:"kernel_running,omitempty"`
	KernelNewest   string   `json:"kernel_newest,omitempty"` // newest installed
	KernelOutdated *bool    `json:"kernel_outdated"`         // an installed kernel is newer than the one running; nil: not seen
	RebootRequired bool     `json:"reboot_required"`
	RebootReason   string   `json:"reboot_reason,omitempty"`
	Packages       int      `json:"packages"`
	Collectors     []Status `json:"collectors"`
	NotLookedInto  []Gap    `json:"not_looked_into"`
}

// Status is how a collector fared.
type Status struct {
	Collector string `json:"collector"`
	Outcome   string `json:"outcome"` // "succeeded", "partial", "failed", "not applicable"
	Reason    string `json:"reason,omitempty"`
}

// Gap is something Lockfast does not look into, with where it saw it.
type Gap struct {
	What  string `json:"what"`
	Where string `json:"where"`
	Count int    `json:"count,omitzero"`
}

// Data is one source the answer rests on.
type Data struct {
	Name     string     `json:"name"`      // "osv/Debian", "kev", "apt: Debian bookworm-security main"
	Kind     string     `json:"kind"`      // "osv", "kev", "epss", "cve", "archive"
	Date     *time.Time `json:"date"`      // the data's own date; null when it says none
	AgeHours *int64     `json:"age_hours"` // hours since it was known to be current; null when unknown
	Stale    bool       `json:"stale"`     // older than --max-data-age, or without a date
	Trust    string     `json:"trust"`     // "signed", "https", "http", "files" (imported by hand), "archive" (the package manager's own verified metadata)
	Records  int        `json:"records"`
	Coverage string     `json:"coverage,omitempty"` // what it covers of this host's release: "Debian:12, 85 packages, partial: …"
	Path     string     `json:"path,omitempty"`     // store file, for stores
}

// Finding is one fix that is missing (or missing in the running system), with
// everything that one update would repair merged into it.
type Finding struct {
	Key              string          `json:"key"`    // stable name for waivers and --diff: "debian:openssl@3.0.17-1~deb12u3"
	Status           string          `json:"status"` // "open": a fix exists and is not installed; "not-running": the fix is installed, old code still runs; "no-fix": affected, nothing to install yet
	SourcePackage    string          `json:"source_package"`
	Packages         []string        `json:"packages"`          // binary package names, sorted
	Binaries         []Binary        `json:"binaries"`          // the same with versions
	InstalledVersion string          `json:"installed_version"` // of the source package where the ecosystem counts by source
	FixedVersion     string          `json:"fixed_version"`     // lowest version that repairs all ids; empty when none exists
	IDs              []string        `json:"ids"`               // every advisory and CVE id merged into it, sorted, CVEs last
	Severity         string          `json:"severity"`          // "critical" … "none", "unknown"
	SeverityFrom     string          `json:"severity_from"`     // "CVSS of CVE-2024-…", "vendor rating Important", "" when unknown
	Score            *float64        `json:"cvss_score"`        // highest base score, null when unknown
	KEV              *bool           `json:"kev"`               // known exploited; null when no KEV data were loaded or they are stale and do not list it
	KEVEntries       []KEVEntry      `json:"kev_entries"`
	Ransomware       bool            `json:"ransomware"`
	EPSS             *float64        `json:"epss"`    // highest of its CVEs, 0–1; null when no EPSS data
	Exposed          *bool           `json:"exposed"` // code of it runs in a process that listens on a reachable socket; null when it could not be seen
	ExposedOn        []Socket        `json:"exposed_on"`
	Running          *bool           `json:"running"` // some process maps it (for a kernel: it is the running one); null when it could not be seen
	RunningIn        []Process       `json:"running_in"`
	Restart          []string        `json:"restart"`  // units to restart or "reboot" once the fix is installed
	GapDays          *int            `json:"gap_days"` // whole days since the fix existed; null when unknown
	FixedSince       *time.Time      `json:"fixed_since"`
	GapFrom          string          `json:"gap_from,omitempty"` // evidence for FixedSince: "DSA-5365-1", "changelog", "updateinfo"
	Held             bool            `json:"held"`               // the package manager is told to keep the old version
	Evidence         []Evidence      `json:"evidence"`
	Disagreement     string          `json:"disagreement,omitempty"` // when advisories and package manager differ
	Reason           string          `json:"reason"`                 // one plain sentence: why it ranks here
	Since            *time.Time      `json:"since,omitempty"`        // first seen on this host, with --diff
	Vulnerabilities  []Vulnerability `json:"vulnerabilities"`        // one per advisory or CVE id
}

// Binary is one installed binary package of a finding.
type Binary struct {
	Name      string `json:"name"`
	Version   string `json:"version"`
	Arch      string `json:"arch"`
	Manager   string `json:"manager"`             // "dpkg", "rpm", "apk"
	Candidate string `json:"candidate,omitempty"` // version the package manager would install
}

// Vulnerability is what is known of one id of a finding.
type Vulnerability struct {
	ID       string   `json:"id"`
	Severity string   `json:"severity"`
	Vector   string   `json:"cvss_vector,omitempty"`
	Score    *float64 `json:"cvss_score"`
	EPSS     *float64 `json:"epss"`
	KEV      *bool    `json:"kev"`
	Summary  string   `json:"summary,omitempty"`
}

// KEVEntry is one entry of the KEV catalogue.
type KEVEntry struct {
	CVE        string     `json:"cve"`
	Added      time.Time  `json:"added"`
	Due        *time.Time `json:"due"`
	Overdue    bool       `json:"overdue"`
	Ransomware bool       `json:"ransomware"`
	Name       string     `json:"name,omitempty"`
}

// Socket is a listening socket.
type Socket struct {
	Protocol string `json:"protocol"` // "tcp", "udp"
	Address  string `json:"address"`
	Port     uint16 `json:"port"`
	Process  string `json:"process"`
	Filter   string `json:"filter"` // "open", "filtered", "unknown"
}

// Process is a process that runs code of a finding.
type Process struct {
	PID      int    `json:"pid"`
	Command  string `json:"command"`
	Unit     string `json:"unit,omitempty"`
	Replaced bool   `json:"replaced"` // it runs files that have since been replaced
}

// Evidence is one reason to believe a finding.
type Evidence struct {
	Kind   string `json:"kind"`   // "advisory", "package-manager", "process", "kernel"
	Source string `json:"source"` // name of the [Data] entry, or the collector
	Detail string `json:"detail"` // "DSA-5365-1: fixed in 7.74.0-1.3+deb11u7, installed 7.74.0-1.3+deb11u5"
}

// Waived is a finding that a waiver accepts.
type Waived struct {
	Finding Finding `json:"finding"`
	Reason  string  `json:"reason"`
	Expires string  `json:"expires"` // RFC 3339 date
	By      string  `json:"by,omitempty"`
}

// Unknown is something the scan could not say.
type Unknown struct {
	What     string   `json:"what"`     // subject: "packages of Debian 12 outside the advisories", "openssl", "processes"
	Why      string   `json:"why"`      // what stopped us and what to do
	Blocking bool     `json:"blocking"` // true: something could be missing that is not listed; exit 3
	Accepted bool     `json:"accepted"` // blocking, but the user said --accept-partial
	Packages []string `json:"packages"`
	IDs      []string `json:"ids"`                // advisories that may apply
	Severity string   `json:"severity,omitempty"` // worst of IDs, where IDs are given
	KEV      bool     `json:"kev,omitzero"`       // one of IDs is known exploited
}

// Listener is a listening socket of the host.
type Listener struct {
	Socket
	Scope   string `json:"scope"` // "loopback", "local", "any", "unknown"
	PID     int    `json:"pid,omitzero"`
	Package string `json:"package,omitempty"`
	Unit    string `json:"unit,omitempty"`
	Why     string `json:"why,omitempty"` // why filter or owner is unknown
}

// Package is one installed package, for the bill of materials.
type Package struct {
	Manager       string `json:"manager"`
	Name          string `json:"name"`
	Version       string `json:"version"`
	Arch          string `json:"arch"`
	Source        string `json:"source"`
	SourceVersion string `json:"source_version"`
	Origin        string `json:"origin"` // "distribution", "backports", "vendor", "local", "unknown"
	Archive       string `json:"archive,omitempty"`
	PURL          string `json:"purl"`
}

// Summary counts.
type Summary struct {
	Findings        int            `json:"findings"`
	Fixable         int            `json:"fixable"`     // status "open"
	NotRunning      int            `json:"not_running"` // status "not-running": restart or reboot
	NoFix           int            `json:"no_fix"`
	BySeverity      map[string]int `json:"by_severity"`
	KnownExploited  int            `json:"known_exploited"`
	Exposed         int            `json:"exposed"`
	CVEs            int            `json:"cves"`                        // distinct
	WorstGapDays    *int           `json:"worst_gap_days"`              // over open and not-running findings
	WorstGapFinding string         `json:"worst_gap_finding,omitempty"` // its key
	ExposedGapDays  *int           `json:"worst_exposed_gap_days"`
	OldestDataHours *int64         `json:"oldest_data_hours"`
	Unknown         int            `json:"unknown"`
	Blocking        int            `json:"blocking_unknown"`
	Waived          int            `json:"waived"`
	ExpiredWaivers  int            `json:"expired_waivers"`
	CVEData         bool           `json:"cve_data"` // false: no advisory store, package manager's evidence only
}

// Changes is what differs from the last scan of this host with the same root.
type Changes struct {
	Previous *time.Time `json:"previous"` // null: this is the first
	New      []string   `json:"new"`      // finding keys
	Gone     []string   `json:"gone"`
}

// Exit says which exit code the scan earns and why.
type Exit struct {
	Code    int      `json:"code"`
	Reasons []string `json:"reasons"`
}

// Values of [Finding.Status].
const (
	StatusOpen     = "open"
	StatusRestart  = "not-running"
	StatusNoFix    = "no-fix"
	StatusLeftover = "leftover"
)
