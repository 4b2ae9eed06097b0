package advisory

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"
)

// rowGroup is all rows of one package of one ecosystem.
type rowGroup struct {
	key     rowKey
	entries []builderEntry
}

// WriteTo writes the store. A store without a single source is an error: it
// would answer "nothing" to everything.
func (b *Builder) WriteTo(w io.Writer) (int64, error) {
	groups := b.groups()
	meta := b.meta(groups)
	if len(meta.Sources) == 0 {
		return 0, errEmpty
	}
	out, err := newBlockWriter()
	if err != nil {
		return 0, err
	}
	keys := newKeyWriter()
	if err := b.writeRows(out, keys, groups); err != nil {
		return 0, err
	}
	b.writeCVEs(out, keys)
	metaText, err := json.Marshal(&meta, json.Deterministic(true))
	if err != nil {
		return 0, fmt.Errorf("cannot write an advisory store: %v", err)
	}
	return assemble(w, out, keys.bytes(), metaText)
}

func assemble(w io.Writer, out *blockWriter, keys, meta []byte) (int64, error) {
	var sections [sectionCount]section
	at := uint64(headerSize + len(out.data))
	parts := [][]byte{out.table, keys, meta}
	for i, part := range parts {
		sections[i] = section{at, uint64(len(part)), checksum(part)}
		at += uint64(len(part))
	}
	written := int64(0)
	for _, part := range append([][]byte{putHeader(at, sections), out.data}, parts...) {
		n, err := w.Write(part)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// groups sorts the live rows by ecosystem and package, and inside a package by
// their bytes.
func (b *Builder) groups() []rowGroup {
	perKey := make([]int, len(b.names)+1)
	live := 0
	for _, e := range b.entries {
		if !b.infos[e.record].superseded {
			perKey[e.key+1]++
			live++
		}
	}
	for i := 1; i < len(perKey); i++ {
		perKey[i] += perKey[i-1]
	}
	sorted, next := make([]builderEntry, live), slices.Clone(perKey)
	for _, e := range b.entries {
		if !b.infos[e.record].superseded {
			sorted[next[e.key]] = e
			next[e.key]++
		}
	}
	groups := make([]rowGroup, 0, len(b.names))
	for i, key := range b.names {
		entries := sorted[perKey[i]:perKey[i+1]]
		if len(entries) == 0 {
			continue
		}
		slices.SortFunc(entries, func(x, y builderEntry) int { return bytes.Compare(b.arena.bytes(x.at), b.arena.bytes(y.at)) })
		groups = append(groups, rowGroup{key, entries})
	}
	slices.SortFunc(groups, func(x, y rowGroup) int {
		return cmp.Or(cmp.Compare(x.key.ecosystem, y.key.ecosystem), cmp.Compare(x.key.pkg, y.key.pkg))
	})
	return groups
}

// writeRows fills blocks with whole groups: one lookup reads one block.
func (b *Builder) writeRows(out *blockWriter, keys *keyWriter, groups []rowGroup) error {
	for _, g := range groups {
		from := len(out.pending)
		for _, e := range g.entries {
			out.pending = append(out.pending, b.arena.bytes(e.at)...)
		}
		if len(out.pending) > maxBlock {
			return fmt.Errorf("cannot write an advisory store: the records of %s %s take more than %d bytes", g.key.ecosystem, g.key.pkg, maxBlock-rowBlock)
		}
		keys.add(g.key, out.count(), from, len(out.pending)-from, len(g.entries))
		if len(out.pending) >= rowBlock {
			out.flush(blockRows)
		}
	}
	out.flush(blockRows)
	return nil
}

func (b *Builder) writeCVEs(out *blockWriter, keys *keyWriter) {
	last := uint64(0)
	for _, key := range slices.Sorted(maps.Keys(b.cves)) {
		if len(out.pending) == 0 {
			keys.cveBlocks = append(keys.cveBlocks, key)
			last = key
		}
		c := b.cves[key]
		out.pending = appendCVE(out.pending, key-last, &c)
		last = key
		if len(out.pending) >= cveBlock {
			out.flush(blockCVEs)
		}
	}
	out.flush(blockCVEs)
}

// blockWriter packs blocks one after the other.
type blockWriter struct {
	pack    *zstd.Encoder
	pending []byte
	data    []byte
	table   []byte
}

func newBlockWriter() (*blockWriter, error) {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
		zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithSingleSegment(true), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("cannot write an advisory store: %v", err)
	}
	return &blockWriter{pack: pack}, nil
}

func (w *blockWriter) count() int { return len(w.table) / blockEntry }

// flush ends a block. What does not shrink by a quarter is stored as it is:
// unpacking would cost more than it saves.
func (w *blockWriter) flush(kind uint32) {
	if len(w.pending) == 0 {
		return
	}
	from := len(w.data)
	w.data = w.pack.EncodeAll(w.pending, w.data)
	if len(w.data)-from > len(w.pending)*3/4 {
		w.data = append(w.data[:from], w.pending...)
	}
	stored := w.data[from:]
	w.table = binary.LittleEndian.AppendUint64(w.table, uint64(headerSize+from))
	w.table = binary.LittleEndian.AppendUint32(w.table, u32(len(stored)))
	w.table = binary.LittleEndian.AppendUint32(w.table, u32(len(w.pending)))
	w.table = binary.LittleEndian.AppendUint32(w.table, checksum(stored))
	w.table = binary.LittleEndian.AppendUint32(w.table, kind)
	w.pending = w.pending[:0]
}
