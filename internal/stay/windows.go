package stay

import (
	"fmt"
	"time"
)

// open says why something may begin now; "" is that it may not. A window that
// is nearly over counts as closed.
func (d *deciding) open(w Windows) string {
	if w == nil {
		return "there are no windows to wait for"
	}
	start, end, open := w.Current(d.f.Now)
	if open && start.IsZero() {
		return "any time is good"
	}
	if open && end.Sub(d.f.Now) >= min(leastLeft, end.Sub(start)/2) {
		return "the window is open until " + end.Format("Mon 15:04 MST")
	}
	if missed, ok := d.missed(w); ok && d.p.Missed == MissedSoon && d.f.Up >= settling {
		return fmt.Sprintf("the host was off in its window of %s", missed.Format("Mon 2 Jan 15:04 MST"))
	}
	return ""
}

// missed is the start of a window since the service was switched on in which
// the host was not awake and which has not been made up for.
func (d *deciding) missed(w Windows) (time.Time, bool) {
	start, end, ok := w.Previous(d.f.Now)
	return start, ok && !start.Before(d.s.Since) && end.After(d.s.Window)
}

// opens is when a window opens next; zero if none does.
func (d *deciding) opens(w Windows) time.Time {
	if w == nil {
		return time.Time{}
	}
	start, _, ok := w.Next(d.f.Now)
	if !ok {
		return time.Time{}
	}
	d.at(start)
	if missed, was := d.missed(w); was && d.p.Missed == MissedSoon && d.f.Up < settling && !missed.IsZero() {
		d.at(d.f.Now.Add(settling - d.f.Up))
	}
	return start
}

// Awake notes at the end of a turn which window the host was awake in, and
// reports the start of one that it missed for good.
func (s *State) Awake(p Policy, f Facts) (missed time.Time) {
	s.Turn = f.Now
	if p.Windows == nil {
		return time.Time{}
	}
	if start, end, open := p.Windows.Current(f.Now); open {
		if !start.IsZero() {
			s.Window = end
		}
		return time.Time{}
	}
	d := &deciding{p: p, s: s, f: f}
	start, ok := d.missed(p.Windows)
	if !ok {
		return time.Time{}
	}
	_, end, _ := p.Windows.Previous(f.Now)
	if p.Missed == MissedSoon && s.unsettled(end) {
		return time.Time{} // still to be made up for
	}
	s.Window = end
	return start
}

// unsettled reports whether something waits that was not tried since a moment.
func (s *State) unsettled(since time.Time) bool {
	if s.Pending == nil || s.GivenUp != nil {
		return false
	}
	a := s.attempt(s.Pending.ID)
	return !a.Final && (s.Last == nil || s.Last.At.Before(since))
}
