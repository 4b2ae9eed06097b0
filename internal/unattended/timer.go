package unattended

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// TimerState says whether systemd starts a timer by itself.
type TimerState string

// States of a timer.
const (
	TimerAbsent   TimerState = "absent" // there is no such unit
	TimerEnabled  TimerState = "enabled"
	TimerDisabled TimerState = "disabled"
	TimerMasked   TimerState = "masked" // it, or the service that it starts
)

// Timer is a timer of systemd as its files describe it. Whether somebody started
// or stopped it by hand since the host came up is not in them.
type Timer struct {
	Name       string // "apt-daily.timer"
	State      TimerState
	Calendar   []string // OnCalendar=
	Delay      time.Duration
	Persistent bool     // a run that was missed is made up for
	Others     []string // what starts it beside the calendar, "OnBootSec=15min"
	Odd        []string // settings that could not be read
	Changed    bool     // by drop-ins, or by a unit file in /etc
}

// unitDirs are where units lie, the first one wins (systemd.unit(5)).
var unitDirs = [...]string{
	"etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system",
}

// readTimer reads a timer, its drop-ins, and whether it is enabled.
func readTimer(fsys fs.FS, name string) (Timer, error) {
	t := Timer{Name: name, State: TimerAbsent}
	file, masked, err := findUnit(fsys, name)
	if err != nil || file == "" && !masked {
		return t, err
	}
	_, serviceMasked, err := findUnit(fsys, strings.TrimSuffix(name, ".timer")+".service")
	if err != nil {
		return t, err
	}
	if masked || serviceMasked {
		t.State = TimerMasked
	}
	if masked {
		return t, nil
	}
	drops, err := dropIns(fsys, name)
	if err != nil {
		return t, err
	}
	t.Changed = len(drops) > 0 || strings.HasPrefix(file, "etc/")
	for _, f := range append([]string{file}, drops...) {
		data, err := hostfs.ReadLimited(fsys, f, maxFile)
		if err != nil {
			return t, fmt.Errorf("cannot read /%s: %w", f, reason(err))
		}
		t.Apply(data)
	}
	if serviceMasked {
		return t, nil
	}
	t.State, err = enabled(fsys, name)
	return t, err
}

// findUnit finds a unit's file. An empty file and a link to /dev/null mask it.
func findUnit(fsys fs.FS, name string) (file string, masked bool, err error) {
	for _, dir := range unitDirs {
		file := path.Join(dir, name)
		if target, err := fs.ReadLink(fsys, file); err == nil && target == "/dev/null" {
			return "", true, nil
		}
		info, err := fs.Stat(fsys, file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return "", false, fmt.Errorf("cannot read /%s: %w", file, reason(err))
		}
		return file, info.Size() == 0, nil
	}
	return "", false, nil
}

// dropIns are the files that change a unit, in the order of their names; of two
// with the same name the one of the first folder counts.
func dropIns(fsys fs.FS, name string) ([]string, error) {
	byName := map[string]string{}
	for _, kind := range []string{name + ".d", strings.TrimPrefix(path.Ext(name), ".") + ".d"} {
		for _, dir := range unitDirs {
			folder := path.Join(dir, kind)
			entries, err := list(fsys, folder)
			if err != nil {
				return nil, err
			}
			for _, e := range entries {
				if byName[e] == "" && strings.HasSuffix(e, ".conf") {
					byName[e] = path.Join(folder, e)
				}
			}
		}
	}
	if len(byName) > maxFiles {
		return nil, fmt.Errorf("cannot read the drop-ins of %s: there are more than %d", name, maxFiles)
	}
	var files []string
	for _, e := range sortedKeys(byName) {
		if target, err := fs.ReadLink(fsys, byName[e]); err != nil || target != "/dev/null" {
			files = append(files, byName[e])
		}
	}
	return files, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// list names what is in a folder; one that is not there has nothing in it.
func list(fsys fs.FS, folder string) ([]string, error) {
	entries, err := fs.ReadDir(fsys, folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list /%s: %w", folder, reason(err))
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// enabled looks whether some unit wants this one.
func enabled(fsys fs.FS, name string) (TimerState, error) {
	for _, dir := range unitDirs {
		folders, err := list(fsys, dir)
		if err != nil {
			return TimerAbsent, err
		}
		for _, f := range folders {
			if !strings.HasSuffix(f, ".wants") && !strings.HasSuffix(f, ".requires") {
				continue
			}
			wanted, err := list(fsys, path.Join(dir, f))
			if err != nil {
				return TimerAbsent, err
			}
			if slices.Contains(wanted, name) {
				return TimerEnabled, nil
			}
		}
	}
	return TimerDisabled, nil
}

// Apply reads a unit file, or a drop-in, over what was read before. What cannot
// be read is left out, as systemd does, and noted.
func (t *Timer) Apply(data []byte) {
	section := ""
	for _, line := range unitLines(string(data)) {
		if strings.HasPrefix(line, "[") {
			section = line
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if section == "[Timer]" && ok {
			t.set(strings.TrimSpace(key), strings.TrimSpace(value))
		}
	}
}

// unitLines are the lines of a unit without comments, those that end with a
// backslash joined with the next.
func unitLines(text string) []string {
	var out []string
	open := ""
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		if begun, more := strings.CutSuffix(line, `\`); more {
			open += begun + " "
			continue
		}
		if line = open + line; line != "" {
			out = append(out, line)
		}
		open = ""
	}
	if open != "" {
		out = append(out, open)
	}
	return out
}

func (t *Timer) set(key, value string) {
	switch key {
	case "OnCalendar", "OnActiveSec", "OnBootSec", "OnStartupSec", "OnUnitActiveSec", "OnUnitInactiveSec":
		switch {
		case value == "": // takes away all that was set, of whatever kind
			t.Calendar, t.Others = nil, nil
		case key == "OnCalendar":
			t.Calendar = append(t.Calendar, value)
		default:
			t.Others = append(t.Others, key+"="+value)
		}
	case "RandomizedDelaySec":
		delay, err := span(value)
		if err != nil {
			t.Odd = append(t.Odd, key+"="+value)
			return
		}
		t.Delay = delay
	case "Persistent":
		t.Persistent = value != "" && yes(value, slices.Contains([]string{"y", "t"}, value))
	}
}
