package change

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

// Prune removes transactions that ended before a moment, and content that no
// other one needs. What is pruned cannot be undone any more. Open, waiting and
// failed ones stay, and so does one that a later one takes back unless both go.
func (j *Journal) Prune(before time.Time) (removed []string, err error) {
	list, err := j.List()
	if err != nil {
		return nil, fmt.Errorf("%w; nothing was pruned", err)
	}
	needed := map[string]bool{}
	stays := map[string]bool{}
	final := func(t *Transaction) bool {
		return (t.Status == StatusDone || t.Status == StatusUndone) && t.Ended.Before(before)
	}
	for _, t := range slices.Backward(list) {
		if !final(t) || stays[t.ID] {
			stays[t.ID] = true
			stays[t.Reverts] = true
		}
	}
	for _, t := range list {
		if stays[t.ID] {
			t.needs(needed)
			continue
		}
		if err := j.storage.Remove(t.ID); err != nil {
			return removed, fmt.Errorf("cannot prune %s: %w", t.ID, err)
		}
		removed = append(removed, t.ID)
	}
	if err := j.unborn(before); err != nil {
		return removed, err
	}
	return removed, j.sweep(needed)
}

// unborn removes what is left of transactions that died before their first
// word.
func (j *Journal) unborn(before time.Time) error {
	names, err := j.storage.List("")
	if err != nil {
		return fmt.Errorf("cannot tidy the journal: %w", err)
	}
	for _, name := range names {
		if !IsID(name) || name >= newID(before) {
			continue
		}
		if _, err := j.Load(name); !errors.Is(err, ErrUnknown) {
			continue
		}
		if err := j.storage.Remove(name); err != nil {
			return fmt.Errorf("cannot prune %s: %w", name, err)
		}
	}
	return nil
}

// needs adds the digests of the content that undoing a transaction takes.
func (t *Transaction) needs(sums map[string]bool) {
	for _, s := range t.Steps {
		for _, state := range []plan.State{s.Before, s.After, s.Want} {
			if state.File != nil {
				sums[state.File.SHA256] = true
			}
			if state.Packages != nil {
				for _, f := range state.Packages.Conffiles {
					sums[f.SHA256] = true
				}
			}
		}
	}
}

func (j *Journal) sweep(needed map[string]bool) error {
	names, err := j.storage.List(blobs)
	if err != nil {
		return fmt.Errorf("cannot tidy the journal: %w", err)
	}
	var errs []error
	for _, name := range names {
		if !needed[name] {
			errs = append(errs, j.storage.Remove(path.Join(blobs, name)))
		}
	}
	return errors.Join(errs...)
}

// Archives names the package files that undoing the transactions of the journal
// takes.
func Archives(list []*Transaction) map[string]bool {
	names := map[string]bool{}
	for _, t := range list {
		for _, s := range t.Steps {
			for _, state := range []plan.State{s.Expect, s.Want} {
				if state.Packages == nil {
					continue
				}
				for _, p := range state.Packages.Packages {
					names[p.Archive] = true
				}
			}
		}
	}
	return names
}
