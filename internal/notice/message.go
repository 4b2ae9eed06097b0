package notice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// MessageSchema names the format of [JSON].
const MessageSchema = "lockfast.notice/1"

// maxSubject is what mail programs show of a subject, with some room.
const maxSubject = 120

// Message is what people are told at one moment. [Due] and [Standing] make it;
// who makes one by hand needs to give ID and At.
type Message struct {
	ID        string // the same for the same news, however often it is tried
	Host      string
	At        time.Time
	Urgent    bool
	Digest    bool   // it is the digest of its day or week
	Items     []Item // the most important first
	Recovered []Item // problems that are over
	Standing  int    // problems that people were told of before and that still stand
	More      int    // items that did not fit and come with the next message
}

// Kind is that of the most important item.
func (m *Message) Kind() Kind {
	if len(m.Items) == 0 {
		return Recovered
	}
	return m.Items[0].Kind
}

// Subject is one line, clean enough for a header.
func Subject(m *Message) string {
	host := cut(m.Host, 40)
	if host == "" {
		host = "this host"
	}
	start := "[Lockfast] " + host + ": "
	first, rest := "nothing to tell", len(m.Items)+len(m.Recovered)+m.More-1
	switch {
	case len(m.Items) > 0:
		first = short(m.Items[0].tidy())
	case len(m.Recovered) > 0:
		first = "Over: " + m.Recovered[0].tidy().Title
	}
	end := ""
	if rest > 0 {
		end = fmt.Sprintf(" (and %d more)", rest)
	}
	return start + cut(first, maxSubject-len([]rune(start+end))) + end
}

// lead is an item in one line.
func lead(item Item) string {
	label := Clean(item.Kind.row().label)
	if item.Title == "" {
		return label
	}
	return label + ": " + item.Title
}

// short is an item where there is little room.
func short(item Item) string {
	if item.urgent() && item.Title != "" {
		return "URGENT: " + item.Title
	}
	return lead(item)
}

// Brief is a message in at most three lines of 78 columns, for a place where
// people only look in passing.
func Brief(m *Message) []string {
	if len(m.Items) == 0 {
		return nil
	}
	first := m.Items[0].tidy()
	lines := []string{cut("Lockfast: "+short(first), width)}
	if first.Do != "" {
		lines = append(lines, "  To do: "+cut(first.Do, width-9))
	}
	if rest := len(m.Items) + m.More - 1; rest > 0 {
		lines = append(lines, fmt.Sprintf("  And %s.", plural(rest, "other matter waits", "other matters wait")))
	}
	return lines
}

// wire is a message as programs read it: docs/formats/notices.md.
type wire struct {
	Schema    string     `json:"schema"`
	ID        string     `json:"id"`
	Host      string     `json:"host"`
	At        time.Time  `json:"at"`
	Subject   string     `json:"subject"`
	Urgent    bool       `json:"urgent"`
	Digest    bool       `json:"digest"`
	Items     []wireItem `json:"items"`
	Recovered []wireItem `json:"recovered"`
	Standing  int        `json:"standing"`
	More      int        `json:"more"`
}

type wireItem struct {
	Kind   Kind       `json:"kind"`
	Key    string     `json:"key"`
	Title  string     `json:"title"`
	Text   string     `json:"text"`
	Do     string     `json:"do"`
	Since  *time.Time `json:"since"` // null: not known
	Urgent bool       `json:"urgent"`
	IDs    []string   `json:"ids"`
}

// JSON is a message for programs, on one line.
func JSON(m *Message) ([]byte, error) {
	w := wire{
		Schema: MessageSchema, ID: Clean(m.ID), Host: Clean(m.Host), At: m.At, Subject: Subject(m), Urgent: m.Urgent, Digest: m.Digest,
		Items: wireItems(m.Items), Recovered: wireItems(m.Recovered), Standing: m.Standing, More: m.More,
	}
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	out.SetEscapeHTML(false) // it is no page, and people read it in logs
	if err := out.Encode(w); err != nil {
		return nil, fmt.Errorf("cannot write notice %s: %w", w.ID, err)
	}
	return b.Bytes(), nil
}

func wireItems(items []Item) []wireItem {
	list := make([]wireItem, 0, len(items))
	for _, i := range items {
		i = i.tidy()
		w := wireItem{Kind: Kind(Clean(string(i.Kind))), Key: i.Key, Title: i.Title, Text: i.Text, Do: i.Do, Urgent: i.urgent(), IDs: i.IDs}
		if !i.Since.IsZero() {
			w.Since = &i.Since
		}
		list = append(list, w)
	}
	return list
}
