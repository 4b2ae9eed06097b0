package advisory

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/pkgver"
)

// The events of OSV ranges (https://ossf.github.io/osv-schema/#affectedrangesevents-fields).

// spansOf turns an entry's ranges into spans. An entry that names neither ranges
// nor versions affects every version: the record says "affected" and nothing
// that would limit it.
func spansOf(a *osvAffected, scheme pkgver.Scheme) ([]Range, error) {
	var spans []Range
	counted := 0
	for i := range a.Ranges {
		r := &a.Ranges[i]
		switch r.Type {
		case "GIT":
			continue
		case "ECOSYSTEM", "SEMVER":
		default:
			return nil, fmt.Errorf("ranges[%d] has the unknown type %.40q", i, r.Type)
		}
		counted++
		epoch := ""
		if scheme == pkgver.RPM {
			epoch = purlQualifier(a.Package.PURL, "epoch")
		}
		found, err := spansOfEvents(r.Events, scheme, epoch)
		if err != nil {
			return nil, fmt.Errorf("ranges[%d]: %v", i, err)
		}
		spans = append(spans, found...)
	}
	if counted == 0 && len(a.Versions) == 0 {
		return []Range{{Introduced: "0"}}, nil
	}
	return spans, nil
}

// moment is what happens at one version.
type moment struct {
	version                    string
	introduced, fixed, lastOne bool
}

// spansOfEvents walks the events in version order, as the schema's evaluation
// does: an introduction opens a span, the next fix, limit or last affected
// version closes it.
func spansOfEvents(events []osvEvent, scheme pkgver.Scheme, epoch string) ([]Range, error) {
	moments, err := momentsOf(events, scheme, epoch)
	if err != nil {
		return nil, err
	}
	var spans []Range
	open, since := false, ""
	for _, m := range moments {
		switch {
		case !open && m.introduced && m.fixed:
			continue // fixed in the version it came with: nothing is affected
		case open && m.fixed:
			spans = append(spans, Range{Introduced: since, Fixed: m.version})
			open = false
		}
		if m.introduced && !open {
			open, since = true, m.version
		}
		if m.lastOne && open {
			spans = append(spans, Range{Introduced: since, LastAffected: m.version})
			open = false
		}
	}
	if open {
		spans = append(spans, Range{Introduced: since})
	}
	return spans, nil
}

// momentsOf sorts the events and joins those of equal versions.
func momentsOf(events []osvEvent, scheme pkgver.Scheme, epoch string) ([]moment, error) {
	moments := make([]moment, 0, len(events))
	introductions := 0
	for i := range events {
		m, err := momentOf(&events[i], epoch)
		if err != nil {
			return nil, fmt.Errorf("events[%d]: %v", i, err)
		}
		if m.introduced {
			introductions++
		}
		if m.version != "*" { // "limit": "*" is infinity
			moments = append(moments, m)
		}
	}
	if introductions == 0 {
		return nil, errors.New("no event introduces the problem")
	}
	slices.SortStableFunc(moments, func(a, b moment) int { return compareFromZero(scheme, a.version, b.version) })
	joined := moments[:1]
	for _, m := range moments[1:] {
		last := &joined[len(joined)-1]
		if compareFromZero(scheme, last.version, m.version) != 0 {
			joined = append(joined, m)
			continue
		}
		last.introduced = last.introduced || m.introduced
		last.fixed = last.fixed || m.fixed
		last.lastOne = last.lastOne || m.lastOne
	}
	return joined, nil
}

func momentOf(e *osvEvent, epoch string) (moment, error) {
	m, named := moment{}, 0
	for _, field := range []struct {
		version string
		set     *bool
	}{{e.Introduced, &m.introduced}, {e.Fixed, &m.fixed}, {e.LastAffected, &m.lastOne}, {e.Limit, &m.fixed}} {
		if field.version == "" {
			continue
		}
		named++
		m.version, *field.set = field.version, true
	}
	if named != 1 {
		return moment{}, fmt.Errorf("it has %d of introduced, fixed, last_affected and limit, not one", named)
	}
	if m.version == "*" && e.Limit == "" {
		return moment{}, errors.New(`"*" is no version`)
	}
	m.version = withEpoch(m.version, epoch)
	return m, nil
}

// compareFromZero orders versions; "0" is before all others.
func compareFromZero(scheme pkgver.Scheme, a, b string) int {
	switch {
	case a == b:
		return 0
	case a == "0":
		return -1
	case b == "0":
		return 1
	}
	return scheme.Compare(a, b)
}

// withEpoch adds the epoch that Rocky's older records give in the package URL
// only: without it the fix would look older than every installed version.
func withEpoch(version, epoch string) string {
	if epoch == "" || epoch == "0" || version == "0" || version == "*" || strings.Contains(version, ":") {
		return version
	}
	return epoch + ":" + version
}

// purlQualifier returns one qualifier of a package URL, as it stands there.
func purlQualifier(purl, name string) string {
	_, query, _ := strings.Cut(purl, "?")
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// outside returns the versions that no span contains: naming the others one by
// one adds nothing.
func outside(versions []string, spans []Range, scheme pkgver.Scheme) []string {
	var rest []string
	for _, v := range versions {
		covered := slices.ContainsFunc(spans, func(r Range) bool { return r.contains(v, scheme) })
		if v != "" && !covered {
			rest = append(rest, v)
		}
	}
	slices.Sort(rest)
	return slices.Compact(rest)
}

func (r Range) contains(v string, scheme pkgver.Scheme) bool {
	switch {
	case r.Introduced != "" && r.Introduced != "0" && scheme.Compare(v, r.Introduced) < 0:
		return false
	case r.Fixed != "":
		return scheme.Compare(v, r.Fixed) < 0
	}
	return r.LastAffected == "" || scheme.Compare(v, r.LastAffected) <= 0
}
