package stay

import "time"

// Mode is what is done with a fix that is on offer.
type Mode string

// Modes.
const (
	Auto     Mode = "auto"     // downloaded at once, installed in the next window
	Download Mode = "download" // downloaded and kept ready; a person installs
	Notify   Mode = "notify"   // only told
)

// Reboot says when a host is restarted that needs it.
type Reboot string

// Reboots.
const (
	RebootNever      Reboot = "never"
	RebootWhenNeeded Reboot = "when-needed" // as soon as it is needed, in a window for installing or not
	RebootWindow     Reboot = "window"      // in a window for restarts
)

// Missed says what follows when a host was off during its window.
type Missed string

// What follows a missed window.
const (
	MissedNext Missed = "next" // the next one
	MissedSoon Missed = "soon" // it is made up for as soon as the host is up
)

// Windows are maintenance windows; none at all means that any time is good. See
// internal/window.
type Windows interface {
	// Current is the window that is open at a moment.
	Current(t time.Time) (start, end time.Time, open bool)
	// Next is the first one that opens after a moment.
	Next(t time.Time) (start, end time.Time, ok bool)
	// Previous is the last one that had ended at a moment.
	Previous(t time.Time) (start, end time.Time, ok bool)
}

// Policy is what a site wants of an unattended host.
type Policy struct {
	Mode            Mode
	Windows         Windows // for installing
	Exploited       Windows // for fixes of known exploited holes; nil: as Windows
	Missed          Missed
	Check           time.Duration // between questions to the archive
	Jitter          time.Duration // at most so much later, so that not all hosts ask at once
	Reboot          Reboot
	RebootWindows   Windows // nil: as Windows
	RebootWithUsers bool    // restart also while people are logged in
	OnBattery       bool    // go on without mains
	Metered         bool    // go on when the connection is paid for by volume
	GiveUpAfter     int     // failures in a row
	Seed            uint64  // of this host: spreads hosts over the jitter
}

// Facts are what a moment is like.
type Facts struct {
	Now     time.Time
	Up      time.Duration // since the host started
	Boot    string        // boot id
	Battery bool          // runs without mains; unknown counts as no
	Metered bool          // likewise
	Users   int           // people who are logged in; unknown counts as nobody
}

// Action is what to do next.
type Action string

// Actions.
const (
	Sleep          Action = "sleep"
	AskArchive     Action = "check"
	Fetch          Action = "download"
	Install        Action = "apply"
	InstallExploit Action = "apply-exploited" // only the fixes of known exploited holes
	RestartStale   Action = "restart"         // services that still run replaced code
	RebootHost     Action = "reboot"
)

// Wait is something that is not done yet, and why.
type Wait struct {
	What  string    `json:"what"`           // "12 updates", "reboot"
	For   string    `json:"for"`            // "window", "person", "mains", "network", "users", "retry"
	Until time.Time `json:"until,omitzero"` // when it goes on by itself; zero: not known
	Why   string    `json:"why"`            // one sentence
	Do    string    `json:"do,omitempty"`   // what a person can do about it
	Since time.Time `json:"since,omitzero"` // since when it waits
}

// Decision is what to do next.
type Decision struct {
	Do    Action    `json:"do"`
	Why   string    `json:"why"`
	Waits []Wait    `json:"waits"`
	Next  time.Time `json:"next"` // when to ask again, if Do is Sleep
}
