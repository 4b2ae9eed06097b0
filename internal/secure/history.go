package secure

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/result"
)

// historySchema is the format of a history file: when each finding of this
// host was first seen. A newer one is refused.
const historySchema = "lockfast.scan-history/1"

type history struct {
	Schema    string               `json:"schema"`
	Host      string               `json:"host"`
	Root      string               `json:"root"`
	Last      time.Time            `json:"last"`
	FirstSeen map[string]time.Time `json:"first_seen"` // by finding key
}

// compareWithLast says what is new and what is gone since the last scan of the
// same host with --diff, and remembers this one. Findings that this scan could
// not look for are not gone.
func compareWithLast(s *result.Scan, o ScanOptions) error {
	path := historyPath(s, o)
	last, err := readHistory(path)
	if err != nil {
		return err
	}
	next := history{Schema: historySchema, Host: s.Host.Name, Root: o.Root, Last: o.Now.UTC(), FirstSeen: map[string]time.Time{}}
	s.Changes = &result.Changes{New: []string{}, Gone: []string{}}
	if last != nil {
		previous := last.Last
		s.Changes.Previous = &previous
	}
	note := func(f *result.Finding) {
		since, known := o.Now.UTC(), false
		if last != nil {
			if t, ok := last.FirstSeen[f.Key]; ok {
				since, known = t, true
			}
		}
		f.Since = &since
		next.FirstSeen[f.Key] = since
		if !known {
			s.Changes.New = append(s.Changes.New, f.Key)
		}
	}
	for i := range s.Findings {
		note(&s.Findings[i])
	}
	for i := range s.Waived {
		note(&s.Waived[i].Finding)
	}
	if last != nil {
		settleGone(s, last, &next)
	}
	slices.Sort(s.Changes.New)
	slices.Sort(s.Changes.Gone)
	return writeHistory(path, next)
}

func settleGone(s *result.Scan, last, next *history) {
	sure := !slices.ContainsFunc(s.Unknown, func(u result.Unknown) bool { return u.Blocking && !u.Accepted })
	for key, since := range last.FirstSeen {
		if _, still := next.FirstSeen[key]; still {
			continue
		}
		if sure {
			s.Changes.Gone = append(s.Changes.Gone, key)
		} else {
			next.FirstSeen[key] = since
		}
	}
}

// historyPath names one file for each host and root.
func historyPath(s *result.Scan, o ScanOptions) string {
	sum := sha256.Sum256([]byte(s.Host.Name + "\x00" + o.Root))
	return filepath.Join(o.History, "scans", hex.EncodeToString(sum[:8])+".json")
}

func readHistory(path string) (*history, error) {
	data, unmap, err := hostfs.Map(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read scan history: %w", err)
	}
	defer func() { _ = unmap() }()
	var h history
	if err := json.Unmarshal(data, &h); err != nil {
		return nil, fmt.Errorf("cannot read scan history %s: %v; move it away to begin a new one", path, err)
	}
	if h.Schema != historySchema {
		return nil, fmt.Errorf("cannot read scan history %s: schema %q, this program reads %q; use a newer lockfast or move the file away", path, h.Schema, historySchema)
	}
	return &h, nil
}

func writeHistory(path string, h history) error {
	if err := hostfs.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot keep scan history: %w; name another folder with --state", err)
	}
	err := hostfs.Replace(path, 0o600, func(w io.Writer) error { return json.NewEncoder(w).Encode(h) })
	if err != nil {
		return fmt.Errorf("cannot keep scan history: %w; name another folder with --state", err)
	}
	return nil
}
