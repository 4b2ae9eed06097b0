package secure

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/match"
	"github.com/lockfast/lockfast/internal/result"
)

// securityUpdates is the coverage of an archive that brings fixes: its age counts.
const securityUpdates = "security updates"

// dataView is what the sources of an answer are worth.
type dataView struct {
	entries    []result.Data
	ecosystems []advisory.Ecosystem
	coverage   []advisory.Coverage // of those ecosystems
	problems   []result.Unknown    // stale, partial or missing data
}

// judgeData looks at the sources: which speak of this host, how old they are,
// and what they leave open.
func judgeData(inv *inventory.Inventory, store *openedStore, o ScanOptions) (match.Knowledge, *dataView) {
	know := match.Knowledge{Now: o.Now}
	view := &dataView{}
	if store != nil {
		know.Rows, know.CVE = store.Store, store.CVE
		view.judgeStore(inv, store, o, &know)
	}
	for _, a := range inv.Archives {
		view.addArchive(a, o, store != nil)
	}
	return know, view
}

func (v *dataView) judgeStore(inv *inventory.Inventory, store *openedStore, o ScanOptions, know *match.Knowledge) {
	meta := store.Meta()
	have := make([]advisory.Ecosystem, 0, len(meta.Coverage))
	for _, c := range meta.Coverage {
		have = append(have, c.Ecosystem)
	}
	v.ecosystems = advisory.EcosystemsFor(inv.Release, have)
	know.Ecosystems = v.ecosystems
	for _, c := range meta.Coverage {
		if slices.Contains(v.ecosystems, c.Ecosystem) {
			v.coverage = append(v.coverage, c)
		}
	}
	know.Complete = len(v.coverage) > 0
	for _, c := range v.coverage {
		know.Complete = know.Complete && c.Partial == ""
	}
	if len(v.ecosystems) == 0 {
		v.block(fmt.Sprintf("advisories for %s", expected(inv.Release)), "the store "+store.path+" has no records of this release, so nothing can be said of its packages; import or sync them", o.AcceptPartial)
	}
	v.addSources(meta, store.path, o, know)
	if !know.HasKEV {
		v.note("known exploited vulnerabilities", "the store has no KEV data; import the KEV catalogue to see which holes are exploited")
	}
	if !know.HasEPSS {
		v.note("exploitation scores", "the store has no EPSS data; import them for a finer ranking")
	}
}

func expected(r inventory.Release) string {
	if e, ok := advisory.ExpectedEcosystem(r); ok {
		return string(e)
	}
	return cmp.Or(r.PrettyName, r.ID+" "+r.VersionID)
}

func (v *dataView) addSources(meta advisory.Meta, path string, o ScanOptions, know *match.Knowledge) {
	for _, s := range meta.Sources {
		covers := v.coverageOf(s.Name)
		if s.Kind == advisory.SourceOSV && covers == "" {
			continue // another distribution's
		}
		d := dataEntry(s.Name, string(s.Kind), s.Current(), o)
		d.Records, d.Path, d.Coverage = s.Records, path, covers
		if !s.Date.IsZero() {
			date := s.Date
			d.Date = &date
		}
		d.Trust = trust(s)
		switch s.Kind {
		case advisory.SourceOSV:
			v.blockStale(d, o)
		case advisory.SourceKEV:
			know.HasKEV, know.KEVStale = true, d.Stale
			v.blockStale(d, o)
		case advisory.SourceEPSS:
			know.HasEPSS = true
			if d.Stale {
				v.note("age of "+s.Name, ageSentence(d, o)+"; scores only rank, so nothing is missed")
			}
		case advisory.SourceCVE: // vectors do not age; a CVE without one stays unknown
			d.Stale = false
		}
		v.entries = append(v.entries, d)
	}
}

func trust(s advisory.Source) string {
	return cmp.Or(s.Fetched, "files")
}

// coverageOf says what a source covers of this host's release, and notes what
// it leaves out.
func (v *dataView) coverageOf(source string) string {
	text := ""
	for _, c := range v.coverage {
		if c.Source != source {
			continue
		}
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%s: %d records, %d packages, newest %s", c.Ecosystem, c.Records, c.Packages, c.Newest.Format(time.DateOnly))
		if c.Partial != "" {
			text += ", partial: " + c.Partial
		}
	}
	return text
}

func dataEntry(name, kind string, current time.Time, o ScanOptions) result.Data {
	d := result.Data{Name: name, Kind: kind, Stale: true}
	if current.IsZero() {
		return d
	}
	hours := max(0, int64(o.Now.Sub(current)/time.Hour))
	d.AgeHours = &hours
	d.Stale = o.Now.Sub(current) > o.MaxDataAge || current.After(o.Now.Add(24*time.Hour))
	return d
}

func (v *dataView) addArchive(a inventory.Archive, o ScanOptions, haveStore bool) {
	d := dataEntry(a.Name, "archive", a.Date, o)
	d.Trust = "archive"
	if !a.Date.IsZero() {
		date := a.Date
		d.Date = &date
	}
	if a.Security {
		d.Coverage = securityUpdates
	} else {
		d.Stale = false // a main archive changes with point releases only
	}
	v.entries = append(v.entries, d)
	switch {
	case !d.Stale:
	case haveStore:
		v.note("age of "+a.Name, ageSentence(d, o)+"; the advisory store answers instead")
	default:
		v.blockStale(d, o)
	}
}

func (v *dataView) blockStale(d result.Data, o ScanOptions) {
	if d.Stale {
		v.block("age of "+d.Name, ageSentence(d, o), false)
	}
}

func ageSentence(d result.Data, o ScanOptions) string {
	switch {
	case d.AgeHours == nil:
		return "it carries no date, so its age is unknown"
	case d.Date != nil && d.Date.After(o.Now.Add(24*time.Hour)):
		return fmt.Sprintf("it is dated %s, in the future: check this machine's clock", d.Date.Format(time.DateOnly))
	}
	refresh := "sync or import newer data"
	if d.Kind == "archive" {
		refresh = "refresh it (apt-get update, dnf makecache, zypper refresh)"
	}
	return fmt.Sprintf("it is %s old, more than --max-data-age %s; %s", days(*d.AgeHours), days(int64(o.MaxDataAge/time.Hour)), refresh)
}

func days(hours int64) string {
	if hours < 48 {
		return plural(int(hours), "hour")
	}
	return plural(int(hours/24), "day")
}

func (v *dataView) block(what, why string, accepted bool) {
	v.problems = append(v.problems, result.Unknown{What: what, Why: why, Blocking: true, Accepted: accepted})
}

func (v *dataView) note(what, why string) {
	v.problems = append(v.problems, result.Unknown{What: what, Why: why})
}
