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

// severities in the order of the metric's lines.
var severities = [...]string{"critical", "high", "medium", "low", "none", "unknown"}

// statuses likewise.
var statuses = [...]string{result.StatusOpen, result.StatusRestart, result.StatusNoFix, result.StatusLeftover}

// metrics is a report under way.
type metrics struct{ out *bufio.Writer }

// writePrometheus writes metrics for node_exporter's textfile collector.
// Unknown values are left out: a missing series alerts, a wrong zero does not.
// So a zero is written only where everything could be looked at; a count above
// it is at least what was seen.
// https://prometheus.io/docs/instrumenting/exposition_formats/
func writePrometheus(w io.Writer, s *result.Scan) error {
	m := metrics{bufio.NewWriter(w)}
	m.findings(s)
	m.gaps(s)
	m.unknown(s)
	m.data(s)
	m.host(s)
	m.gauge("lockfast_exit_code", "Exit code of the scan: 1 findings over --fail-on, 3 could not look.", sample("", s.Exit.Code))
	m.gauge("lockfast_last_scan_timestamp_seconds", "When the scan was made.", sample("", int(s.Generated.Unix())))
	return m.out.Flush() // the first write error, if there was one
}

// gauge writes one metric; without samples, nothing.
func (m *metrics) gauge(name, help string, samples ...string) {
	if len(samples) == 0 {
		return
	}
	_, _ = fmt.Fprintf(m.out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
	for _, l := range samples {
		_, _ = m.out.WriteString(name + l + "\n")
	}
}

// sample is a line without the metric's name; labels come with their braces.
func sample(labels string, value int) string { return labels + " " + strconv.Itoa(value) }

// count is a sample, or none where zero would claim more than was looked at.
func count(labels string, n int, looked bool) []string {
	if n == 0 && !looked {
		return nil
	}
	return []string{sample(labels, n)}
}

func (m *metrics) findings(s *result.Scan) {
	all := looked(s)
	byStatus := map[string]int{}
	for i := range s.Findings {
		byStatus[s.Findings[i].Status]++
	}
	var severity, status []string
	for _, word := range severities {
		// Without CVE data nearly everything is of unknown severity.
		severity = append(severity, count(`{severity="`+word+`"}`, s.Summary.BySeverity[word], all && s.Summary.CVEData)...)
	}
	for _, word := range statuses {
		known := all && (word != result.StatusNoFix || s.Summary.CVEData)
		status = append(status, count(`{status="`+word+`"}`, byStatus[word], known)...)
	}
	m.gauge("lockfast_findings", "Findings by severity; old kernels on disk are among them.", severity...)
	m.gauge("lockfast_findings_by_status", "Findings by status.", status...)
	m.gauge("lockfast_kev_findings", "Findings with a known exploited vulnerability.", count("", s.Summary.KnownExploited, all && hasKEV(s))...)
	m.gauge("lockfast_exposed_findings", "Findings whose code listens on a socket that others can reach.", exposedCount(s)...)
	m.gauge("lockfast_waived_findings", "Findings accepted by a waiver.", sample("", s.Summary.Waived))
	m.gauge("lockfast_expired_waivers", "Waivers past their last day.", sample("", s.Summary.ExpiredWaivers))
}

// gaps are zero if no fix is missing, and left out if the age of none is known.
func (m *metrics) gaps(s *result.Scan) {
	worst := number(s.Summary.WorstGapDays)
	if len(worst) == 0 && looked(s) && s.Summary.Fixable+s.Summary.NotRunning == 0 {
		worst = []string{sample("", 0)}
	}
	m.gauge("lockfast_worst_patch_gap_days", "Days for which the oldest missing or not running fix has existed.", worst...)
	m.gauge("lockfast_worst_exposed_patch_gap_days", "The same over exposed findings.", number(s.Summary.ExposedGapDays)...)
}

func (m *metrics) unknown(s *result.Scan) {
	m.gauge("lockfast_unknown", "Things the scan could not say.", sample("", len(s.Unknown)))
	m.gauge("lockfast_unknown_blocking", "Those because of which something could be missing; accepted ones left out.", sample("", s.Summary.Blocking))
}

func (m *metrics) data(s *result.Scan) {
	ages, stale := map[string]int{}, map[string]int{}
	for _, d := range s.Data {
		key := fmt.Sprintf(`{source="%s",kind="%s"}`, label(d.Name), label(d.Kind))
		stale[key] = max(stale[key], number01(d.Stale))
		if d.AgeHours != nil {
			ages[key] = max(ages[key], int(*d.AgeHours*3600)) // of two sources of one name, the worse
		}
	}
	m.gauge("lockfast_data_age_seconds", "Age of each source; left out where the source has no date.", sorted(ages)...)
	m.gauge("lockfast_data_stale", "Whether a source is older than --max-data-age or has no date.", sorted(stale)...)
	m.gauge("lockfast_cve_data_loaded", "Whether an advisory store was used.", sample("", number01(s.Summary.CVEData)))
}

func (m *metrics) host(s *result.Scan) {
	h := &s.Host
	m.gauge("lockfast_packages", "Packages installed.", count("", h.Packages, looked(s))...)
	m.gauge("lockfast_reboot_required", "Whether the host asks for a reboot.", count("", number01(h.RebootRequired), h.Live)...)
	m.gauge("lockfast_kernel_outdated", "Whether an installed kernel is newer than the running one.", boolean(h.KernelOutdated)...)
	m.gauge("lockfast_release_past_end_of_life", "Whether the release gets no more security updates.", boolean(h.PastEndOfLife)...)
	m.gauge("lockfast_info", "The program and the host's release.", fmt.Sprintf(`{version="%s",release="%s"} 1`, label(s.Tool.Version), label(h.Release)))
}

// exposedCount is empty if exposure could not be seen for some finding: an
// undercount is as wrong as a zero.
func exposedCount(s *result.Scan) []string {
	if !seenExposed(s) {
		return nil
	}
	return []string{sample("", s.Summary.Exposed)}
}

// hasKEV reports whether current KEV data stand behind the answer.
func hasKEV(s *result.Scan) bool {
	return slices.ContainsFunc(s.Data, func(d result.Data) bool { return d.Kind == "kev" && !d.Stale })
}

func number(n *int) []string {
	if n == nil {
		return nil
	}
	return []string{sample("", *n)}
}

func boolean(b *bool) []string {
	if b == nil {
		return nil
	}
	return []string{sample("", number01(*b))}
}

func number01(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sorted are the samples of a metric in a stable order.
func sorted(values map[string]int) []string {
	list := make([]string, 0, len(values))
	for labels, v := range values {
		list = append(list, sample(labels, v))
	}
	slices.Sort(list)
	return list
}

// label escapes a label's value.
func label(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(clean(s))
}
