package advisory

// arena holds encoded rows in chunks: growing never copies what is there.
type arena struct {
	chunks  [][]byte
	scratch []byte
}

type arenaSpan struct{ chunk, offset, length uint32 }

const arenaChunk = 4 << 20

func (a *arena) add(row *Row) arenaSpan {
	a.scratch = appendRow(a.scratch[:0], row)
	last := len(a.chunks) - 1
	if last < 0 || cap(a.chunks[last])-len(a.chunks[last]) < len(a.scratch) {
		a.chunks = append(a.chunks, make([]byte, 0, max(arenaChunk, len(a.scratch))))
		last++
	}
	offset := len(a.chunks[last])
	a.chunks[last] = append(a.chunks[last], a.scratch...)
	return arenaSpan{u32(last), u32(offset), u32(len(a.scratch))}
}

func (a *arena) bytes(at arenaSpan) []byte {
	return a.chunks[at.chunk][at.offset : at.offset+at.length]
}
