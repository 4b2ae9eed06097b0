package report

import (
	"crypto/sha256"
	_ "embed" // the page and its style
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

//go:embed page.html
var page string

//go:embed page.css
var style string

// urgent is how many findings "What to do first" names: as many as a person
// does in a day.
const urgent = 5

// view is what the page shows beside the scan itself.
type view struct {
	*result.Scan

	StyleHash string
	Headline  string
	Banners   []banner
	First     []*result.Finding
	Reboot    string
	Restarts  []string
	Unknowns  []result.Unknown
}

// writeHTML writes one page that needs nothing else: no script, no request. The
// policy in its head lets a browser use this style sheet and nothing else.
// https://www.w3.org/TR/CSP3/#grammardef-hash-source
func writeHTML(w io.Writer, s *result.Scan) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"clean": clean, "fix": fix, "action": action, "gap": gap, "age": age, "trust": trust, "yes": yes, "plural": plural, "tri": tri, "cves": cves,
		"socket": socket, "waivedNote": waivedNote, "notLookedInto": notLookedInto, "mayApply": mayApply, "known": known, "brief": brief,
		"join":    func(list []string) string { return clean(strings.Join(list, ", ")) },
		"percent": func(v *float64) string { return fmt.Sprintf("%.1f %%", *v*100) },
		"score":   func(v *float64) string { return score(*v) },
		"add":     func(a, b int) int { return a + b },
	}).Parse(strings.Replace(page, "STYLE", style, 1))
	if err != nil {
		return fmt.Errorf("internal error: %w", err)
	}
	units, _ := restarts(s)
	sum := sha256.Sum256([]byte(style))
	return t.Execute(w, view{
		Scan: s, StyleHash: base64.StdEncoding.EncodeToString(sum[:]), Headline: headline(s), Banners: banners(s), First: first(s),
		Reboot: rebootReason(s), Restarts: units, Unknowns: blockingFirst(s),
	})
}

// first are the most urgent findings that something can be done about.
func first(s *result.Scan) []*result.Finding {
	var list []*result.Finding
	for i := range s.Findings {
		f := &s.Findings[i]
		if len(list) < urgent && (f.Status == result.StatusOpen || f.Status == result.StatusRestart) {
			list = append(list, f)
		}
	}
	return list
}

// brief names a few packages and CVEs of a finding; its details name all.
func brief(f *result.Finding) string {
	text := names(f.Packages, 3)
	if list := cves(f); len(list) > 0 {
		slices.Reverse(list)
		text += "; " + plural(len(list), "CVE", "CVEs") + ": " + names(list, 3)
	}
	return clean(text)
}

// known is a big number, or a question mark where zero would claim more than
// was looked at.
func known(n int, sure bool) string {
	if n == 0 && !sure {
		return "?"
	}
	return fmt.Sprint(n)
}

// Sure reports whether a zero on the page means none.
func (v view) Sure() bool { return looked(v.Scan) }

// SureExploited reports whether no known exploitation means none.
func (v view) SureExploited() bool { return v.Sure() && hasKEV(v.Scan) }

// SureExposed reports whether no exposed finding means none.
func (v view) SureExposed() bool { return seenExposed(v.Scan) }

// WorstGap is the days of the oldest missing fix.
func (v view) WorstGap() string {
	switch {
	case v.Summary.WorstGapDays != nil:
		return fmt.Sprint(*v.Summary.WorstGapDays)
	case v.Sure() && v.Summary.Fixable+v.Summary.NotRunning == 0:
		return "0"
	}
	return "?"
}
