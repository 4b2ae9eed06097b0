package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/result"
)

// severities in the order of the metric's lines; all are written, so that a
// series does not vanish when it reaches zero.
var severities = [...]string{"critical", "high", "medium", "low", "none", "unknown"}

// writePrometheus writes metrics for node_exporter's textfile collector.
// Unknown values are left out: a missing series alerts, a wrong zero does not.
// https://prometheus.io/docs/instrumenting/exposition_formats/
func writePrometheus(w io.Writer, s *result.Scan) error {
	out := bufio.NewWriter(w)
	metric := func(name, help string, lines ...string) {
		if len(lines) == 0 {
			return
		}
		_, _ = fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
		for _, l := range lines {
			_, _ = fmt.Fprintf(out, "%s%s\n", name, l)
		}
	}
	sum := &s.Summary
	bySeverity := make([]string, 0, len(severities))
	for _, sev := range severities {
		bySeverity = append(bySeverity, fmt.Sprintf(`{severity="%s"} %d`, sev, sum.BySeverity[sev]))
	}
	metric("lockfast_findings", "Findings by severity.", bySeverity...)
	metric("lockfast_findings_by_status", "Findings by status.",
		fmt.Sprintf(`{status="open"} %d`, sum.Fixable), fmt.Sprintf(`{status="not-running"} %d`, sum.NotRunning), fmt.Sprintf(`{status="no-fix"} %d`, sum.NoFix), fmt.Sprintf(`{status="leftover"} %d`, sum.Findings-sum.Fixable-sum.NotRunning-sum.NoFix))
	if hasKEV(s) {
		metric("lockfast_known_exploited_findings", "Findings with a known exploited vulnerability.", fmt.Sprintf(" %d", sum.KnownExploited))
	}
	metric("lockfast_exposed_findings", "Findings whose code listens on a reachable socket; left out where it could not be seen.", exposedLines(s)...)
	metric("lockfast_worst_patch_gap_days", "Days since the oldest missing fix has existed.", number(sum.WorstGapDays)...)
	metric("lockfast_worst_exposed_patch_gap_days", "The same over exposed findings.", number(sum.ExposedGapDays)...)
	metric("lockfast_unknown", "Things that could not be looked at.", fmt.Sprintf(`{blocking="true"} %d`, sum.Blocking), fmt.Sprintf(`{blocking="false"} %d`, sum.Unknown-sum.Blocking))
	metric("lockfast_waived_findings", "Findings accepted by a waiver.", fmt.Sprintf(" %d", sum.Waived))
	metric("lockfast_data_age_seconds", "Age of each source.", dataAges(s)...)
	metric("lockfast_reboot_required", "Whether the host asks for a reboot.", fmt.Sprintf(" %d", number01(s.Host.RebootRequired)))
	metric("lockfast_scan_exit_code", "Exit code of the scan.", fmt.Sprintf(" %d", s.Exit.Code))
	metric("lockfast_last_scan_timestamp_seconds", "When the scan was made.", fmt.Sprintf(" %d", s.Generated.Unix()))
	metric("lockfast_info", "The program and the host's release.", fmt.Sprintf(`{version="%s",release="%s"} 1`, label(s.Tool.Version), label(s.Host.Release)))
	return out.Flush()
}

// hasKEV reports whether current KEV data stand behind the answer.
func hasKEV(s *result.Scan) bool {
	return slices.ContainsFunc(s.Data, func(d result.Data) bool { return d.Kind == "kev" && !d.Stale })
}

// exposedLines is empty if exposure could not be seen for some finding: an
// undercount is as wrong as a zero.
func exposedLines(s *result.Scan) []string {
	for i := range s.Findings {
		if s.Findings[i].Exposed == nil {
			return nil
		}
	}
	return []string{fmt.Sprintf(" %d", s.Summary.Exposed)}
}

func number(n *int) []string {
	if n == nil {
		return nil
	}
	return []string{fmt.Sprintf(" %d", *n)}
}

func number01(b bool) int {
	if b {
		return 1
	}
	return 0
}

func dataAges(s *result.Scan) []string {
	oldest := map[string]int64{} // a series must not stand twice
	for _, d := range s.Data {
		if d.AgeHours != nil {
			key := fmt.Sprintf(`{source="%s",kind="%s"}`, label(d.Name), label(d.Kind))
			oldest[key] = max(oldest[key], *d.AgeHours*3600)
		}
	}
	lines := make([]string, 0, len(oldest))
	for key, seconds := range oldest {
		lines = append(lines, fmt.Sprintf("%s %d", key, seconds))
	}
	slices.Sort(lines)
	return lines
}

// label escapes a label's value.
func label(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(clean(s))
}
