package advisory

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxCVEFile limits a file of CVE records, in bytes; NVD's largest yearly feed
// has about 200 MB unpacked in 2026.
const maxCVEFile = 2 << 30

// ParseCVERecords reads CVSS vectors from CVE records in either form that is
// published: NVD's JSON 2.0, as feed file or answer of its API
// (https://csrc.nist.gov/schema/nvd/api/2.0/cve_api_json_2.0.schema), or a single
// CVE record 5.x with its ADP containers (https://cveproject.github.io/cve-schema/).
// It calls each for every CVE that has a vector and returns the data's own date,
// the newest one named. NVD's feeds are read as a stream.
func ParseCVERecords(r io.Reader, each func(CVE) error) (time.Time, error) {
	date, err := parseCVERecords(&io.LimitedReader{R: r, N: maxCVEFile}, each)
	if err != nil {
		return time.Time{}, fmt.Errorf("cannot read CVE records: %w", err)
	}
	return date, nil
}

func parseCVERecords(r io.Reader, each func(CVE) error) (time.Time, error) {
	in := jsontext.NewDecoder(r)
	if err := expect(in, '{'); err != nil {
		return time.Time{}, err
	}
	var single cve5
	seen, newest := false, time.Time{}
	for in.PeekKind() == '"' {
		token, err := in.ReadToken()
		if err != nil {
			return time.Time{}, err
		}
		switch name := token.String(); name {
		case "vulnerabilities":
			seen = true
			err = eachNVD(in, &newest, each)
		case "timestamp":
			err = noteTime(in, &newest)
		case "cveMetadata":
			err = json.UnmarshalDecode(in, &single.Metadata)
		case "containers":
			err = json.UnmarshalDecode(in, &single.Containers)
		default:
			err = in.SkipValue()
		}
		if err != nil {
			return time.Time{}, err
		}
	}
	if err := expect(in, '}'); err != nil {
		return time.Time{}, err
	}
	if _, err := in.ReadToken(); !errors.Is(err, io.EOF) {
		return time.Time{}, errors.New("something follows the JSON object")
	}
	if seen {
		return newest, nil
	}
	return single.report(each)
}

func noteTime(in *jsontext.Decoder, newest *time.Time) error {
	var s string
	if err := json.UnmarshalDecode(in, &s); err != nil {
		return err
	}
	t, err := looseTime(s)
	if err != nil {
		return err
	}
	if t.After(*newest) {
		*newest = t
	}
	return nil
}

// looseTime reads RFC 3339 times and those NVD writes without a zone, in UTC.
func looseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Second), nil
		}
	}
	return time.Time{}, fmt.Errorf("%.60q is no time", s)
}

type nvdItem struct {
	CVE struct {
		ID           ID                   `json:"id"`
		LastModified string               `json:"lastModified"`
		Metrics      map[string]nvdMetric `json:"metrics"`
	} `json:"cve"`
}

type nvdMetric []struct {
	Type string `json:"type"` // "Primary" is NVD's own, "Secondary" the issuer's
	Data struct {
		Vector string `json:"vectorString"`
	} `json:"cvssData"`
}

func eachNVD(in *jsontext.Decoder, newest *time.Time, each func(CVE) error) error {
	if err := expect(in, '['); err != nil {
		return fmt.Errorf("vulnerabilities: %w", err)
	}
	for n := 0; in.PeekKind() == '{'; n++ {
		var item nvdItem
		if err := json.UnmarshalDecode(in, &item); err != nil {
			return fmt.Errorf("vulnerabilities[%d]: %w", n, err)
		}
		modified, err := looseTime(item.CVE.LastModified)
		if err != nil {
			return fmt.Errorf("vulnerabilities[%d]: lastModified: %w", n, err)
		}
		if modified.After(*newest) {
			*newest = modified
		}
		if err := reportVector(item.CVE.ID, item.vectors(), each); err != nil {
			return fmt.Errorf("vulnerabilities[%d]: %w", n, err)
		}
	}
	return expect(in, ']')
}

// expect reads one token of a kind.
func expect(in *jsontext.Decoder, kind jsontext.Kind) error {
	token, err := in.ReadToken()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	if err == nil && token.Kind() != kind {
		return fmt.Errorf("%s stands where %s belongs", token.Kind(), kind)
	}
	return err
}

// vectors lists the item's vectors, the preferred one first.
func (n *nvdItem) vectors() []string {
	var found []string
	for _, version := range []string{"cvssMetricV40", "cvssMetricV31", "cvssMetricV30", "cvssMetricV2"} {
		for _, kind := range []string{"Primary", "Secondary", ""} {
			for _, m := range n.CVE.Metrics[version] {
				if m.Type == kind {
					found = append(found, m.Data.Vector)
				}
			}
		}
	}
	return found
}

type cve5 struct {
	Metadata struct {
		ID      ID     `json:"cveId"`
		State   string `json:"state"`
		Updated string `json:"dateUpdated"`
	}
	Containers struct {
		CNA cve5Container   `json:"cna"`
		ADP []cve5Container `json:"adp"`
	}
}

type cve5Container struct {
	Metrics []struct {
		V40 cve5Vector `json:"cvssV4_0"`
		V31 cve5Vector `json:"cvssV3_1"`
		V30 cve5Vector `json:"cvssV3_0"`
		V2  cve5Vector `json:"cvssV2_0"`
		Old cve5Vector `json:"cvssV2"`
	} `json:"metrics"`
}

type cve5Vector struct {
	Vector string `json:"vectorString"`
}

func (c *cve5) report(each func(CVE) error) (time.Time, error) {
	if c.Metadata.ID == "" {
		return time.Time{}, errors.New("it has neither vulnerabilities nor cveMetadata with a cveId")
	}
	date, err := looseTime(c.Metadata.Updated)
	if err != nil && c.Metadata.Updated != "" {
		return time.Time{}, fmt.Errorf("%s: dateUpdated: %w", c.Metadata.ID, err)
	}
	if c.Metadata.State == "REJECTED" {
		return date, nil
	}
	return date, reportVector(c.Metadata.ID, c.vectors(), each)
}

// vectors lists the record's vectors: the newest version first, and within a
// version the issuer's (CNA) before the others' (ADP).
func (c *cve5) vectors() []string {
	var byVersion [4][]string
	for _, container := range append([]cve5Container{c.Containers.CNA}, c.Containers.ADP...) {
		for _, m := range container.Metrics {
			for i, v := range []string{m.V40.Vector, m.V31.Vector, m.V30.Vector, m.V2.Vector + m.Old.Vector} {
				byVersion[i] = append(byVersion[i], v)
			}
		}
	}
	var all []string
	for _, list := range byVersion {
		all = append(all, list...)
	}
	return all
}

// reportVector reports a CVE with the first vector that can be understood. A CVE
// without one is left out: its severity stays unknown.
func reportVector(id ID, vectors []string, each func(CVE) error) error {
	if _, ok := cveKey(id); !ok {
		return fmt.Errorf("%.60q is no CVE id", id)
	}
	for _, v := range vectors {
		v = strings.TrimSpace(v)
		if v == "" {
			continue
		}
		if score, severity, err := ParseCVSS(v); err == nil {
			return each(CVE{ID: id, CVSS: v, Severity: severity, Score: score})
		}
	}
	return nil
}
