package probe

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// What a verdict says.
const (
	StateOK        = "ok"
	StateBroken    = "broken"
	StateNotJudged = "not judged"
)

// Verdict is whether a target still answers as before.
type Verdict struct {
	Target Target `json:"target"`
	State  string `json:"state"` // StateOK, StateBroken or StateNotJudged
	Why    string `json:"why"`
	Before Answer `json:"before"` // the later one of the baseline
	After  Answer `json:"after"`  // zero if it was not asked
}

// A service that has just restarted fills caches and compiles pages: it may take
// ten times as long as the slower baseline. On loopback answers take
// milliseconds, ten times which is still nothing, so that two seconds are always
// allowed; they are where people begin to call a page slow.
const (
	slower     = 10
	neverSlow  = 2 * time.Second
	roundTimes = time.Millisecond // what people read of a duration
)

// Compare judges each target of a baseline by how it answered afterwards. One
// that did not answer the same way twice before, or that was not asked again, is
// not judged.
func Compare(b Baseline, after []Answer) []Verdict {
	second, now := byTarget(b.Second), byTarget(after)
	verdicts := make([]Verdict, 0, len(b.First))
	for _, first := range b.First {
		again, askedTwice := second[first.Target]
		last, askedNow := now[first.Target]
		v := Verdict{Target: first.Target, Before: again, After: last}
		switch {
		case !askedTwice:
			v.Before = first
			v.State, v.Why = StateNotJudged, "it was asked only once before"
		case unsteady(first, again) != "":
			v.State, v.Why = StateNotJudged, unsteady(first, again)
		case !askedNow:
			v.State, v.Why = StateNotJudged, "it was not asked again"
		case last.Stopped:
			v.State, v.Why = StateNotJudged, "it could not be asked again: "+last.Error
		default:
			v.State, v.Why = judge(max(first.Took, again.Took), again, last)
		}
		verdicts = append(verdicts, v)
	}
	return verdicts
}

// unsteady says why the two answers of a baseline are nothing to judge by; empty
// if they are.
func unsteady(first, second Answer) string {
	switch {
	case first.Stopped || second.Stopped:
		return "it could not be asked before: it was stopped"
	case !first.OK && !second.OK && first.Target.configured():
		return "it did not hold before: " + second.Error
	case !first.OK && !second.OK:
		return "it did not answer before: " + second.Error
	case first.OK != second.OK:
		return fmt.Sprintf("it flaps: %s, then %s", first.outcome(), second.outcome())
	case first.Status != second.Status:
		return fmt.Sprintf("it flaps: %d, then %d", first.Status, second.Status)
	}
	if what := differs(first, second); what != "" {
		return "it flaps: " + what
	}
	return ""
}

// judge says whether an answer is as before.
func judge(took time.Duration, before, after Answer) (state, why string) {
	limit := max(slower*took, neverSlow)
	switch {
	case !after.OK:
		return StateBroken, after.Error
	case after.Took > limit:
		return StateBroken, fmt.Sprintf("took %v, before %v", after.Took.Round(roundTimes), took.Round(roundTimes))
	case before.Status >= 500 && after.Status < 500: // an error of the server that is gone is no breakage
		return StateOK, fmt.Sprintf("answered %d before, now %d", before.Status, after.Status)
	case after.Status != before.Status:
		return StateBroken, fmt.Sprintf("answers %d, before %d", after.Status, before.Status)
	}
	if what := differs(before, after); what != "" {
		return StateBroken, what
	}
	return StateOK, "as before: " + after.outcome()
}

// differs says in what an answer is another one than before, beyond its status.
// Where a target demands a text, that text is what counts of the content.
func differs(before, after Answer) string {
	switch {
	case whereTo(before.Location) != whereTo(after.Location):
		return fmt.Sprintf("redirects to %q, before to %q", after.Location, before.Location)
	case after.Target.Contains != "":
		return ""
	case mask(before.Title) != mask(after.Title):
		return fmt.Sprintf("the title is %q, before %q", after.Title, before.Title)
	case before.Closed != after.Closed, greets(before) != greets(after):
		return fmt.Sprintf("%s, before: %s", after.outcome(), before.outcome())
	}
	return ""
}

// outcome is an answer in a few words.
func (a Answer) outcome() string {
	switch {
	case !a.OK:
		return a.Error
	case a.Status != 0:
		return fmt.Sprint(a.Status)
	case a.Banner != "":
		return fmt.Sprintf("greets with %q", a.Banner)
	case a.Closed:
		return "connects and ends the connection"
	}
	return "connects"
}

// greets is what a greeting is known by: the code that mail and file servers
// begin with, or else its first two words without versions ("SSH-#", "* OK").
// The rest names hosts, times and random numbers.
func greets(a Answer) string {
	if strings.ContainsRune(a.Banner, unicode.ReplacementChar) {
		return "binary"
	}
	words := strings.Fields(a.Banner)
	if len(words) == 0 {
		return ""
	}
	if code, _, _ := strings.Cut(words[0], "-"); len(code) == 3 && strings.Trim(code, "0123456789") == "" {
		return code
	}
	return mask(strings.Join(words[:min(2, len(words))], " "))
}

func byTarget(answers []Answer) map[Target]Answer {
	m := make(map[Target]Answer, len(answers))
	for _, a := range answers {
		m[a.Target] = a
	}
	return m
}
