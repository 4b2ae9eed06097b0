package dnf

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
)

// Previous looks for the files of installed versions: in our folder and in
// dnf's cache, then in the repositories.
func (b *backend) Previous(ctx context.Context, refs []patch.Ref, f patch.Fetch) ([]patch.Archive, []patch.Missing, error) {
	x, done, err := b.fetcher(ctx, refs, f)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	byRef, rest, err := x.collect(ctx, refs)
	if err != nil {
		return nil, nil, err
	}
	why := map[patch.Ref]string{}
	var wanted []patch.Ref
	for _, r := range rest {
		a, ok, err := x.sameBuild(ctx, r)
		switch {
		case err != nil:
			return nil, nil, err
		case ok:
			byRef[r] = a
		case x.unavailable(r) != "":
			why[r] = "No enabled repository has version " + r.Version + " any more, dnf did not keep its file, and rpm cannot make one."
		case f.Offline:
			why[r] = "Its file is not here, and no network is to be used."
		default:
			wanted = append(wanted, r)
		}
	}
	failures, err := x.fetch(ctx, wanted, byRef)
	if err != nil {
		return nil, nil, err
	}
	for r, failed := range failures {
		why[r] = "Its file could not be downloaded: " + strings.TrimSuffix(oneLine(failed.Error()), ".") + "."
	}
	var got []patch.Archive
	var missing []patch.Missing
	for _, r := range refs {
		if a, ok := byRef[r]; ok {
			got = append(got, a)
		} else {
			missing = append(missing, patch.Missing{Ref: r, Why: why[r]})
		}
	}
	return got, missing, nil
}

// sameBuild looks in our folder and in dnf's cache for the very file that was
// installed, where no repository states its digest any more: rpm keeps the
// digest of header and content of what it installed, and the file must be
// signed too.
func (x *fetcher) sameBuild(ctx context.Context, r patch.Ref) (patch.Archive, bool, error) {
	file, ok, err := x.build(ctx, r)
	if !ok || err != nil {
		return patch.Archive{}, false, err
	}
	switch err := x.b.signed(ctx, "/"+file); {
	case errors.Is(err, errUnsigned):
		return patch.Archive{}, false, nil
	case err != nil:
		return patch.Archive{}, false, err
	}
	size, digest, err := digestOf(ctx, x.here, file)
	if err != nil {
		return patch.Archive{}, false, err
	}
	a := patch.Archive{Ref: r, Path: filepath.Join(x.f.Dir, fileName(r, digest)), SHA256: digest, Size: size}
	if "/"+file != a.Path {
		a, err = x.take(ctx, x.here, file, r, digest)
	}
	a.Origin = "cache"
	return a, err == nil, err
}

// build finds the file of an installed build, as a path of this machine.
func (x *fetcher) build(ctx context.Context, r patch.Ref) (file string, ok bool, err error) {
	p, ok := x.db.find(r)
	if !ok || p.build == "" || p.build == "(none)" {
		return "", false, nil
	}
	ours, err := fs.Glob(x.here, path.Join(local(x.f.Dir), strings.TrimSuffix(fileName(r, ""), ".rpm")+"*.rpm"))
	if err != nil {
		return "", false, err
	}
	files, err := x.cached(r)
	if err != nil {
		return "", false, err
	}
	for _, f := range files {
		ours = append(ours, local(path.Join(x.b.root, f)))
	}
	for _, file := range ours {
		result, err := x.b.rpm(ctx, "rpm", "-qp", "--nosignature", "--qf", rpmFormat, "/"+file)
		if err != nil {
			return "", false, err
		}
		if result.Code != 0 {
			continue // a file that is cut short is no answer, and no failure of ours
		}
		d, err := parseDatabase(string(result.Stdout))
		if err != nil {
			return "", false, err
		}
		if other, ok := d.find(r); ok && other.build == p.build {
			return file, true, nil
		}
	}
	return "", false, nil
}

// Outlook says where the files of installed versions would come from.
func (b *backend) Outlook(ctx context.Context, refs []patch.Ref, dir string) (map[patch.Ref]string, error) {
	x, done, err := b.fetcher(ctx, refs, patch.Fetch{Dir: dir, Offline: true})
	if err != nil {
		return nil, err
	}
	defer done()
	from := map[patch.Ref]string{}
	for _, r := range refs {
		_, here, err := x.build(ctx, r)
		switch {
		case err != nil:
			return nil, err
		case here:
			from[r] = "cache"
		case x.unavailable(r) == "":
			from[r] = "archive"
		}
	}
	return from, nil
}
