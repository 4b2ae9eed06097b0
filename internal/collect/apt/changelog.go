package apt

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/pkgver"
)

// Entry is one version's entry of a Debian changelog (deb-changelog(5)).
type Entry struct {
	Source       string
	Version      string
	Distribution string // "bookworm-security"
	Urgency      string
	CVEs         []string // named in the text, sorted
	Date         time.Time
}

// changelogLimit bounds a decompressed changelog; the kernel's has 6 MiB.
const changelogLimit = 32 << 20

// ParseChangelog reads entries, newest first as they are written, until more
// returns false for one; that entry is not returned. Old changelogs end in
// free text: what is no entry after the first one ends the reading. A
// changelog without any entry, or whose last entry read has no trailer line, is
// an error. name is used in errors.
func ParseChangelog(name string, r io.Reader, more func(*Entry) bool) ([]Entry, error) {
	data, err := io.ReadAll(io.LimitReader(r, changelogLimit))
	if err != nil {
		return nil, fmt.Errorf("cannot read changelog %s: %w", name, err)
	}
	c := changelogReader{
		head: regexp.MustCompile(`^([a-z0-9][a-z0-9+.-]*) \(([^() \t]+)\)((?: [A-Za-z0-9._~+-]+)*);(.*)$`),
		cve:  regexp.MustCompile(`CVE-[12][0-9]{3}-[0-9]{4,7}`),
	}
	number := 0
	for line := range bytes.Lines(data) {
		number++
		goOn, err := c.line(bytes.TrimRight(line, "\r\n"), more)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %v", name, number, err)
		}
		if !goOn {
			return c.entries, nil
		}
	}
	if c.open != nil {
		return nil, fmt.Errorf("%s:%d: truncated: the entry of %s has no trailer line", name, number, c.open.Version)
	}
	if len(c.entries) == 0 {
		return nil, fmt.Errorf("%s: no changelog entry in it", name)
	}
	return c.entries, nil
}

type changelogReader struct {
	head, cve *regexp.Regexp
	entries   []Entry
	open      *Entry // whose trailer has not come yet
}

func (c *changelogReader) line(line []byte, more func(*Entry) bool) (goOn bool, err error) {
	if m := c.head.FindSubmatch(line); m != nil {
		if c.open != nil {
			return false, errors.New("the entry before this one has no trailer line")
		}
		c.open = &Entry{Source: string(m[1]), Version: string(m[2]), Distribution: strings.TrimSpace(string(m[3])), Urgency: urgency(string(m[4]))}
		return more(c.open), nil
	}
	if c.open == nil {
		after := len(c.entries) > 0 && len(line) > 0 && line[0] != ' '
		return !after, nil
	}
	for _, id := range c.cve.FindAll(line, -1) {
		c.open.CVEs = append(c.open.CVEs, string(id))
	}
	if trailer, ok := bytes.CutPrefix(line, []byte(" -- ")); ok {
		c.open.Date = trailerDate(string(trailer))
		slices.Sort(c.open.CVEs)
		c.open.CVEs = slices.Compact(c.open.CVEs)
		c.entries = append(c.entries, *c.open)
		c.open = nil
	}
	return true, nil
}

func urgency(meta string) string {
	_, value, ok := strings.Cut(meta, "urgency=")
	if !ok {
		return ""
	}
	value, _, _ = strings.Cut(value, ",")
	return strings.ToLower(strings.TrimSpace(value))
}

// trailerDate reads "Name <mail>  Tue, 01 Jul 2025 10:00:00 +0200"; zero when
// the date is written otherwise, as some old entries do.
func trailerDate(trailer string) time.Time {
	i := strings.LastIndex(trailer, ">")
	if i < 0 {
		return time.Time{}
	}
	t, err := mail.ParseDate(strings.TrimSpace(trailer[i+1:]))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// changes is what a changelog says of the way from one version to another.
type changes struct {
	cves []string
	date time.Time // of the oldest entry on the way that names a CVE, else of the newest
	from string    // that entry's version
}

// between sums up the entries above the installed source version, up to the
// fixed one: a newer version apt would take may bring more.
func between(entries []Entry, installed, fixed string) changes {
	var c changes
	for _, e := range entries { // newest first
		if pkgver.CompareDpkg(e.Version, installed) <= 0 {
			break
		}
		if pkgver.CompareDpkg(e.Version, fixed) > 0 {
			continue
		}
		c.cves = append(c.cves, e.CVEs...)
		if c.from == "" || len(e.CVEs) > 0 && !e.Date.IsZero() {
			c.date, c.from = e.Date, e.Version
		}
	}
	slices.Sort(c.cves)
	c.cves = slices.Compact(c.cves)
	return c
}
