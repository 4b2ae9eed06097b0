package agent

import (
	"time"

	"github.com/lockfast/lockfast/internal/notify"
	"github.com/lockfast/lockfast/internal/stay"
)

// metrics are a status for Prometheus. What is not known is left out: an absent
// value is no zero.
func metrics(s *stay.Status) []notify.Metric {
	var list []notify.Metric
	add := func(name, help string, value float64) {
		list = append(list, notify.Metric{Name: "lockfast_stay_" + name, Help: help, Type: "gauge", Value: value})
	}
	when := func(name, help string, t time.Time) {
		if !t.IsZero() {
			add(name, help, float64(t.Unix()))
		}
	}
	flag := func(name, help string, yes bool) { add(name, help, map[bool]float64{true: 1}[yes]) }
	when("turn_timestamp_seconds", "Time of the last turn.", s.Generated)
	when("checked_timestamp_seconds", "When the archive last answered.", s.Check.OK)
	when("success_timestamp_seconds", "When an installation last succeeded.", s.Success)
	when("next_timestamp_seconds", "When the service wakes next.", s.Next)
	flag("stale", "1 if the archive has not answered for too long.", s.Stale)
	flag("given_up", "1 if nothing is installed any more until a person says so.", s.GivenUp != nil)
	flag("paused", "1 while paused.", !s.Paused.IsZero())
	add("check_failures", "Times in a row that the archive did not answer.", float64(s.Check.Failures))
	add("needs_person", "Matters that only a person can decide.", float64(len(s.Person)))
	if s.Looked.IsZero() || s.Stale {
		return list
	}
	pending := 0
	if s.Pending != nil {
		pending = s.Pending.Updates
	}
	add("updates_pending", "Updates that wait to be installed.", float64(pending))
	add("missing_fixes", "Fixes on offer that are not installed.", float64(s.Summary.Fixable))
	add("not_running", "Fixes that are installed and not running.", float64(s.Summary.NotRunning))
	add("exploited_exposed", "Known exploited holes that are open and may be reached.", float64(len(s.Exploited)))
	if s.Summary.WorstGapDays != nil {
		add("patch_gap_days", "Days that the oldest missing fix has existed.", float64(*s.Summary.WorstGapDays))
	}
	return list
}
