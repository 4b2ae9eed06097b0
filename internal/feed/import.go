package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/hostfs"
)

// Options say how to make a store.
type Options struct {
	Add     bool                          // keep what the old store has of sources that are not imported now
	SkipBad bool                          // leave out records that cannot be read, and mark the releases of their input partial
	Skipped func(error)                   // told of each record left out; may be nil
	Partial map[advisory.Ecosystem]string // releases known to be incomplete, and why
	Now     time.Time                     // goes into the store as its date
	Tool    string                        // goes into the store as its maker: "lockfast 0.1.0"
}

// Import reads files and folders and writes the store out. On any error nothing
// is written and an old store stays as it was. The error is one line and names
// the path (and the member of a zip) and what to do.
func Import(ctx context.Context, o Options, out string, paths []string) (advisory.Meta, error) {
	inputs := make([]input, 0, len(paths))
	for _, p := range paths {
		inputs = append(inputs, input{path: p})
	}
	return importInputs(ctx, o, out, inputs)
}

// Status returns what a store was made from and what it covers.
func Status(path string) (advisory.Meta, error) {
	var meta advisory.Meta
	err := withStore(path, func(s *advisory.Store) error {
		meta = s.Meta()
		return nil
	})
	return meta, err
}

func importInputs(ctx context.Context, o Options, out string, inputs []input) (advisory.Meta, error) {
	if len(inputs) == 0 {
		return advisory.Meta{}, errors.New("cannot import advisories: no path given; name OSV zips or folders, the KEV catalogue, EPSS scores")
	}
	found := &finder{}
	defer found.close()
	for i := range inputs {
		if err := found.add(ctx, i, &inputs[i]); err != nil {
			return advisory.Meta{}, err
		}
	}
	gathered := newGatherer(o, inputs)
	if err := readAll(ctx, found.documents, gathered.take); err != nil {
		return advisory.Meta{}, err
	}
	if err := gathered.finish(); err != nil {
		return advisory.Meta{}, err
	}
	if o.Add {
		if err := gathered.carry(out); err != nil {
			return advisory.Meta{}, err
		}
	}
	if err := gathered.markPartial(); err != nil {
		return advisory.Meta{}, err
	}
	return write(out, gathered.builder)
}

// write replaces the store and reads back what was written.
func write(out string, b *advisory.Builder) (advisory.Meta, error) {
	if err := hostfs.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return advisory.Meta{}, fmt.Errorf("cannot write advisory store %s: %v", out, err)
	}
	err := hostfs.Replace(out, 0o644, func(w io.Writer) error {
		_, err := b.WriteTo(w)
		return err
	})
	if err != nil {
		return advisory.Meta{}, fmt.Errorf("cannot write advisory store %s: %v; the old one, if any, is unchanged", out, err)
	}
	return Status(out)
}

func withStore(path string, use func(*advisory.Store) error) (err error) {
	data, unmap, err := hostfs.Map(path)
	if err != nil {
		return fmt.Errorf("cannot open advisory store %s: %w", path, pathless(err))
	}
	defer func() {
		if e := unmap(); err == nil && e != nil {
			err = fmt.Errorf("cannot close advisory store %s: %v", path, e)
		}
	}()
	s, err := advisory.OpenStore(data)
	if err != nil {
		return fmt.Errorf("cannot use advisory store %s: %w; import or sync it again", path, err)
	}
	return use(s)
}

// pathless drops the path of an error whose message names it already.
func pathless(err error) error {
	if place, ok := errors.AsType[*fs.PathError](err); ok {
		return place.Err
	}
	return err
}
