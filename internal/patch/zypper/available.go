package zypper

import (
	"cmp"
	"context"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// Available lists for each installed package the version that its pending
// security patches need, and the newest one where that is another. `zypper
// patch` itself goes to the newest, which may bring more than the fix.
func (b *backend) Available(ctx context.Context) ([]patch.Offer, error) {
	host, err := b.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = host.Close() }()
	all, err := b.allMetadata(ctx, host) // first: zypper fetches what is missing, asked or not
	if err != nil {
		return nil, err
	}
	db, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	newest, err := b.listUpdates(ctx)
	if err != nil {
		return nil, err
	}
	security, err := b.securityOffers(ctx, host, all, db)
	if err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, r := range newest {
		wanted[r.Name] = true
	}
	for k := range security {
		wanted[k.name] = true
	}
	known, err := b.index(ctx, host, all, wanted)
	if err != nil {
		return nil, err
	}
	return offers(newest, security, db, known), nil
}

func (b *backend) listUpdates(ctx context.Context) ([]patch.Ref, error) {
	s, err := b.list(ctx, []int{exitUpdates, exitSecurity}, "--no-refresh", "list-updates")
	if err != nil {
		return nil, err
	}
	updates, err := s.updates()
	if err != nil {
		return nil, err
	}
	var refs []patch.Ref
	for _, u := range updates {
		if u.Kind != "package" {
			continue // patches, patterns and products are made of packages
		}
		r := patch.Ref{Name: u.Name, Arch: u.Arch, Version: u.Edition}
		if _, err := capability(r); err != nil {
			return nil, err
		}
		refs = append(refs, r)
	}
	return refs, nil
}

// pendingPatches are the security patches that zypper calls needed.
func (b *backend) pendingPatches(ctx context.Context) (map[patchKey]update, error) {
	s, err := b.list(ctx, []int{exitUpdates, exitSecurity}, "--no-refresh", "list-patches")
	if err != nil {
		return nil, err
	}
	updates, err := s.updates()
	if err != nil {
		return nil, err
	}
	pending := map[patchKey]update{}
	for _, u := range updates {
		// The list has all categories: with --xmlout, zypper leaves --category out.
		if u.Kind == "patch" && u.Status == "needed" && u.Category == "security" {
			pending[patchKey{u.Source.Alias, u.Name}] = u
		}
	}
	return pending, nil
}

// securityOffers returns for each installed package the lowest version that has
// all pending security fixes.
func (b *backend) securityOffers(ctx context.Context, fsys fs.FS, all []*metadata, db database) (map[key]*patch.Offer, error) {
	pending, err := b.pendingPatches(ctx)
	if err != nil || len(pending) == 0 {
		return nil, err
	}
	wanted := map[patchKey]bool{}
	for k := range pending {
		wanted[k] = true
	}
	builds, err := b.shipped(ctx, fsys, all, wanted)
	if err != nil {
		return nil, err
	}
	found := map[key]*patch.Offer{}
	for k, u := range pending {
		for _, r := range builds[k] {
			here := db.newest(keyOf(r))
			if here.Version == "" || pkgver.CompareRPM(r.Version, here.Version) <= 0 {
				continue
			}
			o := found[keyOf(r)]
			if o == nil {
				o = &patch.Offer{Ref: r, Installed: here.Version, Security: true}
				found[keyOf(r)] = o
			}
			addPatch(o, r.Version, u)
		}
	}
	return found, nil
}

// addPatch counts a patch towards an offer. Its date is that of the oldest: the
// fix has been pending since then.
func addPatch(o *patch.Offer, version string, u update) {
	if pkgver.CompareRPM(version, o.Version) > 0 {
		o.Version = version
	}
	o.IDs = append(o.IDs, u.Name)
	for _, issue := range u.Issues {
		if issue.Type == "cve" && strings.HasPrefix(issue.ID, "CVE-") {
			o.IDs = append(o.IDs, issue.ID)
		}
	}
	slices.Sort(o.IDs)
	o.IDs = slices.Compact(o.IDs)
	if severityRank(u.Severity) > severityRank(o.Severity) {
		o.Severity = u.Severity
	}
	if issued := time.Unix(u.Issued.Seconds, 0).UTC(); u.Issued.Seconds > 0 && (o.Date.IsZero() || issued.Before(o.Date)) {
		o.Date = issued
	}
}

// severityRank orders the words that SUSE and openSUSE use; no word is below all.
func severityRank(word string) int {
	if word == "" {
		return -1
	}
	return slices.Index([]string{"unspecified", "low", "moderate", "important", "critical"}, strings.ToLower(word)) + 1
}

func offers(newest []patch.Ref, security map[key]*patch.Offer, db database, known index) []patch.Offer {
	var all []patch.Offer
	for _, o := range security {
		raise(o, known)
		describe(o, known)
		all = append(all, *o)
	}
	for _, r := range newest {
		here := db.newest(keyOf(r)).Version
		if o := security[keyOf(r)]; here == "" || o != nil && o.Version == r.Version {
			continue
		}
		o := patch.Offer{Ref: r, Installed: here}
		describe(&o, known)
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b patch.Offer) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), pkgver.CompareRPM(a.Version, b.Version))
	})
	return all
}

// raise goes to the lowest version on offer that has the fix: repositories may
// drop the one that a patch names when a newer one is there.
func raise(o *patch.Offer, known index) {
	best := ""
	for _, e := range known[keyOf(o.Ref)] {
		if pkgver.CompareRPM(e.Version, o.Version) >= 0 && (best == "" || pkgver.CompareRPM(e.Version, best) < 0) {
			best = e.Version
		}
	}
	o.Version = cmp.Or(best, o.Version)
}

func describe(o *patch.Offer, known index) {
	if at := known.at(o.Ref); len(at) > 0 {
		o.Source, o.Archive = at[0].source, at[0].repo.Alias
	}
}
