package notice_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/notice"
)

func TestWhatWaitsAndWhatDoesNot(t *testing.T) {
	waits := map[notice.Kind]bool{
		notice.NeedsPerson: true, notice.RestartWaits: true, notice.Paused: true, notice.Available: true, notice.Applied: true, notice.Recovered: true,
	}
	for _, kind := range notice.Kinds() {
		p := person{t: t, s: daily()}
		if msg := p.look(morning, item(kind, "k")); (msg == nil) != waits[kind] {
			t.Errorf("%s: message %v, want one at once: %v", kind, msg, !waits[kind])
		}
		p = person{t: t, s: daily()}
		if msg := p.look(morning, urgent(item(kind, "k"))); msg == nil || !msg.Urgent || msg.Digest {
			t.Errorf("%s, urgent: message %+v, want one at once", kind, msg)
		}
	}
	if msg := (&person{t: t, s: daily()}).look(morning, item("of-tomorrow", "k")); msg == nil {
		t.Error("an unknown kind is swallowed")
	}
}

func TestOneDigestADay(t *testing.T) {
	p := person{t: t, s: daily()}
	p.quiet(p.look(at(23, 7), item(notice.NeedsPerson, "a")))
	msg := p.look(at(23, 8), item(notice.NeedsPerson, "a"), item(notice.Applied, "b"))
	p.want(msg, "a b ", "")
	if !msg.Digest || msg.Urgent {
		t.Errorf("got %+v", msg)
	}
	p.quiet(p.look(at(23, 9), item(notice.NeedsPerson, "a"), item(notice.Available, "c")))
	msg = p.look(at(24, 9), item(notice.NeedsPerson, "a"), item(notice.Available, "c"))
	p.want(msg, "c ", "")
	if msg.Standing != 1 {
		t.Errorf("%d still stand, want 1", msg.Standing)
	}
}

// The slot of a digest in which nothing was to be told is over too: what comes
// an hour later waits for the next one.
func TestEmptyDigest(t *testing.T) {
	p := person{t: t, s: daily()}
	p.quiet(p.look(at(22, 12)))
	p.quiet(p.look(at(23, 8)))
	p.quiet(p.look(at(23, 9), item(notice.Available, "a")))
	p.want(p.look(at(24, 8), item(notice.Available, "a")), "a ", "")
}

func TestWhatCannotWaitDoesNotTakeTheDigestAlong(t *testing.T) {
	p := person{t: t, s: daily()}
	p.want(p.look(at(23, 6), item(notice.Available, "a"), item(notice.Failure, "f")), "f ", "")
	p.want(p.look(at(23, 8), item(notice.Available, "a"), item(notice.Failure, "f")), "a ", "")
}

func TestToldAgain(t *testing.T) {
	p := person{t: t, s: daily()}
	f := item(notice.Failure, "f")
	first := p.look(at(1, 9), f)
	p.want(first, "f ", "")
	p.quiet(p.look(at(7, 9), f))
	second := p.look(at(8, 9), f)
	p.want(second, "f ", "")
	if third := p.look(at(15, 9), f); third == nil || first.ID == second.ID || second.ID == third.ID {
		t.Errorf("reminders %s, %s and %+v: a receiver would take one for the other", first.ID, second.ID, third)
	}
	f.Text = "why, tried 4 times"
	p.want(p.look(at(15, 10), f), "f ", "")
	f.Text = "why, tried 5 times"
	p.quiet(p.look(at(15, 11), f))
	f.IDs = []string{"CVE-2026-1"}
	p.want(p.look(at(15, 12), f), "f ", "")
}

func TestWhatHappenedIsToldOnce(t *testing.T) {
	p := person{t: t, s: daily()}
	p.quiet(p.look(at(1, 1)))
	p.want(p.look(at(1, 9), item(notice.Applied, "a")), "a ", "")
	for day := 2; day < 28; day++ {
		p.quiet(p.look(at(day, 9), item(notice.Applied, "a")))
	}
	p.quiet(p.look(at(28, 9)))
	if len(p.m.Told) != 0 {
		t.Errorf("still remembered: %+v", p.m.Told)
	}
}

func TestOver(t *testing.T) {
	p := person{t: t, s: daily()}
	p.look(at(23, 9), item(notice.ExploitedExposed, "hole"), item(notice.Stale, "archive"))
	msg := p.look(at(23, 10), item(notice.Stale, "archive"))
	p.want(msg, "", "hole ")
	if msg.Kind() != notice.Recovered || msg.Urgent {
		t.Errorf("kind %s, urgent %v", msg.Kind(), msg.Urgent)
	}
	p.quiet(p.look(at(23, 11)))
	p.want(p.look(at(24, 8)), "", "archive ")
	p.quiet(p.look(at(25, 8)))
	if len(p.m.Told) != 0 {
		t.Errorf("still remembered: %+v", p.m.Told)
	}
}

// An archive that answers every other time is one matter, not twelve a day.
func TestWhatComesAndGoesIsToldOnce(t *testing.T) {
	for _, every := range []notice.Every{notice.Daily, notice.Never} {
		p := person{t: t, s: daily()}
		p.s.Every = every
		p.want(p.look(at(23, 9), item(notice.Stale, "archive")), "archive ", "")
		for hour := 10; hour < 24; hour += 2 {
			p.quiet(p.look(at(23, hour)))
			p.quiet(p.look(at(23, hour+1), item(notice.Stale, "archive")))
		}
	}
}

func TestOverWithoutDigest(t *testing.T) {
	p := person{t: t, s: daily()}
	p.s.Every = notice.Never
	p.look(at(23, 9), item(notice.Stale, "archive"))
	p.quiet(p.look(at(23, 10)))
	p.quiet(p.look(at(24, 9)))
	p.want(p.look(at(24, 10)), "", "archive ")
	p.quiet(p.look(at(25, 10)))
}

func TestUntoldIsNotOver(t *testing.T) {
	p := person{t: t, s: daily()}
	p.quiet(p.look(at(23, 9), item(notice.NeedsPerson, "a")))
	p.quiet(p.look(at(24, 9)))
}

func TestRebootIsOnlyTheFirstTimeAtOnce(t *testing.T) {
	p := person{t: t, s: daily()}
	p.want(p.look(at(1, 9), item(notice.RebootWaits, "r")), "r ", "")
	p.quiet(p.look(at(8, 8), item(notice.RebootWaits, "r")))
	p.quiet(p.look(at(8, 10), item(notice.RebootWaits, "r")))
	p.want(p.look(at(9, 8), item(notice.RebootWaits, "r")), "r ", "")
}

func TestAMessageThatDoesNotArriveIsMadeAgain(t *testing.T) {
	p := person{t: t, s: daily()}
	items := []notice.Item{item(notice.Failure, "f"), item(notice.Available, "a")}
	p.quiet(p.look(at(22, 9)))
	first := p.lost(at(23, 8), items...)
	second := p.lost(at(23, 9), items...)
	p.want(first, "f a ", "")
	p.want(second, "f a ", "")
	if first.ID != second.ID {
		t.Errorf("the same news has the ids %s and %s", first.ID, second.ID)
	}
	p.want(p.look(at(23, 10), items...), "f a ", "")
	p.quiet(p.look(at(23, 11), items...))
	p.want(p.lost(at(24, 8), items[1]), "", "f ")
	p.want(p.look(at(24, 9), items[1]), "", "f ")
	p.quiet(p.look(at(25, 8), items[1]))
	if msg := p.look(at(30, 11), items[1]); msg == nil || msg.ID == first.ID {
		t.Errorf("the reminder is %+v", msg)
	}
}

func TestIDsOfHostsDiffer(t *testing.T) {
	one, _ := notice.Due([]notice.Item{item(notice.Failure, "f")}, notice.Memory{}, daily(), morning)
	other, _ := notice.Due([]notice.Item{item(notice.Failure, "f")}, notice.Memory{}, notice.Schedule{Host: "web2"}, morning)
	if one.ID == other.ID || len(one.ID) < 16 {
		t.Errorf("ids %s and %s", one.ID, other.ID)
	}
}

func TestQuietSite(t *testing.T) {
	p := person{t: t, s: daily()}
	p.look(at(22, 9), item(notice.RestartWaits, "told before"))
	p.look(at(23, 8), item(notice.RestartWaits, "told before"))
	p.s.Quiet = true
	items := []notice.Item{item(notice.NeedsPerson, "n"), item(notice.Available, "a"), item(notice.Applied, "i"), item(notice.Paused, "p")}
	p.want(p.look(at(24, 9), items...), "n ", "")
	p.want(p.look(at(25, 9), append(items, urgent(item(notice.Available, "u")))...), "u ", "")
	p.want(p.look(at(26, 9)), "", "n ")
}

// One message is never endless, and what did not fit comes later.
func TestManyItems(t *testing.T) {
	p := person{t: t, s: daily()}
	var items []notice.Item
	for i := range 250 {
		items = append(items, item(notice.Failure, fmt.Sprintf("k%03d", i)))
	}
	told := map[string]bool{}
	for turn, more := range []int{150, 50, 0} {
		msg := p.look(morning.Add(time.Duration(turn)*time.Minute), items...)
		if msg == nil || msg.More != more {
			t.Fatalf("turn %d: got %+v, want %d more", turn, msg, more)
		}
		for _, i := range msg.Items {
			if told[i.Key] {
				t.Errorf("%s is told twice", i.Key)
			}
			told[i.Key] = true
		}
	}
	if len(told) != len(items) {
		t.Errorf("%d of %d were told", len(told), len(items))
	}
}

// A clock that was years ahead for an hour does not silence the host for years.
func TestClockThatWasAhead(t *testing.T) {
	p := person{t: t, s: daily()}
	p.want(p.look(at(1, 9).AddDate(20, 0, 0), item(notice.Failure, "f")), "f ", "")
	p.quiet(p.look(at(1, 9), item(notice.Failure, "f"), item(notice.Available, "a")))
	p.want(p.look(at(2, 9), item(notice.Failure, "f"), item(notice.Available, "a")), "a ", "")
	p.want(p.look(at(8, 9), item(notice.Failure, "f"), item(notice.Available, "a")), "f ", "")
}

func TestItemsWithoutKeyAndTwiceTheSame(t *testing.T) {
	p := person{t: t, s: daily()}
	msg := p.look(morning, notice.Item{Kind: notice.Failure, Title: "x"}, notice.Item{Kind: notice.Failure, Title: "x"}, notice.Item{Kind: notice.Failure, Title: "y"},
		notice.Item{Kind: notice.GivenUp, Key: "k"}, urgent(notice.Item{Kind: notice.Paused, Key: "k"}))
	p.want(msg, "k failure:x failure:y ", "")
	if msg.Items[0].Kind != notice.Paused {
		t.Errorf("of two with one key the less important is kept: %+v", msg.Items[0])
	}
}

func TestStanding(t *testing.T) {
	if msg := notice.Standing([]notice.Item{item(notice.Applied, "a")}, daily(), morning); msg != nil {
		t.Errorf("what happened does not stand: %+v", msg)
	}
	msg := notice.Standing([]notice.Item{item(notice.Available, "a"), item(notice.ExploitedExposed, "e"), item(notice.Applied, "b")}, daily(), morning)
	if msg == nil || keys(msg.Items) != "e a " || !msg.Urgent || msg.ID == "" {
		t.Errorf("got %+v", msg)
	}
}
