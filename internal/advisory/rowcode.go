package advisory

import (
	"encoding/binary"
	"errors"
	"time"
)

// A row is encoded without ecosystem and package, which are its key. Bit flags
// leave out what is absent or follows from the rest; the commonest row (a CVE
// with one range from the beginning) takes about 40 bytes.
const (
	rowWithdrawn  = 1 << 0
	rowImpliedIDs = 1 << 1 // IDs is exactly the CVE that ID implies
	rowPublished  = 1 << 2
	rowModified   = 1 << 3
	rowFixDate    = 1 << 4
	rowFixIsPub   = 1 << 5 // FixDate equals Published
	rowRated      = 1 << 6 // has Severity, Rating and CVSS
	rowExtra      = 1 << 7 // has Versions, Module and Binaries
)

// How a range is given: what Introduced is, and which of the others follow.
const (
	rangeZero  = 1 << 0 // Introduced is "0"
	rangeFrom  = 1 << 1 // Introduced follows
	rangeFixed = 1 << 2
	rangeLast  = 1 << 3
)

var errRow = errors.New("a row is damaged") // constant; see [Store] for who adds the place

// appendRow encodes a row.
func appendRow(b []byte, r *Row) []byte {
	flags := rowFlags(r)
	b = append(b, byte(r.Kind)|byte(r.Verdict)<<4, flags)
	b = appendText(b, string(r.ID))
	if flags&rowImpliedIDs == 0 {
		b = appendTexts(b, r.IDs)
	}
	b = binary.AppendUvarint(b, uint64(len(r.Ranges)))
	for i := range r.Ranges {
		b = appendRange(b, &r.Ranges[i])
	}
	if flags&rowPublished != 0 {
		b = binary.AppendVarint(b, r.Published.Unix())
	}
	if flags&rowModified != 0 {
		b = binary.AppendVarint(b, r.Modified.Unix())
	}
	if flags&(rowFixDate|rowFixIsPub) == rowFixDate {
		b = binary.AppendVarint(b, r.FixDate.Unix())
	}
	if flags&rowRated != 0 {
		b = append(b, byte(r.Severity))
		b = appendText(b, r.Rating)
		b = appendText(b, r.CVSS)
	}
	if flags&rowExtra != 0 {
		b = appendTexts(b, r.Versions)
		b = appendText(b, r.Module)
		b = appendTexts(b, r.Binaries)
	}
	return appendText(b, r.Summary)
}

func rowFlags(r *Row) byte {
	flags := byte(0)
	set := func(flag byte, on bool) {
		if on {
			flags |= flag
		}
	}
	set(rowWithdrawn, r.Withdrawn)
	if len(r.IDs) == 1 {
		cve, ok := impliedCVE(r.ID)
		set(rowImpliedIDs, ok && cve == r.IDs[0])
	}
	set(rowPublished, !r.Published.IsZero())
	set(rowModified, !r.Modified.IsZero())
	set(rowFixDate, !r.FixDate.IsZero())
	set(rowFixIsPub, !r.FixDate.IsZero() && r.FixDate.Equal(r.Published))
	set(rowRated, r.Severity != SeverityUnknown || r.Rating != "" || r.CVSS != "")
	set(rowExtra, len(r.Versions) > 0 || r.Module != "" || len(r.Binaries) > 0)
	return flags
}

func appendRange(b []byte, r *Range) []byte {
	mask := byte(0)
	switch r.Introduced {
	case "":
	case "0":
		mask |= rangeZero
	default:
		mask |= rangeFrom
	}
	if r.Fixed != "" {
		mask |= rangeFixed
	}
	if r.LastAffected != "" {
		mask |= rangeLast
	}
	b = append(b, mask)
	for _, part := range []struct {
		bit  byte
		text string
	}{{rangeFrom, r.Introduced}, {rangeFixed, r.Fixed}, {rangeLast, r.LastAffected}} {
		if mask&part.bit != 0 {
			b = appendText(b, part.text)
		}
	}
	return b
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendTexts[T ~string](b []byte, list []T) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, string(s))
	}
	return b
}

// rowReader decodes rows out of one string, whose parts the rows then share: no
// allocation for each field. bad is set at the first thing that does not fit.
type rowReader struct {
	s      string
	bad    bool
	ids    []ID    // backing of all IDs of the group
	ranges []Range // backing of all ranges of the group
}

// readRows decodes a group of n rows of one package.
func readRows(s string, n int, eco Ecosystem, pkg string) ([]Row, error) {
	if n > len(s) { // a row takes more than one byte
		return nil, errRow
	}
	r := rowReader{s: s, ids: make([]ID, 0, n+n/2), ranges: make([]Range, 0, n)}
	rows := make([]Row, n)
	for i := range rows {
		rows[i].Ecosystem, rows[i].Package = eco, pkg
		r.row(&rows[i])
		if r.bad {
			return nil, errRow
		}
	}
	if r.s != "" {
		return nil, errRow
	}
	return rows, nil
}

func (r *rowReader) row(row *Row) {
	kind, flags := r.byte(), r.byte()
	row.Kind, row.Verdict = Kind(kind&15), Verdict(kind>>4)
	row.Withdrawn = flags&rowWithdrawn != 0
	row.ID = ID(r.text())
	r.rowIDs(row, flags)
	r.rowRanges(row)
	if flags&rowPublished != 0 {
		row.Published = r.time()
	}
	if flags&rowModified != 0 {
		row.Modified = r.time()
	}
	switch {
	case flags&rowFixIsPub != 0:
		row.FixDate = row.Published
	case flags&rowFixDate != 0:
		row.FixDate = r.time()
	}
	if flags&rowRated != 0 {
		row.Severity = Severity(r.byte())
		row.Rating, row.CVSS = r.text(), r.text()
	}
	if flags&rowExtra != 0 {
		row.Versions, row.Module, row.Binaries = r.texts(), r.text(), r.texts()
	}
	row.Summary = r.text()
}

func (r *rowReader) rowIDs(row *Row, flags byte) {
	from := len(r.ids)
	if flags&rowImpliedIDs != 0 {
		cve, ok := impliedCVE(row.ID)
		r.bad = r.bad || !ok
		r.ids = append(r.ids, cve)
	} else {
		for range r.count() {
			r.ids = append(r.ids, ID(r.text()))
		}
	}
	if len(r.ids) > from {
		row.IDs = r.ids[from:len(r.ids):len(r.ids)]
	}
}

func (r *rowReader) rowRanges(row *Row) {
	from := len(r.ranges)
	for range r.count() {
		r.ranges = append(r.ranges, r.span())
	}
	if len(r.ranges) > from {
		row.Ranges = r.ranges[from:len(r.ranges):len(r.ranges)]
	}
}

func (r *rowReader) span() Range {
	var span Range
	mask := r.byte()
	if mask&rangeZero != 0 {
		span.Introduced = "0"
	}
	if mask&rangeFrom != 0 {
		span.Introduced = r.text()
	}
	if mask&rangeFixed != 0 {
		span.Fixed = r.text()
	}
	if mask&rangeLast != 0 {
		span.LastAffected = r.text()
	}
	return span
}

func (r *rowReader) byte() byte {
	if r.s == "" {
		r.bad = true
		return 0
	}
	b := r.s[0]
	r.s = r.s[1:]
	return b
}

// number reads an unsigned varint.
func (r *rowReader) number() uint64 {
	n, shift := uint64(0), uint(0)
	for i := range len(r.s) {
		b := r.s[i]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			r.s = r.s[i+1:]
			return n
		}
		if shift += 7; shift > 63 {
			break
		}
	}
	r.bad, r.s = true, ""
	return 0
}

// count reads how many things follow; each takes a byte at least.
func (r *rowReader) count() int {
	n := r.number()
	if n > uint64(len(r.s)) {
		r.bad, r.s = true, ""
		return 0
	}
	return int(n) //nolint:gosec // at most len(r.s)
}

func (r *rowReader) text() string {
	n := r.count()
	text := r.s[:n]
	r.s = r.s[n:]
	return text
}

func (r *rowReader) texts() []string {
	n := r.count()
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.text()
	}
	return list
}

func (r *rowReader) time() time.Time {
	n := r.number() // zigzag, as binary.AppendVarint writes
	return time.Unix(int64(n>>1)^-int64(n&1), 0).UTC()
}
