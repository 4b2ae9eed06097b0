package stay

import (
	"time"

	"github.com/lockfast/lockfast/internal/result"
)

// StatusSchema names the format of [Status].
const StatusSchema = "lockfast.stay-status/1"

// Status is the service at a glance: what it is at, what waits for what, and
// what needs a person.
type Status struct {
	Schema    string         `json:"schema"` // [StatusSchema]
	Generated time.Time      `json:"generated"`
	Host      string         `json:"host"`
	On        bool           `json:"on"`   // the service is switched on
	Mode      Mode           `json:"mode"` // empty if it is off
	Windows   []string       `json:"windows"`
	Reboot    Reboot         `json:"reboot"`
	Level     string         `json:"level"`           // one sentence: how far the host is
	Looked    time.Time      `json:"looked,omitzero"` // when it was last scanned; zero: never
	Summary   result.Summary `json:"summary"`         // of that scan
	Exploited []string       `json:"exploited"`       // known exploited holes that are open and may be reached
	Check     Check          `json:"check"`           // asking the archive
	Stale     bool           `json:"stale"`           // the archive has not answered for too long: what is said is old
	Pending   *Pending       `json:"pending"`         // null: nothing is on offer
	Waits     []Wait         `json:"waits"`           // what waits for what
	Person    []Person       `json:"needs_person"`    // what only a person can do
	Last      *Outcome       `json:"last"`            // null: nothing was installed yet
	Success   time.Time      `json:"success,omitzero"`
	Window    *Span          `json:"window"`          // the open or the next one; null: any time is good
	Paused    time.Time      `json:"paused,omitzero"` // until then; zero: it is not
	GivenUp   *GivenUp       `json:"given_up"`
	Next      time.Time      `json:"next,omitzero"` // when the service wakes next
	Trouble   []string       `json:"trouble"`
	Exit      result.Exit    `json:"exit"`
}

// Span is a stretch of time.
type Span struct {
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Open  bool      `json:"open"`
}

// Person is something that only a person can do.
type Person struct {
	What string `json:"what"`
	Why  string `json:"why"`
	Do   string `json:"do"`
}
