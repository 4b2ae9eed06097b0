package change

import (
	"errors"
	"fmt"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

// Engine changes one host, through one journal. The caller holds the lock
// ([Lock]) while it calls anything but reading.
type Engine struct {
	host    Host
	journal *Journal
}

// New returns the engine of a host.
func New(h Host, j *Journal) *Engine {
	if h.Now == nil {
		h.Now = time.Now
	}
	return &Engine{host: h, journal: j}
}

// MovedError says that the host is not as the plan expects: nothing was done.
type MovedError struct {
	Step   int
	Object string
	Why    string
}

func (e *MovedError) Error() string {
	return fmt.Sprintf("the host has moved on since the plan: step %d, %s: %s; make a new plan", e.Step, e.Object, e.Why)
}

// RolledBackError says that a change failed and was taken back.
type RolledBackError struct {
	Transaction string
	Cause       error
	// Kept says what of it stays nevertheless: packages that went forward.
	Kept string
}

func (e *RolledBackError) Error() string {
	text := fmt.Sprintf("%v; transaction %s was rolled back", e.Cause, e.Transaction)
	if e.Kept != "" {
		text += ", but " + e.Kept
	}
	return text
}

func (e *RolledBackError) Unwrap() error { return e.Cause }

// StuckError says that a change failed and that a person is needed.
type StuckError struct {
	Transaction string
	Cause       error // what failed
	Why         error // why it could not be taken back
}

func (e *StuckError) Error() string {
	text := fmt.Sprintf("transaction %s needs a person: %v", e.Transaction, e.Why)
	if e.Cause != nil {
		text += fmt.Sprintf(" (it began with: %v)", e.Cause)
	}
	return text
}

func (e *StuckError) Unwrap() error { return e.Cause }

// WaitError says that a transaction is not at its end: it waits for a reboot or
// a confirmation.
type WaitError struct {
	Transaction, For string
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("transaction %s waits for %s", e.Transaction, e.For)
}

// now is the time as the journal stores it.
func (e *Engine) now() time.Time { return e.host.Now().UTC() }

func (e *Engine) boot() string {
	if e.host.BootID == nil {
		return ""
	}
	id, err := e.host.BootID()
	if err != nil {
		return "" // it is only a hint here; the steps that need it ask for themselves
	}
	return id
}

// Interrupted returns the transactions that came neither to an end nor wait:
// their process died.
func Interrupted(list []*Transaction) []*Transaction {
	var open []*Transaction
	for _, t := range list {
		if t.Open() {
			open = append(open, t)
		}
	}
	return open
}

var errInterrupted = errors.New("it was interrupted")

// isPackages reports whether a step goes forward rather than back.
func isPackages(s *Step) bool { return s.Kind == plan.Packages }
