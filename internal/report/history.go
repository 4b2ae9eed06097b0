package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

// History writes what was changed on a host, for people; with o.All the steps
// of each transaction too.
func History(w io.Writer, d *result.History, o Options) error {
	t := newTable(w, o)
	if len(d.Transactions) == 0 {
		t.line("", "Nothing was changed by lockfast yet.")
	}
	for _, x := range d.Transactions {
		color := ""
		if x.Status == "failed" || x.Status == "interrupted" {
			color = red
		}
		t.line(color, clean(fmt.Sprintf("%s  %-8s %s · %s · %s", x.ID, x.Kind, stamp(x.Started), x.Status, x.Title)))
		if x.Note != "" {
			t.text(faint, "    ", clean(x.Note))
		}
		if !o.All {
			continue
		}
		for i, s := range x.Steps {
			t.line("", clean(fmt.Sprintf("  %d. %s %s (%s)", i+1, s.Kind, s.Object, s.Status)))
			t.text(faint, "     ", clean(s.Why))
			for _, c := range s.Changes {
				t.text("", "       ", clean(c))
			}
			if s.Note != "" {
				t.text(faint, "       ", clean("note: "+s.Note))
			}
			if s.OneWay != "" {
				t.text(red, "       ", clean("cannot be undone: "+s.OneWay))
			}
			for line := range strings.Lines(s.Diff) {
				line = strings.ReplaceAll(strings.TrimRight(line, "\n"), "\t", "    ") // an escape would hide the indentation
				t.line(diffColor(line), "       "+clean(line))
			}
		}
	}
	return t.out.Flush()
}

func diffColor(line string) string {
	switch {
	case strings.HasPrefix(line, "-"):
		return red
	case strings.HasPrefix(line, "+"):
		return yellow
	}
	return faint
}

// Clean makes text from elsewhere fit to be shown on one line of a terminal.
func Clean(s string, width int) string { return cut(clean(s), width) }
