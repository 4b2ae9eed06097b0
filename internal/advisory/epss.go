package advisory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxEPSS limits the lines of an EPSS file; in 2026 it has about 320,000.
const maxEPSS = 5_000_000

// ParseEPSS reads the scores FIRST publishes each day
// (https://www.first.org/epss/data_stats), as CSV, unpacked: a comment line with
// the model and the date, a heading, and a line for each CVE. It calls each for
// every line and returns the date. The error names the line.
func ParseEPSS(r io.Reader, each func(CVE) error) (time.Time, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), 4096)
	if !lines.Scan() {
		return time.Time{}, epssError(1, orEmpty(lines.Err()))
	}
	date, err := epssDate(lines.Text())
	if err != nil {
		return time.Time{}, epssError(1, err)
	}
	if !lines.Scan() || strings.TrimSpace(lines.Text()) != "cve,epss,percentile" {
		return time.Time{}, epssError(2, fmt.Errorf("the heading is %.60q, not cve,epss,percentile", lines.Text()))
	}
	n := 2
	for lines.Scan() {
		n++
		if n > maxEPSS {
			return time.Time{}, epssError(n, fmt.Errorf("it has more than %d lines", maxEPSS))
		}
		cve, err := epssLine(lines.Text())
		if err != nil {
			return time.Time{}, epssError(n, err)
		}
		if err := each(cve); err != nil {
			return time.Time{}, err
		}
	}
	if err := lines.Err(); err != nil {
		return time.Time{}, epssError(n+1, err)
	}
	if n == 2 {
		return time.Time{}, epssError(3, errors.New("it has no scores"))
	}
	return date, nil
}

func epssError(line int, err error) error {
	return fmt.Errorf("cannot read EPSS scores: line %d: %w", line, err)
}

func orEmpty(err error) error {
	if err == nil {
		return errors.New("it is empty")
	}
	return err
}

// epssDate reads "#model_version:v2023.03.01,score_date:2023-03-07T00:00:00+0000".
func epssDate(line string) (time.Time, error) {
	_, value, ok := strings.Cut(line, "score_date:")
	if !ok || !strings.HasPrefix(line, "#") {
		return time.Time{}, fmt.Errorf("no score_date in %.60q", line)
	}
	value, _, _ = strings.Cut(strings.TrimSpace(value), ",")
	for _, layout := range []string{"2006-01-02T15:04:05-0700", time.RFC3339, time.DateOnly} {
		if date, err := time.Parse(layout, value); err == nil {
			return date.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("score_date %.60q is no time", value)
}

func epssLine(line string) (CVE, error) {
	id, rest, _ := strings.Cut(strings.TrimSuffix(line, "\r"), ",")
	score, percentile, ok := strings.Cut(rest, ",")
	if _, isCVE := cveKey(ID(id)); !isCVE || !ok {
		return CVE{}, fmt.Errorf("%.60q is no CVE id, score and percentile", line)
	}
	cve := CVE{ID: ID(id), HasEPSS: true}
	var err error
	if cve.EPSS, err = share(score); err != nil {
		return CVE{}, err
	}
	cve.Percentile, err = share(percentile)
	return cve, err
}

func share(s string) (float64, error) {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v >= 0 && v <= 1) { // the comparison also refuses NaN
		return 0, fmt.Errorf("%.40q is no number between 0 and 1", s)
	}
	return v, nil
}
