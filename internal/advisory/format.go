package advisory

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// StoreFormat is the number of the store's format, in every store's header. A
// store with another number is refused: it is made again from its sources.
const StoreFormat = 1

// The layout is described in docs/formats/store.md; the two change together.
const (
	storeMagic = "LFSTORE\n"
	headerSize = 8 + 4 + 4 + 8 + sectionCount*sectionSize // magic, format, checksum of the rest, length of the file
	// sectionSize is offset (8), length (8), checksum (4), spare (4).
	sectionSize  = 24
	sectionCount = 3

	blockEntry = 24 // offset (8), stored length (4), unpacked length (4), checksum (4), kind (4)

	rowBlock = 16 << 10 // unpacked bytes after which a block of rows ends; a package with more rows has a larger one
	cveBlock = 4 << 10  // CVEs are asked for one by one: small blocks, mostly not worth packing
	maxBlock = 64 << 20 // unpacked; a store with a larger one is refused

	keyGroup = 16 // keys between restarts
)

// The sections, in the order of the file; the blocks stand before the first.
const (
	sectionBlocks = 0
	sectionKeys   = 1
	sectionMeta   = 2
)

// What a block holds.
const (
	blockRows = 1
	blockCVEs = 2
)

type section struct {
	offset, length uint64
	sum            uint32
}

// u32 narrows a size for the file. Limits of what is read keep all of them far
// below 4 GiB; one beyond would write a store that answers wrongly.
func u32(n int) uint32 {
	if n < 0 || n > math.MaxUint32 {
		panic("internal error: the advisory store has grown beyond its format")
	}
	return uint32(n)
}

func checksum(data []byte) uint32 {
	return crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
}

// putHeader writes the header of a store with these sections.
func putHeader(total uint64, sections [sectionCount]section) []byte {
	h := make([]byte, 0, headerSize)
	h = append(h, storeMagic...)
	h = binary.LittleEndian.AppendUint32(h, StoreFormat)
	h = binary.LittleEndian.AppendUint32(h, 0)
	h = binary.LittleEndian.AppendUint64(h, total)
	for _, s := range sections {
		h = binary.LittleEndian.AppendUint64(h, s.offset)
		h = binary.LittleEndian.AppendUint64(h, s.length)
		h = binary.LittleEndian.AppendUint32(h, s.sum)
		h = binary.LittleEndian.AppendUint32(h, 0)
	}
	binary.LittleEndian.PutUint32(h[12:], checksum(h[16:]))
	return h
}

// readHeader checks the header, and that the sections fill the file without gap
// after the blocks, so that there is no byte that nothing vouches for.
func readHeader(data []byte) ([sectionCount]section, error) {
	var sections [sectionCount]section
	if len(data) < headerSize || string(data[:8]) != storeMagic {
		return sections, errors.New("it is not a Lockfast advisory store")
	}
	switch format := binary.LittleEndian.Uint32(data[8:]); {
	case format > StoreFormat:
		return sections, fmt.Errorf("its format %d is newer than the %d this version reads", format, StoreFormat)
	case format < StoreFormat:
		return sections, fmt.Errorf("its format %d is older than the %d this version reads", format, StoreFormat)
	case binary.LittleEndian.Uint32(data[12:]) != checksum(data[16:headerSize]):
		return sections, errors.New("its header is damaged")
	}
	if total := binary.LittleEndian.Uint64(data[16:]); total != uint64(len(data)) {
		return sections, fmt.Errorf("it has %d bytes of %d: it was cut off or extended", len(data), total)
	}
	end := uint64(0)
	for i := range sections {
		entry := data[24+i*sectionSize:]
		s := section{binary.LittleEndian.Uint64(entry), binary.LittleEndian.Uint64(entry[8:]), binary.LittleEndian.Uint32(entry[16:])}
		if s.offset < headerSize || s.offset > uint64(len(data)) || s.length > uint64(len(data))-s.offset || i > 0 && s.offset != end {
			return sections, errors.New("its sections do not fit together")
		}
		end = s.offset + s.length
		sections[i] = s
	}
	if end != uint64(len(data)) {
		return sections, errors.New("its sections do not fit together")
	}
	return sections, nil
}

// bytes returns a section after checking its checksum.
func (s section) bytes(data []byte, name string) ([]byte, error) {
	part := data[s.offset : s.offset+s.length]
	if checksum(part) != s.sum {
		return nil, fmt.Errorf("its %s is damaged", name)
	}
	return part, nil
}
