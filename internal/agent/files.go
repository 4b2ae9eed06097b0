package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/result"
	"github.com/lockfast/lockfast/internal/stay"
)

// read reads a file of ours; one that is not there is nil.
func read(path string) ([]byte, error) {
	const limit = 64 << 20
	file, err := os.Open(path) //nolint:gosec // G304: a file of ours
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, err
}

func write(path string, mode fs.FileMode, doc any) error {
	return hostfs.Replace(path, mode, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(doc)
	})
}

// loadState reads the state; none is a service that was just switched on.
func (o Options) loadState(now time.Time) (stay.State, error) {
	data, err := read(o.file(stateFile))
	if err != nil {
		return stay.State{}, fmt.Errorf("cannot read the state of stay-secure: %w", err)
	}
	if data == nil {
		return stay.State{Schema: stay.Schema, Since: now}, nil
	}
	s, err := stay.Parse(data)
	if err != nil {
		return stay.State{}, fmt.Errorf("%s: %w; move it away, and the service begins anew", o.file(stateFile), err)
	}
	return s, nil
}

func (o Options) saveState(s *stay.State) error {
	if err := hostfs.MakePrivate(o.folder()); err != nil {
		return fmt.Errorf("cannot make folder for the state of stay-secure: %w", err)
	}
	if err := write(o.file(stateFile), 0o600, s); err != nil {
		return fmt.Errorf("cannot write the state of stay-secure: %w", err)
	}
	return nil
}

// loadPlan reads the plan that waits.
func (o Options) loadPlan() (*result.FixPlan, error) {
	file, err := os.Open(o.file(planFile))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // only read from
	return result.ReadFixPlan(file)
}

// picture is what the last look at the host showed, for status and notices.
type picture struct {
	At        time.Time        `json:"at"`
	Summary   result.Summary   `json:"summary"`
	Exploited []result.Finding `json:"exploited"` // open, known exploited, and reachable or not known not to be
	Left      []result.Left    `json:"left"`      // what the plan leaves open, with reasons
	Person    []heldBack       `json:"person"`    // updates that only a person may install
	Unknown   []result.Unknown `json:"unknown"`   // what could not be looked at
	Kept      []result.Kept    `json:"kept"`      // of the last installation
}

// heldBack is an update that is left to a person.
type heldBack struct {
	Source  string `json:"source"`
	Version string `json:"version"`
	Why     string `json:"why"`
	Do      string `json:"do"`
}

func (o Options) loadPicture() (picture, error) {
	var p picture
	data, err := read(o.file(pictureFile))
	if err != nil || data == nil {
		return p, err
	}
	if err := json.Unmarshal(data, &p); err != nil {
		return p, fmt.Errorf("%s: %w; move it away", o.file(pictureFile), err)
	}
	return p, nil
}
