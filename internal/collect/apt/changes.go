package apt

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
)

const (
	// debLimit leaves out packages whose changelog costs more than it is worth:
	// unpacking one of 64 MiB takes seconds.
	debLimit = 64 << 20
	// askLimit bounds the changelogs asked for over the network in one scan.
	askLimit = 100
	// failureLimit ends the asking: the network or the changelog server is away.
	failureLimit = 3
)

// step is the way of one source from the installed version to the fixed one:
// all its binaries share a changelog.
type step struct {
	source, installed, fixed string // versions of the source
}

// changer reads the changelogs of pending security updates: of packages apt has
// downloaded already, else, when asked to, from apt-get.
type changer struct {
	host     collect.Host
	asked    int
	failures int // in a row: without a network each costs apt's time-out
	problems []string
}

// addChanges fills IDs and dates of security updates from their changelogs and
// returns what could not be read.
func addChanges(ctx context.Context, host collect.Host, all *catalogue, updates []inventory.Update) []string {
	c := changer{host: host}
	groups := steps(all, updates)
	for _, key := range slices.SortedFunc(maps.Keys(groups), func(a, b step) int { return cmp.Compare(a.source+" "+a.installed, b.source+" "+b.installed) }) {
		entries := c.entries(ctx, key, groups[key])
		if len(entries) == 0 {
			continue
		}
		sum := between(entries, key.installed, key.fixed)
		for _, u := range groups[key] {
			u.IDs = slices.Clone(sum.cves)
			if u.Date = sum.date; !sum.date.IsZero() {
				u.DateFrom = "changelog of " + key.source + " " + sum.from
			}
		}
	}
	if c.asked > askLimit {
		c.problems = append(c.problems, fmt.Sprintf("more than %d sources have pending security updates: no changelogs were asked for beyond that", askLimit))
	}
	return c.problems
}

func steps(all *catalogue, updates []inventory.Update) map[step][]*inventory.Update {
	groups := map[step][]*inventory.Update{}
	for i := range updates {
		u := &updates[i]
		if !u.Security {
			continue
		}
		key := step{u.Source, all.sourceVersion(u), u.FixedSource}
		groups[key] = append(groups[key], u)
	}
	return groups
}

// sourceVersion is the installed version of an update's source.
func (c *catalogue) sourceVersion(u *inventory.Update) string {
	for _, i := range c.packages[u.Package].installed {
		if p := &c.inv.Packages[i]; p.Arch == u.Arch && p.Version == u.Installed {
			return p.SourceVersion
		}
	}
	return u.Installed
}

func (c *changer) entries(ctx context.Context, key step, group []*inventory.Update) []Entry {
	entries, err := downloaded(ctx, c.host.FS, key, group)
	if err != nil {
		c.problems = append(c.problems, "cannot read the changelog of "+key.source+" from the downloaded package: "+err.Error())
	}
	if len(entries) > 0 || !c.host.Changelogs || c.host.Exec == nil {
		return entries
	}
	if c.failures >= failureLimit {
		return nil
	}
	if c.asked++; c.asked > askLimit {
		return nil
	}
	entries, err = ask(ctx, c.host.Exec, key, group[0])
	if err == nil {
		c.failures = 0
		return entries
	}
	c.problems = append(c.problems, "cannot get the changelog of "+key.source+": "+err.Error())
	if c.failures++; c.failures >= failureLimit {
		c.problems = append(c.problems, fmt.Sprintf("no more changelogs were asked for after %d failures in a row", failureLimit))
	}
	return nil
}

// downloaded reads the changelog from the smallest of a source's packages that
// apt has already fetched; nothing when there is none.
func downloaded(ctx context.Context, fsys fs.FS, key step, group []*inventory.Update) ([]Entry, error) {
	type deb struct {
		file, pkg string
		size      int64
	}
	var debs []deb
	for _, u := range group {
		for _, version := range []string{u.Fixed, u.Candidate} { // apt fetches the candidate
			if file, size := cachedDeb(fsys, u.Package, version, u.Arch); file != "" && size <= debLimit {
				debs = append(debs, deb{file, u.Package, size})
			}
		}
	}
	slices.SortFunc(debs, func(a, b deb) int { return cmp.Compare(a.size, b.size) })
	for _, d := range debs {
		text, err := debChangelog(ctx, fsys, d.file, d.pkg)
		if err != nil {
			return nil, err
		}
		if text != nil {
			return missing("/"+d.file, text, key)
		}
	}
	return nil, nil
}

func debChangelog(ctx context.Context, fsys fs.FS, file, pkg string) ([]byte, error) {
	f, err := fsys.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return ReadDeb(ctx, "/"+file, pkg, f)
}

// ask runs `apt-get changelog`, which fetches it from where the archive's
// Release file says and prints it when its output is no terminal.
func ask(ctx context.Context, run hostexec.Runner, key step, u *inventory.Update) ([]Entry, error) {
	r, err := run.Run(ctx, hostexec.Cmd{
		Name: "apt-get", Args: []string{"-qq", "changelog", u.Package + ":" + u.Arch + "=" + u.Fixed}, MaxOutput: changelogLimit,
	})
	if err != nil {
		return nil, err
	}
	if r.Code != 0 {
		reason, _, _ := strings.Cut(strings.TrimSpace(string(r.Stderr)), "\n")
		return nil, fmt.Errorf("apt-get changelog failed with code %d: %s", r.Code, reason)
	}
	return missing("apt-get changelog "+u.Package, r.Stdout, key)
}

// missing returns the entries above the installed version, which must be there:
// what is printed may be another package's or an old changelog.
func missing(name string, text []byte, key step) ([]Entry, error) {
	entries, err := ParseChangelog(name, bytes.NewReader(text), func(e *Entry) bool {
		return pkgver.CompareDpkg(e.Version, key.installed) > 0
	})
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s has no entry newer than %s", name, key.installed)
	}
	return entries, nil
}
