package advisory

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Builder collects records and CVEs and writes a store. The same input gives
// the same bytes, in whatever order it came, as long as no record comes twice
// with the same modification time and different content (the first one wins).
//
// Rows are encoded as they come: 45,000 AlmaLinux records, half a million rows,
// stay below 100 MB. A Builder is not safe for concurrent use.
type Builder struct {
	created time.Time
	tool    string

	keys    map[rowKey]uint32
	names   []rowKey
	entries []builderEntry
	records map[ID]uint32
	infos   []recordInfo
	arena   arena

	cves    map[uint64]CVE
	sources map[string]Source
	partial map[Ecosystem][]string
}

type rowKey struct {
	ecosystem Ecosystem
	pkg       string
}

// builderEntry is one encoded row.
type builderEntry struct {
	key, record uint32
	at          arenaSpan
}

type recordInfo struct {
	published, modified int64 // Unix seconds; published falls back to modified
	partial             string
	carried             bool // from an older store, row by row
	superseded          bool // a newer record has the same id
}

// NewBuilder returns a Builder. created and tool go into [Meta] as they are.
func NewBuilder(created time.Time, tool string) *Builder {
	return &Builder{
		created: created.UTC().Truncate(time.Second), tool: tool,
		keys: map[rowKey]uint32{}, records: map[ID]uint32{}, cves: map[uint64]CVE{},
		sources: map[string]Source{}, partial: map[Ecosystem][]string{},
	}
}

// AddRecord adds a record. If one with the same id is there already, the one
// modified later stays.
func (b *Builder) AddRecord(r Record) error {
	if at, seen := b.records[r.ID]; seen {
		if r.Modified.Unix() <= b.infos[at].modified {
			return nil
		}
		b.infos[at].superseded = true
	}
	info := recordInfo{modified: r.Modified.Unix(), published: r.Modified.Unix(), partial: r.Partial}
	if len(r.Rows) > 0 && !r.Rows[0].Published.IsZero() {
		info.published = r.Rows[0].Published.Unix()
	}
	number := b.newRecord(r.ID, info)
	for i := range r.Rows {
		if err := b.addRow(number, &r.Rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// Carry adds a row of an older store, unless a record with its id was added.
func (b *Builder) Carry(row Row) error {
	number, seen := b.records[row.ID]
	switch {
	case seen && !b.infos[number].carried:
		return nil
	case !seen:
		info := recordInfo{modified: row.Modified.Unix(), published: row.Published.Unix(), carried: true}
		if row.Published.IsZero() {
			info.published = info.modified
		}
		number = b.newRecord(row.ID, info)
	}
	return b.addRow(number, &row)
}

func (b *Builder) newRecord(id ID, info recordInfo) uint32 {
	number := u32(len(b.infos))
	b.infos = append(b.infos, info)
	b.records[id] = number
	return number
}

func (b *Builder) addRow(record uint32, row *Row) error {
	if row.Ecosystem == "" || row.Package == "" || row.ID == "" {
		return fmt.Errorf("cannot store a row without ecosystem, package or id (%q, %q, %q)", row.Ecosystem, row.Package, row.ID)
	}
	if row.Kind > 15 || row.Verdict > 15 {
		return fmt.Errorf("cannot store %s: unknown kind %d or verdict %d", row.ID, row.Kind, row.Verdict)
	}
	key := rowKey{row.Ecosystem, row.Package}
	number, seen := b.keys[key]
	if !seen {
		number = u32(len(b.names))
		key.pkg = strings.Clone(key.pkg) // the row's may be part of a whole record
		b.names = append(b.names, key)
		b.keys[key] = number
	}
	b.entries = append(b.entries, builderEntry{key: number, record: record, at: b.arena.add(row)})
	return nil
}

// AddCVE adds what one source says of a CVE, next to what others said. An EPSS
// score, a KEV entry or a vector that is there already is replaced.
func (b *Builder) AddCVE(c CVE) error {
	key, ok := cveKey(c.ID)
	if !ok {
		return fmt.Errorf("cannot store %.60q: it is no CVE id", c.ID)
	}
	have := b.cves[key]
	if c.HasEPSS {
		have.HasEPSS, have.EPSS, have.Percentile = true, c.EPSS, c.Percentile
	}
	if c.KEV != nil {
		have.KEV = c.KEV
	}
	if c.CVSS != "" {
		have.CVSS, have.Severity, have.Score = c.CVSS, c.Severity, c.Score
	}
	b.cves[key] = have
	return nil
}

// CarryCVE adds what an older store says of a CVE where nothing newer is there.
func (b *Builder) CarryCVE(c CVE) error {
	key, ok := cveKey(c.ID)
	if !ok {
		return fmt.Errorf("cannot store %.60q: it is no CVE id", c.ID)
	}
	have := b.cves[key]
	if have.HasEPSS {
		c.HasEPSS = false
	}
	if have.KEV != nil {
		c.KEV = nil
	}
	if have.CVSS != "" {
		c.CVSS = ""
	}
	return b.AddCVE(c)
}

// AddSource names an input. For OSV sources ("osv/Debian") date and number of
// records are counted from the records; sources that are not named are added.
func (b *Builder) AddSource(s Source) { b.sources[s.Name] = s }

// MarkPartial notes why a release's records do not cover all of its packages.
func (b *Builder) MarkPartial(e Ecosystem, reason string) {
	if reason != "" && !slices.Contains(b.partial[e], reason) {
		b.partial[e] = append(b.partial[e], reason)
	}
}

// errEmpty is returned for a store that could only ever answer "nothing".
var errEmpty = errors.New("cannot write an advisory store: there is nothing to put into it")
