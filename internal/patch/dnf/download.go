package dnf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// scratch is the folder, below that for package files, that dnf downloads into.
// It stays when a download breaks off: dnf takes what is whole there, and tries
// to go on within the rest, which fails with librepo before 2026: it takes the
// length of what is left for a wrong one, and begins the file anew.
const scratch = ".dnf"

// fetcher brings package files into a folder.
type fetcher struct {
	b     *backend
	f     patch.Fetch
	known index
	db    database
	host  fs.FS // the host that is looked after
	here  fs.FS // this machine, where the folder is; the same but in tests
	total int64
	done  int64
	shown int64 // what was reported; never less than before
}

func (b *backend) fetcher(ctx context.Context, refs []patch.Ref, f patch.Fetch) (*fetcher, func(), error) {
	if err := b.four(ctx); err != nil {
		return nil, nil, err
	}
	if !filepath.IsAbs(f.Dir) {
		return nil, nil, fmt.Errorf("cannot fetch into %q: it is no absolute path", f.Dir)
	}
	x := &fetcher{b: b, f: f}
	var err error
	if x.known, err = b.queryFor(ctx, refs); err != nil {
		return nil, nil, err
	}
	if x.db, err = b.database(ctx); err != nil {
		return nil, nil, err
	}
	host, err := b.open()
	if err != nil {
		return nil, nil, err
	}
	here, err := hostfs.Open("/")
	if err != nil {
		_ = host.Close()
		return nil, nil, err
	}
	x.host, x.here = host, here
	for _, r := range refs {
		if at := x.known.at(r); len(at) > 0 {
			x.total += at[0].size
		}
	}
	return x, func() { _ = here.Close(); _ = host.Close() }, nil
}

// Download has dnf fetch package files. dnf checks the signature of each where
// the repository asks for it, and we the digest.
func (b *backend) Download(ctx context.Context, refs []patch.Ref, f patch.Fetch) ([]patch.Archive, error) {
	x, done, err := b.fetcher(ctx, refs, f)
	if err != nil {
		return nil, err
	}
	defer done()
	byRef, missing, err := x.collect(ctx, refs)
	if err != nil {
		return nil, err
	}
	var problems []error
	missing = slices.DeleteFunc(missing, func(r patch.Ref) bool {
		why := x.unavailable(r)
		if why == "" && f.Offline {
			why = "no network is to be used, and it is not here"
		}
		if why != "" {
			problems = append(problems, fmt.Errorf("cannot download %s %s: %s", r.Name, r.Version, why))
		}
		return why != ""
	})
	failures, err := x.fetch(ctx, missing, byRef)
	if err != nil {
		return nil, fmt.Errorf("cannot download packages: %w", err)
	}
	var archives []patch.Archive
	for _, r := range refs {
		if why, failed := failures[r]; failed {
			problems = append(problems, fmt.Errorf("cannot download %s %s: %w", r.Name, r.Version, why))
		}
		archives = append(archives, byRef[r])
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return archives, nil
}

// collect takes what is present already and says what is missing.
func (x *fetcher) collect(ctx context.Context, refs []patch.Ref) (byRef map[patch.Ref]patch.Archive, missing []patch.Ref, err error) {
	byRef = map[patch.Ref]patch.Archive{}
	for _, r := range refs {
		if _, err := nevra(r); err != nil {
			return nil, nil, err
		}
		a, ok, err := x.present(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		if !ok {
			missing = append(missing, r)
			continue
		}
		byRef[r] = a
		x.told(a)
	}
	return byRef, missing, nil
}

// unavailable says why no repository can have a package at a version.
func (x *fetcher) unavailable(r patch.Ref) string {
	at := x.known.at(r)
	switch {
	case len(at) == 0:
		return "no enabled repository has it; run dnf makecache --refresh"
	case at[0].sha256 == "":
		return "repository " + at[0].repo + " states no SHA-256 of it"
	}
	return ""
}

// present looks for a package in our folder, then in dnf's cache. Only files
// with the digest that the metadata state count.
func (x *fetcher) present(ctx context.Context, r patch.Ref) (patch.Archive, bool, error) {
	for _, o := range x.known.at(r) {
		if o.sha256 == "" {
			continue
		}
		target := filepath.Join(x.f.Dir, fileName(r, o.sha256))
		if size, digest, err := digestOf(ctx, x.here, local(target)); err == nil && digest == o.sha256 {
			return patch.Archive{Ref: r, Path: target, SHA256: digest, Size: size, Origin: "archive"}, true, nil
		}
		files, err := x.cached(r)
		if err != nil {
			return patch.Archive{}, false, err
		}
		for _, file := range files {
			if _, digest, err := digestOf(ctx, x.host, file); err != nil || digest != o.sha256 {
				continue
			}
			if err := x.b.signed(ctx, path.Join(x.b.root, file)); errors.Is(err, errUnsigned) {
				continue // the repository may not ask for it: dnf decides
			} else if err != nil {
				return patch.Archive{}, false, err
			}
			a, err := x.take(ctx, x.host, file, r, o.sha256)
			a.Origin = "cache"
			return a, err == nil, err
		}
	}
	return patch.Archive{}, false, ctx.Err()
}

// cached are files of the host's dnf that may be of a package: by their name.
func (x *fetcher) cached(r patch.Ref) ([]string, error) {
	name := r.Name + "-" + withoutEpoch(r.Version) + "." + r.Arch + ".rpm"
	return fs.Glob(x.host, "var/cache/dnf/*/packages/"+name)
}

// take copies a file into our folder and reads it back.
func (x *fetcher) take(ctx context.Context, from fs.FS, name string, r patch.Ref, digest string) (patch.Archive, error) {
	target := filepath.Join(x.f.Dir, fileName(r, digest))
	file, err := from.Open(name)
	if err != nil {
		return patch.Archive{}, fmt.Errorf("cannot take package file of %s: %w", r.Name, err)
	}
	defer func() { _ = file.Close() }()
	err = hostfs.Replace(target, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, &stoppable{ctx: ctx, r: file})
		return err
	})
	if err != nil {
		return patch.Archive{}, fmt.Errorf("cannot take package file of %s: %w", r.Name, err)
	}
	size, got, err := digestOf(ctx, x.here, local(target))
	if err != nil {
		return patch.Archive{}, fmt.Errorf("cannot read %s back: %w", target, err)
	}
	if got != digest {
		return patch.Archive{}, fmt.Errorf("%s has SHA-256 %s where the repository states %s", target, got, digest)
	}
	return patch.Archive{Ref: r, Path: target, SHA256: digest, Size: size, Origin: "archive"}, nil
}

// told adds a file to the progress.
func (x *fetcher) told(a patch.Archive) {
	x.done += a.Size
	x.report(0, a.Name)
}

func (x *fetcher) report(more int64, what string) {
	if x.f.Progress != nil {
		x.shown = max(x.shown, min(x.done+more, x.total))
		x.f.Progress(x.shown, x.total, what)
	}
}

// fetch downloads what is missing into byRef, and says of what could not be had
// why. dnf solves what it downloads: what cannot go together, or is installed
// and fetched anew, each gets its own run.
func (x *fetcher) fetch(ctx context.Context, refs []patch.Ref, byRef map[patch.Ref]patch.Archive) (map[patch.Ref]error, error) {
	failures := map[patch.Ref]error{}
	var here, other []patch.Ref
	for _, r := range refs {
		if x.db.has(r) {
			here = append(here, r)
		} else {
			other = append(other, r)
		}
	}
	for _, group := range []struct {
		verb string
		refs []patch.Ref
	}{{"reinstall", here}, {"install", other}} {
		left, why, err := x.batch(ctx, group.verb, group.refs, byRef)
		if err != nil {
			return nil, err
		}
		for _, r := range left {
			if len(group.refs) > 1 {
				var again []patch.Ref
				if again, why, err = x.batch(ctx, group.verb, []patch.Ref{r}, byRef); err != nil {
					return nil, err
				}
				if len(again) == 0 {
					continue
				}
			}
			failures[r] = why
		}
	}
	if len(refs) > 0 && len(failures) == 0 {
		if err := hostfs.RemoveAll(filepath.Join(x.f.Dir, scratch)); err != nil {
			return nil, fmt.Errorf("cannot remove the folder that was downloaded into: %w", err)
		}
	}
	return failures, nil
}

// batch is one run of dnf. What counts is which files are there afterwards.
func (x *fetcher) batch(ctx context.Context, verb string, refs []patch.Ref, byRef map[patch.Ref]patch.Archive) (left []patch.Ref, why, err error) {
	if len(refs) == 0 {
		return nil, nil, nil
	}
	specs, err := nevras(refs)
	if err != nil {
		return nil, nil, err
	}
	dir := filepath.Join(x.f.Dir, scratch)
	if err := hostfs.MkdirAll(dir, 0o755); err != nil {
		return nil, nil, fmt.Errorf("cannot make folder to download into: %w", err)
	}
	args := []string{
		"-q", "-y", "--downloadonly", "--destdir=" + dir, "--setopt=*.skip_if_unavailable=0", "--setopt=*.metadata_expire=never",
		// dnf would delete what it downloaded at the next transaction of anybody.
		"--setopt=keepcache=1",
		// With "-y", dnf would take on keys that nobody has confirmed.
		"--setopt=*.gpgkey=",
	}
	if x.f.RateLimit > 0 {
		rate := strconv.FormatInt(x.f.RateLimit, 10)
		args = append(args, "--setopt=throttle="+rate, "--setopt=*.throttle="+rate)
	}
	args = slices.Concat(args, keepAll, []string{verb}, specs)
	stop := x.watch(refs)
	r, err := x.b.ask(ctx, "", args...)
	stop()
	if err != nil {
		return nil, nil, err
	}
	why = failure("dnf "+verb, r)
	files, err := x.digests(ctx, dir)
	if err != nil {
		return nil, nil, err
	}
	for _, ref := range refs {
		a, ok, err := x.downloaded(ctx, files, ref)
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err != nil:
			left, why = append(left, ref), err
		case !ok || r.Code != 0: // a file whose signature is bad lies there, too
			left = append(left, ref)
		default:
			byRef[ref] = a
			x.told(a)
		}
	}
	return left, why, nil
}

// digests are the files of a folder by their digests.
func (x *fetcher) digests(ctx context.Context, dir string) (map[string]string, error) {
	files, err := fs.Glob(x.here, path.Join(local(dir), "*.rpm"))
	if err != nil {
		return nil, err
	}
	byDigest := map[string]string{}
	for _, file := range files {
		if _, digest, err := digestOf(ctx, x.here, file); err == nil {
			byDigest[digest] = file
		}
	}
	return byDigest, ctx.Err()
}

// downloaded takes what dnf downloaded of a package, if it did.
func (x *fetcher) downloaded(ctx context.Context, files map[string]string, r patch.Ref) (patch.Archive, bool, error) {
	for _, o := range x.known.at(r) {
		if file, ok := files[o.sha256]; ok && o.sha256 != "" {
			a, err := x.take(ctx, x.here, file, r, o.sha256)
			return a, err == nil, err
		}
	}
	return patch.Archive{}, false, nil
}

// watch reports how much is there until it is stopped.
func (x *fetcher) watch(refs []patch.Ref) (stop func()) {
	if x.f.Progress == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	most := int64(0)
	look := func() {
		files, _ := fs.Glob(x.here, path.Join(local(x.f.Dir), scratch, "*.rpm")) // the pattern is a good one
		var have int64
		for _, file := range files {
			if info, err := fs.Stat(x.here, file); err == nil {
				have += info.Size()
			}
		}
		most = max(most, have)
		x.report(most, refs[0].Name)
	}
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				look()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}
