package advisory

import (
	"encoding/binary"
	"errors"
	"sort"
)

// The keys section: four counts, a table of ecosystems, the restarts, the first
// key of each block of CVEs, then text. Keys are cut against the one before and
// begin anew every [keyGroup] keys, so that a lookup is a binary search over the
// restarts and a walk over one group, on the mapped file.
const (
	keysHead     = 4 * 4
	keysEcoEntry = 4 * 4 // offset and length of the name, first restart, number of keys
)

type keyWriter struct {
	text      []byte
	ecos      []byte
	restarts  []byte
	cveBlocks []uint64

	eco   Ecosystem
	last  string
	inEco int
}

func newKeyWriter() *keyWriter { return &keyWriter{} }

// add notes where the rows of a key are; keys come sorted.
func (k *keyWriter) add(key rowKey, block, offset, length, rows int) {
	if len(k.ecos) == 0 || key.ecosystem != k.eco {
		k.ecos = binary.LittleEndian.AppendUint32(k.ecos, u32(len(k.text)))
		k.ecos = binary.LittleEndian.AppendUint32(k.ecos, u32(len(key.ecosystem)))
		k.ecos = binary.LittleEndian.AppendUint32(k.ecos, u32(len(k.restarts)/4))
		k.ecos = binary.LittleEndian.AppendUint32(k.ecos, 0)
		k.text = append(k.text, key.ecosystem...)
		k.eco, k.inEco = key.ecosystem, 0
	}
	shared := 0
	if k.inEco%keyGroup == 0 {
		k.restarts = binary.LittleEndian.AppendUint32(k.restarts, u32(len(k.text)))
	} else {
		for shared < min(len(k.last), len(key.pkg)) && k.last[shared] == key.pkg[shared] {
			shared++
		}
	}
	k.text = binary.AppendUvarint(k.text, uint64(shared))
	k.text = appendText(k.text, key.pkg[shared:])
	for _, n := range []int{block, offset, length, rows} {
		k.text = binary.AppendUvarint(k.text, uint64(u32(n)))
	}
	k.last = key.pkg
	k.inEco++
	binary.LittleEndian.PutUint32(k.ecos[len(k.ecos)-4:], u32(k.inEco))
}

func (k *keyWriter) bytes() []byte {
	b := make([]byte, 0, keysHead+len(k.ecos)+len(k.restarts)+8*len(k.cveBlocks)+len(k.text))
	for _, n := range []int{len(k.ecos) / keysEcoEntry, len(k.restarts) / 4, len(k.cveBlocks), len(k.text)} {
		b = binary.LittleEndian.AppendUint32(b, u32(n))
	}
	b = append(b, k.ecos...)
	b = append(b, k.restarts...)
	for _, key := range k.cveBlocks {
		b = binary.LittleEndian.AppendUint64(b, key)
	}
	return append(b, k.text...)
}

// keyIndex reads the keys section in place. Its checksum was verified, so what
// does not fit is a bug of the writer; it is still an error, never a panic.
type keyIndex struct {
	ecos, restarts, cves, text []byte
}

var errKeys = errors.New("its list of packages is damaged")

func readKeys(b []byte) (keyIndex, error) {
	if len(b) < keysHead {
		return keyIndex{}, errKeys
	}
	rest := b[keysHead:]
	var parts [4][]byte
	for i, size := range []uint64{keysEcoEntry, 4, 8, 1} {
		length := uint64(binary.LittleEndian.Uint32(b[4*i:])) * size
		if length > uint64(len(rest)) {
			return keyIndex{}, errKeys
		}
		parts[i], rest = rest[:length], rest[length:]
	}
	if len(rest) != 0 {
		return keyIndex{}, errKeys
	}
	return keyIndex{parts[0], parts[1], parts[2], parts[3]}, nil
}

func (k *keyIndex) ecosystems() int { return len(k.ecos) / keysEcoEntry }

// keyRange is one ecosystem in the index.
type keyRange struct {
	name  []byte
	first int // restart of its first group
	keys  int
}

func (r keyRange) groups() int { return (r.keys + keyGroup - 1) / keyGroup }

func (k *keyIndex) ecosystem(i int) (keyRange, error) {
	e := k.ecos[i*keysEcoEntry:]
	offset, length := uint64(binary.LittleEndian.Uint32(e)), uint64(binary.LittleEndian.Uint32(e[4:]))
	r := keyRange{first: int(binary.LittleEndian.Uint32(e[8:])), keys: int(binary.LittleEndian.Uint32(e[12:]))}
	if offset+length > uint64(len(k.text)) || r.first+r.groups() > len(k.restarts)/4 {
		return keyRange{}, errKeys
	}
	r.name = k.text[offset : offset+length]
	return r, nil
}

// place is where the rows of a key are.
type place struct{ block, offset, length, rows int }

// find looks a key up; false when the store has no such key.
func (k *keyIndex) find(eco Ecosystem, pkg string) (place, bool, error) {
	r, ok, err := k.findEcosystem(eco)
	if !ok || err != nil {
		return place{}, false, err
	}
	group := sort.Search(r.groups(), func(i int) bool {
		first, e := k.firstKey(r.first + i)
		if e != nil {
			err = e
		}
		return string(first) > pkg
	}) - 1
	if err != nil || group < 0 {
		return place{}, false, err
	}
	walk := k.walk(r.first + group)
	for range min(keyGroup, r.keys-group*keyGroup) {
		if err := walk.next(); err != nil {
			return place{}, false, err
		}
		if string(walk.name) == pkg {
			return walk.place, true, nil
		}
	}
	return place{}, false, nil
}

func (k *keyIndex) findEcosystem(eco Ecosystem) (keyRange, bool, error) {
	var broken error
	at := sort.Search(k.ecosystems(), func(i int) bool {
		r, err := k.ecosystem(i)
		if err != nil {
			broken = err
		}
		return string(r.name) >= string(eco)
	})
	if broken != nil || at == k.ecosystems() {
		return keyRange{}, false, broken
	}
	r, err := k.ecosystem(at)
	return r, string(r.name) == string(eco), err
}
