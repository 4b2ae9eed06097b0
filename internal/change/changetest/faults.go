// Package changetest is a host in memory for tests of the change engine: files
// with attributes, services, kernel parameters, packages and the journal's
// storage. All of them count the same primitive operations, so that a test can
// kill the "process" or make it fail at any one of them.
package changetest

import (
	"math/rand/v2"
	"syscall"
)

// Killed is what a kill panics with; [Survive] turns it into a return value.
type Killed struct{}

// Mode says what happens at the chosen operation.
type Mode int

// Modes.
const (
	Kill Mode = 0 // the process ends there
	Fail Mode = 1 // the operation fails there, as on a full disk
)

// Faults counts operations and ends the process, or fails, at one of them.
type Faults struct {
	At   int // counted from 1; 0: never
	Mode Mode
	Rand *rand.Rand // decides how far a torn write came; nil: as far as half
	seen int
}

// Arm chooses the operation at which something happens, counted from now.
func (f *Faults) Arm(at int, mode Mode) { f.At, f.Mode, f.seen = at, mode, 0 }

// Disarm lets everything pass from now on.
func (f *Faults) Disarm() { f.At, f.seen = 0, 0 }

// Seen is the number of operations since the last call of Arm or Disarm.
func (f *Faults) Seen() int { return f.seen }

// point is passed before, within and after each operation.
func (f *Faults) point() error {
	if !f.due() {
		return nil
	}
	if f.Mode == Kill {
		panic(Killed{})
	}
	return syscall.ENOSPC
}

// due counts, and reports whether it happens here.
func (f *Faults) due() bool {
	f.seen++
	return f.seen == f.At
}

func (f *Faults) intn(n int) int {
	if f.Rand == nil {
		return n / 2
	}
	return f.Rand.IntN(n)
}

// Survive calls do and reports whether the process was killed in it.
func Survive(do func() error) (killed bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			if _, ours := r.(Killed); !ours {
				panic(r)
			}
			killed = true
		}
	}()
	return false, do()
}
