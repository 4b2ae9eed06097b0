package apt

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// PinKind is what a pin looks at.
type PinKind uint8

// Kinds of pins.
const (
	PinRelease PinKind = 1
	PinVersion PinKind = 2
	PinOrigin  PinKind = 3 // the host name of the archive
)

// Pin is one record of apt_preferences(5).
type Pin struct {
	Packages []string // names, globs, /regular expressions/ and "src:" names; ["*"] is the general form
	Kind     PinKind
	Match    string // "a=stable, o=Debian", "1.2*", "deb.example.org"
	Priority int
	File     string
	Line     int
}

// ParsePreferences reads a file of pins. Records without "Package" are comments
// when they have no pin either; a priority of zero is refused, as apt does.
func ParsePreferences(name string, data []byte) ([]Pin, error) {
	blocks, err := paragraphs(name, data)
	if err != nil {
		return nil, err
	}
	var pins []Pin
	for _, b := range blocks {
		if b.fields["package"] == "" && b.fields["pin"] == "" {
			continue
		}
		pin, err := parsePin(b)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, b.line, err)
		}
		pin.File, pin.Line = name, b.line
		pins = append(pins, pin)
	}
	return pins, nil
}

func parsePin(b paragraph) (Pin, error) {
	pin := Pin{Packages: b.words("package")}
	kind, match, _ := strings.Cut(b.fields["pin"], " ")
	switch kind {
	case "release":
		pin.Kind = PinRelease
	case "version":
		pin.Kind = PinVersion
	case "origin":
		pin.Kind = PinOrigin
	default:
		return Pin{}, fmt.Errorf("unknown kind of pin %q", clip(kind))
	}
	pin.Match = strings.Trim(strings.TrimSpace(match), `"`)
	if len(pin.Packages) == 0 {
		return Pin{}, fmt.Errorf("a pin without a package")
	}
	priority, err := strconv.Atoi(b.fields["pin-priority"])
	if err != nil || priority == 0 {
		return Pin{}, fmt.Errorf("not a priority: %q", clip(b.fields["pin-priority"]))
	}
	pin.Priority = priority
	return pin, nil
}

// general reports whether the pin speaks of archives rather than of packages.
func (p *Pin) general() bool { return len(p.Packages) == 1 && p.Packages[0] == "*" }

// names reports whether the pin speaks of a package.
func (p *Pin) names(pkg, source string) bool {
	for _, pattern := range p.Packages {
		if rest, ok := strings.CutPrefix(pattern, "src:"); ok && matches(rest, source) {
			return true
		}
		bare, _, _ := strings.Cut(pattern, ":") // "libc6:i386" is taken for every architecture
		if bare != "src" && matches(bare, pkg) {
			return true
		}
	}
	return false
}

// takes reports whether the pin's match holds for a version in an archive.
func (p *Pin) takes(version string, a *archive) bool {
	switch p.Kind {
	case PinVersion:
		return matches(p.Match, version)
	case PinOrigin:
		return a != nil && matches(p.Match, a.host)
	case PinRelease:
		return a != nil && a.isRelease(p.Match)
	}
	return false
}

// isRelease evaluates "a=stable, n=bookworm, o=…, l=…, c=…, v=…, b=…", or one
// bare word: a version when it begins with a digit, else a suite or codename.
func (a *archive) isRelease(match string) bool {
	if !strings.Contains(match, "=") {
		if match != "" && match[0] >= '0' && match[0] <= '9' {
			return matches(match, a.release.Version)
		}
		return matches(match, a.release.Suite) || matches(match, a.release.Codename)
	}
	for part := range strings.SplitSeq(match, ",") {
		key, want, _ := strings.Cut(strings.TrimSpace(part), "=")
		have, known := map[string]string{
			"a": a.release.Suite, "n": a.release.Codename, "o": a.release.Origin, "l": a.release.Label,
			"v": a.release.Version, "c": a.component, "b": a.arch,
		}[key]
		if !known || !matches(strings.Trim(want, `"`), have) {
			return false
		}
	}
	return true
}

// matches is apt's matching: a /regular expression/, else a glob.
func matches(pattern, value string) bool {
	if len(pattern) > 1 && pattern[0] == '/' && pattern[len(pattern)-1] == '/' {
		re, err := regexp.CompilePOSIX("(" + pattern[1:len(pattern)-1] + ")")
		return err == nil && re.MatchString(value)
	}
	if !strings.ContainsAny(pattern, `*?[\`) {
		return pattern == value
	}
	// path.Match stops "*" at slashes, fnmatch(3) without flags does not.
	noSlash := strings.NewReplacer("/", "\x00")
	ok, err := path.Match(noSlash.Replace(pattern), noSlash.Replace(value))
	return err == nil && ok
}
