package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

// shown is how many names or ids a line lists unless all are asked for.
const shown = 12

// narrowest is the smallest width that the table's columns fit in.
const narrowest = 60

// colours, as SGR parameters.
const (
	bold   = "1"
	red    = "31"
	yellow = "33"
	faint  = "2"
)

// table is a report under way.
type table struct {
	out   *bufio.Writer
	width int
	opts  Options
}

func writeTable(w io.Writer, s *result.Scan, o Options) error {
	t := &table{out: bufio.NewWriter(w), width: o.Width, opts: o}
	if t.width <= 0 {
		t.width = 100
	}
	t.width = max(t.width, narrowest)
	t.head(s)
	t.findings(s)
	t.restarts(s)
	t.listeners(s)
	t.changes(s)
	t.waived(s)
	t.unknown(s)
	t.data(s)
	t.exit(s)
	return t.out.Flush() // the first write error, if there was one
}

func (t *table) paint(color, s string) string {
	if !t.opts.Color || s == "" {
		return s
	}
	return "\x1b[" + color + "m" + s + "\x1b[0m"
}

// line prints one line of clean text, cut to the width.
func (t *table) line(color, s string) {
	_, _ = t.out.WriteString(t.paint(color, cut(s, t.width)) + "\n")
}

// text prints clean text over as many lines as it takes.
func (t *table) text(color, indent, s string) {
	for _, l := range wrap(s, t.width-columns(indent)) {
		_, _ = t.out.WriteString(indent + t.paint(color, l) + "\n")
	}
}

// hanging is text with something before its first line only.
func (t *table) hanging(color, first, s string) {
	rest := strings.Repeat(" ", columns(first))
	for i, l := range wrap(s, t.width-columns(first)) {
		indent := rest
		if i == 0 {
			indent = first
		}
		_, _ = t.out.WriteString(indent + t.paint(color, l) + "\n")
	}
}

func (t *table) section(title string) {
	_, _ = t.out.WriteString("\n")
	t.line(bold, title)
}

func (t *table) head(s *result.Scan) {
	h := &s.Host
	name := clean(h.Name)
	if name == "" {
		name = "this host"
	}
	release := clean(h.ReleaseName)
	if release == "" {
		release = clean(h.Release)
	}
	line := fmt.Sprintf("%s · %s · %s", name, release, plural(h.Packages, "package", "packages"))
	if h.Root != "" {
		line += " · below " + clean(h.Root)
	}
	t.line(bold, line)
	color := ""
	if s.Summary.Findings > 0 || !looked(s) {
		color = yellow
	}
	if s.Summary.KnownExploited > 0 {
		color = red
	}
	t.text(color, "", headline(s))
	for _, b := range banners(s) {
		color := yellow
		if b.Grave {
			color = red
		}
		t.text(color, "", b.Text)
	}
}

// columnsOf the findings: number, severity, marks, gap; the fix takes the rest.
const (
	numberWidth   = 4
	severityWidth = 9
	marksWidth    = 16
	gapWidth      = 7
)

func (t *table) findings(s *result.Scan) {
	if len(s.Findings) == 0 {
		return
	}
	_, _ = t.out.WriteString("\n")
	fixWidth := max(10, t.width-numberWidth-severityWidth-marksWidth-gapWidth-1)
	t.line(faint, pad("#", numberWidth)+pad("SEVERITY", severityWidth)+pad("FIX", fixWidth)+" "+pad("MARKS", marksWidth)+"GAP")
	for i := range s.Findings {
		f := &s.Findings[i]
		row := pad(strconv.Itoa(i+1), numberWidth) + t.paint(severityColor(f.Severity), pad(clean(f.Severity), severityWidth)) +
			t.paint(bold, pad(fitted(f, fixWidth), fixWidth)) + " " + t.paint(markColor(f), pad(marks(f), marksWidth)) + cut(gap(f), gapWidth)
		_, _ = t.out.WriteString(strings.TrimRight(row, " ") + "\n")
		t.text("", "    ", clean(f.Reason))
		t.detail(f)
	}
	_, _ = t.out.WriteString("\n")
	t.text(faint, "", legend)
}

// legend explains the columns to those who see them for the first time.
const legend = "KEV: known to be exploited (CISA), +R: by ransomware too. EXPOSED: its code listens where others can reach it. GAP: days since the fix exists, ? if unknown."

// fitted is the fix in width columns; the installed version goes first.
func fitted(f *result.Finding, width int) string {
	text := fix(f)
	if f.Status == result.StatusOpen && columns(text) > width {
		return clean(f.SourcePackage + " → " + f.FixedVersion)
	}
	return text
}

// newest is how many CVEs of a finding are named unless all are asked for: the
// last ones, which are the ones people have heard of.
const newest = 4

// detail names packages and CVEs, and what else must be known.
func (t *table) detail(f *result.Finding) {
	packages, ids := shown, newest
	if t.opts.All {
		packages, ids = len(f.Packages), len(f.IDs)
	}
	text := "packages: " + names(f.Packages, packages)
	if list := cves(f); len(list) > 0 {
		slices.Reverse(list)
		text += "; " + plural(len(list), "CVE", "CVEs") + ": " + names(list, ids)
	} else if len(f.IDs) > 0 {
		text += "; " + names(f.IDs, packages)
	}
	if f.EPSS != nil {
		text += fmt.Sprintf("; EPSS %.1f %%", *f.EPSS*100)
	}
	t.text(faint, "    ", clean(text))
	if len(f.ExposedOn) > 1 { // the reason names the first
		var list []string
		for _, s := range f.ExposedOn {
			list = append(list, socket(s))
		}
		t.text(faint, "    ", "exposed: "+names(list, packages))
	}
	if f.Held {
		t.text(yellow, "    ", "held: the package manager was told to keep the old version")
	}
	if f.Disagreement != "" {
		t.text(yellow, "    ", "disagreement: "+clean(f.Disagreement))
	}
}

func marks(f *result.Finding) string {
	var m []string
	if yes(f.KEV) {
		m = append(m, "KEV")
		if f.Ransomware {
			m[0] = "KEV+R"
		}
	}
	if yes(f.Exposed) {
		m = append(m, "EXPOSED")
	} else if yes(f.Running) {
		m = append(m, "runs")
	}
	return strings.Join(m, " ")
}

func markColor(f *result.Finding) string {
	switch {
	case yes(f.KEV):
		return red
	case yes(f.Exposed):
		return yellow
	}
	return faint
}

func severityColor(severity string) string {
	switch severity {
	case "critical", "high":
		return red
	case "medium":
		return yellow
	}
	return faint
}

// restarts gathers what still runs old code.
func (t *table) restarts(s *result.Scan) {
	if reason := rebootReason(s); reason != "" {
		t.section("Reboot needed")
		t.text("", "  ", reason)
	}
	if units, _ := restarts(s); len(units) > 0 {
		t.section("Restart needed")
		t.text("", "  ", clean(strings.Join(units, ", ")))
	}
}

// listeners shows who can be reached; those on loopback only with --all.
func (t *table) listeners(s *result.Scan) {
	var lines []string
	for _, l := range s.Listeners {
		if l.Scope == "loopback" && !t.opts.All {
			continue
		}
		owner := l.Process
		if l.Package != "" {
			owner += " (" + l.Package + ")"
		}
		if owner == "" {
			owner = "owner unknown"
		}
		lines = append(lines, clean(fmt.Sprintf("%s %s port %d: %s, packet filter %s", l.Protocol, l.Address, l.Port, owner, l.Filter)))
	}
	if len(lines) == 0 {
		return
	}
	t.section("Listening beyond this host")
	for _, l := range lines {
		t.item("", "·", l)
	}
}

func (t *table) changes(s *result.Scan) {
	if s.Changes == nil {
		return
	}
	t.section("Since the last scan with --diff")
	if s.Changes.Previous == nil {
		t.text("", "  ", "this is the first")
		return
	}
	t.text("", "  ", fmt.Sprintf("%s: %d new, %d gone", s.Changes.Previous.UTC().Format("2006-01-02 15:04 MST"), len(s.Changes.New), len(s.Changes.Gone)))
	for _, k := range s.Changes.New {
		t.text("", "  ", "new: "+clean(k))
	}
	for _, k := range s.Changes.Gone {
		t.text("", "  ", "gone: "+clean(k))
	}
}

func (t *table) waived(s *result.Scan) {
	if len(s.Waived) == 0 && s.Summary.ExpiredWaivers == 0 {
		return
	}
	t.section("Waived")
	for i := range s.Waived {
		w := &s.Waived[i]
		t.item("", "·", clean(w.Finding.Key)+": "+waivedNote(w))
	}
	if s.Summary.ExpiredWaivers > 0 {
		t.text(yellow, "  ", plural(s.Summary.ExpiredWaivers, "waiver has expired and its finding is back", "waivers have expired and their findings are back"))
	}
}

func (t *table) unknown(s *result.Scan) {
	if len(s.Unknown)+len(s.Host.NotLookedInto) > 0 {
		t.section("Unknown")
	}
	for _, u := range blockingFirst(s) {
		mark, color := "·", ""
		if u.Blocking {
			mark, color = "!", red
		}
		if u.Accepted {
			color = yellow
		}
		text := clean(u.What) + ": " + clean(u.Why)
		if u.Accepted {
			text += " (accepted)"
		}
		if len(u.IDs) > 0 {
			text += " (" + mayApply(&u) + ")"
		}
		if n := len(u.Packages); n > 1 {
			text += fmt.Sprintf(" [%d packages: %s]", n, clean(names(u.Packages, t.few(n))))
		}
		t.item(color, mark, text)
	}
	for _, g := range s.Host.NotLookedInto {
		t.item(faint, "·", notLookedInto(g))
	}
}

// item prints an entry of a list, its later lines indented.
func (t *table) item(color, mark, text string) {
	for i, l := range wrap(text, t.width-4) {
		lead := "    "
		if i == 0 {
			lead = "  " + mark + " "
		}
		_, _ = t.out.WriteString(lead + t.paint(color, l) + "\n")
	}
}

// few is how many of n names of a long list are worth a line.
func (t *table) few(n int) int {
	if t.opts.All {
		return n
	}
	return 3
}

func (t *table) data(s *result.Scan) {
	if len(s.Data) == 0 {
		return
	}
	t.section("Data")
	for _, d := range s.Data {
		date := "no date"
		if d.Date != nil {
			date = d.Date.UTC().Format("2006-01-02")
		}
		line := fmt.Sprintf("%s · %s · %s · %s", clean(d.Name), date, age(d.AgeHours), trust(d.Trust))
		if d.Records > 0 {
			line += " · " + plural(d.Records, "record", "records")
		}
		color := faint
		if d.Stale {
			line, color = line+" · stale", red
		}
		t.item(color, "·", line)
	}
	if eol := s.Host.EndOfLife; eol != "" {
		t.item(faint, "·", "security updates of "+clean(s.Host.Release)+" end on "+clean(eol))
	}
}

func (t *table) exit(s *result.Scan) {
	if s.Exit.Code == 0 {
		return
	}
	t.section(fmt.Sprintf("Exit code %d", s.Exit.Code))
	for _, r := range s.Exit.Reasons {
		t.item(red, "·", clean(r))
	}
}
