package hostsvc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostexec"
)

// Unit file states that are not always systemd's own words.
const (
	notFound = "not-found" // there is no such unit
	masked   = "masked"
)

// Active states as we report them.
const (
	active   = "active"
	inactive = "inactive"
	failed   = "failed"
)

// settling is how long a unit may take to come to rest before its state is
// read as it is.
const settling = 5 * time.Second

// State is what a unit is like. In a wish, an empty field stays as it is.
type State struct {
	UnitFile string            // as systemctl is-enabled says: "enabled", "disabled", "masked", "static" …; "not-found": there is none
	Active   string            // "active", "inactive" or "failed"; a unit on its way up or down is inactive
	Sub      string            // systemd's finer word: "running", "exited", "auto-restart" …; no part of a wish
	Links    map[string]string // symlinks below /etc/systemd/system that enable, alias or mask it: path → target
}

// Manager looks at and changes the services of the running host.
type Manager struct {
	ctl  systemd
	fsys fs.FS
}

// New makes the manager of the running host.
func New(r hostexec.Runner) *Manager { return NewAt(r, os.DirFS("/")) }

// NewAt is [New] with the host's files seen through fsys.
func NewAt(r hostexec.Runner, fsys fs.FS) *Manager {
	return &Manager{ctl: systemd{run: r}, fsys: fsys}
}

const stateProperties = "Id,Names,LoadState,ActiveState,SubState,UnitFileState"

// look is State with the unit's own name, which differs from an alias.
func (m *Manager) look(ctx context.Context, unit string) (s State, id string, err error) {
	block, err := m.ctl.showOne(ctx, stateProperties, unit)
	if err != nil {
		return State{}, "", err
	}
	s = State{UnitFile: block["UnitFileState"], Active: activity(block["ActiveState"]), Sub: block["SubState"]}
	switch block["LoadState"] {
	case notFound:
		s.UnitFile = notFound
	case masked:
		if !strings.HasPrefix(s.UnitFile, masked) { // else it says whether until the next boot only
			s.UnitFile = masked
		}
	case "":
		return State{}, "", fmt.Errorf("cannot look at %s: systemctl show printed no LoadState", unit)
	}
	names := append(strings.Fields(block["Names"]), unit, block["Id"])
	s.Links, err = m.links(names)
	if err != nil {
		return State{}, "", fmt.Errorf("cannot read what enables %s: %w", unit, err)
	}
	return s, block["Id"], nil
}

// State describes a unit. A unit that does not exist is no error.
func (m *Manager) State(ctx context.Context, unit string) (State, error) {
	s, _, err := m.look(ctx, unit)
	return s, err
}

// activity reads ActiveState. Reloading units do their work; those on their way
// up or down do not, or not for long.
func activity(state string) string {
	switch state {
	case active, "reloading", "refreshing":
		return active
	case failed:
		return failed
	}
	return inactive
}

// settled is State of a unit that has come to rest, or does not for a while.
func (m *Manager) settled(ctx context.Context, unit string) (State, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.Now().Add(settling)
	for {
		block, err := m.ctl.showOne(ctx, stateProperties, unit)
		if err != nil {
			return State{}, err
		}
		moving := strings.HasSuffix(block["ActiveState"], "ing") // activating, deactivating, reloading, refreshing
		if !moving || time.Now().After(deadline) {
			return m.State(ctx, unit)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return State{}, ctx.Err()
		}
	}
}

// systemFolder is where administrators' units and symlinks are.
const systemFolder = "etc/systemd/system"

// links finds the symlinks that name a unit: in folders such as
// multi-user.target.wants, aliases, and its mask.
func (m *Manager) links(names []string) (map[string]string, error) {
	found := map[string]string{}
	entries, err := fs.ReadDir(m.fsys, systemFolder)
	if errors.Is(err, fs.ErrNotExist) {
		return found, nil
	}
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := path.Join(systemFolder, e.Name())
		if e.Type()&fs.ModeSymlink != 0 {
			if err := m.link(found, name, names); err != nil {
				return nil, err
			}
			continue
		}
		if !e.IsDir() || !slices.Contains([]string{".wants", ".requires", ".upholds"}, path.Ext(e.Name())) {
			continue
		}
		inside, err := fs.ReadDir(m.fsys, name)
		if err != nil {
			return nil, err
		}
		for _, l := range inside {
			if l.Type()&fs.ModeSymlink == 0 {
				continue
			}
			if err := m.link(found, path.Join(name, l.Name()), names); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

// link adds a symlink that has one of the names, or leads to it.
func (m *Manager) link(found map[string]string, name string, names []string) error {
	target, err := fs.ReadLink(m.fsys, name)
	if err != nil {
		return err
	}
	if slices.Contains(names, path.Base(name)) || slices.Contains(names, path.Base(target)) {
		found["/"+name] = target
	}
	return nil
}
