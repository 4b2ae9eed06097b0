package report

import (
	"fmt"
	"io"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/stay"
)

// Plan writes the steps of a plan for people.
func Plan(w io.Writer, p *plan.Plan) error {
	t := newTable(w, Options{})
	t.line(bold, sentence(p.Title))
	t.steps(p)
	return t.out.Flush()
}

// StayStatus writes the state of the unattended service on one screen.
func StayStatus(w io.Writer, s *stay.Status, o Options) error {
	t := newTable(w, o)
	t.stayHeadline(s)
	row := func(label, text string) {
		if text != "" {
			t.hanging("", fmt.Sprintf("  %-14s", label), clean(text))
		}
	}
	row("looked", ago(s.Generated, s.Looked))
	row("archive", archive(s))
	row("on offer", offer(s))
	row("installed", last(s))
	if s.Last != nil && s.Last.Error != "" {
		row("last success", ago(s.Generated, s.Success))
	}
	row("window", windowText(s))
	if s.On {
		row("next turn", moment(s.Generated, s.Next))
	}
	if len(s.Waits) > 0 {
		t.section("Waits")
		for _, x := range s.Waits {
			t.text("", "  ", clean(waitText(s, x)))
		}
	}
	if len(s.Person) > 0 {
		t.section("Needs a person")
		for _, p := range s.Person {
			t.text(yellow, "  ", clean(p.What+": "+p.Why))
			if p.Do != "" {
				t.hanging(faint, "    → ", clean(p.Do))
			}
		}
	}
	for _, trouble := range s.Trouble {
		t.text(red, "", clean(trouble))
	}
	return t.out.Flush()
}

func (t *table) stayHeadline(s *stay.Status) {
	state := "stay-secure is off"
	if s.On {
		state = "stay-secure " + string(s.Mode)
		if s.Reboot != "" && s.Reboot != stay.RebootNever {
			state += ", restarts " + map[stay.Reboot]string{stay.RebootWindow: "in its window", stay.RebootWhenNeeded: "when needed"}[s.Reboot]
		}
	}
	t.line(bold, clean(s.Host+": "+state))
	color := ""
	switch {
	case s.GivenUp != nil:
		t.text(red, "", clean("Nothing is installed any more: "+s.GivenUp.Why))
	case !s.Paused.IsZero():
		t.text(yellow, "", clean("Paused until "+stamp(s.Paused)))
	case len(s.Exploited) > 0 || s.Stale:
		color = red
	}
	t.text(color, "", sentence(s.Level+"."))
}

// sentence begins with a capital letter.
func sentence(s string) string {
	s = clean(s)
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:]
}

func archive(s *stay.Status) string {
	text := "asked " + ago(s.Generated, s.Check.OK)
	if s.Check.OK.IsZero() {
		text = "never asked with success"
	}
	if s.Check.Error != "" {
		text += fmt.Sprintf("; failed since, %s: %s", plural(s.Check.Failures, "time", "times"), s.Check.Error)
	}
	return text
}

func offer(s *stay.Status) string {
	if s.Pending == nil {
		return "nothing"
	}
	text := plural(s.Pending.Updates, "update", "updates") + ", found " + ago(s.Generated, s.Pending.Found)
	if !s.Pending.Downloaded.IsZero() {
		text += ", downloaded"
	}
	if n := len(s.Pending.Exploited); n > 0 {
		text += fmt.Sprintf(", %s known to be exploited", plural(n, "hole", "holes"))
	}
	const enough = 4
	return text + ": " + names(s.Pending.Packages, enough)
}

func last(s *stay.Status) string {
	if s.Last == nil {
		return "nothing yet by this service"
	}
	text := fmt.Sprintf("%s %s, %s", plural(s.Last.Updates, "update", "updates"), ago(s.Generated, s.Last.At), s.Last.Status)
	if s.Last.Transaction != "" {
		text += " (" + s.Last.Transaction + ")"
	}
	if s.Last.Error != "" {
		text += ": " + s.Last.Error
	}
	return text
}

func windowText(s *stay.Status) string {
	switch {
	case !s.On:
		return ""
	case s.Window == nil:
		return "any time is good"
	case s.Window.Open:
		return "open until " + stamp(s.Window.End)
	}
	return moment(s.Generated, s.Window.Start) + " to " + stamp(s.Window.End)
}

func waitText(s *stay.Status, w stay.Wait) string {
	text := fmt.Sprintf("%s: %s", w.What, w.Why)
	if !w.Until.IsZero() {
		text += ", until " + moment(s.Generated, w.Until)
	}
	return text
}

// moment is a time and how far away it is.
func moment(now, t time.Time) string {
	if t.IsZero() {
		return "not known"
	}
	return fmt.Sprintf("%s (in %s)", stamp(t), distance(t.Sub(now)))
}

func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return fmt.Sprintf("%s (%s ago)", stamp(t), distance(now.Sub(t)))
}

func distance(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 2*day:
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/day)
}
