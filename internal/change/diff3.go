package change

import (
	"bytes"
	"slices"
)

// merge is a three-way merge by lines: what theirs changed of base and what ours
// changed of base, unless both changed the same or neighbouring lines.
func merge(base, theirs, ours []byte) (merged []byte, ok bool) {
	b := bytes.SplitAfter(base, []byte("\n"))
	edits := append(changes(b, bytes.SplitAfter(theirs, []byte("\n"))), changes(b, bytes.SplitAfter(ours, []byte("\n")))...)
	slices.SortStableFunc(edits, func(x, y edit) int { return x.from - y.from })
	at := 0
	for i, e := range edits {
		if i > 0 {
			last := edits[i-1]
			if e.from == last.from && e.to == last.to && bytes.Equal(bytes.Join(e.lines, nil), bytes.Join(last.lines, nil)) {
				continue // both did the same
			}
			if e.from <= last.to {
				return nil, false
			}
		}
		for _, line := range b[at:e.from] {
			merged = append(merged, line...)
		}
		for _, line := range e.lines {
			merged = append(merged, line...)
		}
		at = e.to
	}
	for _, line := range b[at:] {
		merged = append(merged, line...)
	}
	return merged, true
}

// edit replaces the lines [from, to) of a base.
type edit struct {
	from, to int
	lines    [][]byte
}

// changes finds the edits that make other of base: the lines between those of a
// longest common subsequence. Quadratic, for configuration files.
func changes(base, other [][]byte) []edit {
	head := 0
	for head < len(base) && head < len(other) && bytes.Equal(base[head], other[head]) {
		head++
	}
	tail := 0
	for tail < len(base)-head && tail < len(other)-head && bytes.Equal(base[len(base)-1-tail], other[len(other)-1-tail]) {
		tail++
	}
	b, o := base[head:len(base)-tail], other[head:len(other)-tail]
	const most = 4000 // lines in the middle part: 16 million cells
	if len(b) > most || len(o) > most {
		return []edit{{from: head, to: len(base) - tail, lines: o}}
	}
	length := make([][]int32, len(b)+1)
	for i := range length {
		length[i] = make([]int32, len(o)+1)
	}
	for i := range slices.Backward(b) {
		for j := len(o) - 1; j >= 0; j-- {
			if bytes.Equal(b[i], o[j]) {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var edits []edit
	for i, j := 0, 0; i < len(b) || j < len(o); {
		e := edit{from: head + i}
		start := j
		for i < len(b) || j < len(o) {
			if i < len(b) && j < len(o) && bytes.Equal(b[i], o[j]) {
				break
			}
			if j >= len(o) || i < len(b) && length[i+1][j] >= length[i][j+1] {
				i++
			} else {
				j++
			}
		}
		if e.to = head + i; e.to > e.from || j > start {
			e.lines = o[start:j]
			edits = append(edits, e)
		}
		for i < len(b) && j < len(o) && bytes.Equal(b[i], o[j]) {
			i++
			j++
		}
	}
	return edits
}
