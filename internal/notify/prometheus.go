package notify

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/notice"
)

// maxMetrics bounds a metrics file, in samples.
const maxMetrics = 10000

// Metric is one sample. Those of one name need not stand together; the first of
// them says help and type.
type Metric struct {
	Name   string // "lockfast_updates_pending"
	Help   string
	Type   string // "gauge", "counter", "untyped"; empty: gauge
	Labels []Label
	Value  float64
}

// Label is a label of a metric.
type Label struct{ Name, Value string }

// metricsFile replaces a file of node_exporter's textfile collector, which may
// read it at any moment.
func metricsFile(name string, metrics []Metric) error {
	text, err := exposition(metrics)
	if err != nil {
		return err
	}
	err = hostfs.Replace(name, 0o644, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w (the folder has to be there: it is that of node_exporter's --collector.textfile.directory)", err)
	}
	return nil
}

// exposition writes metrics as text.
// https://prometheus.io/docs/instrumenting/exposition_formats/
func exposition(metrics []Metric) (string, error) {
	if len(metrics) > maxMetrics {
		return "", fmt.Errorf("internal error: %d metrics, more than %d", len(metrics), maxMetrics)
	}
	var names []string
	byName := map[string][]Metric{}
	for _, m := range metrics {
		if len(byName[m.Name]) == 0 {
			names = append(names, m.Name)
		}
		byName[m.Name] = append(byName[m.Name], m)
	}
	var b strings.Builder
	out := bufio.NewWriter(&b)
	for _, name := range names {
		if err := family(out, byName[name]); err != nil {
			return "", fmt.Errorf("internal error: metric %q: %w", name, err)
		}
	}
	err := out.Flush()
	return b.String(), err
}

// family writes all samples of one name: others would be refused, and the whole
// file with them.
func family(out *bufio.Writer, samples []Metric) error {
	first := samples[0]
	if !word(first.Name, ":") {
		return errors.New("it is no name")
	}
	kind := first.Type
	switch kind {
	case "":
		kind = "gauge"
	case "gauge", "counter", "untyped":
	default:
		return fmt.Errorf("%q is no type", kind)
	}
	if help := strings.ReplaceAll(notice.Clean(first.Help), `\`, `\\`); help != "" {
		_, _ = out.WriteString("# HELP " + first.Name + " " + help + "\n") // the buffer keeps the error
	}
	_, _ = out.WriteString("# TYPE " + first.Name + " " + kind + "\n")
	seen := map[string]bool{}
	for _, m := range samples {
		l, err := labels(m.Labels)
		if err != nil {
			return err
		}
		if seen[l] {
			return fmt.Errorf("it stands twice with %q", l)
		}
		seen[l] = true
		_, _ = out.WriteString(m.Name + l + " " + strconv.FormatFloat(m.Value, 'g', -1, 64) + "\n") // "NaN" and "+Inf" are as they should be
	}
	return nil
}

// labels writes labels by name, so that the same ones read the same.
func labels(list []Label) (string, error) {
	if len(list) == 0 {
		return "", nil
	}
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b Label) int { return strings.Compare(a.Name, b.Name) })
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	parts := make([]string, 0, len(list))
	for i, l := range list {
		if !word(l.Name, "") || strings.HasPrefix(l.Name, "__") || i > 0 && list[i-1].Name == l.Name {
			return "", fmt.Errorf("%q is no label, or stands twice", l.Name)
		}
		parts = append(parts, l.Name+`="`+escape.Replace(notice.Clean(l.Value))+`"`)
	}
	return "{" + strings.Join(parts, ",") + "}", nil
}

// word checks a name: letters, digits, _ and these others, no digit first.
func word(s, others string) bool {
	for i, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || strings.ContainsRune(others, r)
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}
