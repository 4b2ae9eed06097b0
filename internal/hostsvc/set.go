package hostsvc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Set brings a unit to a state and reads back: an error unless it got there.
// It stops before it takes away what enables the unit, and starts last. What
// systemctl cannot do (making a unit, giving it another name) is an error.
// Stopping a service does not stop a socket that starts it again.
func (m *Manager) Set(ctx context.Context, unit string, want State) error {
	now, id, err := m.look(ctx, unit)
	if err != nil {
		return err
	}
	steps := fileSteps(now, want)
	if len(steps) > 0 && id != unit {
		return fmt.Errorf("%s is another name of %s; use that one", unit, id)
	}
	if err := m.maskable(unit, steps); err != nil {
		return err
	}
	if err := m.stop(ctx, unit, now, want); err != nil {
		return err
	}
	for _, s := range steps {
		if err := m.ctl.do(ctx, unit, s.verb, s.options...); err != nil {
			return fmt.Errorf("cannot %s %s: %w", s.verb, unit, err)
		}
	}
	if err := m.relink(ctx, unit, want); err != nil {
		return err
	}
	if want.Active == active && now.Active != active {
		if err := m.ctl.do(ctx, unit, "start"); err != nil {
			return fmt.Errorf("cannot start %s: %w", unit, err)
		}
		if err := m.stays(ctx, unit); err != nil {
			return err
		}
	}
	now, err = m.settled(ctx, unit)
	if err != nil {
		return fmt.Errorf("%s was changed, but not read back: %w", unit, err)
	}
	return differs(unit, now, want)
}

// stop stops a unit that is to be inactive. One that failed, or fails to stop
// in order, is made inactive too: systemd would go on to call it failed.
func (m *Manager) stop(ctx context.Context, unit string, now, want State) error {
	if want.Active != inactive && want.Active != failed {
		return nil
	}
	if now.Active == active || now.Sub != "dead" && now.Active == inactive {
		if err := m.ctl.do(ctx, unit, "stop"); err != nil {
			return fmt.Errorf("cannot stop %s: %w", unit, err)
		}
		var err error
		if now, err = m.settled(ctx, unit); err != nil {
			return err
		}
	}
	if now.Active != failed || want.Active == failed {
		return nil
	}
	if err := m.ctl.do(ctx, unit, "reset-failed"); err != nil {
		return fmt.Errorf("cannot make %s forget that it failed: %w", unit, err)
	}
	return nil
}

// step is a verb of systemctl.
type step struct {
	verb    string
	options []string
}

// fileSteps brings the unit file from one state to another. Under a mask, a
// unit is enabled or not as its other symlinks say.
func fileSteps(now, want State) []step {
	beneath := want.Links != nil && enables(now.Links) != enables(want.Links)
	if want.UnitFile == "" || want.UnitFile == now.UnitFile && !beneath {
		return nil
	}
	var steps []step
	if strings.HasPrefix(now.UnitFile, masked) {
		steps = append(steps, step{"unmask", runtime(now.UnitFile)})
	}
	switch want.UnitFile {
	case "enabled", "enabled-runtime":
		return append(steps, step{"enable", runtime(want.UnitFile)})
	case masked, masked + "-runtime":
		if beneath {
			verb := map[bool]string{true: "enable", false: "disable"}[enables(want.Links)]
			steps = append(steps, step{verb: verb})
		}
		return append(steps, step{"mask", runtime(want.UnitFile)})
	case "disabled":
		return append(steps, step{verb: "disable"})
	}
	// static, indirect, generated …: nothing but enabling and masking leads away
	// from them.
	if strings.HasPrefix(now.UnitFile, "enabled") || beneath {
		steps = append(steps, step{"disable", runtime(now.UnitFile)})
	}
	return steps
}

func runtime(unitFile string) []string {
	if strings.HasSuffix(unitFile, "-runtime") {
		return []string{"--runtime"}
	}
	return nil
}

const nothing = "/dev/null"

// enables reports whether symlinks do more than mask.
func enables(links map[string]string) bool {
	for _, target := range links {
		if target != nothing {
			return true
		}
	}
	return false
}

// maskable refuses a mask where it would have to take a file's place. systemctl
// does so too, but only after the service was stopped.
func (m *Manager) maskable(unit string, steps []step) error {
	if !slices.ContainsFunc(steps, func(s step) bool { return s.verb == "mask" && len(s.options) == 0 }) {
		return nil
	}
	name := path.Join(systemFolder, unit)
	info, err := fs.Lstat(m.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot see whether %s can be masked: %w", unit, err)
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err := fs.ReadLink(m.fsys, name); err == nil && target == nothing {
			return nil
		}
	}
	return fmt.Errorf("cannot mask %s: /%s is there, where the mask would have to be; disable it instead, or move that file to /usr/local/lib/systemd/system", unit, name)
}

// relink makes the symlinks of an enabled unit anew if they are not those that
// were asked for; that they then are, the reading back sees.
func (m *Manager) relink(ctx context.Context, unit string, want State) error {
	if want.Links == nil || want.UnitFile != "enabled" {
		return nil
	}
	now, err := m.State(ctx, unit)
	if err != nil || maps.Equal(now.Links, want.Links) {
		return err
	}
	if err := m.ctl.do(ctx, unit, "reenable"); err != nil {
		return fmt.Errorf("cannot make the symlinks of %s anew: %w", unit, err)
	}
	return nil
}

// differs is an error that names what is not as it was asked for.
func differs(unit string, now, want State) error {
	var wrong []string
	if want.UnitFile != "" && now.UnitFile != want.UnitFile {
		wrong = append(wrong, fmt.Sprintf("its unit file is %s, not %s", now.UnitFile, want.UnitFile))
	}
	stopped := want.Active == failed && now.Active == inactive // nothing is made to fail
	if want.Active != "" && now.Active != want.Active && !stopped {
		wrong = append(wrong, fmt.Sprintf("it is %s (%s), not %s; see systemctl status %s", now.Active, now.Sub, want.Active, unit))
	}
	if want.Links != nil {
		wrong = append(wrong, linkDifferences(now.Links, want.Links)...)
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%s did not get where it should: %s", unit, strings.Join(wrong, ", "))
}

func linkDifferences(now, want map[string]string) []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		switch target, ok := now[name]; {
		case !ok:
			list = append(list, fmt.Sprintf("the symlink %s → %s is missing", name, want[name]))
		case target != want[name]:
			list = append(list, fmt.Sprintf("the symlink %s leads to %s, not to %s", name, target, want[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if _, ok := want[name]; !ok {
			list = append(list, fmt.Sprintf("the symlink %s is there and should not be", name))
		}
	}
	return list
}
