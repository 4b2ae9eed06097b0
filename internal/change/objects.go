package change

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lockfast/lockfast/internal/plan"
)

// observe reads the state of a step's object.
func (e *Engine) observe(ctx context.Context, s *plan.Step) (plan.State, error) {
	switch s.Kind {
	case plan.WriteFile, plan.RemoveFile, plan.Directory, plan.Symlink, plan.Attributes:
		f, err := e.host.Files.Observe(s.Object)
		return plan.State{File: &f}, err
	case plan.Service:
		u, err := e.host.Services.State(ctx, s.Object)
		return plan.State{Service: &u}, err
	case plan.Sysctl:
		v, err := e.host.Sysctls.Get(s.Object)
		return plan.State{Sysctl: &plan.Parameter{Value: v}}, err
	case plan.Packages:
		p, err := e.host.Packages.State(ctx, *s.Want.Packages)
		maps.DeleteFunc(p.Conffiles, func(name string, f plan.File) bool { // neither compared nor restored
			return !writable(name, f)
		})
		withArchives(&p, s.Expect.Packages, s.Want.Packages)
		return plan.State{Packages: &p}, err
	case plan.Reboot:
		id, err := e.host.BootID()
		return plan.State{Boot: &plan.Boot{ID: id}}, err
	case plan.Probe:
		return plan.State{}, nil
	}
	return plan.State{}, fmt.Errorf("internal error: no step of kind %s", s.Kind)
}

// withArchives notes in a state as it was found which package files lead to its
// versions, as far as the plan names them: the way back needs them.
func withArchives(found *plan.PackageSet, sides ...*plan.PackageSet) {
	for i := range found.Packages {
		p := &found.Packages[i]
		for _, side := range sides {
			if side == nil {
				continue
			}
			for _, k := range side.Packages {
				if k.Name == p.Name && k.Version == p.Version && (k.Arch == p.Arch || p.Arch == "") && k.Archive != "" {
					p.Archive, p.SHA256 = k.Archive, k.SHA256
				}
			}
		}
	}
}

// set brings a step's object from one state to another. Doing and undoing are
// both this.
func (e *Engine) set(ctx context.Context, t *Transaction, step int, from, to plan.State) error {
	s := &t.Steps[step].Step
	switch s.Kind {
	case plan.WriteFile, plan.RemoveFile, plan.Directory, plan.Symlink, plan.Attributes:
		return e.setFile(t, step, *from.File, *to.File)
	case plan.Service:
		return e.host.Services.Set(ctx, s.Object, *to.Service)
	case plan.Sysctl:
		return e.host.Sysctls.Set(s.Object, to.Sysctl.Value)
	case plan.Packages:
		return e.setPackages(ctx, t, step, *to.Packages)
	case plan.Probe:
		return e.host.Probes.Probe(ctx, s.Object)
	case plan.Reboot:
		return nil
	}
	return fmt.Errorf("internal error: no step of kind %s", s.Kind)
}

// temporary is the name under which a step makes a file before it renames it:
// always the same for a step, so that recovery finds what a crash left. The dot
// keeps drop-in folders from loading it.
func temporary(t *Transaction, step int) string {
	return fmt.Sprintf(".lockfast-%s-%d", t.ID, step+1)
}

func (e *Engine) setFile(t *Transaction, step int, from, to plan.File) error {
	object := t.Steps[step].Object
	// What stays in place is adjusted; what differs in content is made anew.
	if from.Type == to.Type && (to.Type == plan.Dir || to.Type == plan.Regular && from.SHA256 == to.SHA256) {
		return e.host.Files.Adjust(object, to)
	}
	if from.Flags != 0 { // consent was checked by guard
		lifted := from
		lifted.Flags = 0
		if err := e.host.Files.Adjust(object, lifted); err != nil {
			return err
		}
	}
	if to.Type == plan.Absent {
		err := e.host.Files.Remove(object)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	content, err := e.content(t, step, to)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	return e.host.Files.Put(object, temporary(t, step), to, content)
}

// content finds the bytes of a file to be written: in the plan, or among what
// was kept.
func (e *Engine) content(t *Transaction, step int, to plan.File) (io.ReadCloser, error) {
	s := &t.Steps[step]
	switch {
	case to.Type != plan.Regular:
		return io.NopCloser(bytes.NewReader(nil)), nil
	case s.Kind == plan.WriteFile && s.Want.File.SHA256 == to.SHA256:
		return io.NopCloser(bytes.NewReader(s.Content)), nil
	}
	blob, err := e.blob(t, step, to.SHA256)
	if err != nil {
		return nil, fmt.Errorf("what stood there before is not in the journal any more: %w", err)
	}
	return verify(blob, to.SHA256), nil
}

// tidy removes what an interrupted Put left under its temporary name.
func (e *Engine) tidy(t *Transaction, step int) error {
	s := &t.Steps[step]
	dirs := map[string]bool{}
	if class(s.Kind) == plan.WriteFile {
		dirs[path.Dir(s.Object)] = true
	}
	for _, state := range []plan.State{s.Before, s.After, s.Want} {
		if state.Packages == nil {
			continue
		}
		for file := range state.Packages.Conffiles {
			dirs[path.Dir(file)] = true
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		if err := e.host.Files.Remove(path.Join(dir, temporary(t, step))); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// keepBefore stores what a before-record must hold beyond itself: content.
func (e *Engine) keepBefore(t *Transaction, step int, before plan.State) error {
	s := &t.Steps[step].Step
	if f := before.File; f != nil && f.Type == plan.Regular && s.Kind != plan.Attributes {
		return e.keepFile(s.Object, *f)
	}
	if before.Packages != nil && len(before.Packages.Conffiles) > 0 {
		return e.keepBundle(t, step, before.Packages.Conffiles)
	}
	return nil
}

func (e *Engine) keepFile(file string, f plan.File) error {
	content, err := e.host.Files.Read(file)
	if err != nil {
		return fmt.Errorf("cannot keep %s: %w", file, err)
	}
	defer func() { _ = content.Close() }()
	if err := e.journal.keep(content, f.SHA256); err != nil {
		return fmt.Errorf("cannot keep %s: %w", file, err)
	}
	return nil
}

// guard refuses what would break more than the step says, and what could not be
// brought back exactly.
func guard(s *plan.Step, now plan.State) error {
	f := now.File
	if f == nil || f.Type == plan.Absent {
		return nil
	}
	if !writable("", *f) {
		return fmt.Errorf("%s has a symlink's target or an attribute's name that is no UTF-8, which the journal cannot hold", s.Object)
	}
	allowed := func(a plan.Allowance) bool { return slices.Contains(s.Allow, a) }
	switch {
	case f.Type == plan.Regular && f.Links > 1 && s.Kind != plan.Attributes && !allowed(plan.AllowHardLinks):
		return fmt.Errorf("%s has %d names (hard links), and the others would keep the old content; remove them first", s.Object, f.Links)
	case f.Flags != 0 && !allowed(plan.AllowImmutable):
		return fmt.Errorf("%s is immutable or append-only, which somebody wanted; lift that first (chattr -i -a)", s.Object)
	case s.Want.File != nil && s.Want.File.Type != plan.Absent && s.Want.File.Type != f.Type && (f.Type == plan.Dir || s.Want.File.Type == plan.Dir):
		return fmt.Errorf("%s is a %s and would become a %s; a plan has to remove it first", s.Object, f.Type, s.Want.File.Type)
	}
	return nil
}

// writable reports whether the journal, which is text, can hold a file's names.
func writable(name string, f plan.File) bool {
	for x := range f.Xattrs {
		if !utf8.ValidString(x) {
			return false
		}
	}
	return utf8.ValidString(name) && utf8.ValidString(f.Target)
}

// equipped refuses a plan that needs a part of the host that is not there.
func (e *Engine) equipped(p *plan.Plan) error {
	for i, s := range p.Steps {
		missing := map[plan.Kind]bool{
			plan.Service: e.host.Services == nil, plan.Sysctl: e.host.Sysctls == nil, plan.Packages: e.host.Packages == nil,
			plan.Probe: e.host.Probes == nil, plan.Reboot: e.host.BootID == nil,
		}[s.Kind]
		if missing {
			return fmt.Errorf("step %d of the plan (%s %s) cannot be done on this host", i+1, s.Kind, s.Object)
		}
	}
	return nil
}

// words joins differences to one phrase.
func words(differences []string) string {
	const most = 4
	if len(differences) > most {
		return strings.Join(differences[:most], ", ") + fmt.Sprintf(" and %d more", len(differences)-most)
	}
	return strings.Join(differences, ", ")
}
