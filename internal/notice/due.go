package notice

import (
	"slices"
	"time"
)

// maxItems bounds a message; what is left over goes into the next one.
const maxItems = 100

// settled is how long a problem has to be over before this is told on its own
// where there is no digest to wait for: one that comes and goes is not told
// with every turn.
const settled = 24 * time.Hour

// Due makes the message that is due now, nil if people need not be told
// anything. Of the items all that stand are handed over, told before or not.
//
// The memory it returns is kept in any case. It does not count the message as
// told: that does [Memory.Delivered].
func Due(items []Item, m Memory, s Schedule, now time.Time) (*Message, Memory) {
	stand := tidy(items)
	m = m.look(stand, s, now)
	digest := s.Every != Never && s.slot(now).After(m.Digest.Looked)
	msg := &Message{Host: Clean(s.Host), At: now.In(s.location()), Digest: digest}
	room := min(maxItems, maxTold-len(m.Told))
	for _, item := range stand {
		told := m.find(item.Key)
		switch when := s.when(item, told, now); {
		case told != nil && when == notNow:
			msg.Standing += count(item.Kind.row().problem)
		case when == notNow, when == withDigest && !digest:
		case len(msg.Items) >= room:
			msg.More++
		default:
			msg.Items = append(msg.Items, item)
		}
	}
	msg.Recovered = m.over(s, now, digest, len(msg.Items) > 0)
	if len(msg.Items)+len(msg.Recovered) == 0 {
		if digest {
			m.Digest.Looked = now.UTC() // nothing to tell: what comes later waits for the next one
		}
		return nil, m
	}
	msg.Urgent = slices.ContainsFunc(msg.Items, Item.urgent)
	msg.ID = m.id(msg)
	return msg, m
}

// Standing makes a message of all that stands, told before or not, for places
// that show a state rather than news; nil if nothing stands.
func Standing(items []Item, s Schedule, now time.Time) *Message {
	msg := &Message{Host: Clean(s.Host), At: now.In(s.location())}
	for _, item := range tidy(items) {
		switch {
		case item.Kind.row().event, s.hushed(item):
		case len(msg.Items) >= maxItems:
			msg.More++
		default:
			msg.Items = append(msg.Items, item)
		}
	}
	if len(msg.Items) == 0 {
		return nil
	}
	msg.Urgent = slices.ContainsFunc(msg.Items, Item.urgent)
	msg.ID = Memory{}.id(msg)
	return msg
}

// moment is when an item is told.
type moment int

const (
	notNow moment = iota
	withDigest
	atOnce
)

// when decides on one item; told is what is remembered of it, or nil.
func (s Schedule) when(item Item, told *Told, now time.Time) moment {
	row := item.Kind.row()
	switch {
	case told != nil && told.Print == item.print() && (row.event || now.Sub(told.At) < s.repeat()):
		return notNow
	case s.hushed(item):
		return notNow
	case item.urgent():
		return atOnce
	case item.Kind == RebootWaits && told != nil && s.Every != Never:
		return withDigest // people know; the next reminder can wait
	case row.once:
		return atOnce
	}
	return withDigest
}

// hushed reports whether a site does not want to hear of an item at all.
func (s Schedule) hushed(item Item) bool {
	return s.Quiet && !item.Kind.row().quiet && !item.urgent()
}

// look brings a memory up to what stands now.
func (m Memory) look(stand []Item, s Schedule, now time.Time) Memory {
	if m.Schema = MemorySchema; m.Began.IsZero() {
		m.Began, m.Digest.Looked = now.UTC(), now.UTC() // the first digest is the next one, not one at once
	}
	standing := make(map[string]bool, len(stand))
	for _, item := range stand {
		standing[item.Key] = true
	}
	m.Digest.Looked = notAfter(m.Digest.Looked, now)
	list := make([]Told, 0, len(m.Told))
	for _, t := range m.Told {
		t.At, t.Over = notAfter(t.At, now), notAfter(t.Over, now)
		switch problem := t.Kind.row().problem; {
		case standing[t.Key]:
			t.Over = time.Time{}
		case !problem && now.Sub(t.At) >= s.repeat():
			continue // kept until now, so that what comes and goes is not told each time
		case problem && s.hushed(Item{Kind: t.Kind, Urgent: t.Urgent}):
			continue
		case problem && t.Over.IsZero():
			t.Over = now.UTC()
		}
		list = append(list, t)
	}
	m.Told = list
	return m
}

// notAfter takes a time that is still to come for now. A clock that was wrong
// for a while must not silence a host for years.
func notAfter(t, now time.Time) time.Time {
	if t.After(now) {
		return now.UTC()
	}
	return t
}

// over lists the problems whose end is told now: with any message that goes out
// anyway, with the digest, and at once if people were woken for one of them.
func (m Memory) over(s Schedule, now time.Time, digest, company bool) []Item {
	var list []Item
	for _, t := range m.Told {
		if t.Over.IsZero() {
			continue
		}
		company = company || digest || t.Urgent || s.Every == Never && now.Sub(t.Over) >= settled
		list = append(list, Item{Kind: t.Kind, Key: t.Key, Title: t.Title, Since: t.Since, Urgent: t.Urgent})
	}
	if !company {
		return nil
	}
	slices.SortFunc(list, order)
	return list[:min(len(list), maxItems)]
}

// id is the same for a message that is made again because it did not arrive.
func (m Memory) id(msg *Message) string {
	parts := []string{msg.Host, m.Began.UTC().Format(time.RFC3339Nano)}
	for _, item := range msg.Items {
		parts = append(parts, item.Key, item.print())
		if t := m.find(item.Key); t != nil {
			parts = append(parts, t.At.UTC().Format(time.RFC3339Nano))
		}
	}
	for _, item := range msg.Recovered {
		parts = append(parts, "over", item.Key, m.find(item.Key).At.UTC().Format(time.RFC3339Nano))
	}
	return digest(parts...)
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
