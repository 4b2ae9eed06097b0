package apt

import "github.com/lockfast/lockfast/internal/patch"

// What the tests of the parsers call.

// ParseListed reads the stanzas of apt-cache show: what is to be fetched, and
// the bytes that it takes once installed.
func ParseListed(out []byte) (files []patch.Archive, installed []int64, err error) {
	all, err := parseListed(out)
	for _, l := range all {
		files = append(files, patch.Archive{Ref: l.Ref, Size: l.size, SHA256: l.sha256})
		installed = append(installed, l.installed)
	}
	return files, installed, err
}

// ParsePlaces reads where the files of --print-uris are.
func ParsePlaces(out []byte) ([]string, error) {
	_, uris, err := parseURIs(out)
	return uris, err
}

// Entry is one line of dpkg-query.
type Entry struct {
	Name, Arch, Version string
	Present             bool
	Broken              string // empty: whole
}

// ParseEntries reads dpkg-query.
func ParseEntries(out []byte) ([]Entry, error) {
	all, err := parseEntries(out)
	var list []Entry
	for _, e := range all {
		x := Entry{Name: e.name, Arch: e.arch, Version: e.version, Present: e.present()}
		if !e.whole() {
			x.Broken = e.how()
		}
		list = append(list, x)
	}
	return list, err
}

// ParseExtended reads extended_states.
func ParseExtended(data []byte) map[string]bool { return parseExtended(data) }

// ParseVerify reads dpkg --verify.
func ParseVerify(name string, out []byte) ([]patch.Difference, error) { return parseVerify(name, out) }

// ParseStatus reads a line of APT::Status-Fd.
func ParseStatus(line string) (percent int, pkg, phase string, ok bool) { return parseStatus(line) }

// ParseFileName takes apart what FileName makes.
func ParseFileName(name string) (patch.Ref, error) { return parseFileName(name) }

// Unlocked reports who holds a lock file.
func (b *Backend) Unlocked(file string) error { return b.unlocked(file) }
