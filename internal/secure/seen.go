package secure

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// seenSchema is the format of the file that holds since when fixes have been
// seen on offer.
const seenSchema = "lockfast.seen/1"

// seen remembers when each version was first seen on offer, for --min-age.
type seen struct {
	path  string
	now   time.Time
	since map[string]time.Time
	fresh bool // something new was noted
}

type seenFile struct {
	Schema string               `json:"schema"`
	Since  map[string]time.Time `json:"since"` // by "source@version"
}

func openSeen(state string, now time.Time) (*seen, error) {
	s := &seen{path: filepath.Join(state, "seen.json"), now: now.UTC(), since: map[string]time.Time{}}
	const limit = 32 << 20
	root, err := hostfs.Open("/")
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	data, err := hostfs.ReadLimited(root, s.path[1:], limit)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read since when fixes have been seen: %w", err)
	}
	var file seenFile
	if err := json.Unmarshal(data, &file); err != nil || file.Schema != seenSchema {
		return nil, fmt.Errorf("cannot read %s: it is not of the format %s; move it away, and the ages of fixes count from now", s.path, seenSchema)
	}
	if file.Since != nil {
		s.since = file.Since
	}
	return s, nil
}

// at says since when a version has been seen; one that is new is noted, and one
// that a wrong clock put into the future.
func (s *seen) at(source, version string) time.Time {
	key := source + "@" + version
	if t, ok := s.since[key]; ok && !t.After(s.now) {
		return t
	}
	s.since[key] = s.now
	s.fresh = true
	return s.now
}

// keep writes down what is new. Whoever may not write there only looks.
func (s *seen) keep() error {
	if !s.fresh {
		return nil
	}
	if err := hostfs.MkdirAll(filepath.Dir(s.path), 0o755); err != nil {
		return err
	}
	return hostfs.Replace(s.path, 0o644, func(w io.Writer) error {
		return json.NewEncoder(w).Encode(seenFile{Schema: seenSchema, Since: s.since})
	})
}
