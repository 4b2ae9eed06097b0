package result

import (
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

// FixPlanSchema names the format of [FixPlan].
const FixPlanSchema = "lockfast.fix-plan/1"

// FixPlan is what `fix` would do, with everything a person decides by. Plan is
// what is carried out; the rest explains it.
type FixPlan struct {
	Schema     string     `json:"schema"` // [FixPlanSchema]
	Generated  time.Time  `json:"generated"`
	Tool       Tool       `json:"tool"`
	Host       Host       `json:"host"`
	Manager    string     `json:"manager"` // "apt", "dnf", "zypper"
	Updates    []Update   `json:"updates"`
	Left       []Left     `json:"left"`              // findings and updates that the plan does not close, each with the reason
	Restarts   []string   `json:"restarts"`          // units that run code of what is updated
	RestartPID []Process  `json:"restart_processes"` // processes of no unit that do
	Reboot     bool       `json:"reboot"`
	RebootWhy  string     `json:"reboot_why,omitempty"`
	Download   int64      `json:"download_bytes"` // still to be fetched for the update
	Disk       int64      `json:"disk_bytes"`     // installed size that it adds; negative if it frees
	BootNeeds  int64      `json:"boot_needs_bytes,omitempty"`
	BootFree   int64      `json:"boot_free_bytes,omitempty"`
	Broken     []string   `json:"broken,omitempty"`  // packages whose installation was interrupted; completed first
	Conffiles  []string   `json:"changed_conffiles"` // changed here: yours are kept
	Consent    []string   `json:"needs_consent"`     // what must be agreed to explicitly
	Refused    []string   `json:"refused,omitempty"` // why it cannot be applied as it is
	Unknown    []Unknown  `json:"unknown"`           // what could not be looked at; from the scan
	Limits     []string   `json:"limits,omitempty"`  // what this package manager cannot do
	Before     Summary    `json:"before"`            // of the scan behind the plan
	Plan       *plan.Plan `json:"plan"`              // null: there is nothing to do
	Exit       Exit       `json:"exit"`
}

// Update is one package of a fix.
type Update struct {
	Package   string   `json:"package"`
	Arch      string   `json:"arch"`
	Source    string   `json:"source,omitempty"`
	From      string   `json:"from"` // empty: installed anew, because an update needs it
	To        string   `json:"to"`
	Archive   string   `json:"archive,omitempty"`
	Size      int64    `json:"download_bytes"`
	Why       string   `json:"why"`    // one sentence
	Closes    []string `json:"closes"` // finding keys
	IDs       []string `json:"ids"`    // advisories and CVEs
	KEV       bool     `json:"kev"`    // known exploited
	EPSS      *float64 `json:"epss"`   // highest, null when unknown
	Severity  string   `json:"severity"`
	Exposed   *bool    `json:"exposed"`             // null when it could not be seen
	Previous  string   `json:"previous"`            // where From's package file comes from: "cache", "archive", "repacked"; "none": it cannot be undone; "new": nothing was there
	OneWay    string   `json:"one_way,omitempty"`   // why going back is not safe
	Necessary string   `json:"needed_by,omitempty"` // it is only there because this needs it
}

// Left is what a plan leaves open.
type Left struct {
	Finding  string   `json:"finding,omitempty"` // key
	Package  string   `json:"package"`
	Reason   string   `json:"reason"`
	IDs      []string `json:"ids"`
	Severity string   `json:"severity,omitempty"`
	KEV      bool     `json:"kev"`
}

// FixSchema names the format of [Fix].
const FixSchema = "lockfast.fix/1"

// Fix is what `fix apply` did.
type Fix struct {
	Schema      string      `json:"schema"` // [FixSchema]
	Generated   time.Time   `json:"generated"`
	Tool        Tool        `json:"tool"`
	Host        string      `json:"host"`
	Transaction string      `json:"transaction"` // empty: nothing was changed
	Status      string      `json:"status"`      // "nothing to do", "done", "waits for a reboot", "rolled back", "needs a person"
	Updates     []Update    `json:"updates"`
	GoneBack    []GoneBack  `json:"gone_back"` // packages that broke the host and were taken back
	Kept        []Kept      `json:"kept_conffiles"`
	Restarted   []string    `json:"restarted"`
	StillOld    []Process   `json:"still_old"` // processes that still run replaced code
	Health      []Judgement `json:"health"`
	Altered     []string    `json:"altered"`  // files of updated packages that are not as shipped
	Repacked    []string    `json:"repacked"` // packages whose earlier version could only be kept as a local repack
	Left        []Left      `json:"left"`
	Before      Summary     `json:"before"`
	After       *Summary    `json:"after"` // null: it could not be scanned again
	Log         string      `json:"log"`   // file
	Reboot      bool        `json:"reboot"`
	RebootWhy   string      `json:"reboot_why,omitempty"`
	Seconds     float64     `json:"seconds"`
	Exit        Exit        `json:"exit"`
}

// GoneBack is a package that was taken back to its earlier version.
type GoneBack struct {
	Packages    []string `json:"packages"`
	From        string   `json:"from"` // the version that broke
	To          string   `json:"to"`
	Why         string   `json:"why"`
	Transaction string   `json:"transaction"`
}

// Kept is a configuration file that was left as people changed it.
type Kept struct {
	Path string `json:"path"`
	New  string `json:"new,omitempty"` // where the package's own version lies
}

// Judgement is how something that worked before fared.
type Judgement struct {
	Subject string `json:"subject"` // unit or URL
	State   string `json:"state"`   // "ok", "broken", "not judged"
	Why     string `json:"why,omitempty"`
}

// UndoSchema names the format of [Undo].
const UndoSchema = "lockfast.undo/1"

// Undo is what taking a transaction back does or did.
type Undo struct {
	Schema        string     `json:"schema"` // [UndoSchema]
	Of            string     `json:"of"`     // transaction that is taken back
	Title         string     `json:"title"`
	Transaction   string     `json:"transaction,omitempty"` // the undo's own
	Status        string     `json:"status"`                // "planned", "nothing to do", "done", "failed"
	Exact         bool       `json:"exact"`                 // every object was compared with its before-record and is the same
	Compared      int        `json:"compared"`              // objects
	Kept          []string   `json:"kept"`                  // changed since by others, and left so
	Merged        []string   `json:"merged"`                // files that keep others' lines
	OneWay        []string   `json:"one_way"`               // what cannot be undone
	Altered       []string   `json:"altered"`               // files of packages that are not as shipped
	AlteredBefore int        `json:"altered_before"`        // how many files were not as shipped before going back
	Log           string     `json:"log,omitempty"`
	Seconds       float64    `json:"seconds"`
	Plan          *plan.Plan `json:"plan"`
	Exit          Exit       `json:"exit"`
}

// HistorySchema names the format of [History].
const HistorySchema = "lockfast.history/1"

// History is what was changed on a host.
type History struct {
	Schema       string        `json:"schema"` // [HistorySchema]
	Busy         bool          `json:"busy"`   // a process is changing the host now
	NeedsPerson  bool          `json:"needs_person"`
	Transactions []Transaction `json:"transactions"` // newest first
}

// Transaction is one change of a host.
type Transaction struct {
	ID       string     `json:"id"`
	Kind     string     `json:"kind"` // "fix", "undo", "lockdown"
	Title    string     `json:"title"`
	Status   string     `json:"status"` // "done", "undone" (rolled back), "undone by …", "interrupted", "wait", "failed"
	Note     string     `json:"note,omitempty"`
	Started  time.Time  `json:"started"`
	Ended    *time.Time `json:"ended"`
	Tool     string     `json:"tool"`
	Plan     string     `json:"plan_sha256"`
	Reverts  string     `json:"reverts,omitempty"`
	UndoneBy string     `json:"undone_by,omitempty"`
	Steps    []Step     `json:"steps"`
}

// Step is one step of a transaction.
type Step struct {
	Kind    string     `json:"kind"`
	Object  string     `json:"object"`
	Why     string     `json:"why"`
	Status  string     `json:"status"`
	Note    string     `json:"note,omitempty"`
	OneWay  string     `json:"one_way,omitempty"`
	Changes []string   `json:"changes"` // in words
	Diff    string     `json:"diff,omitempty"`
	Before  plan.State `json:"before,omitzero"`
	After   plan.State `json:"after,omitzero"`
}
