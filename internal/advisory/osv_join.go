package advisory

import "slices"

// joiner collects the rows of one record, one for each package and module.
type joiner struct {
	at   map[joinKey]int
	rows []Row
	open map[int]bool // rows of which one entry did not limit the binaries
}

type joinKey struct {
	ecosystem   Ecosystem
	pkg, module string
}

func newJoiner(entries int) *joiner {
	return &joiner{at: make(map[joinKey]int, entries), rows: make([]Row, 0, entries), open: map[int]bool{}}
}

func (j *joiner) add(row *Row) {
	key := joinKey{row.Ecosystem, row.Package, row.Module}
	i, seen := j.at[key]
	if !seen {
		i = len(j.rows)
		j.at[key] = i
		j.rows = append(j.rows, *row)
		if len(row.Binaries) == 0 {
			j.open[i] = true
		}
		return
	}
	into := &j.rows[i]
	into.Ranges = append(slices.Clip(into.Ranges), row.Ranges...)
	into.Versions = append(slices.Clip(into.Versions), row.Versions...)
	into.Binaries = append(slices.Clip(into.Binaries), row.Binaries...)
	if len(row.Binaries) == 0 {
		j.open[i] = true
	}
	into.Verdict = worse(into.Verdict, row.Verdict)
	if row.Severity > into.Severity {
		into.Severity, into.CVSS, into.Rating = row.Severity, row.CVSS, row.Rating
	}
}

// worse is the verdict of two entries: what one of them calls affected is.
func worse(a, b Verdict) Verdict {
	if a == VerdictAffected || b == VerdictAffected {
		return VerdictAffected
	}
	return max(a, b)
}

func (j *joiner) finish() []Row {
	for i := range j.rows {
		row := &j.rows[i]
		row.Ranges = distinct(row.Ranges)
		slices.Sort(row.Versions)
		row.Versions = slices.Compact(row.Versions)
		slices.Sort(row.Binaries)
		row.Binaries = slices.Compact(row.Binaries)
		if j.open[i] {
			row.Binaries = nil
		}
	}
	return j.rows
}

// distinct drops repeated ranges and keeps the order.
func distinct(ranges []Range) []Range {
	for i := 1; i < len(ranges); i++ {
		if slices.Contains(ranges[:i], ranges[i]) {
			ranges = slices.Delete(ranges, i, i+1)
			i--
		}
	}
	return ranges
}
