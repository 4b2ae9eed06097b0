package window

import (
	"slices"
	"time"
)

// Set are windows, any of which will do. An empty one is always open: nobody
// said when not. Windows that touch are one.
type Set []Window

// around is how many days before and after a moment are looked at for a
// stretch that holds it; a month of "first Sun" is looked at by ahead.
const (
	around = 9
	ahead  = 70 // two months and some days: each kind of window begins within
)

// spans are the stretches near a moment, in order, merged.
func (s Set) spans(t time.Time, before, after int) []Span {
	var list []Span
	for _, w := range s {
		year, month, day := t.In(w.zone).Date()
		for d := -before; d <= after; d++ {
			at := time.Date(year, month, day+d, 12, 0, 0, 0, time.UTC)
			if !w.on(at.Year(), at.Month(), at.Day()) {
				continue
			}
			if span := w.of(at.Year(), at.Month(), at.Day()); !span.empty() {
				list = append(list, span)
			}
		}
	}
	slices.SortFunc(list, func(a, b Span) int { return a.Start.Compare(b.Start) })
	var merged []Span
	for _, span := range list {
		if n := len(merged); n > 0 && !span.Start.After(merged[n-1].End) {
			if span.End.After(merged[n-1].End) {
				merged[n-1].End = span.End
			}
			continue
		}
		merged = append(merged, span)
	}
	return merged
}

// Current is the stretch that a moment is in. Of an empty set, and of windows
// that leave no moment out, start and end are zero.
func (s Set) Current(t time.Time) (start, end time.Time, open bool) {
	if len(s) == 0 {
		return time.Time{}, time.Time{}, true
	}
	list := s.spans(t, around, around)
	for i, span := range list {
		if t.Before(span.Start) || !t.Before(span.End) {
			continue
		}
		if len(list) == 1 && i == 0 && span.End.Sub(span.Start) > around*24*time.Hour {
			return time.Time{}, time.Time{}, true
		}
		return span.Start, span.End, true
	}
	return time.Time{}, time.Time{}, false
}

// Next is the first stretch that begins after a moment.
func (s Set) Next(t time.Time) (start, end time.Time, ok bool) {
	for _, span := range s.spans(t, around, ahead) {
		if span.Start.After(t) {
			return span.Start, span.End, true
		}
	}
	return time.Time{}, time.Time{}, false
}

// Previous is the last stretch that had ended at a moment.
func (s Set) Previous(t time.Time) (start, end time.Time, ok bool) {
	for _, span := range slices.Backward(s.spans(t, ahead, around)) {
		if !span.End.After(t) {
			return span.Start, span.End, true
		}
	}
	return time.Time{}, time.Time{}, false
}
