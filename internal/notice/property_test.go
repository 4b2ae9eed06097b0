package notice_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/notice"
)

// world is a host whose problems come and go, looked at every few hours, and a
// sink that fails now and then.
type world struct {
	t     *rapid.T
	s     notice.Schedule
	m     notice.Memory
	now   time.Time
	stand map[string]notice.Item
	since map[string]time.Time // an item stands as it is
	told  map[string]time.Time // delivered as it is
	woken map[string]bool      // a problem that people know of
}

func (w *world) items() []notice.Item {
	var list []notice.Item
	for _, i := range w.stand {
		list = append(list, i) // in the order of the map: it must not matter
	}
	return list
}

// change lets an item come, go or become another.
func (w *world) change() {
	key := fmt.Sprintf("k%d", rapid.IntRange(0, 5).Draw(w.t, "key"))
	if _, stands := w.stand[key]; stands && rapid.Bool().Draw(w.t, "goes") {
		delete(w.stand, key)
		delete(w.since, key)
		return
	}
	i := item(rapid.SampledFrom(notice.Kinds()).Draw(w.t, "kind"), key)
	i.Title = rapid.SampledFrom([]string{"one", "two"}).Draw(w.t, "title")
	i.Urgent = rapid.IntRange(0, 9).Draw(w.t, "urgent") == 0
	if old, stands := w.stand[key]; stands && reflect.DeepEqual(old, i) {
		return
	}
	w.stand[key], w.since[key] = i, w.now
	delete(w.told, key)
}

func (w *world) look() {
	items := w.items()
	before := kept(w.tb(), w.m)
	msg, m := notice.Due(items, before, w.s, w.now)
	slices.Reverse(items)
	again, _ := notice.Due(items, before, w.s, w.now)
	if !reflect.DeepEqual(msg, again) {
		w.t.Fatalf("the order of items matters:\n%+v\n%+v", msg, again)
	}
	w.m = m
	if msg == nil {
		return
	}
	w.judge(msg)
	if rapid.IntRange(0, 3).Draw(w.t, "sink fails") > 0 {
		w.deliver(msg)
	}
}

func (w *world) tb() testing.TB { return quietTB{} }

// judge checks what a message may hold.
func (w *world) judge(msg *notice.Message) {
	if len(msg.Items)+len(msg.Recovered) == 0 {
		w.t.Fatal("an empty message")
	}
	for _, i := range msg.Items {
		told, ok := w.told[i.Key]
		if ok && w.now.Sub(told) < w.s.RepeatAfter {
			w.t.Fatalf("%s is told %v after it was told", i.Key, w.now.Sub(told))
		}
		if _, stands := w.stand[i.Key]; !stands {
			w.t.Fatalf("%s is told and does not stand", i.Key)
		}
	}
	for _, i := range msg.Recovered {
		if _, stands := w.stand[i.Key]; stands || !w.woken[i.Key] {
			w.t.Fatalf("%s is told as over; it stands: %v, people knew: %v", i.Key, stands, w.woken[i.Key])
		}
	}
}

func (w *world) deliver(msg *notice.Message) {
	w.m = w.m.Delivered(msg, w.now)
	for _, i := range msg.Items {
		w.told[i.Key], w.woken[i.Key] = w.now, true
	}
	for _, i := range msg.Recovered {
		delete(w.told, i.Key) // should it come back, this is news
		delete(w.woken, i.Key)
	}
}

// quietTB lets kept be used where rapid's T is the test.
type quietTB struct{ testing.TB }

func (quietTB) Helper()           {}
func (quietTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func TestNeverTwiceNeverLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{
			t: t, now: morning, stand: map[string]notice.Item{}, since: map[string]time.Time{}, told: map[string]time.Time{}, woken: map[string]bool{},
			s: notice.Schedule{Hour: rapid.IntRange(0, 23).Draw(t, "hour"), RepeatAfter: time.Duration(rapid.IntRange(1, 200).Draw(t, "repeat")) * time.Hour},
		}
		w.s.Every = rapid.SampledFrom([]notice.Every{notice.Daily, notice.Weekly, notice.Never}).Draw(t, "every")
		for range rapid.IntRange(1, 60).Draw(t, "turns") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "hours")) * time.Hour)
			if rapid.Bool().Draw(t, "change") {
				w.change()
			}
			w.look()
		}
		if w.s.Every == notice.Never {
			return // there what could wait is not told at all
		}
		// Now the sink works. Two weeks later everything that stands was told.
		for range 14 * 4 {
			w.now = w.now.Add(6 * time.Hour)
			msg, m := notice.Due(w.items(), w.m, w.s, w.now)
			if w.m = m; msg != nil {
				w.judge(msg)
				w.deliver(msg)
			}
		}
		for key := range w.stand {
			if w.told[key].IsZero() {
				t.Fatalf("%s stands since %v and was never told", key, w.since[key])
			}
		}
		for _, told := range w.m.Told {
			if !told.Over.IsZero() {
				t.Fatalf("%s is over, and nobody is told", told.Key)
			}
		}
	})
}

func TestQuietWhenNothingStands(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := notice.Schedule{Every: rapid.SampledFrom([]notice.Every{notice.Daily, notice.Weekly, notice.Never}).Draw(t, "every")}
		m, now := notice.Memory{}, morning
		for range 50 {
			now = now.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "hours")) * time.Hour)
			var msg *notice.Message
			if msg, m = notice.Due(nil, m, s, now); msg != nil {
				t.Fatalf("told %+v", msg)
			}
		}
		if len(m.Told) != 0 {
			t.Fatalf("remembered %+v", m.Told)
		}
	})
}

// Due and Delivered agree on what an item is, whatever is in it.
func TestAnyItemIsToldOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bytes := rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 400), func(b []byte) string { return string(b) })
		words := rapid.OneOf(rapid.StringN(0, 500, -1), bytes)
		i := notice.Item{
			Kind: notice.Failure, Key: words.Draw(t, "key"), Title: words.Draw(t, "title"), Text: words.Draw(t, "text"), Do: words.Draw(t, "do"),
			IDs: rapid.SliceOf(words).Draw(t, "ids"), Since: time.Unix(rapid.Int64().Draw(t, "since"), 0),
		}
		msg, m := notice.Due([]notice.Item{i}, notice.Memory{}, daily(), morning)
		if msg == nil {
			t.Fatal("not told")
		}
		m = kept(quietTB{}, m.Delivered(msg, morning))
		if again, _ := notice.Due([]notice.Item{i}, m, daily(), morning.Add(time.Minute)); again != nil {
			t.Fatalf("told twice: %+v", again)
		}
		over, _ := notice.Due(nil, m, daily(), at(24, 9))
		if over == nil || len(over.Recovered) != 1 {
			t.Fatalf("its end is %+v", over)
		}
		if _, err := notice.JSON(msg); err != nil {
			t.Fatal(err)
		}
	})
}

func TestDueChangesNothingItIsGiven(t *testing.T) {
	_, m := notice.Due([]notice.Item{item(notice.Failure, "a"), item(notice.Failure, "b")}, notice.Memory{}, daily(), morning)
	m = m.Delivered(&notice.Message{Items: []notice.Item{item(notice.Failure, "a"), item(notice.Failure, "b")}}, morning)
	before := kept(t, m)
	msg, after := notice.Due([]notice.Item{item(notice.Failure, "b")}, m, daily(), at(25, 9))
	after.Delivered(msg, at(25, 9))
	m.Delivered(&notice.Message{Items: []notice.Item{urgent(item(notice.Failure, "a"))}}, at(25, 9))
	if !reflect.DeepEqual(kept(t, m), before) {
		t.Errorf("got %+v, want %+v", m, before)
	}
}
