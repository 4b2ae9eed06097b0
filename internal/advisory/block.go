package advisory

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// blockInfo is an entry of the table of blocks.
type blockInfo struct {
	offset, stored, raw uint64
	sum, kind           uint32
}

func (s *Store) blockCount() int { return len(s.blocks) / blockEntry }

func (s *Store) block(i int) blockInfo {
	e := s.blocks[i*blockEntry:]
	return blockInfo{
		offset: binary.LittleEndian.Uint64(e),
		stored: uint64(binary.LittleEndian.Uint32(e[8:])),
		raw:    uint64(binary.LittleEndian.Uint32(e[12:])),
		sum:    binary.LittleEndian.Uint32(e[16:]),
		kind:   binary.LittleEndian.Uint32(e[20:]),
	}
}

// checkBlocks makes sure that the blocks fill the file from the header to the
// first section.
func (s *Store) checkBlocks(end uint64) error {
	if len(s.blocks)%blockEntry != 0 {
		return errors.New("its table of blocks is damaged")
	}
	at := uint64(headerSize)
	for i := range s.blockCount() {
		b := s.block(i)
		if b.offset != at || b.stored > end-at || b.raw > maxBlock+rowBlock || b.stored > b.raw {
			return fmt.Errorf("its table of blocks is damaged at block %d", i)
		}
		at += b.stored
	}
	if at != end {
		return errors.New("its blocks do not fill the file")
	}
	return nil
}

// load returns block i, verified and unpacked, from the cache or into it. The
// caller holds the lock.
func (s *Store) load(c *cached, i int, kind uint32) ([]byte, error) {
	if c.data != nil && c.block == i {
		return c.data, nil
	}
	c.data = nil
	if i < 0 || i >= s.blockCount() || s.block(i).kind != kind {
		return nil, fmt.Errorf("block %d is not what its index says", i)
	}
	b := s.block(i)
	stored := s.data[b.offset : b.offset+b.stored]
	if checksum(stored) != b.sum {
		return nil, fmt.Errorf("block %d at byte %d is damaged", i, b.offset)
	}
	if b.stored == b.raw {
		c.block, c.data = i, stored
		return stored, nil
	}
	raw, err := s.decode(c, stored, b)
	if err != nil {
		return nil, fmt.Errorf("block %d at byte %d cannot be unpacked: %v", i, b.offset, err)
	}
	c.block, c.data = i, raw
	return raw, nil
}

func (s *Store) decode(c *cached, stored []byte, b blockInfo) ([]byte, error) {
	if s.unpack == nil {
		unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxBlock+rowBlock))
		if err != nil {
			return nil, err
		}
		s.unpack = unpack
	}
	if uint64(cap(c.buffer)) < b.raw || cap(c.buffer) > 4*rowBlock {
		c.buffer = make([]byte, 0, b.raw) // never keep the kernel's for good
	}
	raw, err := s.unpack.DecodeAll(stored, c.buffer[:0])
	if err == nil && uint64(len(raw)) != b.raw {
		err = fmt.Errorf("it has %d bytes, not %d", len(raw), b.raw)
	}
	return raw, err
}
