package dnf

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// What we write into the log before and after a run, beside what dnf prints.
const (
	markInstall = "lockfast: to install "
	markRemove  = "lockfast: to remove "
	markBegin   = "lockfast: dnf begins"
	markEnd     = "lockfast: dnf ended"

	logLimit = 256 << 20
)

// task is what a run installs and removes.
type task struct {
	install, remove []patch.Ref
	last            patch.Ref // what dnf spoke of last before it broke off
}

// begin writes what a run is to do into its log.
func begin(log string, w work) error {
	var text strings.Builder
	text.WriteString("\n") // what dnf printed may have broken off within a line
	for _, f := range w.files() {
		text.WriteString(markInstall + f.Name + "-" + f.Version + "." + f.Arch + "\n")
	}
	for _, r := range w.remove {
		text.WriteString(markRemove + r.Name + "-" + r.Version + "." + r.Arch + "\n")
	}
	text.WriteString(markBegin + "\n")
	return note(log, text.String())
}

func note(log, text string) error {
	if err := hostfs.Append(log, []byte(text), 0o600); err != nil {
		return fmt.Errorf("cannot note in the log what is done: %w", err)
	}
	return nil
}

// unended reads the task of the last run from a log, if that run did not come
// to its end.
func unended(log string) (t task, ok bool, err error) {
	here, err := hostfs.Open("/")
	if err != nil {
		return t, false, err
	}
	defer func() { _ = here.Close() }()
	data, err := hostfs.ReadLimited(here, local(log), logLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return t, false, nil
	}
	if err != nil {
		return t, false, fmt.Errorf("cannot see what was interrupted: %w", err)
	}
	t, ok = parseLog(string(data))
	return t, ok, nil
}

// parseLog joins the tasks since the last run that ended: a repair may have been
// interrupted too.
func parseLog(text string) (t task, open bool) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == markEnd:
			t, open = task{}, false
		case line == markBegin:
			open = true
		case strings.HasPrefix(line, markInstall):
			if r, err := parseNEVRA(strings.TrimPrefix(line, markInstall)); err == nil {
				t.install = append(t.install, r)
			}
		case strings.HasPrefix(line, markRemove):
			if r, err := parseNEVRA(strings.TrimPrefix(line, markRemove)); err == nil {
				t.remove = append(t.remove, r)
			}
		default:
			if step, ok := parseStep(line); ok {
				t.last, _ = parseNEVRA(step.pkg) // "Verifying" comes after everything is done
				if step.phase == "Verifying" {
					t.last = patch.Ref{}
				}
			}
		}
	}
	return t, open
}

// folders are where an order's files lie.
func folders(o patch.Order) map[string]bool {
	dirs := map[string]bool{}
	for _, f := range o.Files {
		dirs[filepath.Dir(f.Path)] = true
	}
	return dirs
}

// candidates are files in an order's folders that bear a package's name.
func candidates(here fs.FS, o patch.Order, r patch.Ref) ([]string, error) {
	var all []string
	for dir := range folders(o) {
		files, err := fs.Glob(here, path.Join(local(dir), strings.TrimSuffix(fileName(r, ""), ".rpm")+"*.rpm"))
		if err != nil {
			return nil, err
		}
		all = append(all, files...)
	}
	return all, nil
}
