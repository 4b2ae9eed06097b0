package feed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	stateName   = "state.json"
	stateSchema = "lockfast.sync/1"
	partSuffix  = ".part"
	maxState    = 1 << 20
)

// state is what the cache folder holds, and what its publishers called it.
type state struct {
	Schema string               `json:"schema"`
	Files  map[string]fileState `json:"files"`
}

type fileState struct {
	URL     string     `json:"url"`
	Size    int64      `json:"size"` // zero: no copy yet
	Version version    `json:"version,omitzero"`
	Checked time.Time  `json:"checked,omitzero"` // when the publisher last said that this is current
	Part    *partState `json:"part,omitempty"`   // a download under way
}

// version is how a publisher names a state of a file.
type version struct {
	ETag         string `json:"etag,omitempty"`
	LastModified string `json:"last_modified,omitempty"`
}

type partState struct {
	URL      string  `json:"url"`
	Version  version `json:"version"`
	Size     int64   `json:"size"`
	Complete bool    `json:"complete,omitempty"`
}

// readState reads the cache's state. No state, or one that cannot be read, is an
// empty cache: everything is downloaded again. A newer one is refused.
func readState(path string) (state, error) {
	empty := state{Schema: stateSchema, Files: map[string]fileState{}}
	file, err := os.Open(path) //nolint:gosec // in the cache folder of the configuration
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return empty, fmt.Errorf("cannot read %s: %v", path, pathless(err))
	}
	defer func() { _ = file.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(file, maxState))
	if err != nil {
		return empty, fmt.Errorf("cannot read %s: %v", path, pathless(err))
	}
	var s state
	if json.Unmarshal(data, &s) != nil {
		return empty, nil
	}
	if s.Schema != stateSchema {
		return empty, fmt.Errorf("cannot use %s: its schema is %.40q, not %s; remove it to download everything again", path, s.Schema, stateSchema)
	}
	if s.Files == nil {
		s.Files = empty.Files
	}
	return s, nil
}

func (f *fetcher) saveState() error {
	return f.write(stateName, func(w io.Writer) error {
		return json.MarshalWrite(w, &f.state, json.Deterministic(true), jsontext.WithIndent("  "))
	})
}

// write replaces a file of the cache.
func (f *fetcher) write(name string, fill func(io.Writer) error) error {
	if err := hostfs.Replace(f.path(name), 0o644, fill); err != nil {
		return fmt.Errorf("cannot write to the download cache: %w", err)
	}
	return nil
}

// cached reports whether the cache has the whole copy of a resource.
func (f *fetcher) cached(r resource) bool {
	e := f.state.Files[r.name]
	info, err := os.Stat(f.path(r.name))
	return err == nil && e.URL == r.url && e.Size > 0 && info.Size() == e.Size
}

// keep makes the downloads that were imported the cached copies.
func (f *fetcher) keep(resources []resource) error {
	for _, r := range resources {
		e := f.state.Files[r.name]
		if e.Part == nil || !e.Part.Complete {
			continue
		}
		if err := f.copyPart(r.name, e.Part.Size); err != nil {
			return err
		}
		e.URL, e.Size, e.Version, e.Checked, e.Part = r.url, e.Part.Size, e.Part.Version, f.o.Now, nil
		f.state.Files[r.name] = e
		if err := f.saveState(); err != nil {
			return err
		}
		if err := f.emptyPart(r.name); err != nil {
			return err
		}
	}
	return f.saveState()
}

func (f *fetcher) copyPart(name string, size int64) error {
	part, err := os.Open(f.path(name + partSuffix))
	if err != nil {
		return fmt.Errorf("cannot read the download cache: %w", err)
	}
	defer func() { _ = part.Close() }() // only read from
	return f.write(name, func(w io.Writer) error {
		_, err := io.CopyN(w, part, size)
		return err
	})
}

func (f *fetcher) emptyPart(name string) error {
	return f.write(name+partSuffix, func(io.Writer) error { return nil })
}
