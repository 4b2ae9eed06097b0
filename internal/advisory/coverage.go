package advisory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A release whose newest record is this much older than its source's newest one
// is no longer kept up: packages outside its records are unknown.
const staleRelease = 120 * day

const endsPrefix = "records end "

// span is what is counted of an ecosystem or a source.
type span struct {
	records, packages int
	oldest, newest    int64 // of published and modified times
	modified          int64 // newest modified time
	partial           string
}

func (s *span) note(info *recordInfo) {
	first, last := min(info.published, info.modified), max(info.published, info.modified)
	if s.records == 0 || first < s.oldest {
		s.oldest = first
	}
	if s.records == 0 || last > s.newest {
		s.newest = last
	}
	if s.records == 0 || info.modified > s.modified {
		s.modified = info.modified
	}
	if info.partial != "" && (s.partial == "" || info.partial < s.partial) {
		s.partial = info.partial
	}
	s.records++
}

// meta counts what the rows cover. keys are the sorted groups of live rows.
func (b *Builder) meta(groups []rowGroup) Meta {
	releases, families := map[Ecosystem]*span{}, map[string]*span{}
	lastIn := map[string]map[uint32]bool{}
	counted := func(name string, record uint32) bool {
		if lastIn[name] == nil {
			lastIn[name] = map[uint32]bool{}
		}
		seen := lastIn[name][record]
		lastIn[name][record] = true
		return seen
	}
	for _, g := range groups {
		eco := g.key.ecosystem
		release := entryOf(releases, eco)
		release.packages++
		source := entryOf(families, "osv/"+eco.Family())
		for _, e := range g.entries {
			if !counted(string(eco), e.record) {
				release.note(&b.infos[e.record])
			}
			if !counted("osv/"+eco.Family(), e.record) {
				source.note(&b.infos[e.record])
			}
		}
	}
	m := Meta{Created: b.created, Tool: b.tool, Sources: b.sourceList(families)}
	for _, eco := range slices.Sorted(maps.Keys(releases)) {
		s := releases[eco]
		m.Coverage = append(m.Coverage, Coverage{
			Ecosystem: eco, Source: "osv/" + eco.Family(), Records: s.records, Packages: s.packages,
			Oldest: unix(s.oldest), Newest: unix(s.newest),
			Partial: b.partialReason(eco, s, families["osv/"+eco.Family()]),
		})
	}
	return m
}

func entryOf[K comparable](m map[K]*span, key K) *span {
	if m[key] == nil {
		m[key] = &span{}
	}
	return m[key]
}

func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// partialReason joins what is known against a release's completeness.
func (b *Builder) partialReason(eco Ecosystem, s, source *span) string {
	var reasons []string
	if s.partial != "" {
		reasons = append(reasons, fmt.Sprintf("%s: only the %d packages named in the records are covered", s.partial, s.packages))
	}
	if time.Duration(source.newest-s.newest)*time.Second > staleRelease {
		reasons = append(reasons, endsPrefix+unix(s.newest).Format(time.DateOnly))
	}
	given := slices.Clone(b.partial[eco])
	slices.Sort(given)
	for _, g := range given {
		for reason := range strings.SplitSeq(g, "; ") { // of an older store, joined there
			if !strings.HasPrefix(reason, endsPrefix) && !slices.Contains(reasons, reason) {
				reasons = append(reasons, reason)
			}
		}
	}
	return strings.Join(reasons, "; ")
}

func (b *Builder) sourceList(families map[string]*span) []Source {
	all := maps.Clone(b.sources)
	for name, s := range families {
		source := all[name]
		source.Name, source.Kind = name, SourceOSV
		source.Date, source.Records = unix(s.modified), s.records
		all[name] = source
	}
	list := slices.Collect(maps.Values(all))
	slices.SortFunc(list, func(x, y Source) int { return cmp.Compare(x.Name, y.Name) })
	return list
}
