package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/result"
)

func newTable(w io.Writer, o Options) *table {
	t := &table{out: bufio.NewWriter(w), width: o.Width, opts: o}
	if t.width <= 0 {
		t.width = 100
	}
	t.width = max(t.width, narrowest)
	return t
}

// FixPlan writes what a fix would do, for people.
func FixPlan(w io.Writer, d *result.FixPlan, o Options) error {
	t := newTable(w, o)
	t.line(bold, fmt.Sprintf("%s · %s · plan of updates through %s", clean(d.Host.Name), clean(d.Host.ReleaseName), clean(d.Manager)))
	if len(d.Updates) == 0 {
		t.text("", "", "Nothing is to be updated.")
	} else {
		t.text(yellow, "", planHeadline(d))
	}
	if len(d.Broken) > 0 {
		t.text(red, "", "An interrupted installation is completed first: "+clean(strings.Join(d.Broken, ", "))+".")
	}
	t.updates(d.Updates)
	t.consequences(d)
	t.left(d.Left)
	t.list("Needs your explicit consent (--accept-one-way)", red, d.Consent)
	t.list("Cannot be applied as it is", red, d.Refused)
	t.unknownOf(d.Unknown)
	t.list("What "+clean(d.Manager)+" cannot do", faint, d.Limits)
	return t.out.Flush()
}

func planHeadline(d *result.FixPlan) string {
	closes, exploited := map[string]bool{}, 0
	for _, u := range d.Updates {
		for _, key := range u.Closes {
			closes[key] = true
		}
		if u.KEV {
			exploited++
		}
	}
	text := plural(len(d.Updates), "package", "packages") + ", closing " + plural(len(closes), "finding", "findings")
	if exploited > 0 {
		text += fmt.Sprintf(", %d of the packages known to be exploited", exploited)
	}
	text += fmt.Sprintf(" · %s to download", size(d.Download))
	if d.Disk >= 0 {
		return text + fmt.Sprintf(" · %s more on disk", size(d.Disk))
	}
	return text + fmt.Sprintf(" · %s less on disk", size(-d.Disk))
}

// size writes a number of bytes.
func size(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%d KiB", (n+1023)>>10)
	case n < 10<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	case n < 1<<30:
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// updates lists what changes, packages of one source and version together.
func (t *table) updates(list []result.Update) {
	if len(list) == 0 {
		return
	}
	t.section("Updates")
	groups, order := groupUpdates(list)
	const many = 40
	for i, key := range order {
		if i == many && !t.opts.All {
			t.line(faint, fmt.Sprintf("  … and %d more (--list-all)", len(order)-many))
			break
		}
		group := groups[key]
		u := group[0]
		from := u.From
		if from == "" {
			from = "(new)"
		}
		var names []string
		for _, p := range group {
			name := p.Package
			if slices.Contains(names, name) {
				name += ":" + p.Arch
			}
			names = append(names, name)
		}
		color := ""
		if slices.ContainsFunc(group, func(p result.Update) bool { return p.KEV }) {
			color = red
		}
		t.text(color, "  ", clean(fmt.Sprintf("%s %s → %s%s", strings.Join(names, ", "), from, u.To, updateMarks(group))))
		if u.Why != "" && (len(u.Closes) > 0 || u.Necessary != "") {
			t.text(faint, "      ", clean(u.Why))
		}
	}
}

// groupUpdates puts packages of one source together that change alike.
func groupUpdates(list []result.Update) (groups map[string][]result.Update, order []string) {
	groups = map[string][]result.Update{}
	for _, u := range list {
		key := u.Source + "\x00" + u.From + "\x00" + u.To + "\x00" + u.Why
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], u)
	}
	return groups, order
}

// updateMarks says what a person has to know of a group before consent.
func updateMarks(group []result.Update) string {
	var notes []string
	add := func(note string) {
		if !slices.Contains(notes, note) {
			notes = append(notes, note)
		}
	}
	for _, u := range group {
		if u.KEV {
			add("KEV")
		}
		if u.Exposed != nil && *u.Exposed {
			add("EXPOSED")
		}
		switch u.Previous {
		case "none":
			add("NO WAY BACK")
		case "repacked":
			add("way back: repacked")
		}
		if u.OneWay != "" && u.From != "" {
			add("ONE-WAY")
		}
	}
	if len(notes) == 0 {
		return ""
	}
	return "  [" + strings.Join(notes, ", ") + "]"
}

func (t *table) consequences(d *result.FixPlan) {
	if len(d.Updates) == 0 {
		return
	}
	t.section("What follows")
	if len(d.Restarts) > 0 {
		t.text("", "  ", "Runs replaced code and can be restarted: "+clean(strings.Join(d.Restarts, ", ")))
	}
	if len(d.RestartPID) > 0 {
		t.text("", "  ", "Runs replaced code in no service, so it stays until it ends: "+clean(processNames(d.RestartPID)))
	}
	if d.Reboot {
		t.text(yellow, "  ", "A reboot is needed: "+clean(d.RebootWhy))
	} else {
		t.text("", "  ", "No reboot is needed, as far as can be seen now.")
	}
	if d.BootNeeds > 0 {
		t.text("", "  ", fmt.Sprintf("A new kernel needs about %s on /boot; %s are free.", size(d.BootNeeds), size(d.BootFree)))
	}
	if len(d.Conffiles) > 0 {
		t.text("", "  ", "Configuration files that were changed here are kept; whether a package brings another one shows when it is installed: "+clean(strings.Join(d.Conffiles, ", ")))
	}
}

func processNames(list []result.Process) string {
	var names []string
	for _, p := range list {
		names = append(names, fmt.Sprintf("%s (pid %d)", p.Command, p.PID))
	}
	if len(names) > shown {
		names = append(names[:shown], fmt.Sprintf("and %d more", len(names)-shown))
	}
	return strings.Join(names, ", ")
}

func (t *table) left(list []result.Left) {
	if len(list) == 0 {
		return
	}
	t.section("Not closed by this")
	byReason := map[string][]string{}
	var order []string
	for _, l := range list {
		if byReason[l.Reason] == nil {
			order = append(order, l.Reason)
		}
		name := l.Package
		if l.KEV {
			name += " (known exploited)"
		}
		byReason[l.Reason] = append(byReason[l.Reason], name)
	}
	for _, reason := range order {
		names := byReason[reason]
		text := strings.Join(names, ", ")
		if len(names) > shown && !t.opts.All {
			text = strings.Join(names[:shown], ", ") + fmt.Sprintf(" and %d more", len(names)-shown)
		}
		t.text("", "  ", clean(text+": "+reason))
	}
}

func (t *table) list(title, color string, items []string) {
	if len(items) == 0 {
		return
	}
	t.section(title)
	for _, item := range items {
		t.text(color, "  ", clean(item))
	}
}

func (t *table) unknownOf(list []result.Unknown) {
	var items []string
	for _, u := range list {
		if u.Blocking {
			items = append(items, u.What+": "+u.Why)
		}
	}
	t.list("Unknown", yellow, items)
}

// Fix writes what a fix did, for people.
func Fix(w io.Writer, d *result.Fix, o Options) error {
	t := newTable(w, o)
	color := ""
	switch d.Status {
	case "rolled back", "needs a person", "partly taken back":
		color = red
	case "waits for a reboot":
		color = yellow
	}
	head := "fix: " + d.Status
	if d.Transaction != "" {
		head += " · transaction " + d.Transaction
	}
	t.line(bold, clean(head))
	if d.After != nil {
		t.text(color, "", fmt.Sprintf("%d open fixes before, %d after · installed but not running: %d before, %d after", d.Before.Fixable, d.After.Fixable, d.Before.NotRunning, d.After.NotRunning))
	} else {
		t.text(red, "", "The host was not scanned again: what is open now is unknown.")
	}
	if d.Transaction != "" {
		t.updates(d.Updates)
	}
	t.aftermath(d)
	t.left(d.Left)
	if d.Log != "" {
		t.line(faint, "log: "+clean(d.Log))
	}
	return t.out.Flush()
}

func (t *table) aftermath(d *result.Fix) {
	indent, begun := "", false
	say := func(color, text string) {
		if d.Transaction != "" && !begun {
			t.section("What happened")
			indent, begun = "  ", true
		}
		t.text(color, indent, clean(text))
	}
	for _, g := range d.GoneBack {
		say(red, fmt.Sprintf("Taken back: %s to %s: %s", strings.Join(g.Packages, ", "), g.To, g.Why))
	}
	if len(d.Restarted) > 0 {
		say("", "Restarted: "+strings.Join(d.Restarted, ", "))
	}
	if len(d.StillOld) > 0 {
		say(yellow, "Still runs old code: "+processNames(d.StillOld))
	}
	for _, k := range d.Kept {
		text := "Kept your " + k.Path
		if k.New != "" {
			text += "; the package's own is " + k.New
		}
		say("", text)
	}
	ok := 0
	for _, j := range d.Health {
		switch j.State {
		case "ok":
			ok++
		case "broken":
			say(red, "Does not work any more: "+j.Subject+": "+j.Why)
		default:
			say(faint, "Not judged: "+j.Subject+": "+j.Why)
		}
	}
	if ok > 0 {
		say("", plural(ok, "service answers", "services answer")+" as before.")
	}
	if len(d.Repacked) > 0 {
		say(yellow, "The way back of these is a local repack, not what the distribution signed: "+strings.Join(d.Repacked, ", "))
	}
	if d.Reboot {
		say(yellow, "A reboot is needed: "+d.RebootWhy)
	}
	t.list("Files that are not as shipped", red, d.Altered)
}

// Undo writes what taking back does or did, for people.
func Undo(w io.Writer, d *result.Undo, o Options) error {
	t := newTable(w, o)
	head := fmt.Sprintf("undo of %s (%s): %s", d.Of, d.Title, d.Status)
	t.line(bold, clean(head))
	if d.Plan != nil && d.Status == "planned" {
		t.steps(d.Plan)
	}
	switch {
	case d.Status != "done":
	case d.Exact:
		t.text("", "", fmt.Sprintf("Exact: %s compared with what stood there before.", plural(d.Compared, "object was", "objects were")))
	default:
		t.text(yellow, "", fmt.Sprintf("Not exact; %s compared.", plural(d.Compared, "object was", "objects were")))
	}
	t.list("Left as others changed it since", yellow, d.Kept)
	t.list("Merged with others' changes", yellow, d.Merged)
	t.list("Cannot be undone", red, d.OneWay)
	t.list("Files that are not as shipped", red, d.Altered)
	if d.Log != "" {
		t.line(faint, "log: "+clean(d.Log))
	}
	return t.out.Flush()
}

// steps lists what a plan does.
func (t *table) steps(p *plan.Plan) {
	for i, s := range p.Steps {
		t.line("", clean(fmt.Sprintf("  %d. %s %s", i+1, s.Kind, s.Object)))
		for _, d := range s.Expect.Differences(s.Want) {
			t.text(faint, "       ", clean(d))
		}
	}
}
