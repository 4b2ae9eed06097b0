package updateinfo

import (
	"encoding/xml"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// Repomd is what a repository's repomd.xml says of its advisories.
type Repomd struct {
	Date       time.Time // when the metadata were made; zero when not stated
	Updateinfo *Metadata // nil: the repository carries no advisories
}

// Metadata is one metadata file of a repository.
type Metadata struct {
	File   string // name inside repodata/
	Size   int64  // bytes as stored; 0 when not stated
	SHA256 string // of the file as stored, hexadecimal; empty when another digest is used
}

// ParseRepomd reads a repomd.xml. name is used in errors.
func ParseRepomd(name string, data []byte) (Repomd, error) {
	var x struct {
		XMLName  xml.Name `xml:"repomd"`
		Revision string   `xml:"revision"`
		Data     []struct {
			Type     string `xml:"type,attr"`
			Checksum struct {
				Type  string `xml:"type,attr"`
				Value string `xml:",chardata"`
			} `xml:"checksum"`
			Location struct {
				Href string `xml:"href,attr"`
			} `xml:"location"`
			Timestamp string `xml:"timestamp"`
			Size      string `xml:"size"`
		} `xml:"data"`
	}
	if err := xml.Unmarshal(data, &x); err != nil {
		return Repomd{}, fmt.Errorf("%s: %v", name, err)
	}
	if len(x.Data) == 0 {
		return Repomd{}, fmt.Errorf("%s: it names no metadata", name)
	}
	var r Repomd
	for _, d := range x.Data {
		if t := seconds(d.Timestamp); t.After(r.Date) {
			r.Date = t
		}
		if d.Type != "updateinfo" {
			continue
		}
		m := Metadata{File: path.Base(d.Location.Href)}
		if d.Location.Href == "" || m.File == "." || m.File == "/" || m.File == ".." {
			return Repomd{}, fmt.Errorf("%s: its updateinfo has no location", name)
		}
		if d.Checksum.Type == "sha256" {
			m.SHA256 = strings.ToLower(strings.TrimSpace(d.Checksum.Value))
		}
		m.Size, _ = strconv.ParseInt(strings.TrimSpace(d.Size), 10, 64)
		r.Updateinfo = &m
	}
	if r.Date.IsZero() {
		r.Date = seconds(x.Revision) // createrepo_c writes the time there by default
	}
	return r, nil
}

// seconds reads seconds since 1970, with or without a fraction; zero for
// anything else, as a revision may be any text.
func seconds(s string) time.Time {
	s, _, _ = strings.Cut(strings.TrimSpace(s), ".")
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1e9 || n > 1<<40 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}
