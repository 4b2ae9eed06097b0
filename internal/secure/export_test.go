package secure

import "time"

// Seen remembers since when fixes have been on offer.
type Seen struct{ s *seen }

// OpenSeen reads what was remembered in a folder.
func OpenSeen(state string, now time.Time) (*Seen, error) {
	s, err := openSeen(state, now)
	return &Seen{s}, err
}

// At says since when a version has been seen.
func (s *Seen) At(source, version string) time.Time { return s.s.at(source, version) }

// Keep writes down what is new.
func (s *Seen) Keep() error { return s.s.keep() }
