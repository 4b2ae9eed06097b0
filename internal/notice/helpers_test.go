package notice_test

import (
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/notice"
)

// morning is a Monday.
var morning = time.Date(2026, 11, 23, 7, 30, 0, 0, time.UTC)

func at(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }

func daily() notice.Schedule {
	return notice.Schedule{Every: notice.Daily, Hour: 8, Host: "web1"}
}

func item(kind notice.Kind, key string) notice.Item {
	return notice.Item{Kind: kind, Key: key, Title: "title of " + key, Text: "why", Do: "lockfast fix"}
}

func urgent(i notice.Item) notice.Item {
	i.Urgent = true
	return i
}

// person is one sink with its memory.
type person struct {
	t *testing.T
	m notice.Memory
	s notice.Schedule
}

// look tells what is due, and it arrives.
func (p *person) look(now time.Time, items ...notice.Item) *notice.Message {
	p.t.Helper()
	msg := p.lost(now, items...)
	p.m = p.m.Delivered(msg, now)
	return msg
}

// lost tells what is due, and it does not arrive.
func (p *person) lost(now time.Time, items ...notice.Item) *notice.Message {
	p.t.Helper()
	msg, m := notice.Due(items, p.m, p.s, now)
	p.m = kept(p.t, m)
	return msg
}

// kept is a memory after it was written and read again, as between two turns.
func kept(t testing.TB, m notice.Memory) notice.Memory {
	t.Helper()
	data, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if m, err = notice.ParseMemory(data); err != nil {
		t.Fatal(err)
	}
	return m
}

func keys(items []notice.Item) string {
	all := ""
	for _, i := range items {
		all += i.Key + " "
	}
	return all
}

func (p *person) want(msg *notice.Message, items, recovered string) {
	p.t.Helper()
	if msg == nil {
		p.t.Fatalf("nothing is told, want %q, over %q", items, recovered)
	}
	if keys(msg.Items) != items || keys(msg.Recovered) != recovered {
		p.t.Errorf("told %q, over %q; want %q, over %q", keys(msg.Items), keys(msg.Recovered), items, recovered)
	}
}

func (p *person) quiet(msg *notice.Message) {
	p.t.Helper()
	if msg != nil {
		p.t.Errorf("told %q, over %q; want nothing", keys(msg.Items), keys(msg.Recovered))
	}
}
