package zypper

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// Download has zypper fetch package files, without solving anything, and
// verifies each by the metadata's digest and, where the repository asks for it,
// its signature.
func (b *backend) Download(ctx context.Context, refs []patch.Ref, f patch.Fetch) ([]patch.Archive, error) {
	host, err := b.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = host.Close() }()
	x, done, err := b.fetcher(ctx, host, refs, f)
	if err != nil {
		return nil, err
	}
	defer done()
	byRef := map[patch.Ref]patch.Archive{}
	missing, problems, err := x.collect(ctx, refs, byRef)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 && f.Offline {
		problems = append(problems, fmt.Errorf("cannot download %s %s and %d more: no network is to be used, and they are not here", missing[0].Name, missing[0].Version, len(missing)-1))
	} else if len(missing) > 0 {
		failures, err := x.fetch(ctx, missing, byRef)
		if err != nil {
			return nil, fmt.Errorf("cannot download packages: %w", err)
		}
		for _, r := range missing {
			if why, ok := failures[r]; ok {
				problems = append(problems, fmt.Errorf("cannot download %s %s: %s", r.Name, r.Version, why))
			}
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if err := hostfs.RemoveAll(x.scratch()); err != nil {
		return nil, fmt.Errorf("cannot remove the folder that was downloaded into: %w", err)
	}
	return x.verified(ctx, refs, byRef)
}

// collect takes what is present already and says what is missing.
func (x *fetcher) collect(ctx context.Context, refs []patch.Ref, byRef map[patch.Ref]patch.Archive) (missing []patch.Ref, problems []error, err error) {
	for _, r := range refs {
		if why := x.unavailable(r); why != "" {
			problems = append(problems, fmt.Errorf("cannot download %s %s: %s", r.Name, r.Version, why))
			continue
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
		x.done += a.Size
		x.progress(r.Name)
	}
	return missing, problems, nil
}

// unavailable says why no repository can have a package at a version.
func (x *fetcher) unavailable(r patch.Ref) string {
	at := x.known.at(r)
	if len(at) == 0 {
		return "no enabled repository has it; run zypper refresh"
	}
	for _, e := range at {
		if isDigest(e.sha256) {
			return ""
		}
	}
	return "repository " + at[0].repo.Alias + " states no SHA-256 of it"
}

// verified checks the signatures of all files and returns them in the order of
// refs.
func (x *fetcher) verified(ctx context.Context, refs []patch.Ref, byRef map[patch.Ref]patch.Archive) ([]patch.Archive, error) {
	all := make([]patch.Archive, 0, len(refs))
	paths := make([]string, 0, len(refs))
	for _, r := range refs {
		a := byRef[r]
		all, paths = append(all, a), append(paths, a.Path)
	}
	found, err := x.b.signatures(ctx, paths)
	if err != nil {
		return nil, err
	}
	for _, a := range all {
		if found[a.Path] == signed {
			continue
		}
		for _, e := range x.known.at(a.Ref) {
			if e.sha256 == a.SHA256 && e.repo.needsSignature() {
				return nil, fmt.Errorf("%s is not signed, which repository %s requires", a.Path, e.repo.Alias)
			}
		}
	}
	return all, nil
}
