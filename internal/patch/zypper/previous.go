package zypper

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
)

var (
	_ patch.Outlook          = (*backend)(nil)
	_ patch.Configured       = (*backend)(nil)
	_ patch.ChangedConffiles = (*backend)(nil)
)

// Previous looks for the files of installed versions: in our folder and in
// zypper's cache, then in the repositories.
func (b *backend) Previous(ctx context.Context, refs []patch.Ref, f patch.Fetch) ([]patch.Archive, []patch.Missing, error) {
	host, err := b.open()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = host.Close() }()
	x, done, err := b.fetcher(ctx, host, refs, f)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	byRef, why, err := x.previous(ctx, refs)
	if err != nil {
		return nil, nil, err
	}
	var got []patch.Archive
	var missing []patch.Missing
	for _, r := range refs {
		if _, ok := byRef[r]; !ok {
			missing = append(missing, patch.Missing{Ref: r, Why: why[r]})
			continue
		}
		checked, err := x.verified(ctx, []patch.Ref{r}, byRef)
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case err != nil:
			missing = append(missing, patch.Missing{Ref: r, Why: err.Error()})
		default:
			got = append(got, checked...)
		}
	}
	return got, missing, nil
}

// previous returns what could be had, and why of the rest.
func (x *fetcher) previous(ctx context.Context, refs []patch.Ref) (byRef map[patch.Ref]patch.Archive, why map[patch.Ref]string, err error) {
	byRef, why = map[patch.Ref]patch.Archive{}, map[patch.Ref]string{}
	db, err := x.b.database(ctx)
	if err != nil {
		return nil, nil, err
	}
	var missing []patch.Ref
	for _, r := range refs {
		a, ok, err := x.present(ctx, r)
		if err == nil && !ok {
			a, ok, err = x.sameBuild(ctx, db, r)
		}
		switch {
		case err != nil:
			return nil, nil, err
		case ok:
			byRef[r] = a
		case x.unavailable(r) != "":
			why[r] = "No enabled repository has version " + r.Version + " any more, zypper did not keep its file, and rpm cannot make one."
		case x.f.Offline:
			why[r] = "Its file is not here, and no network is to be used."
		default:
			missing = append(missing, r)
		}
	}
	if len(missing) == 0 {
		return byRef, why, nil
	}
	failures, err := x.fetch(ctx, missing, byRef)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot download packages: %w", err)
	}
	for r, text := range failures {
		why[r] = "Its file could not be downloaded: " + strings.TrimSuffix(text, ".") + "."
	}
	return byRef, why, nil
}

// sameBuild looks in zypper's cache for the very file that was installed, where
// no repository states its digest any more: rpm keeps the digest of header and
// content of what it installed, and the file must be signed too.
func (x *fetcher) sameBuild(ctx context.Context, db database, r patch.Ref) (patch.Archive, bool, error) {
	name, ok, err := x.build(ctx, db, r)
	if !ok || err != nil {
		return patch.Archive{}, false, err
	}
	_, digest, err := digestOf(ctx, x.host, name)
	if err != nil {
		return patch.Archive{}, false, fmt.Errorf("cannot read /%s: %w", name, err)
	}
	a, err := x.take(ctx, x.host, name, r, digest)
	if err != nil {
		return patch.Archive{}, false, err
	}
	a.Origin = "cache"
	found, err := x.b.signatures(ctx, []string{a.Path})
	if errors.Is(err, errBadSignature) || err == nil && found[a.Path] != signed {
		return patch.Archive{}, false, nil
	}
	return a, err == nil, err
}

// build finds the file of an installed build in zypper's cache.
func (x *fetcher) build(ctx context.Context, db database, r patch.Ref) (name string, ok bool, err error) {
	for _, p := range db[keyOf(r)] {
		if p.Version != r.Version || p.pkgid == "" || p.pkgid == "(none)" {
			continue
		}
		_, version, hasEpoch := strings.Cut(r.Version, ":")
		if !hasEpoch {
			version = r.Version
		}
		base := r.Name + "-" + version + "." + r.Arch + ".rpm"
		for _, pattern := range []string{packageCache + "/*/", packageCache + "/*/*/", packageCache + "/*/*/*/"} {
			files, err := fs.Glob(x.host, path.Join(pattern, base))
			if err != nil {
				return "", false, err
			}
			for _, file := range files {
				if same, err := x.b.isBuild(ctx, file, p); err != nil || same {
					return file, same, err
				}
			}
		}
	}
	return "", false, nil
}

// isBuild reports whether a file of the host is the build that is installed.
func (b *backend) isBuild(ctx context.Context, file string, p installed) (bool, error) {
	result, err := b.rpm(ctx, "rpm", "-qp", "--nosignature", "--qf", queryFormat, path.Join(b.root, file))
	if err != nil || result.Code != 0 { // a file that is cut short is no answer, and no failure of ours
		return false, err
	}
	d, err := parseDatabase(string(result.Stdout))
	if err != nil {
		return false, err
	}
	return d.newest(keyOf(p.Ref)).pkgid == p.pkgid, nil
}

// Outlook says where the files of installed versions would come from.
func (b *backend) Outlook(ctx context.Context, refs []patch.Ref, dir string) (map[patch.Ref]string, error) {
	host, err := b.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = host.Close() }()
	x, done, err := b.fetcher(ctx, host, refs, patch.Fetch{Dir: dir, Offline: true})
	if err != nil {
		return nil, err
	}
	defer done()
	db, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	from := map[patch.Ref]string{}
	for _, r := range refs {
		_, cached, err := x.build(ctx, db, r)
		switch {
		case err != nil:
			return nil, err
		case x.stored(ctx, r) || cached:
			from[r] = "cache"
		case x.unavailable(r) == "":
			from[r] = "archive"
		}
	}
	return from, nil
}

// stored reports whether a file is in our folder or where zypper keeps them, by
// the digest that the metadata state. Nothing is copied.
func (x *fetcher) stored(ctx context.Context, r patch.Ref) bool {
	for _, e := range x.known.at(r) {
		if !isDigest(e.sha256) {
			continue
		}
		if _, digest, err := digestOf(ctx, x.here, local(path.Join(x.f.Dir, fileName(r, e.sha256)))); err == nil && digest == e.sha256 {
			return true
		}
		for _, p := range x.places(e) {
			if _, digest, err := digestOf(ctx, p.fsys, p.name); err == nil && digest == e.sha256 {
				return true
			}
		}
	}
	return false
}
