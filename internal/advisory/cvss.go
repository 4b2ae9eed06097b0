package advisory

import (
	"errors"
	"fmt"
	"strings"

	gocvss20 "github.com/pandatix/go-cvss/20"
	gocvss30 "github.com/pandatix/go-cvss/30"
	gocvss31 "github.com/pandatix/go-cvss/31"
	gocvss40 "github.com/pandatix/go-cvss/40"
)

// maxVector limits a CVSS vector, in bytes. One of version 4.0 that names every
// metric has fewer than 250.
const maxVector = 512

// ParseCVSS reads a CVSS vector of version 2.0, 3.0, 3.1 or 4.0 and returns its
// base score, 0 to 10, and the severity that goes with it. Threat, temporal and
// environmental metrics are checked and then left out: they are another
// organisation's circumstances, and scores with and without them cannot be
// ranked together.
//
// A vector of version 2.0 has no prefix; parentheses around it, as old feeds
// have, are accepted. The scales are FIRST's, and for 2.0, which has none,
// NVD's: it knows neither "none" nor "critical".
//
// An error quotes the vector; score and severity are then 0 and unknown.
func ParseCVSS(vector string) (score float64, sev Severity, err error) {
	switch {
	case vector == "":
		return 0, SeverityUnknown, errors.New("cannot read CVSS vector: it is empty")
	case len(vector) > maxVector:
		return 0, SeverityUnknown, fmt.Errorf("cannot read CVSS vector %.40q…: longer than %d bytes", vector, maxVector)
	}
	score, err = baseScore(vector)
	if err != nil {
		return 0, SeverityUnknown, fmt.Errorf("cannot read CVSS vector %q: %v", vector, err)
	}
	if !strings.HasPrefix(vector, "CVSS:") {
		return score, severityOfV2(score), nil
	}
	return score, severityOf(score), nil
}

// baseScore tells the versions apart by their prefixes.
func baseScore(vector string) (float64, error) {
	version, found := strings.CutPrefix(vector, "CVSS:")
	if !found {
		return baseScore20(vector)
	}
	version, _, _ = strings.Cut(version, "/")
	switch version {
	case "3.0":
		parsed, err := gocvss30.ParseVector(vector)
		if err != nil {
			return 0, err
		}
		return parsed.BaseScore(), nil
	case "3.1":
		parsed, err := gocvss31.ParseVector(vector)
		if err != nil {
			return 0, err
		}
		return parsed.BaseScore(), nil
	case "4.0":
		return baseScore40(vector)
	}
	return 0, fmt.Errorf("version %q is none of 2.0 (without prefix), 3.0, 3.1, 4.0", version)
}

func baseScore20(vector string) (float64, error) {
	if strings.HasPrefix(vector, "(") && strings.HasSuffix(vector, ")") {
		vector = vector[1 : len(vector)-1]
	}
	parsed, err := gocvss20.ParseVector(vector)
	if err != nil {
		return 0, err
	}
	return parsed.BaseScore(), nil
}

// baseScore40 keeps the base metrics only, by cutting the vector after them:
// version 4.0 prescribes the order of metrics, its eleven base metrics come
// first, and its one score counts all others that are given.
func baseScore40(vector string) (float64, error) {
	const baseMetrics = 11
	parsed, err := gocvss40.ParseVector(vector)
	if err != nil {
		return 0, err
	}
	fields := strings.Split(vector, "/") // the first is the prefix
	if len(fields) > 1+baseMetrics {
		parsed, err = gocvss40.ParseVector(strings.Join(fields[:1+baseMetrics], "/"))
		if err != nil {
			return 0, err
		}
	}
	return parsed.Score(), nil
}

// severityOf is FIRST's qualitative severity rating scale of CVSS 3 and 4.
func severityOf(score float64) Severity {
	switch {
	case score >= 9:
		return SeverityCritical
	case score >= 7:
		return SeverityHigh
	case score >= 4:
		return SeverityMedium
	case score > 0:
		return SeverityLow
	}
	return SeverityNone
}

// severityOfV2 is the scale NVD publishes for CVSS 2.0.
func severityOfV2(score float64) Severity {
	switch {
	case score >= 7:
		return SeverityHigh
	case score >= 4:
		return SeverityMedium
	}
	return SeverityLow
}

// ParseRating reads a vendor's word for a severity, in any case: the words of
// Red Hat, AlmaLinux, Rocky Linux, SUSE, Ubuntu and Debian, and those of
// [Severity.String]. Debian's asterisk (an urgency nobody confirmed) is ignored.
// Words that say nobody has rated it yet, and words not known here, are
// [SeverityUnknown].
func ParseRating(word string) Severity {
	word = strings.ToLower(strings.TrimSpace(strings.TrimRight(word, "*")))
	switch word {
	case "critical":
		return SeverityCritical
	case "high", "important":
		return SeverityHigh
	case "medium", "moderate":
		return SeverityMedium
	case "low", "negligible": // Ubuntu: real, but theoretical or without damage
		return SeverityLow
	case "none", "unimportant": // Debian: does not affect the binary packages, or is no security matter
		return SeverityNone
	}
	return SeverityUnknown
}
