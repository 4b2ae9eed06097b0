package advisory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
)

var errCVE = errors.New("a CVE is damaged")

// CVE returns what the enrichment sources say of a CVE; false when they do not
// name it. Other ids than CVE ids are never named. An error says which block of
// the store is damaged.
func (s *Store) CVE(id ID) (CVE, bool, error) {
	key, ok := cveKey(id)
	if !ok {
		return CVE{}, false, nil
	}
	// Blocks of CVEs come last, in the order of their first keys.
	n := len(s.keys.cves) / 8
	at := sort.Search(n, func(i int) bool { return binary.LittleEndian.Uint64(s.keys.cves[8*i:]) > key }) - 1
	if at < 0 {
		return CVE{}, false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	block, err := s.cveBlock(s.blockCount() - n + at)
	if err != nil {
		return CVE{}, false, fmt.Errorf("cannot read what is known of %s: %w", id, err)
	}
	found, ok := CVE{}, false
	err = eachInBlock(block, binary.LittleEndian.Uint64(s.keys.cves[8*at:]), func(k uint64, c CVE) (bool, error) {
		if k == key {
			found, ok = c, true
		}
		return k < key, nil
	})
	if err != nil {
		return CVE{}, false, fmt.Errorf("cannot read what is known of %s: %w", id, err)
	}
	found.ID = id
	return found, ok, nil
}

// cveBlock returns a block as text, which the CVEs out of it share.
func (s *Store) cveBlock(i int) (string, error) {
	c := &s.cves[uint(i)%cveCache]
	if c.text != "" && c.block == i {
		return c.text, nil
	}
	data, err := s.load(&s.scratch, i, blockCVEs)
	if err != nil {
		return "", err
	}
	c.block, c.text = i, string(data)
	return c.text, nil
}

// eachInBlock decodes CVEs until each returns false.
func eachInBlock(block string, first uint64, each func(key uint64, c CVE) (more bool, err error)) error {
	r := rowReader{s: block}
	key := first
	for r.s != "" {
		key += r.number()
		var c CVE
		r.cve(&c)
		if r.bad {
			return errCVE
		}
		if more, err := each(key, c); err != nil || !more {
			return err
		}
	}
	return nil
}

// EachRow calls each for every row, by ecosystem and package. It stops at the
// first error, its own (a damaged block) or that of each.
func (s *Store) EachRow(each func(Row) error) error {
	for i := range s.keys.ecosystems() {
		r, err := s.keys.ecosystem(i)
		if err != nil {
			return err
		}
		if err := s.eachRowIn(r, each); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) eachRowIn(r keyRange, each func(Row) error) error {
	eco := Ecosystem(r.name)
	var walk keyWalk
	for n := range r.keys {
		if n%keyGroup == 0 {
			walk = s.keys.walk(r.first + n/keyGroup)
		}
		if err := walk.next(); err != nil {
			return err
		}
		rows, err := s.read(walk.place, eco, string(walk.name))
		if err != nil {
			return err
		}
		for i := range rows {
			if err := each(rows[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// EachCVE calls each for every CVE, by year and number. It stops at the first
// error, its own (a damaged block) or that of each.
func (s *Store) EachCVE(each func(CVE) error) error {
	n := len(s.keys.cves) / 8
	for i := range n {
		s.mu.Lock()
		block, err := s.cveBlock(s.blockCount() - n + i)
		s.mu.Unlock()
		if err != nil {
			return fmt.Errorf("cannot read what is known of CVEs: %w", err)
		}
		err = eachInBlock(block, binary.LittleEndian.Uint64(s.keys.cves[8*i:]), func(key uint64, c CVE) (bool, error) {
			c.ID = cveID(key)
			return true, each(c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
