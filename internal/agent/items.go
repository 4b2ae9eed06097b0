package agent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/notice"
	"github.com/lockfast/lockfast/internal/stay"
)

// newsFor is how long what happened is handed over: a weekly digest that could
// not be sent for two days still has it.
const newsFor = 9 * 24 * time.Hour

// items are everything that people may have to know at the end of a turn.
func (t *turn) items(s *stay.Status) []notice.Item {
	var list []notice.Item
	for _, part := range [][]notice.Item{t.holes(), t.failures(s), t.waiting(s), t.person(s), t.news(s)} {
		list = append(list, part...)
	}
	return list
}

// holes are known exploited ones that are open and may be reached.
func (t *turn) holes() []notice.Item {
	var list []notice.Item
	for i := range t.seen.Exploited {
		f := &t.seen.Exploited[i]
		do := "lockfast fix apply --only " + f.SourcePackage
		if f.FixedVersion == "" {
			do = "there is no fix yet: take the service off the network, or see whether its vendor names a workaround"
		}
		list = append(list, notice.Item{
			Kind: notice.ExploitedExposed, Key: "hole:" + f.Key, Title: fmt.Sprintf("%s has a hole that is known to be exploited", f.SourcePackage),
			Text: f.Reason, Do: do, IDs: f.IDs,
		})
	}
	return list
}

func (t *turn) failures(s *stay.Status) []notice.Item {
	var list []notice.Item
	if last := s.Last; last != nil && last.Error != "" {
		list = append(list, notice.Item{
			Kind: notice.Failure, Key: "failure:" + last.Transaction + last.At.Format(time.RFC3339), Title: "An installation did not succeed (" + last.Status + ")",
			Text: last.Error, Do: "lockfast history " + last.Transaction, Since: last.At, IDs: []string{last.Transaction},
		})
	}
	if g := s.GivenUp; g != nil {
		list = append(list, notice.Item{
			Kind: notice.GivenUp, Key: "given-up", Title: "Nothing is installed any more until a person says so", Text: g.Why,
			Do: "put it right, then lockfast stay-secure resume", Since: g.At,
		})
	}
	if s.Stale {
		list = append(list, notice.Item{
			Kind: notice.Stale, Key: "stale", Title: "The archive does not answer: what is missing is not known", Text: s.Check.Error,
			Do: "lockfast stay-secure run", Since: s.Check.OK,
		})
	} else if unbelieved(s.Check.Error) {
		list = append(list, notice.Item{ // not a matter of patience
			Kind: notice.Stale, Key: "signature", Title: "The archive's signature is not right", Text: s.Check.Error,
			Do: "find out who answers for the archive before anything else; nothing of it was used", Since: s.Check.Tried,
		})
	}
	for _, why := range append(slices.Clone(t.broken), t.trouble...) {
		list = append(list, notice.Item{Kind: notice.Failure, Key: "trouble:" + why, Title: "The service met with a difficulty", Text: why, Do: "lockfast stay-secure status"})
	}
	for i := range t.seen.Unknown {
		if u := &t.seen.Unknown[i]; u.Blocking {
			list = append(list, notice.Item{Kind: notice.Stale, Key: "unknown:" + u.What, Title: "Not everything could be looked at: " + u.What, Text: u.Why, Do: "lockfast scan"})
		}
	}
	return list
}

// unbelieved reports whether the archive answered, and what it said cannot be
// trusted: apt's words for it, which are not translated here (LC_ALL=C.UTF-8).
func unbelieved(text string) bool {
	return slices.ContainsFunc([]string{"not signed", "signature", "BADSIG", "NO_PUBKEY", "EXPKEYSIG", "GPG error", "is not valid", "is expired", "Hash Sum mismatch"},
		func(words string) bool { return strings.Contains(text, words) })
}

func (t *turn) waiting(s *stay.Status) []notice.Item {
	var list []notice.Item
	if r := t.s.Reboot; r != nil {
		item := notice.Item{Kind: notice.RebootWaits, Key: "reboot:" + r.Why, Title: "The host has to be restarted", Text: r.Why, Since: r.Since}
		i := slices.IndexFunc(s.Waits, func(w stay.Wait) bool { return w.What == "reboot" })
		if i >= 0 && !s.Waits[i].Until.IsZero() {
			item.Do = "nothing: it is done by itself, not before " + s.Waits[i].Until.Format("Mon 2 Jan 15:04 MST")
		} else if i >= 0 {
			item.Do = s.Waits[i].Do
		}
		list = append(list, item)
	}
	if r := t.s.Stale; r != nil {
		list = append(list, notice.Item{
			Kind: notice.RestartWaits, Key: "restart:" + r.Why, Title: "Services still run replaced code: " + r.Why, Text: "their fixes are installed and do not protect yet",
			Do: "systemctl restart " + strings.ReplaceAll(r.Why, ",", ""), Since: r.Since,
		})
	}
	if !s.Paused.IsZero() {
		list = append(list, notice.Item{
			Kind: notice.Paused, Key: "paused:" + s.Paused.Format(time.RFC3339), Title: "Paused until " + s.Paused.Format("Mon 2 Jan 15:04 MST"), Do: "lockfast stay-secure resume",
		})
	}
	if !t.missed.IsZero() && t.s.Pending != nil {
		list = append(list, notice.Item{
			Kind: notice.NeedsPerson, Key: "missed:" + t.missed.Format(time.RFC3339), Title: "The maintenance window of " + t.missed.Format("Mon 2 Jan 15:04 MST") + " was missed: the host was off",
			Text: fmt.Sprintf("%d updates wait for the next one", t.s.Pending.Updates), Do: "lockfast fix apply --offline, or set stay_secure.missed to soon",
		})
	}
	return list
}

// person are the matters that only a person can decide, but those that have a
// kind of their own.
func (t *turn) person(s *stay.Status) []notice.Item {
	var list []notice.Item
	for _, p := range s.Person {
		own := s.GivenUp != nil && p.Why == s.GivenUp.Why || p.What == "reboot" || t.s.Stale != nil && strings.HasPrefix(p.What, "restarting ")
		if own || t.s.Pending != nil && t.o.Policy.Mode != stay.Auto && strings.Contains(p.What, "update") {
			continue
		}
		list = append(list, notice.Item{Kind: notice.NeedsPerson, Key: "person:" + p.What, Title: p.What, Text: p.Why, Do: p.Do})
	}
	return list
}

// news is what happened, and what is on offer where people install.
func (t *turn) news(s *stay.Status) []notice.Item {
	var list []notice.Item
	if last := s.Last; last != nil && last.Error == "" && last.Updates > 0 && s.Generated.Sub(last.At) < newsFor {
		list = append(list, notice.Item{
			Kind: notice.Applied, Key: "applied:" + last.Transaction, Title: count(last.Updates, "update") + " installed", Text: "what worked before works still",
			Do: "nothing; lockfast undo " + last.Transaction + " takes it back", Since: last.At, IDs: []string{last.Transaction},
		})
	}
	if p := s.Pending; p != nil && t.o.Policy.Mode != stay.Auto {
		const enough = 20
		names := p.Packages[:min(enough, len(p.Packages))]
		text := strings.Join(names, ", ")
		if more := len(p.Packages) - len(names); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		do := "lockfast fix apply"
		if !p.Downloaded.IsZero() {
			do += " --offline"
		}
		list = append(list, notice.Item{
			Kind: notice.Available, Key: "available:" + p.ID, Title: count(p.Updates, "update") + " on offer", Text: text, Do: do, Since: p.Found, IDs: p.Exploited,
			Urgent: false,
		})
	}
	return list
}
