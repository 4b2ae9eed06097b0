package stay

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Schema is the format of a [State].
const Schema = "lockfast.stay/1"

// State is what an unattended host remembers from turn to turn.
type State struct {
	Schema   string    `json:"schema"`
	Since    time.Time `json:"since,omitzero"`   // when the service was switched on
	Turn     time.Time `json:"turn,omitzero"`    // the last turn
	Check    Check     `json:"check"`            // how asking the archive went
	Pending  *Pending  `json:"pending"`          // what is on offer; nil: nothing
	Attempts []Attempt `json:"attempts"`         // plans that were tried and did not succeed
	Failures int       `json:"failures"`         // in a row
	GivenUp  *GivenUp  `json:"given_up"`         // nil: not
	Bad      []Bad     `json:"bad"`              // versions that broke this host
	Last     *Outcome  `json:"last"`             // how the last installation ended
	Success  time.Time `json:"success,omitzero"` // when one last succeeded
	Reboot   *Reason   `json:"reboot"`           // why the host has to be restarted; nil: it has not
	Stale    *Reason   `json:"stale"`            // which services still run replaced code
	Paused   time.Time `json:"paused,omitzero"`  // until then nothing is changed
	Window   time.Time `json:"window,omitzero"`  // end of the last window that the host was awake in
	Doing    Action    `json:"doing"`            // what a turn was at when it was last written; empty between turns
	Trouble  []string  `json:"trouble"`          // what the last turn met with, beside all this
}

// Check is how asking the archive went.
type Check struct {
	Tried    time.Time `json:"tried,omitzero"`
	OK       time.Time `json:"ok,omitzero"`
	Failures int       `json:"failures"` // since OK
	Error    string    `json:"error,omitempty"`
}

// Pending is a plan that waits.
type Pending struct {
	ID         string    `json:"id"` // of what the plan would do
	Found      time.Time `json:"found,omitzero"`
	Updates    int       `json:"updates"`
	Packages   []string  `json:"packages"`  // "nginx 1.22.1-9 → 1.22.1-9+deb12u3"
	Exploited  []string  `json:"exploited"` // CVEs known to be exploited that it closes
	Bytes      int64     `json:"bytes"`     // to be downloaded
	Downloaded time.Time `json:"downloaded,omitzero"`
}

// Attempt is a plan that was tried.
type Attempt struct {
	ID    string    `json:"id"`
	Times int       `json:"times"`
	Last  time.Time `json:"last,omitzero"`
	Next  time.Time `json:"next,omitzero"` // not before; unused if Final
	Final bool      `json:"final"`
	Error string    `json:"error"`
}

// GivenUp is why nothing is changed any more until a person says so.
type GivenUp struct {
	At  time.Time `json:"at,omitzero"`
	Why string    `json:"why"`
}

// Bad is a version of a package that broke this host and was taken back.
type Bad struct {
	Package string    `json:"package"`
	Version string    `json:"version"`
	Why     string    `json:"why"`
	At      time.Time `json:"at,omitzero"`
}

// Reason is something that waits, since when, and how often it was tried.
type Reason struct {
	Since time.Time `json:"since,omitzero"`
	Why   string    `json:"why"`
	Units []string  `json:"units,omitempty"`
	Boot  string    `json:"boot,omitempty"` // boot id under which it was last tried
	Seen  string    `json:"seen,omitempty"` // boot id under which it was last found to stand
	Tried int       `json:"tried"`
	Next  time.Time `json:"next,omitzero"`   // not before
	Error string    `json:"error,omitempty"` // why the last try did not succeed
}

// Outcome is how an installation ended.
type Outcome struct {
	At          time.Time `json:"at,omitzero"`
	Transaction string    `json:"transaction,omitempty"`
	Status      string    `json:"status"` // of result.Fix
	Code        int       `json:"code"`   // exit code that fix apply would have
	Updates     int       `json:"updates"`
	Error       string    `json:"error,omitempty"`
}

// ErrDamaged says that a file is no state, of this version or another.
var ErrDamaged = errors.New("the state is damaged")

// Parse reads a state. One that a newer program wrote is refused.
func Parse(data []byte) (State, error) {
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return State{}, fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	if s.Schema != Schema {
		return State{}, fmt.Errorf("cannot read state: its schema is %q, this program reads %q", s.Schema, Schema)
	}
	return s, nil
}

// maxAttempts and maxBad bound what is remembered; the oldest are forgotten.
const (
	maxAttempts = 50
	maxBad      = 200
)

// attempt is what is remembered of a plan.
func (s *State) attempt(id string) Attempt {
	for _, a := range s.Attempts {
		if a.ID == id {
			return a
		}
	}
	return Attempt{ID: id}
}

func (s *State) remember(a Attempt) {
	var list []Attempt
	for _, other := range s.Attempts {
		if other.ID != a.ID {
			list = append(list, other)
		}
	}
	list = append(list, a)
	s.Attempts = list[max(0, len(list)-maxAttempts):]
}
