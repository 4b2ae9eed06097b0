package window

import (
	"slices"
	"time"
)

// Set are windows, any of which will do. An empty one is always open: nobody
// said when not. Windows that overlap or touch are one.
type Set []Window

const (
	// reach is how many days before and after a moment are looked at: two months
	// and some days, since of "last Sun 02:00-03:00" one may be missing where the
	// clock is put forward.
	reach = 70
	// unbroken is how long a stretch is on both sides of a moment when windows
	// leave nothing out: those that leave something out leave it out in every
	// other month.
	unbroken = 60 * 24 * time.Hour
)

// spans are the stretches near a moment, in order, merged.
func (s Set) spans(t time.Time) []Span {
	var list []Span
	for _, w := range s {
		if w.zone == nil {
			continue // an empty one
		}
		year, month, day := t.In(w.zone).Date()
		for d := -reach; d <= reach; d++ {
			y, m, d := time.Date(year, month, day+d, 12, 0, 0, 0, time.UTC).Date()
			if !w.on(y, m, d) {
				continue
			}
			if span := w.of(y, m, d); !span.empty() {
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
	for _, span := range s.spans(t) {
		if t.Before(span.Start) || !t.Before(span.End) {
			continue
		}
		if t.Sub(span.Start) > unbroken && span.End.Sub(t) > unbroken {
			return time.Time{}, time.Time{}, true
		}
		return span.Start, span.End, true
	}
	return time.Time{}, time.Time{}, false
}

// Next is the first stretch that begins after a moment, not the one it is in.
// There is none if the set is always open.
func (s Set) Next(t time.Time) (start, end time.Time, ok bool) {
	for _, span := range s.spans(t) {
		if span.Start.After(t) {
			return span.Start, span.End, true
		}
	}
	return time.Time{}, time.Time{}, false
}

// Previous is the last stretch that had ended at a moment. There is none if the
// set is always open.
func (s Set) Previous(t time.Time) (start, end time.Time, ok bool) {
	for _, span := range slices.Backward(s.spans(t)) {
		if !span.End.After(t) {
			return span.Start, span.End, true
		}
	}
	return time.Time{}, time.Time{}, false
}
