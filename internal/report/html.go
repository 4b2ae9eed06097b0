package report

import (
	_ "embed" // the page
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

//go:embed page.html
var page string

// writeHTML writes one page that needs nothing else: no script, no request.
func writeHTML(w io.Writer, s *result.Scan) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"clean": clean, "fix": fix, "gap": gap, "age": age, "trust": trust, "yes": yes, "score": score, "plural": plural,
		"join":     func(list []string) string { return clean(strings.Join(list, ", ")) },
		"percent":  func(v float64) string { return fmt.Sprintf("%.1f %%", v*100) },
		"add":      func(a, b int) int { return a + b },
		"deref":    func(v *float64) float64 { return *v },
		"tri":      tri,
		"headline": headline,
		"looked":   looked,
		"cves":     cves,
		"exposed":  exposedFigure,
	}).Parse(page)
	if err != nil {
		return fmt.Errorf("internal error: %w", err)
	}
	return t.Execute(w, s)
}

// exposedFigure is a question mark where nothing was seen exposed because
// nobody could look.
func exposedFigure(s *result.Scan) string {
	if s.Summary.Exposed == 0 && len(s.Findings) > 0 && len(exposedLines(s)) == 0 {
		return "?"
	}
	return strconv.Itoa(s.Summary.Exposed)
}

// tri says a value that may be unknown.
func tri(p *bool) string {
	switch {
	case p == nil:
		return "unknown"
	case *p:
		return "yes"
	}
	return "no"
}
