package rpm

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/lockfast/lockfast/internal/inventory"
)

// Tags of a header that are read.
// https://rpm-software-management.github.io/rpm/manual/tags.html
const (
	tagName       = 1000
	tagVersion    = 1001
	tagRelease    = 1002
	tagEpoch      = 1003
	tagVendor     = 1011
	tagArch       = 1022
	tagSourceRPM  = 1044
	tagDirIndexes = 1116
	tagBaseNames  = 1117
	tagDirNames   = 1118
	tagModularity = 5096
)

// Types of a header's entries.
const (
	typeInt32       = 4
	typeString      = 6
	typeStringArray = 8
	typeI18NString  = 9
)

// Limits of rpm itself (lib/header.c): 64 Ki entries, 256 MiB of data.
const (
	maxEntries = 1 << 16
	maxData    = 256 << 20
)

// Header is a package's record: an index of tagged values.
// https://rpm-software-management.github.io/rpm/manual/format_header.html
type Header struct {
	entries map[uint32]entry
	data    []byte
}

type entry struct{ kind, offset, count uint32 }

// ParseHeader reads a header as the database keeps it: two big-endian counts,
// the index, the values.
func ParseHeader(blob []byte) (Header, error) {
	if len(blob) < 8 {
		return Header{}, fmt.Errorf("header of %d bytes is cut short", len(blob))
	}
	n, size := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:])
	if n == 0 || n > maxEntries || size > maxData {
		return Header{}, fmt.Errorf("header with %d entries and %d bytes is none", n, size)
	}
	index := blob[8:]
	if uint64(len(index)) < uint64(n)*16+uint64(size) {
		return Header{}, fmt.Errorf("header is cut short: %d of %d bytes", len(blob), 8+uint64(n)*16+uint64(size))
	}
	h := Header{entries: make(map[uint32]entry, n), data: index[n*16 : n*16+size]}
	for i := range n {
		e := index[i*16:]
		h.entries[binary.BigEndian.Uint32(e)] = entry{kind: binary.BigEndian.Uint32(e[4:]), offset: binary.BigEndian.Uint32(e[8:]), count: binary.BigEndian.Uint32(e[12:])}
	}
	return h, nil
}

// text returns a tag's string, "" if it is not there.
func (h Header) text(tag uint32) (string, error) {
	e, ok := h.entries[tag]
	if !ok {
		return "", nil
	}
	if e.kind != typeString && e.kind != typeI18NString || uint64(e.offset) >= uint64(len(h.data)) {
		return "", fmt.Errorf("header tag %d is no string", tag)
	}
	value, _, ok := bytes.Cut(h.data[e.offset:], []byte{0})
	if !ok {
		return "", fmt.Errorf("header tag %d does not end", tag)
	}
	return string(value), nil
}

// number returns a tag's first number, false if it is not there.
func (h Header) number(tag uint32) (uint32, bool, error) {
	list, err := h.numbers(tag)
	if err != nil || len(list) == 0 {
		return 0, false, err
	}
	return list[0], true, nil
}

func (h Header) numbers(tag uint32) ([]uint32, error) {
	e, ok := h.entries[tag]
	if !ok {
		return nil, nil
	}
	if e.kind != typeInt32 || uint64(e.offset)+4*uint64(e.count) > uint64(len(h.data)) {
		return nil, fmt.Errorf("header tag %d is no list of numbers", tag)
	}
	list := make([]uint32, e.count)
	for i := range list {
		list[i] = binary.BigEndian.Uint32(h.data[int(e.offset)+4*i:])
	}
	return list, nil
}

// texts returns a tag's list of strings.
func (h Header) texts(tag uint32) ([][]byte, error) {
	e, ok := h.entries[tag]
	if !ok {
		return nil, nil
	}
	if e.kind != typeStringArray || uint64(e.offset)+uint64(e.count) > uint64(len(h.data)) {
		return nil, fmt.Errorf("header tag %d is no list of strings", tag)
	}
	list := make([][]byte, 0, e.count)
	rest := h.data[e.offset:]
	for range e.count {
		value, after, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			return nil, fmt.Errorf("header tag %d does not end", tag)
		}
		list = append(list, value)
		rest = after
	}
	return list, nil
}

// Package returns what the inventory needs of a header.
func (h Header) Package() (inventory.Package, error) {
	var f fields
	for tag, into := range map[uint32]*string{
		tagName: &f.name, tagVersion: &f.version, tagRelease: &f.release, tagArch: &f.arch, tagSourceRPM: &f.source, tagModularity: &f.module, tagVendor: &f.vendor,
	} {
		var err error
		if *into, err = h.text(tag); err != nil {
			return inventory.Package{}, err
		}
	}
	epoch, has, err := h.number(tagEpoch)
	if err != nil {
		return inventory.Package{}, err
	}
	if has && epoch != 0 {
		f.epoch = fmt.Sprint(epoch)
	}
	return f.toPackage()
}

// files calls each for every file the package ships.
func (h Header) files(each func(path string)) error {
	names, err := h.texts(tagBaseNames)
	if err != nil {
		return err
	}
	dirs, err := h.texts(tagDirNames)
	if err != nil {
		return err
	}
	indexes, err := h.numbers(tagDirIndexes)
	if err != nil {
		return err
	}
	if len(indexes) != len(names) {
		return fmt.Errorf("header names %d files in %d folders", len(names), len(indexes))
	}
	for i, name := range names {
		if int64(indexes[i]) >= int64(len(dirs)) {
			return fmt.Errorf("header names folder %d of %d", indexes[i], len(dirs))
		}
		each(string(dirs[indexes[i]]) + string(name))
	}
	return nil
}
