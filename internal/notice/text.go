package notice

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// width of a mail's lines, in characters.
const width = 78

// page is a text under way.
type page struct{ b strings.Builder }

// Text is a message for people, as the body of a mail: lines of at most 78
// characters, but for words that are longer and could not be copied in pieces.
func Text(m *Message) string {
	var p page
	p.line("", Clean(m.Host)+", "+m.At.Format("Monday, 2 January 2006, 15:04 MST"))
	p.blank()
	p.line("", counts(m))
	for _, item := range m.Items {
		p.item(item.tidy(), m.At)
	}
	if len(m.Recovered) > 0 {
		p.blank()
		p.line("", "Over:")
	}
	for _, item := range m.Recovered {
		item = item.tidy()
		p.hanging("  - ", item.Title+since(item.Since, m.At, ", had stood since %s"))
	}
	p.blank()
	p.line("", "Lockfast, message "+Clean(m.ID)+". Who is told, and when, is set under notify: in /etc/lockfast/config.yaml.")
	return p.b.String()
}

// item says what, why, since when, and what to do.
func (p *page) item(i Item, now time.Time) {
	p.blank()
	start := ""
	if i.urgent() {
		start = "URGENT: "
	}
	p.line("", start+lead(i))
	if i.Text != "" {
		p.line("  ", i.Text)
	}
	var facts []string
	if s := since(i.Since, now, "Since %s."); s != "" {
		facts = append(facts, s)
	}
	if len(i.IDs) > 0 {
		facts = append(facts, strings.Join(i.IDs, ", ")+".")
	}
	if len(facts) > 0 {
		p.line("  ", strings.Join(facts, " "))
	}
	if i.Do != "" {
		p.hanging("  To do: ", i.Do)
	}
}

// counts sums up a message.
func counts(m *Message) string {
	urgent := 0
	for _, i := range m.Items {
		urgent += count(i.urgent())
	}
	var parts []string
	add := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, plural(n, one, many))
		}
	}
	add(urgent, "urgent matter.", "urgent matters.")
	if rest := len(m.Items) - urgent; urgent > 0 {
		add(rest, "other.", "others.")
	} else {
		add(rest, "matter.", "matters.")
	}
	add(len(m.Recovered), "problem is over.", "problems are over.")
	add(m.More, "matter did not fit and comes with the next message.", "matters did not fit and come with the next message.")
	add(m.Standing, "problem that you were told of before still stands.", "problems that you were told of before still stand.")
	if len(parts) == 0 {
		return "Nothing to tell."
	}
	return strings.Join(parts, " ")
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// since puts a moment and how long ago it was into a format; nothing if it is
// not known, or still to come.
func since(t, now time.Time, format string) string {
	age := now.Sub(t)
	if t.IsZero() || age < 0 {
		return ""
	}
	long := "less than an hour"
	switch hours := int(age.Hours()); {
	case hours >= 48:
		long = plural(hours/24, "day", "days")
	case hours > 0:
		long = plural(hours, "hour", "hours")
	}
	return fmt.Sprintf(format, t.In(now.Location()).Format("2 January 2006, 15:04")+" ("+long+")")
}

func (p *page) blank() { p.b.WriteByte('\n') }

// line writes a paragraph, each of its lines after an indent.
func (p *page) line(indent, text string) { p.fill(indent, indent, text) }

// hanging writes a paragraph whose further lines begin under the first's text.
func (p *page) hanging(first, text string) {
	p.fill(first, strings.Repeat(" ", utf8.RuneCountInString(first)), text)
}

func (p *page) fill(first, indent, text string) {
	column := 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case column == 0:
			p.b.WriteString(first)
			column = utf8.RuneCountInString(first)
		case column+1+n > width:
			p.b.WriteString("\n" + indent)
			column = utf8.RuneCountInString(indent)
		default:
			p.b.WriteByte(' ')
			column++
		}
		p.b.WriteString(word)
		column += n
	}
	p.blank()
}
