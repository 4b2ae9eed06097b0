package stay

import (
	"strings"
	"time"
)

// backOff is how long to wait after a number of failures in a row: doubled each
// time, up to most.
func backOff(failures int, first, most time.Duration) time.Duration {
	wait := first
	for range min(failures-1, 20) {
		wait *= 2
		if wait >= most {
			return most
		}
	}
	return min(wait, most)
}

// Pauses before something is tried again.
const (
	firstRetry  = 5 * time.Minute
	installPace = 15 * time.Minute
	longestPace = 6 * time.Hour
	rebootPace  = 30 * time.Minute
	restartPace = 12 * time.Hour
)

// Checked notes that the archive was asked and what is on offer now: nil is
// nothing.
func (s *State) Checked(now time.Time, pending *Pending) {
	s.Check = Check{Tried: now, OK: now}
	if pending != nil && s.Pending != nil && s.Pending.ID == pending.ID {
		pending.Found, pending.Downloaded = s.Pending.Found, s.Pending.Downloaded
	}
	s.Pending = pending
}

// Planned notes what is on offer by what is already known of the archive.
func (s *State) Planned(pending *Pending) {
	check := s.Check
	s.Checked(time.Time{}, pending)
	s.Check = check
}

// CheckFailed notes that the archive could not be asked.
func (s *State) CheckFailed(now time.Time, why string) {
	s.Check.Tried, s.Check.Error = now, why
	s.Check.Failures++
}

// Downloaded notes that everything that waits lies ready.
func (s *State) Downloaded(now time.Time) {
	if s.Pending == nil {
		return
	}
	s.Pending.Downloaded = now
	a := s.attempt(s.Pending.ID)
	if a.Times > 0 && !a.Final { // what failed was the download
		a.Times, a.Next, a.Error = 0, time.Time{}, ""
		s.remember(a)
	}
}

// NotTried notes that a plan could not be downloaded or begun: it is tried
// again later, ever more rarely.
func (s *State) NotTried(now time.Time, id, why string) {
	a := s.attempt(id)
	a.Times++
	a.Last, a.Error = now, why
	a.Next = now.Add(backOff(a.Times, installPace, longestPace))
	s.remember(a)
}

// Installed notes how an installation ended. What failed is not tried again as
// it is; after too many failures in a row nothing is.
func (s *State) Installed(now time.Time, p Policy, id string, o Outcome, bad []Bad) {
	s.Last = &o
	s.Bad = append(s.Bad, bad...)
	s.Bad = s.Bad[max(0, len(s.Bad)-maxBad):]
	if o.Error == "" {
		s.Success, s.Failures, s.Pending = now, 0, nil
		return
	}
	s.remember(Attempt{ID: id, Times: s.attempt(id).Times + 1, Last: now, Final: true, Error: o.Error})
	s.Failures++
	switch {
	case o.Code == needsPerson:
		s.GivenUp = &GivenUp{now, "an installation failed and needs a person: " + o.Error}
	case p.GiveUpAfter > 0 && s.Failures >= p.GiveUpAfter:
		s.GivenUp = &GivenUp{now, "installing failed " + times(s.Failures) + " in a row, the last time: " + o.Error}
	}
	if len(bad) > 0 { // the rest of the plan is installed
		s.Pending = nil
	}
}

// needsPerson is the exit code of a change that a person has to finish.
const needsPerson = 5

// Resumed takes back pausing and giving up, and lets failed plans be tried again.
func (s *State) Resumed() {
	s.Paused, s.GivenUp, s.Failures, s.Attempts = time.Time{}, nil, 0, nil
}

// NeedsReboot notes whether and why the host has to be restarted, as seen under a
// boot id; "" is that it has not.
func (s *State) NeedsReboot(now time.Time, boot, why string) {
	switch {
	case why == "":
		s.Reboot = nil
		return
	case s.Reboot == nil || s.Reboot.Why != why:
		s.Reboot = &Reason{Since: now, Why: why}
	}
	s.Reboot.Seen = boot
}

// Rebooting notes that the host is about to be restarted; with an error, that it
// was not.
func (s *State) Rebooting(now time.Time, boot, failed string) {
	if s.Reboot == nil {
		return
	}
	s.Reboot.Boot, s.Reboot.Error = boot, failed
	s.Reboot.Next = now.Add(rebootPace) // also if it does not come about
	if failed == "" {
		s.Reboot.Tried++
	}
}

// RunsOld notes which services still run replaced code, and which of them may be
// restarted unattended; none is that none does.
func (s *State) RunsOld(now time.Time, all, may []string) {
	why := strings.Join(all, ", ")
	switch {
	case len(all) == 0:
		s.Stale = nil
	case s.Stale == nil:
		s.Stale = &Reason{Since: now, Why: why, Units: may}
	default:
		s.Stale.Units, s.Stale.Why = may, why
	}
}

// Restarted notes that restarting them was tried.
func (s *State) Restarted(now time.Time) {
	if s.Stale != nil {
		s.Stale.Tried++
		s.Stale.Next = now.Add(restartPace)
	}
}
