package change

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"

	"github.com/lockfast/lockfast/internal/plan"
)

// A package step may touch any configuration file through its packages'
// scripts, so before it all of them are kept: in one file, for one sync, until
// the step is done and it is known which of them matter.

// bundle is the file of a step's transaction that holds contents by digest, as
// a tar archive.
func bundle(t *Transaction, step int) string {
	return path.Join(t.ID, fmt.Sprintf("before-%d.tar", step+1))
}

// keepBundle stores the content of all regular files of a state.
func (e *Engine) keepBundle(t *Transaction, step int, files map[string]plan.File) error {
	r, w := io.Pipe()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = w.CloseWithError(e.writeBundle(w, files))
	}()
	defer func() { // nothing reads the host's files any more when the step begins
		_ = r.Close()
		<-ended
	}()
	if err := e.journal.storage.Write(bundle(t, step), r); err != nil {
		return fmt.Errorf("cannot keep configuration files: %w", err)
	}
	return nil
}

func (e *Engine) writeBundle(w io.Writer, files map[string]plan.File) error {
	archive := tar.NewWriter(w)
	written := map[string]bool{}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		f := files[file]
		if f.Type != plan.Regular || written[f.SHA256] {
			continue
		}
		written[f.SHA256] = true
		if err := e.addToBundle(archive, file, f); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return archive.Close()
}

func (e *Engine) addToBundle(archive *tar.Writer, file string, f plan.File) error {
	content, err := e.host.Files.Read(file)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	if err := archive.WriteHeader(&tar.Header{Name: f.SHA256, Size: f.Size, Mode: 0o600, Format: tar.FormatPAX}); err != nil {
		return err
	}
	n, err := io.Copy(archive, io.LimitReader(verify(content, f.SHA256), f.Size+1))
	if errors.Is(err, errDamaged) || err == nil && n != f.Size {
		err = errors.New("it changed while it was being read")
	}
	return err
}

// blob opens content that a transaction's before-records need.
func (e *Engine) blob(t *Transaction, step int, sum string) (io.ReadCloser, error) {
	blob, err := e.journal.Blob(sum)
	if !errors.Is(err, fs.ErrNotExist) {
		return blob, err
	}
	file, err := e.journal.storage.Open(bundle(t, step))
	if err != nil {
		return nil, err
	}
	archive := tar.NewReader(file)
	for {
		header, err := archive.Next()
		if err != nil {
			_ = file.Close()
			if errors.Is(err, io.EOF) {
				err = fs.ErrNotExist
			}
			return nil, fmt.Errorf("content %.12s is not in the journal: %w", sum, err)
		}
		if header.Name == sum {
			return struct {
				io.Reader
				io.Closer
			}{archive, file}, nil
		}
	}
}

// trim keeps of a package step's configuration files those that it changed, and
// of their contents those that undo takes.
func (e *Engine) trim(t *Transaction, step int, before, after *plan.PackageSet) error {
	if before.Conffiles == nil || after.Conffiles == nil {
		return nil
	}
	was, is := map[string]plan.File{}, map[string]plan.File{}
	absent := plan.File{Type: plan.Absent}
	for file, a := range after.Conffiles {
		b, had := before.Conffiles[file]
		if !had {
			b = absent
		}
		if !(plan.State{File: &b}).Same(plan.State{File: &a}) {
			was[file], is[file] = b, a
		}
	}
	for file, b := range before.Conffiles {
		if _, has := after.Conffiles[file]; !has && b.Type != plan.Absent {
			was[file], is[file] = b, absent
		}
	}
	for file, f := range was {
		if f.Type != plan.Regular {
			continue
		}
		if err := e.promote(t, step, f.SHA256); err != nil {
			return fmt.Errorf("cannot keep %s: %w", file, err)
		}
	}
	before.Conffiles, after.Conffiles = was, is
	return nil
}

// promote moves content from a bundle to where it stays.
func (e *Engine) promote(t *Transaction, step int, sum string) error {
	content, err := e.blob(t, step, sum)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	return e.journal.keep(content, sum)
}

// restrict leaves of a state's configuration files those that a step changed.
func restrict(now plan.State, s *Step) plan.State {
	if now.Packages == nil || now.Packages.Conffiles == nil || s.After.Packages == nil {
		return now
	}
	if len(s.After.Packages.Conffiles) == 0 { // it changed none: they are none of its business
		return plan.State{Packages: &plan.PackageSet{Packages: now.Packages.Packages}}
	}
	set := plan.PackageSet{Packages: now.Packages.Packages, Conffiles: map[string]plan.File{}}
	for file := range s.After.Packages.Conffiles {
		f, ok := now.Packages.Conffiles[file]
		if !ok {
			f = plan.File{Type: plan.Absent}
		}
		set.Conffiles[file] = f
	}
	return plan.State{Packages: &set}
}
