package advisory_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/lockfast/lockfast/internal/advisory"
)

// inspect opens a store that may be damaged: it is refused, or every answer is
// an error or true.
func inspect(data []byte, want truth) error {
	s, refused := advisory.OpenStore(data)
	if refused != nil {
		return nil //nolint:nilerr // refusing is right
	}
	return want.check(s, true)
}

func TestDamageAnyByteFlipped(t *testing.T) {
	data, want := sampled(t, 4, 12)
	damaged := bytes.Clone(data)
	for i := range damaged {
		for _, flip := range []byte{0x01, 0x80, 0xff} {
			damaged[i] = data[i] ^ flip
			if err := inspect(damaged, want); err != nil {
				t.Fatalf("byte %d of %d, flipped by %#x: %v", i, len(data), flip, err)
			}
		}
		damaged[i] = data[i]
	}
}

func TestDamageCutOffAnywhere(t *testing.T) {
	data, _ := sampled(t, 5, 12)
	for n := range len(data) {
		if _, err := advisory.OpenStore(data[:n]); err == nil {
			t.Fatalf("cut to %d of %d bytes and opened", n, len(data))
		}
	}
	if _, err := advisory.OpenStore(append(bytes.Clone(data), 0)); err == nil {
		t.Error("extended by a byte and opened")
	}
}

func TestDamageOtherFormats(t *testing.T) {
	data, _ := sampled(t, 5, 2)
	for _, format := range []byte{0, advisory.StoreFormat + 1} {
		data[8] = format
		if _, err := advisory.OpenStore(data); err == nil {
			t.Errorf("format %d was opened", format)
		}
	}
}

// A block of a large store is damaged: the answers out of it are errors that
// name it, the others are right.
func TestDamageIsNamedAndLocal(t *testing.T) {
	data, want := sampled(t, 6, 2000)
	data[len(data)/4] ^= 0x10
	s, err := advisory.OpenStore(data)
	if err != nil {
		t.Fatal(err)
	}
	if err := want.check(s, true); err != nil {
		t.Error(err)
	}
	if err := s.EachRow(func(advisory.Row) error { return nil }); err == nil {
		t.Error("a damaged block was read without an error")
	} else {
		t.Log(err)
	}
}

func FuzzStore(f *testing.F) {
	data, want := sampled(f, 7, 8)
	f.Add(0, byte(0), 0)
	f.Add(len(data)/2, byte(1), 0)
	f.Add(100, byte(0xff), 10)
	f.Fuzz(func(t *testing.T, at int, flip byte, cut int) {
		damaged := bytes.Clone(data)
		damaged[uint(at)%uint(len(data))] ^= flip
		damaged = damaged[:len(damaged)-int(uint(cut)%uint(len(data)))]
		if err := inspect(damaged, want); err != nil {
			t.Error(err)
		}
	})
}

// FuzzStoreBytes opens anything, also with the checksums right by chance.
func FuzzStoreBytes(f *testing.F) {
	data, _ := sampled(f, 8, 4)
	f.Add(data)
	f.Add([]byte("LFSTORE\n"))
	f.Fuzz(func(_ *testing.T, data []byte) {
		s, err := advisory.OpenStore(data)
		if err != nil {
			return
		}
		_ = s.EachRow(func(advisory.Row) error { return nil })
		_ = s.EachCVE(func(advisory.CVE) error { return nil })
	})
}

// reseal makes all checksums right again, as a hostile writer would.
func reseal(data []byte) {
	sum := func(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
	within := func(at, n uint64) bool { return at <= uint64(len(data)) && n <= uint64(len(data))-at }
	section := func(i int) (entry []byte, at, n uint64) {
		entry = data[24+24*i:]
		return entry, binary.LittleEndian.Uint64(entry), binary.LittleEndian.Uint64(entry[8:])
	}
	_, at, n := section(0)
	if !within(at, n) {
		return
	}
	for table := data[at : at+n]; len(table) >= 24; table = table[24:] {
		from, stored := binary.LittleEndian.Uint64(table), uint64(binary.LittleEndian.Uint32(table[8:]))
		if within(from, stored) {
			binary.LittleEndian.PutUint32(table[16:], sum(data[from:from+stored]))
		}
	}
	for i := range 3 {
		if entry, at, n := section(i); within(at, n) {
			binary.LittleEndian.PutUint32(entry[16:], sum(data[at:at+n]))
		}
	}
	binary.LittleEndian.PutUint32(data[12:], sum(data[16:96]))
}

// FuzzHostileStore opens stores that are wrong under right checksums: answers
// may be wrong then, but nothing panics.
func FuzzHostileStore(f *testing.F) {
	data, want := sampled(f, 9, 8)
	f.Add(30, byte(1), len(data)-400, byte(7))
	f.Add(len(data)/2, byte(1), len(data)/3, byte(9))
	f.Fuzz(func(_ *testing.T, first int, a byte, second int, b byte) {
		damaged := bytes.Clone(data)
		damaged[16+uint(first)%uint(len(data)-16)] ^= a
		damaged[16+uint(second)%uint(len(data)-16)] ^= b
		reseal(damaged)
		s, err := advisory.OpenStore(damaged)
		if err != nil {
			return
		}
		_ = want.check(s, true)
		_ = s.EachRow(func(advisory.Row) error { return nil })
		_ = s.EachCVE(func(advisory.CVE) error { return nil })
	})
}
