package dnf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// Refresh fetches the metadata of all enabled repositories. dnf leaves out those
// that it cannot reach if it is configured so, and ends with 0.
func (b *backend) Refresh(ctx context.Context) error {
	if _, err := b.must(ctx, "-q", "--assumeno", "--setopt=*.skip_if_unavailable=0", "makecache", "--refresh"); err != nil {
		return fmt.Errorf("cannot refresh dnf's metadata: %w", err)
	}
	text, err := b.must(ctx, append(slices.Clone(fromCache), "repolist", "--enabled")...)
	if err != nil {
		return fmt.Errorf("cannot see which repositories are enabled: %w", err)
	}
	if strings.TrimSpace(text) == "" {
		return errors.New("no repository of dnf is enabled (/etc/yum.repos.d)")
	}
	// What is missing in the cache is an error now.
	if _, err := b.query(ctx, "lockfast-reads-back"); err != nil {
		return fmt.Errorf("dnf ended without an error, but its metadata cannot be read back: %w", err)
	}
	return nil
}

// fix is what the advisories say of a newer version of a package.
type fix struct {
	version  string
	ids      []string
	severity string
	date     time.Time
}

// Available lists for each package the lowest version that has all security
// fixes, and the newest one where that is higher.
func (b *backend) Available(ctx context.Context) ([]patch.Offer, error) {
	if err := b.four(ctx); err != nil {
		return nil, err
	}
	db, err := b.database(ctx)
	if err != nil {
		return nil, err
	}
	upgrades, err := b.query(ctx, "--upgrades")
	if err != nil {
		return nil, err
	}
	fixes, err := b.fixes(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read advisories: %w", err)
	}
	var offers []patch.Offer
	for k, files := range upgrades {
		offers = append(offers, choose(files, fixes[k], db.near(k))...)
	}
	slices.SortFunc(offers, func(a, b patch.Offer) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Arch, b.Arch), pkgver.CompareRPM(a.Version, b.Version))
	})
	return offers, nil
}

// near is the installed version of a package, or of the same package for
// another architecture: an update may go to noarch or come from it.
func (d database) near(k key) string {
	if v := d.newest(k).Version; v != "" {
		return v
	}
	best := ""
	for other := range d {
		if v := d.newest(other).Version; other.name == k.name && (best == "" || pkgver.CompareRPM(v, best) > 0) {
			best = v
		}
	}
	return best
}

// choose makes offers of the files of one package.
func choose(files []offered, fixes []fix, here string) []patch.Offer {
	slices.SortStableFunc(files, func(a, b offered) int { return pkgver.CompareRPM(a.Version, b.Version) })
	all := fix{}
	for _, f := range fixes {
		if here != "" && pkgver.CompareRPM(f.version, here) <= 0 || !slices.ContainsFunc(files, func(o offered) bool { return pkgver.CompareRPM(o.Version, f.version) >= 0 }) {
			continue // installed, or not to be had
		}
		all.add(f)
	}
	newest := files[len(files)-1]
	if all.version == "" {
		return []patch.Offer{newest.offer(here)}
	}
	at := slices.IndexFunc(files, func(o offered) bool { return pkgver.CompareRPM(o.Version, all.version) >= 0 })
	o := files[at].offer(here)
	slices.Sort(all.ids)
	o.Security, o.IDs, o.Severity, o.Date = true, slices.Compact(all.ids), all.severity, all.date
	if newest.Version == o.Version {
		return []patch.Offer{o}
	}
	return []patch.Offer{o, newest.offer(here)}
}

func (o offered) offer(here string) patch.Offer {
	return patch.Offer{Ref: o.Ref, Source: o.source, Installed: here, Archive: o.repo}
}

// add joins two fixes: the highest version, the worst rating, the first date.
func (f *fix) add(g fix) {
	if f.version == "" || pkgver.CompareRPM(g.version, f.version) > 0 {
		f.version = g.version
	}
	f.ids = append(f.ids, g.ids...)
	if rank(g.severity) > rank(f.severity) {
		f.severity = g.severity
	}
	if f.date.IsZero() || !g.date.IsZero() && g.date.Before(f.date) {
		f.date = g.date
	}
}

func rank(severity string) int {
	return slices.Index([]string{"low", "moderate", "important", "critical"}, strings.ToLower(severity))
}

// fixes reads the security advisories that concern installed packages. dnf
// lists advisories and CVEs apart, and dates only in a list for people, of
// which nothing else is taken.
func (b *backend) fixes(ctx context.Context) (map[key][]fix, error) {
	list := append(slices.Clone(fromCache), "updateinfo", "list", "--security")
	text, err := b.must(ctx, list...)
	if err != nil {
		return nil, err
	}
	found, err := parseAdvisories(text)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	if text, err = b.must(ctx, append(list, "--with-cve")...); err != nil {
		return nil, err
	}
	cves, err := parseAdvisories(text)
	if err != nil {
		return nil, err
	}
	if text, err = b.must(ctx, "-C", "-v", "--setopt=*.skip_if_unavailable=0", "updateinfo", "list", "--security"); err != nil {
		return nil, err
	}
	dates := parseDates(text)
	fixes := map[key][]fix{}
	for _, ref := range slices.SortedFunc(maps.Keys(found), func(a, b patch.Ref) int { return cmp.Compare(a.Name+a.Arch+a.Version, b.Name+b.Arch+b.Version) }) {
		f := found[ref]
		f.ids, f.date = append(f.ids, cves[ref].ids...), dates[ref]
		fixes[keyOf(ref)] = append(fixes[keyOf(ref)], f)
	}
	return fixes, nil
}

// parseAdvisories reads lines of identifier, kind and package: "ALSA-2024:1
// Important/Sec. app-2-1.x86_64".
func parseAdvisories(text string) (map[patch.Ref]fix, error) {
	found := map[patch.Ref]fix{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		if len(f) != 3 {
			return nil, fmt.Errorf("dnf says %q", oneLine(line))
		}
		ref, err := parseNEVRA(f[2])
		if err != nil {
			return nil, fmt.Errorf("dnf says %q: %w", oneLine(line), err)
		}
		severity, security := strings.CutSuffix(f[1], "/Sec.")
		if !security { // --with-cve adds bug fixes that name a CVE
			continue
		}
		if severity == "Unknown" || severity == "None" {
			severity = ""
		}
		one := found[ref]
		one.add(fix{version: ref.Version, ids: []string{f[0]}, severity: severity})
		found[ref] = one
	}
	return found, nil
}

var dateForm = regexp.MustCompile(`^\S+ +\S+/Sec\. +(\S+) +([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})\s*$`)

// parseDates reads the same list with dates at the ends of lines, among other
// lines.
func parseDates(text string) map[patch.Ref]time.Time {
	dates := map[patch.Ref]time.Time{}
	for line := range strings.Lines(text) {
		m := dateForm.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		ref, refErr := parseNEVRA(m[1])
		date, err := time.Parse(time.DateTime, m[2])
		if refErr != nil || err != nil || date.Unix() <= 0 {
			continue
		}
		if old, ok := dates[ref]; !ok || date.Before(old) {
			dates[ref] = date
		}
	}
	return dates
}
