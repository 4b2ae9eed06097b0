package advisory

import (
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/pkgver"
)

// unknownModule is [Row.Module] of a module build whose stream the record does
// not name: match answers "unknown" for modular packages and never matches
// others.
const unknownModule = "?"

// modulePart is the part of an entry that belongs to one module; module is
// empty for ordinary builds.
type modulePart struct {
	module   string
	ranges   []Range
	versions []string
}

// splitByModule separates the spans that end in a module build from the others:
// builds of a module stream compare only among themselves. A record that names
// two streams ("virt:rhel and virt-devel:rhel") gives a part for each; an
// installed package belongs to one of them at most.
func splitByModule(spans []Range, a *osvAffected, scheme pkgver.Scheme, streams []string) []modulePart {
	plain := modulePart{}
	modular := modulePart{}
	for _, r := range spans {
		if scheme == pkgver.RPM && (isModuleBuild(r.Fixed) || isModuleBuild(r.LastAffected) || isModuleBuild(r.Introduced)) {
			modular.ranges = append(modular.ranges, r)
			continue
		}
		plain.ranges = append(plain.ranges, r)
	}
	for _, v := range a.Versions {
		if scheme == pkgver.RPM && isModuleBuild(v) {
			modular.versions = append(modular.versions, v)
			continue
		}
		plain.versions = append(plain.versions, v)
	}
	plain.versions = outside(plain.versions, plain.ranges, scheme)
	modular.versions = outside(modular.versions, modular.ranges, scheme)
	if len(modular.ranges) == 0 && len(modular.versions) == 0 {
		return []modulePart{plain}
	}
	var parts []modulePart
	if len(plain.ranges) > 0 || len(plain.versions) > 0 {
		parts = append(parts, plain)
	}
	for _, stream := range modulesOf(a, streams) {
		parts = append(parts, modulePart{stream, slices.Clone(modular.ranges), slices.Clone(modular.versions)})
	}
	return parts
}

// isModuleBuild recognises the release tag of module builds:
// "…-1.module_el8.7.0+3343+ea2b7901" and "…-1.module+el8.9.0+…".
func isModuleBuild(version string) bool {
	return strings.Contains(version, ".module_el") || strings.Contains(version, ".module+el") || strings.Contains(version, ".module_f")
}

// modulesOf names the streams of an entry: Red Hat's package URLs carry one
// ("rpmmod=nodejs:18:…"), else the record's summary does.
func modulesOf(a *osvAffected, streams []string) []string {
	label := strings.ReplaceAll(purlQualifier(a.Package.PURL, "rpmmod"), "%3A", ":")
	if name, rest, ok := strings.Cut(label, ":"); ok {
		stream, _, _ := strings.Cut(rest, ":")
		return []string{name + ":" + stream}
	}
	if len(streams) == 0 {
		return []string{unknownModule}
	}
	return streams
}

// streamsIn finds the module streams named in a summary such as "Important:
// nodejs:18 security update".
func streamsIn(summary string) []string {
	if !strings.Contains(summary, ":") {
		return nil
	}
	var found []string
	for word := range strings.FieldsSeq(summary) {
		word = strings.Trim(word, ",;()[]")
		name, stream, ok := strings.Cut(word, ":")
		if ok && isModuleWord(name) && isModuleWord(stream) && !slices.Contains(found, word) {
			found = append(found, word)
		}
	}
	return found
}

func isModuleWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte("-_.+", c) < 0 {
			return false
		}
	}
	return s != ""
}
