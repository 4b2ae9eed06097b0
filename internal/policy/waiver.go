package policy

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lockfast/lockfast/internal/result"
)

// WaiverSchema is the format of a waiver file, described in
// docs/formats/waivers.md.
const WaiverSchema = "lockfast.waivers/1"

// maxWaivers bounds a file's size; a longer one is no list that people keep.
const maxWaivers = 1 << 20

// Waiver accepts a finding until the end of a day, UTC.
type Waiver struct {
	ID      string // a CVE or advisory id; or
	Package string // a source package; or
	Key     string // one finding's key
	Host    string // only on this host; empty: everywhere
	Reason  string
	Expires time.Time // the last day on which it holds, at 00:00 UTC
	By      string
	Line    int // in the file
}

// waiverFile is the YAML form.
type waiverFile struct {
	Schema  string      `yaml:"schema"`
	Waivers []yaml.Node `yaml:"waivers"`
}

type waiverEntry struct {
	ID      string `yaml:"id"`
	Package string `yaml:"package"`
	Key     string `yaml:"key"`
	Host    string `yaml:"host"`
	Reason  string `yaml:"reason"`
	Expires string `yaml:"expires"`
	By      string `yaml:"by"`
}

// ParseWaivers reads a waiver file. Errors name line and field: a waiver that
// cannot be read is never taken for none.
func ParseWaivers(r io.Reader) ([]Waiver, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxWaivers+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxWaivers {
		return nil, errors.New("file is over 1 MiB")
	}
	var file waiverFile
	if err := StrictYAML(data, &file); err != nil {
		return nil, err
	}
	if file.Schema != WaiverSchema {
		return nil, fmt.Errorf("schema: is %q, this program reads %q", file.Schema, WaiverSchema)
	}
	list := make([]Waiver, 0, len(file.Waivers))
	for i := range file.Waivers {
		w, err := parseWaiver(&file.Waivers[i])
		if err != nil {
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

func parseWaiver(node *yaml.Node) (Waiver, error) {
	if node.Kind != yaml.MappingNode {
		return Waiver{}, fmt.Errorf("line %d: a waiver is a list entry with id, package or key, reason and expires", node.Line)
	}
	known := []string{"id", "package", "key", "host", "reason", "expires", "by"}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if name := node.Content[i]; !slices.Contains(known, name.Value) {
			return Waiver{}, fmt.Errorf("line %d: unknown field %q, known are %v", name.Line, name.Value, known)
		}
	}
	var e waiverEntry
	if err := node.Decode(&e); err != nil {
		return Waiver{}, fmt.Errorf("line %d: %v", node.Line, err)
	}
	named := 0
	for _, s := range []string{e.ID, e.Package, e.Key} {
		if s != "" {
			named++
		}
	}
	if named != 1 {
		return Waiver{}, fmt.Errorf("line %d: give exactly one of id, package and key", node.Line)
	}
	if e.Reason == "" {
		return Waiver{}, fmt.Errorf("line %d: reason: is missing; say why this is accepted", node.Line)
	}
	expires, err := time.Parse(time.DateOnly, e.Expires)
	if err != nil {
		return Waiver{}, fmt.Errorf("line %d: expires: is %q, want a date as YYYY-MM-DD", node.Line, e.Expires)
	}
	return Waiver{ID: e.ID, Package: e.Package, Key: e.Key, Host: e.Host, Reason: e.Reason, Expires: expires, By: e.By, Line: node.Line}, nil
}

// Expired reports whether the waiver's last day is over.
func (w Waiver) Expired(now time.Time) bool { return !now.Before(w.Expires.AddDate(0, 0, 1)) }

// Waive splits findings into those that stay and those that are accepted, and
// counts the expired waivers that would have accepted one. A waiver for an id
// accepts a finding only if waivers cover everything merged into it: what
// remains unaccepted keeps the whole line.
func Waive(findings []result.Finding, waivers []Waiver, host string, now time.Time) (stay []result.Finding, waived []result.Waived, expired int) {
	stay = make([]result.Finding, 0, len(findings))
	lapsed := map[int]bool{}
	for i := range findings {
		f := &findings[i]
		w := acceptedBy(f, waivers, host, func(w Waiver) bool { return !w.Expired(now) })
		if w == nil {
			if old := acceptedBy(f, waivers, host, func(Waiver) bool { return true }); old != nil {
				lapsed[old.Line] = true
			}
			stay = append(stay, *f)
			continue
		}
		waived = append(waived, result.Waived{Finding: *f, Reason: w.Reason, Expires: w.Expires.Format(time.DateOnly), By: w.By})
	}
	return stay, waived, len(lapsed)
}

// acceptedBy returns the waiver that accepts f, the one that lapses first where
// it takes several.
func acceptedBy(f *result.Finding, waivers []Waiver, host string, usable func(Waiver) bool) *Waiver {
	byID := map[string]*Waiver{}
	for i := range waivers {
		w := &waivers[i]
		if w.Host != "" && w.Host != host || !usable(*w) {
			continue
		}
		if w.Key != "" && w.Key == f.Key || w.Package != "" && w.Package == f.SourcePackage {
			return w
		}
		if w.ID != "" {
			byID[w.ID] = w
		}
	}
	return coveredBy(f, byID)
}

func coveredBy(f *result.Finding, byID map[string]*Waiver) *Waiver {
	var first *Waiver
	note := func(w *Waiver) bool {
		if w != nil && (first == nil || w.Expires.Before(first.Expires)) {
			first = w
		}
		return w != nil
	}
	for _, id := range f.IDs { // an advisory accepted as such covers the finding if it is the only one
		if w := byID[id]; w != nil && onlyAdvisory(f, id) {
			return w
		}
	}
	for i := range f.Vulnerabilities {
		if !note(byID[f.Vulnerabilities[i].ID]) {
			return nil
		}
	}
	return first
}

// onlyAdvisory reports whether id is an advisory and every other advisory id
// of the finding is another name of the same: none is left unaccepted.
func onlyAdvisory(f *result.Finding, id string) bool {
	if result.IsCVE(id) {
		return false
	}
	for _, other := range f.IDs {
		if other != id && !result.IsCVE(other) {
			return false
		}
	}
	return true
}
