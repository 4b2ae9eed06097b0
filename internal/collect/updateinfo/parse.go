package updateinfo

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Advisory is one update notice of an updateinfo.xml.
type Advisory struct {
	ID       string // "ALSA-2024:1234"
	Type     string // "security", "bugfix", "enhancement", "recommended" …
	Severity string // the vendor's word, empty when none
	Issued   time.Time
	CVEs     []string // sorted
	Builds   []Build
}

// Build is one package version an advisory ships.
type Build struct {
	Name, Arch string
	Version    string // [epoch:]version-release, an epoch of 0 left out
	Source     string // version of the source package in the same form, empty when not named
	Module     string // "nodejs:18", empty when not modular
}

// Security reports whether the advisory is a security advisory.
func (a *Advisory) Security() bool { return a.Type == "security" }

const (
	// buildsLimit and referencesLimit bound one advisory; a SUSE kernel notice
	// names some 700 builds and 500 references.
	buildsLimit     = 20000
	referencesLimit = 20000
)

// The form of https://github.com/rpm-software-management/createrepo_c's
// updateinfo writer, which all vendors share.
type xmlUpdate struct {
	Type     string `xml:"type,attr"`
	Status   string `xml:"status,attr"`
	ID       string `xml:"id"`
	Severity string `xml:"severity"`
	Issued   struct {
		Date string `xml:"date,attr"`
	} `xml:"issued"`
	References []struct {
		ID    string `xml:"id,attr"`
		Title string `xml:"title,attr"`
	} `xml:"references>reference"`
	Collections []struct {
		Module *struct {
			Name   string `xml:"name,attr"`
			Stream string `xml:"stream,attr"`
		} `xml:"module"`
		Packages []xmlPackage `xml:"package"`
	} `xml:"pkglist>collection"`
}

type xmlPackage struct {
	Name    string `xml:"name,attr"`
	Epoch   string `xml:"epoch,attr"`
	Version string `xml:"version,attr"`
	Release string `xml:"release,attr"`
	Arch    string `xml:"arch,attr"`
	Src     string `xml:"src,attr"`
}

// Parse reads an updateinfo.xml and passes its advisories to each, one at a
// time; retracted ones are left out. A file that ends early, is no XML or has
// an advisory without id or package versions is an error that names the line.
// name is used in errors.
func Parse(name string, r io.Reader, each func(*Advisory)) error {
	d := xml.NewDecoder(r)
	inside := false
	for {
		token, err := d.Token()
		line, _ := d.InputPos()
		if errors.Is(err, io.EOF) && inside {
			return nil
		}
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("%s:%d: no <updates> in it", name, line)
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %v", name, line, err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch {
		case !inside && start.Name.Local == "updates":
			inside = true
			continue
		case !inside || start.Name.Local != "update":
			return fmt.Errorf("%s:%d: unexpected element <%s>", name, line, start.Name.Local)
		}
		var u xmlUpdate
		if err := d.DecodeElement(&u, &start); err != nil {
			return fmt.Errorf("%s:%d: %v", name, line, err)
		}
		if u.Status == "retracted" {
			continue
		}
		advisory, err := u.advisory()
		if err != nil {
			return fmt.Errorf("%s:%d: %v", name, line, err)
		}
		each(&advisory)
	}
}

func (u *xmlUpdate) advisory() (Advisory, error) {
	a := Advisory{ID: strings.TrimSpace(u.ID), Type: u.Type, Severity: strings.TrimSpace(u.Severity)}
	if a.ID == "" {
		return a, errors.New("an advisory without an id")
	}
	if len(u.References) > referencesLimit {
		return a, fmt.Errorf("%s: more than %d references", a.ID, referencesLimit)
	}
	issued, err := parseDate(u.Issued.Date)
	if err != nil {
		return a, fmt.Errorf("%s: %w", a.ID, err)
	}
	a.Issued = issued
	cve := regexp.MustCompile(`CVE-[12][0-9]{3}-[0-9]{4,7}`)
	for _, r := range u.References {
		a.CVEs = append(a.CVEs, cve.FindAllString(r.ID+" "+r.Title, -1)...)
	}
	slices.Sort(a.CVEs)
	a.CVEs = slices.Compact(a.CVEs)
	for _, c := range u.Collections {
		module := ""
		if c.Module != nil {
			module = c.Module.Name + ":" + c.Module.Stream
		}
		for _, p := range c.Packages {
			if p.Name == "" || p.Version == "" || p.Release == "" {
				return a, fmt.Errorf("%s: a package without name, version or release", a.ID)
			}
			a.Builds = append(a.Builds, p.build(module))
		}
	}
	if len(a.Builds) > buildsLimit {
		return a, fmt.Errorf("%s: more than %d packages", a.ID, buildsLimit)
	}
	return a, nil
}

func (p *xmlPackage) build(module string) Build {
	b := Build{Name: p.Name, Arch: p.Arch, Version: evr(p.Epoch, p.Version, p.Release), Module: module}
	// name-version-release.src.rpm: a source package has the epoch of its binaries.
	base, ok := strings.CutSuffix(p.Src, ".src.rpm")
	parts := strings.Split(base, "-")
	if n := len(parts); ok && n >= 3 {
		b.Source = evr(p.Epoch, parts[n-2], parts[n-1])
	}
	return b
}

func evr(epoch, version, release string) string {
	full := version + "-" + release
	if epoch == "" || epoch == "0" {
		return full
	}
	return epoch + ":" + full
}

// parseDate reads the forms in use: "2024-01-10 00:00:00", "2024-01-10", and
// SUSE's seconds since 1970. No date at all is zero and no error.
func parseDate(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, nil
	}
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil && seconds > 0 && seconds < 1<<40 {
		return time.Unix(seconds, 0).UTC(), nil
	}
	for _, layout := range []string{time.DateTime, time.DateOnly, "2006-01-02 15:04:05 MST", "2006-01-02 15:04", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("not a date: %q", clip(s))
}

// clip shortens what is quoted in an error.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
