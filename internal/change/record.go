package change

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

// Format is the number of the journal's format. A newer one is refused.
const Format = 1

// Status is how far a step, or a transaction as a whole, has come. The numbers
// are stored and never change their meaning.
type Status int

// Statuses.
const (
	StatusDo      Status = 1 // to be done, or found not done after a crash
	StatusDoing   Status = 2 // written down before it is done
	StatusDone    Status = 3
	StatusUndo    Status = 4 // to be undone
	StatusUndoing Status = 5 // written down before it is undone
	StatusUndone  Status = 6
	StatusWait    Status = 7 // for a reboot or a confirmation
	StatusHeld    Status = 8 // stopped by a person; nothing goes on by itself
	StatusFailed  Status = 9 // needs a person
)

var statusWords = map[Status]string{
	StatusDo: "do", StatusDoing: "doing", StatusDone: "done", StatusUndo: "undo", StatusUndoing: "undoing",
	StatusUndone: "undone", StatusWait: "wait", StatusHeld: "held", StatusFailed: "failed",
}

// String returns the status' word.
func (s Status) String() string {
	if word, ok := statusWords[s]; ok {
		return word
	}
	return "status " + strconv.Itoa(int(s))
}

// whole is the step number of records that speak of the transaction.
const whole = -1

// record is one line of a journal.
type record struct {
	N      int        `json:"n"` // counts from 1 without a gap
	At     time.Time  `json:"at"`
	Step   int        `json:"step"` // index into the plan's steps, or whole
	Status Status     `json:"status"`
	Head   *Head      `json:"head,omitempty"` // first record only
	Before plan.State `json:"before,omitzero"`
	After  plan.State `json:"after,omitzero"`
	Note   string     `json:"note,omitempty"`
	Until  time.Time  `json:"until,omitzero"` // of a wait for a confirmation
	Boot   string     `json:"boot,omitempty"` // boot id when such a wait began
}

// Head says what a transaction is.
type Head struct {
	Format  int       `json:"format"`
	ID      string    `json:"id"`
	Seq     int       `json:"seq"`  // counts the transactions of a host: clocks go back, this does not
	Kind    string    `json:"kind"` // of the plan; "undo" for one that takes another back
	Title   string    `json:"title"`
	Plan    string    `json:"plan"` // SHA-256 of the plan's canonical form
	Tool    string    `json:"tool"`
	Boot    string    `json:"boot"` // boot id at its start
	Started time.Time `json:"started"`
	Reverts string    `json:"reverts,omitempty"` // the transaction that this one takes back
	Group   string    `json:"group,omitempty"`   // transactions that are undone as one
	// Confirm is how long the transaction waits for a confirmation at its end, in
	// seconds; 0: not at all.
	Confirm int64 `json:"confirm,omitempty"`
}

// encode makes a line: the CRC-32 of the JSON in eight hexadecimal digits, a
// blank, the JSON.
func (r *record) encode() ([]byte, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("cannot write journal: %w", err)
	}
	return fmt.Appendf(nil, "%08x %s\n", crc32.ChecksumIEEE(data), data), nil
}

// errBroken says that a line is not what was written.
var errBroken = errors.New("is damaged")

// abandoned ends a line whose writing did not come to its end, before the next
// one is written. No record ends so: it ends with a brace.
const abandoned = "~"

// decodeRecords reads the lines of a journal. A last line without its end is
// one that was being written when the host stopped: it counts as not written,
// and torn is true. A number that comes again is that of a record whose writing
// failed though it is there: the later one counts. Any other damage is an error.
func decodeRecords(data []byte) (records []record, torn bool, err error) {
	for n := 1; len(data) > 0; n++ {
		line, rest, ended := bytes.Cut(data, []byte("\n"))
		data = rest
		if !ended {
			return records, true, nil
		}
		if bytes.HasSuffix(line, []byte(abandoned)) {
			continue
		}
		r, err := decodeRecord(line)
		switch {
		case err != nil:
			return nil, false, fmt.Errorf("line %d %w", n, err)
		case r.N == len(records)+1:
			records = append(records, r)
		case r.N == len(records) && r.N > 1:
			records[r.N-1] = r
		default:
			return nil, false, fmt.Errorf("line %d has number %d where %d should be", n, r.N, len(records)+1)
		}
	}
	return records, false, nil
}

func decodeRecord(line []byte) (record, error) {
	sum, text, ok := bytes.Cut(line, []byte(" "))
	if !ok || len(sum) != 8 {
		return record{}, errBroken
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || crc32.ChecksumIEEE(text) != uint32(want) {
		return record{}, errBroken
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var r record
	if err := decoder.Decode(&r); err != nil {
		return record{}, fmt.Errorf("is not understood (%w); use the newer lockfast that wrote it", err)
	}
	if _, known := statusWords[r.Status]; !known {
		return record{}, fmt.Errorf("has a status %d that this program does not know; use the newer lockfast that wrote it", int(r.Status))
	}
	return r, nil
}
