package change

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

// Folders and files of a journal: TX/plan.json, TX/log, blobs/SHA256.
const (
	blobs    = "blobs"
	planFile = "plan.json"
	logFile  = "log"
	// maxLog bounds what is read of one journal, in bytes.
	maxLog = 256 << 20
)

// ids are names of transactions: time and four random letters.
var ids = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}-[a-z0-9]{4}$`)

// IsID reports whether a word is shaped like a transaction's name.
func IsID(s string) bool { return ids.MatchString(s) }

func newID(now time.Time) string {
	return now.UTC().Format("20060102-150405-") + strings.ToLower(rand.Text()[:4])
}

// Journal is the record of all transactions of a host.
type Journal struct {
	storage Storage
}

// NewJournal returns the journal in a storage.
func NewJournal(s Storage) *Journal { return &Journal{s} }

// Step is how far one step of a transaction has come.
type Step struct {
	plan.Step
	Status Status
	Before plan.State // as found; set from "doing" on
	After  plan.State // as left; what was expected until it is done
	Note   string
	At     time.Time
}

// Transaction is a plan and how far it has come.
type Transaction struct {
	Head
	Steps  []Step
	Status Status    // of the whole: doing, done, undoing, undone, wait or failed
	Note   string    // why
	Until  time.Time // of a wait for a confirmation
	Ended  time.Time
	Undone string // the transaction that took this one back, if one did

	journal *Journal
	n       int    // records so far
	torn    bool   // the last line must be ended before the next one
	waits   string // boot id since which it waits for a confirmation
}

// Open reports whether a transaction has neither come to its end nor waits.
func (t *Transaction) Open() bool { return t.Status == StatusDoing || t.Status == StatusUndoing }

// Plan is what the transaction was to do, as it was planned.
func (t *Transaction) Plan() (*plan.Plan, error) {
	p, _, err := t.journal.plan(t.ID)
	return p, err
}

// begin writes down a new transaction.
func (j *Journal) begin(p *plan.Plan, head Head) (*Transaction, error) {
	data, err := p.Canonical()
	if err != nil {
		return nil, err
	}
	if err := readable(p, data); err != nil {
		return nil, err
	}
	list, _ := j.List() // what cannot be read has no number either
	for _, t := range list {
		head.Seq = max(head.Seq, t.Seq)
	}
	head.Seq++
	head.Plan = digest(bytes.NewReader(data))
	if err := j.storage.Write(path.Join(head.ID, planFile), bytes.NewReader(data)); err != nil {
		return nil, fmt.Errorf("cannot write journal: %w; nothing was changed", err)
	}
	t := &Transaction{Head: head, Status: StatusDoing, journal: j}
	for _, s := range p.Steps {
		t.Steps = append(t.Steps, Step{Step: s, Status: StatusDo})
	}
	if err := t.write(record{At: head.Started, Step: whole, Status: StatusDoing, Head: &head}); err != nil {
		return nil, fmt.Errorf("%w; nothing was changed", err)
	}
	return t, nil
}

// readable makes sure that a plan comes out of the journal as it went in: names
// that are no UTF-8 would not.
func readable(p *plan.Plan, data []byte) error {
	again, err := plan.Read(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("cannot write journal: %w; nothing was changed", err)
	}
	for i := range p.Steps {
		if p.Steps[i].Object != again.Steps[i].Object || !p.Steps[i].Want.Same(again.Steps[i].Want) {
			return fmt.Errorf("step %d of the plan (%q) cannot be written to the journal exactly: it has a name that is no UTF-8", i+1, p.Steps[i].Object)
		}
	}
	return nil
}

// write adds a record and takes it over.
func (t *Transaction) write(r record) error {
	r.N = t.n + 1
	line, err := r.encode()
	if err != nil {
		return err
	}
	if t.torn {
		line = append([]byte(abandoned+"\n"), line...)
	}
	if err := t.journal.storage.Append(path.Join(t.ID, logFile), line); err != nil {
		t.torn = true // any part of it may be there
		return fmt.Errorf("cannot write journal of %s: %w", t.ID, err)
	}
	t.n, t.torn = r.N, false
	return t.take(r)
}

// take applies a record to what is known of the transaction.
func (t *Transaction) take(r record) error {
	if r.Step == whole {
		t.Status, t.Note, t.Until, t.waits = r.Status, r.Note, r.Until, r.Boot
		t.Ended = time.Time{}
		if r.Status == StatusDone || r.Status == StatusUndone || r.Status == StatusFailed {
			t.Ended = r.At
		}
		return nil
	}
	if r.Step < 0 || r.Step >= len(t.Steps) {
		return fmt.Errorf("it speaks of step %d of %d", r.Step+1, len(t.Steps))
	}
	s := &t.Steps[r.Step]
	s.Status, s.Note, s.At = r.Status, r.Note, r.At
	if r.Before != (plan.State{}) {
		s.Before = r.Before
	}
	if r.After != (plan.State{}) {
		s.After = r.After
	}
	return nil
}

// Load reads one transaction.
func (j *Journal) Load(id string) (*Transaction, error) {
	if !IsID(id) {
		return nil, fmt.Errorf("%q is no transaction; see lockfast history", id)
	}
	data, err := j.read(path.Join(id, logFile), maxLog)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("transaction %s: %w", id, ErrUnknown)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read journal of %s: %w", id, err)
	}
	records, torn, err := decodeRecords(data)
	if err != nil {
		return nil, fmt.Errorf("cannot read journal of %s: %w; it cannot be undone by this program", id, err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("transaction %s: %w", id, ErrUnknown) // it died before its first word
	}
	return j.replay(id, records, torn)
}

func (j *Journal) replay(id string, records []record, torn bool) (*Transaction, error) {
	head := records[0].Head
	if head == nil || head.ID != id {
		return nil, fmt.Errorf("cannot read journal of %s: its first record does not say what it is", id)
	}
	if head.Format > Format {
		return nil, fmt.Errorf("cannot read journal of %s: it has format %d, this program knows %d; use the newer lockfast that wrote it", id, head.Format, Format)
	}
	p, hash, err := j.plan(id)
	if err != nil {
		return nil, err
	}
	if hash != head.Plan {
		return nil, fmt.Errorf("cannot read journal of %s: its plan is not the one it began with", id)
	}
	t := &Transaction{Head: *head, journal: j, n: len(records), torn: torn}
	for _, s := range p.Steps {
		t.Steps = append(t.Steps, Step{Step: s, Status: StatusDo})
	}
	for i, r := range records {
		if err := t.take(r); err != nil {
			return nil, fmt.Errorf("cannot read journal of %s: record %d: %w", id, i+1, err)
		}
	}
	return t, nil
}

// ErrUnknown says that there is no such transaction.
var ErrUnknown = errors.New("is not in the journal; see lockfast history")

// plan reads the plan of a transaction, and the hash of what was written, which
// is its canonical form.
func (j *Journal) plan(id string) (p *plan.Plan, sum string, err error) {
	file, err := j.storage.Open(path.Join(id, planFile))
	if err != nil {
		return nil, "", fmt.Errorf("cannot read plan of %s: %w", id, err)
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	p, err = plan.Read(io.TeeReader(file, hash))
	if err != nil {
		return nil, "", fmt.Errorf("cannot read journal of %s: %w", id, err)
	}
	return p, hex.EncodeToString(hash.Sum(nil)), nil
}

func (j *Journal) read(name string, limit int64) ([]byte, error) {
	file, err := j.storage.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("is larger than %d bytes", limit)
	}
	return data, err
}

// List reads all transactions, oldest first. One that cannot be read is in the
// error, which joins all of these; the others are returned all the same.
func (j *Journal) List() ([]*Transaction, error) {
	names, err := j.storage.List("")
	if err != nil {
		return nil, fmt.Errorf("cannot read journal: %w", err)
	}
	var list []*Transaction
	var errs []error
	for _, name := range names {
		if !IsID(name) {
			continue
		}
		t, err := j.Load(name)
		switch {
		case errors.Is(err, ErrUnknown): // it died before its first word: nothing was changed
		case err != nil:
			errs = append(errs, err)
		default:
			list = append(list, t)
		}
	}
	slices.SortStableFunc(list, func(a, b *Transaction) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), a.Started.Compare(b.Started))
	})
	link(list)
	return list, errors.Join(errs...)
}

// link says of each transaction which other one took it back.
func link(list []*Transaction) {
	byID := map[string]*Transaction{}
	for _, t := range list {
		byID[t.ID] = t
	}
	for _, t := range list {
		if reverted := byID[t.Reverts]; reverted != nil && t.Status == StatusDone && t.complete() {
			reverted.Undone = t.ID
		}
	}
	// Taking back the taking back brings the first one into force again; whether
	// it is itself taken back is known from the newest on.
	for _, t := range slices.Backward(list) {
		if t.Undone == "" {
			continue
		}
		if by := byID[t.Undone]; by != nil && by.Undone != "" {
			t.Undone = ""
		}
	}
}

// complete reports whether every step is done: of one that failed, packages may
// have stayed.
func (t *Transaction) complete() bool {
	return !slices.ContainsFunc(t.Steps, func(s Step) bool { return s.Status != StatusDone })
}

// keep stores content under its digest.
func (j *Journal) keep(content io.Reader, sum string) error {
	name := path.Join(blobs, sum)
	if have, err := j.storage.Open(name); err == nil {
		same := digest(have) == sum
		_ = have.Close()
		if same {
			return nil
		}
	}
	hash := sha256.New()
	if err := j.storage.Write(name, io.TeeReader(content, hash)); err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sum {
		return errors.New("it changed while it was being read")
	}
	return nil
}

func digest(r io.Reader) string {
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return ""
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// verified reads content and fails at its end if it is not what its digest says:
// what is damaged must not replace anything.
type verified struct {
	io.Reader
	io.Closer
	hash hash.Hash
	sum  string
}

func verify(content io.ReadCloser, sum string) io.ReadCloser {
	h := sha256.New()
	return &verified{Reader: io.TeeReader(content, h), Closer: content, hash: h, sum: sum}
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.Reader.Read(p)
	if errors.Is(err, io.EOF) && hex.EncodeToString(v.hash.Sum(nil)) != v.sum {
		return n, errDamaged
	}
	return n, err
}

var errDamaged = errors.New("what stood there before is damaged in the journal")

// Blob opens content by its digest.
func (j *Journal) Blob(sum string) (io.ReadCloser, error) {
	return j.storage.Open(path.Join(blobs, sum))
}
