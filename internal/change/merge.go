package change

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/lockfast/lockfast/internal/plan"
)

// maxShown bounds the files of which differences are shown, maxMerged those
// that are merged, in bytes.
const (
	maxShown  = 1 << 20
	maxMerged = 16 << 20
)

// merge takes back our change of a file and keeps what others changed in it
// since: base is what we left, theirs what stands there, ours what stood there
// before.
func (u *undoing) merge(s *Step, now plan.State, c Conflict) (*plan.Step, *Conflict, error) {
	before, after := s.sides(now)
	if now.File == nil || now.File.Type != plan.Regular || after.File.Type != plan.Regular || before.File.Type != plan.Regular {
		c.Why += "; only files can be merged"
		return nil, &c, nil
	}
	want, ok := mergeAttributes(after.File, now.File, before.File)
	if !ok {
		c.Why += "; the same attribute was changed, so it cannot be merged"
		return nil, &c, nil
	}
	step := &plan.Step{Kind: plan.Attributes, Object: s.Object, Why: "undo, merged: " + s.Why, Expect: now, Want: plan.State{File: want}, Allow: s.Allow}
	if s.Kind == plan.Attributes {
		u.r.Merged = append(u.r.Merged, s.Object)
		return step, nil, nil
	}
	base, ours, theirs, err := u.threeSides(s)
	if err != nil {
		return nil, nil, err
	}
	merged, ok := merge(base, theirs, ours)
	if !ok {
		c.Why += "; the same lines were changed, so it cannot be merged"
		return nil, &c, nil
	}
	sum := sha256.Sum256(merged)
	want.SHA256, want.Size = hex.EncodeToString(sum[:]), int64(len(merged))
	if want.SHA256 != now.File.SHA256 {
		step.Kind, step.Content, want.MTime = plan.WriteFile, merged, time.Time{}
	}
	u.r.Merged = append(u.r.Merged, s.Object)
	return step, nil, nil
}

// mergeAttributes merges each attribute by itself.
func mergeAttributes(base, theirs, ours *plan.File) (*plan.File, bool) {
	f := *theirs
	f.Xattrs = map[string][]byte{}
	clean := pick(base.Mode, theirs.Mode, ours.Mode, &f.Mode) && pick(base.UID, theirs.UID, ours.UID, &f.UID) &&
		pick(base.GID, theirs.GID, ours.GID, &f.GID) && pick(base.Flags, theirs.Flags, ours.Flags, &f.Flags)
	type value struct {
		set   bool
		bytes string
	}
	of := func(f *plan.File, x string) value {
		v, set := f.Xattrs[x]
		return value{set, string(v)}
	}
	for _, side := range []*plan.File{base, theirs, ours} {
		for x := range side.Xattrs {
			var v value
			clean = pick(of(base, x), of(theirs, x), of(ours, x), &v) && clean
			if v.set {
				f.Xattrs[x] = []byte(v.bytes)
			}
		}
	}
	return &f, clean
}

// pick takes what one side changed, unless both changed it in different ways.
func pick[T comparable](base, theirs, ours T, to *T) bool {
	*to = theirs
	if theirs == base {
		*to = ours
	}
	return theirs == base || ours == base || theirs == ours
}

func (u *undoing) threeSides(s *Step) (base, ours, theirs []byte, err error) {
	if base, err = u.engine.left(s); err != nil {
		return nil, nil, nil, err
	}
	if ours, err = u.engine.kept(s.Before.File.SHA256); err != nil {
		return nil, nil, nil, err
	}
	if theirs, planned := u.content[s.Object]; planned {
		return base, ours, theirs, nil
	}
	theirs, err = u.engine.disk(s.Object)
	return base, ours, theirs, err
}

// left is what a step left in a file.
func (e *Engine) left(s *Step) ([]byte, error) {
	switch {
	case s.Kind == plan.WriteFile:
		return s.Content, nil
	case s.After.File.SHA256 == s.Before.File.SHA256:
		return e.kept(s.Before.File.SHA256)
	}
	return nil, errors.New("what was left there is not known")
}

func (e *Engine) disk(path string) ([]byte, error) {
	file, err := e.host.Files.Read(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, maxMerged+1))
	if err == nil && len(data) > maxMerged {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxMerged)
	}
	return data, err
}

// conflictDiff shows what others changed since we left a file.
func (e *Engine) conflictDiff(s *Step, now plan.State) string {
	if now.File == nil || now.File.Type != plan.Regular || s.After.File == nil || s.After.File.Type != plan.Regular {
		return ""
	}
	left, err := e.left(s)
	if err != nil {
		return ""
	}
	theirs, err := e.disk(s.Object)
	if err != nil {
		return ""
	}
	return unified(s.Object+" as it was left", left, s.Object+" now", theirs)
}

// unified is a diff for people; what is no text is only said to differ.
func unified(oldName string, old []byte, newName string, now []byte) string {
	switch {
	case bytes.Equal(old, now):
		return ""
	case len(old) > maxShown || len(now) > maxShown || !utf8.Valid(old) || !utf8.Valid(now) || bytes.IndexByte(old, 0) >= 0 || bytes.IndexByte(now, 0) >= 0:
		return fmt.Sprintf("%s (%d bytes) and %s (%d bytes) differ\n", oldName, len(old), newName, len(now))
	}
	return string(diff.Diff(oldName, old, newName, now))
}

// Diff shows what a step did to a file; nothing for other objects, or where
// the journal does not hold the content any more.
func (e *Engine) Diff(s *Step) string {
	if s.Before.File == nil || s.After.File == nil {
		return ""
	}
	var before, after []byte
	var err error
	if s.Before.File.Type == plan.Regular {
		if before, err = e.kept(s.Before.File.SHA256); err != nil {
			return ""
		}
	}
	if s.After.File.Type == plan.Regular {
		if after, err = e.left(s); err != nil {
			return ""
		}
	}
	return unified(s.Object+" before", before, s.Object+" after", after)
}
