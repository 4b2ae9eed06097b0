package advisory

import "encoding/binary"

// keyWalk reads the keys of a group one after the other.
type keyWalk struct {
	rest  []byte
	name  []byte // the current key
	place place
}

// restart returns the text from a restart on; nil when it lies outside.
func (k *keyIndex) restart(i int) []byte {
	offset := binary.LittleEndian.Uint32(k.restarts[4*i:])
	if uint64(offset) > uint64(len(k.text)) {
		return nil
	}
	return k.text[offset:]
}

// firstKey returns the key at a restart, which is written in full.
func (k *keyIndex) firstKey(restart int) ([]byte, error) {
	w := keyWalk{rest: k.restart(restart)}
	shared, length := w.number(), w.number()
	if shared != 0 || length < 0 || length > len(w.rest) {
		return nil, errKeys
	}
	return w.rest[:length], nil
}

func (k *keyIndex) walk(restart int) keyWalk {
	return keyWalk{rest: k.restart(restart), name: make([]byte, 0, 64)}
}

func (w *keyWalk) next() error {
	shared, suffix := w.number(), w.number()
	if shared < 0 || shared > len(w.name) || suffix < 0 || suffix > len(w.rest) {
		return errKeys
	}
	w.name = append(w.name[:shared], w.rest[:suffix]...)
	w.rest = w.rest[suffix:]
	w.place = place{block: w.number(), offset: w.number(), length: w.number(), rows: w.number()}
	if p := w.place; p.block < 0 || p.offset < 0 || p.length < 0 || p.rows < 0 {
		return errKeys
	}
	return nil
}

// number reads a varint; -1 when there is none.
func (w *keyWalk) number() int {
	n, size := binary.Uvarint(w.rest)
	if size <= 0 || n > 1<<31-1 {
		w.rest = nil
		return -1
	}
	w.rest = w.rest[size:]
	return int(n)
}
