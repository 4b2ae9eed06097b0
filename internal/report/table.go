package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
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
	if !s.Summary.CVEData {
		t.text(yellow, "", "CVE data are not loaded: no severities, no known exploitation, no holes without a fix. Load them with: lockfast advisories sync")
	}
	if yes(h.PastEndOfLife) {
		t.text(red, "", "This release gets no more security updates since "+clean(h.EndOfLife)+".")
	}
	for _, d := range s.Data {
		if d.Stale {
			t.text(red, "", clean(d.Name)+" is stale: "+age(d.AgeHours)+".")
		}
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
		row := pad(fmt.Sprint(i+1), numberWidth) + t.paint(severityColor(f.Severity), pad(f.Severity, severityWidth)) +
			t.paint(bold, pad(fix(f), fixWidth)) + " " + t.paint(markColor(f), pad(marks(f), marksWidth)) + gap(f)
		_, _ = t.out.WriteString(strings.TrimRight(row, " ") + "\n")
		t.text("", "    ", clean(f.Reason))
		t.detail(f)
	}
}

// detail names packages and CVEs, and what else must be known.
func (t *table) detail(f *result.Finding) {
	limit := shown
	if t.opts.All {
		limit = len(f.IDs) + len(f.Packages)
	}
	text := "packages: " + clean(names(f.Packages, limit))
	if ids := cves(f); len(ids) > 0 {
		newest := slices.Clone(ids)
		slices.Reverse(newest)
		text += "; " + plural(len(ids), "CVE", "CVEs") + ": " + clean(names(newest, min(limit, 4+t.allMore(limit))))
	} else if len(f.IDs) > 0 {
		text += "; " + clean(names(f.IDs, limit))
	}
	if f.EPSS != nil {
		text += fmt.Sprintf("; EPSS %.1f %%", *f.EPSS*100)
	}
	t.text(faint, "    ", text)
	if f.Held {
		t.text(yellow, "    ", "held: the package manager was told to keep the old version")
	}
	if f.Disagreement != "" {
		t.text(yellow, "    ", "disagreement: "+clean(f.Disagreement))
	}
}

func (t *table) allMore(limit int) int {
	if t.opts.All {
		return limit
	}
	return 0
}

func fix(f *result.Finding) string {
	to := f.FixedVersion
	switch f.Status {
	case result.StatusNoFix:
		to = "no fix yet"
	case result.StatusRestart:
		return clean(f.SourcePackage + " " + f.FixedVersion + ": restart")
	case result.StatusLeftover:
		return clean(f.SourcePackage + " " + f.InstalledVersion + ": old kernel")
	}
	return clean(f.SourcePackage + " " + f.InstalledVersion + " → " + to)
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
	if len(m) == 0 && f.EPSS != nil && *f.EPSS >= 0.01 {
		m = append(m, fmt.Sprintf("EPSS %.0f%%", *f.EPSS*100))
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

func gap(f *result.Finding) string {
	if f.GapDays == nil {
		return "?"
	}
	return fmt.Sprintf("%d d", *f.GapDays)
}

// restarts gathers what still runs old code.
func (t *table) restarts(s *result.Scan) {
	var units []string
	for i := range s.Findings {
		if s.Findings[i].Status == result.StatusRestart {
			units = append(units, s.Findings[i].Restart...)
		}
	}
	slices.Sort(units)
	units = slices.Compact(units)
	if s.Host.RebootRequired {
		t.section("Reboot needed")
		t.text("", "  ", clean(s.Host.RebootReason))
	}
	if len(units) > 0 {
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
	t.text("", "  ", fmt.Sprintf("%s: %d new, %d gone", s.Changes.Previous.Format("2006-01-02 15:04 MST"), len(s.Changes.New), len(s.Changes.Gone)))
	for _, k := range s.Changes.New {
		t.text("", "  ", "new   "+clean(k))
	}
	for _, k := range s.Changes.Gone {
		t.text("", "  ", "gone  "+clean(k))
	}
}

func (t *table) waived(s *result.Scan) {
	if len(s.Waived) == 0 && s.Summary.ExpiredWaivers == 0 {
		return
	}
	t.section("Waived")
	for i := range s.Waived {
		w := &s.Waived[i]
		t.text("", "  ", clean(fmt.Sprintf("%s until %s: %s", w.Finding.Key, w.Expires, w.Reason)))
	}
	if s.Summary.ExpiredWaivers > 0 {
		t.text(yellow, "  ", plural(s.Summary.ExpiredWaivers, "waiver has expired and its finding is back", "waivers have expired and their findings are back"))
	}
}

func (t *table) unknown(s *result.Scan) {
	if len(s.Unknown) > 0 {
		t.section("Unknown")
	}
	for _, u := range s.Unknown {
		mark, color := "·", ""
		if u.Blocking {
			mark, color = "!", red
		}
		if u.Accepted {
			color = yellow
		}
		text := clean(u.What) + ": " + clean(u.Why)
		if len(u.IDs) > 0 {
			text += " (" + plural(len(u.IDs), "advisory", "advisories") + " may apply)"
		}
		if n := len(u.Packages); n > 1 {
			text += fmt.Sprintf(" [%d packages: %s]", n, clean(names(u.Packages, 3)))
		}
		t.item(color, mark, text)
	}
	for _, g := range s.Host.NotLookedInto {
		text := "not looked into: " + clean(g.What) + " in " + clean(g.Where)
		if g.Count > 0 {
			text += fmt.Sprintf(" (%d)", g.Count)
		}
		t.item(faint, "·", text)
	}
}

// item prints one entry of a list: the mark stands before its first line.
func (t *table) item(color, mark, text string) {
	lead := "  " + mark + " "
	for _, l := range wrap(text, t.width-4) {
		_, _ = t.out.WriteString(lead + t.paint(color, l) + "\n")
		lead = "    "
	}
}

func (t *table) data(s *result.Scan) {
	if len(s.Data) == 0 {
		return
	}
	t.section("Data")
	for _, d := range s.Data {
		date := "no date"
		if d.Date != nil {
			date = d.Date.Format("2006-01-02")
		}
		line := fmt.Sprintf("%s · %s · %s · %s", clean(d.Name), date, age(d.AgeHours), trust(d.Trust))
		if d.Records > 0 {
			line += " · " + plural(d.Records, "record", "records")
		}
		t.text(faint, "  ", line)
	}
	if eol := s.Host.EndOfLife; eol != "" {
		t.text(faint, "  ", "security updates of "+clean(s.Host.Release)+" end on "+clean(eol))
	}
}

// trust says how far a source is vouched for.
func trust(t string) string {
	switch t {
	case "signed":
		return "verified"
	case "https":
		return "over HTTPS, not verified"
	case "files":
		return "imported files, not verified"
	case "archive":
		return "the package manager's own"
	}
	return clean(t)
}

func (t *table) exit(s *result.Scan) {
	if s.Exit.Code == 0 {
		return
	}
	t.section(fmt.Sprintf("Exit code %d", s.Exit.Code))
	for _, r := range s.Exit.Reasons {
		t.text(red, "  ", clean(r))
	}
}
