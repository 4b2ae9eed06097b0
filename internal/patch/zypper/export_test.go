package zypper

import (
	"io"

	"github.com/lockfast/lockfast/internal/patch"
)

// What the fuzz tests call: every parser of foreign text.

// ParseStream reads zypper's XML in all the ways that it is read.
func ParseStream(data []byte) error {
	s, err := parseStream(data)
	if err != nil {
		return err
	}
	_, _ = s.updates()
	_, err = s.changes()
	_, _ = s.conflict(), s.errorText()
	_, _ = s.retrieval(patch.Ref{Name: "alpha", Arch: "x86_64", Version: "1.1-1"}, 0)
	return err
}

// ParseRepomd reads a repomd.xml.
func ParseRepomd(data []byte) error { _, err := parseRepomd(data); return err }

// ParsePrimary counts the wanted packages of a list.
func ParsePrimary(r io.Reader, names ...string) (n int, err error) {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	err = parsePrimary(r, wanted, func(entry) { n++ })
	return n, err
}

// ParseUpdateinfo counts patches.
func ParseUpdateinfo(r io.Reader) (n int, err error) {
	err = parseUpdateinfo(r, func(string, []patch.Ref) { n++ })
	return n, err
}

// ParseDatabase reads rpm -qa.
func ParseDatabase(text string) error { _, err := parseDatabase(text); return err }

// ParseConffiles reads rpm's list of files.
func ParseConffiles(text string) ([]string, error) { return parseConffiles(text) }

// ParseVerify reads rpm -V.
func ParseVerify(name, text string) ([]patch.Difference, error) { return parseVerify(name, text) }

// ParseSignatures reports whether a file is signed by what rpmkeys says.
func ParseSignatures(text, path string) (bool, error) {
	found := map[string]signature{}
	err := parseSignatures(text, []string{path}, found)
	return found[path] == signed, err
}

// Unended are the packages of a log that were begun and not ended.
func Unended(log string) []patch.Ref {
	var refs []patch.Ref
	for _, s := range unended(log) {
		if r, ok := parseNEVRA(s.pkg); ok {
			refs = append(refs, r)
		}
	}
	return refs
}

// LimitRate sets a limit in a zypp.conf.
func LimitRate(conf string, n int64) string { return limitRate(conf, n) }

// Multiversion are the packages of a zypp.conf that may be installed twice.
func Multiversion(conf string) []string { return multiversion(conf) }
