package advisory

import (
	"fmt"
	"slices"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"
)

// Store answers from the bytes of a store, which are read where they lie and
// must stay unchanged as long as the Store is used (a mapped file). Rows and
// CVEs it returns do not refer to them.
//
// Header, index and description are verified when it is opened, each block when
// it is read: every answer, "nothing" included, rests on bytes that were
// verified. A Store is safe for concurrent use.
type Store struct {
	data   []byte
	blocks []byte // the table of blocks
	keys   keyIndex
	meta   Meta

	mu      sync.Mutex // guards what follows
	unpack  *zstd.Decoder
	rows    [rowCache]cached // block i is kept in slot i modulo the size
	scratch cached
	cves    [cveCache]cveText
}

// rowCache is how many blocks of rows are kept unpacked, 2 MiB: packages come in
// the order of the package database, and those of one release lie in few blocks.
const rowCache = 128

// cveCache is how many blocks of CVEs are kept unpacked: those of one scan are
// asked for in no order, but most belong to few years.
const cveCache = 64

// cached is an unpacked block.
type cached struct {
	block  int
	data   []byte // nil: none; part of the file when the block was stored as it is
	buffer []byte // ours, to unpack into
}

// cveText is an unpacked block of CVEs.
type cveText struct {
	block int
	text  string // empty: none
}

// OpenStore checks a store and returns it. The error says what is wrong with it;
// a damaged store, one that was cut off, and one of another format are refused.
func OpenStore(data []byte) (*Store, error) {
	sections, err := readHeader(data)
	if err != nil {
		return nil, err
	}
	s := &Store{data: data}
	if s.blocks, err = sections[sectionBlocks].bytes(data, "table of blocks"); err != nil {
		return nil, err
	}
	if err := s.checkBlocks(sections[sectionBlocks].offset); err != nil {
		return nil, err
	}
	keys, err := sections[sectionKeys].bytes(data, "list of packages")
	if err != nil {
		return nil, err
	}
	if s.keys, err = readKeys(keys); err != nil {
		return nil, err
	}
	meta, err := sections[sectionMeta].bytes(data, "description")
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(meta, &s.meta); err != nil {
		return nil, fmt.Errorf("its description cannot be read: %v", err)
	}
	return s, nil
}

// Meta returns what the store was made from and what it covers.
func (s *Store) Meta() Meta {
	m := s.meta
	m.Sources, m.Coverage = slices.Clone(m.Sources), slices.Clone(m.Coverage)
	return m
}

// Ecosystems returns the ecosystems the store has rows of, sorted.
func (s *Store) Ecosystems() []Ecosystem {
	list := make([]Ecosystem, 0, len(s.meta.Coverage))
	for _, c := range s.meta.Coverage {
		list = append(list, c.Ecosystem)
	}
	return list
}

// Lookup returns the rows of one package of one ecosystem; none when no record
// names it. An error says which block of the store is damaged.
func (s *Store) Lookup(eco Ecosystem, pkg string) ([]Row, error) {
	at, ok, err := s.keys.find(eco, pkg)
	if err != nil || !ok {
		return nil, err
	}
	return s.read(at, eco, pkg)
}

// read decodes the rows at a place. The group is copied out of the block once;
// the rows share that copy.
func (s *Store) read(at place, eco Ecosystem, pkg string) ([]Row, error) {
	s.mu.Lock()
	block, err := s.load(&s.rows[uint(at.block)%rowCache], at.block, blockRows)
	if err == nil && (at.offset > len(block) || at.length > len(block)-at.offset) {
		err = errRow
	}
	if err != nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("cannot read advisories of %s %s: %w", eco, pkg, err)
	}
	group := string(block[at.offset : at.offset+at.length])
	s.mu.Unlock()
	rows, err := readRows(group, at.rows, eco, pkg)
	if err != nil {
		return nil, fmt.Errorf("cannot read advisories of %s %s: %w", eco, pkg, err)
	}
	return rows, nil
}
