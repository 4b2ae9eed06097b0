package dnf

import (
	"time"

	"github.com/lockfast/lockfast/internal/patch"
)

// What the tests call: every parser of what a program prints.

// ParseMajor reads dnf --version.
func ParseMajor(text string) (string, error) { return parseMajor(text) }

// ParseNEVRA reads a package's full name.
func ParseNEVRA(text string) (patch.Ref, error) { return parseNEVRA(text) }

// ParseDatabase counts the packages of rpm -qa.
func ParseDatabase(text string) (int, error) { d, err := parseDatabase(text); return len(d), err }

// ParseReasons counts the packages that were installed automatically.
func ParseReasons(text string) (int, error) { m, err := parseReasons(text); return len(m), err }

// ParseLocks are the names in versionlock's list.
func ParseLocks(text string) map[string]bool { return parseLocks(text) }

// ParseOffered returns the digest of each package that repoquery prints.
func ParseOffered(text string) (map[patch.Ref]string, error) {
	x, err := parseOffered(text)
	digests := map[patch.Ref]string{}
	for _, files := range x {
		for _, o := range files {
			digests[o.Ref] = o.sha256
		}
	}
	return digests, err
}

// PythonBytes reads a literal of Python.
func PythonBytes(text string) ([]byte, error) { return pythonBytes(text) }

// ParseAdvisories returns the identifiers of each package's advisories.
func ParseAdvisories(text string) (map[patch.Ref][]string, error) {
	found, err := parseAdvisories(text)
	ids := map[patch.Ref][]string{}
	for ref, f := range found {
		ids[ref] = append(f.ids, f.severity)
	}
	return ids, err
}

// ParseDates reads the list of advisories with dates.
func ParseDates(text string) map[patch.Ref]time.Time { return parseDates(text) }

// Solution is what the solver would do.
type Solution struct {
	Added    map[patch.Ref]patch.Ref
	Removed  map[patch.Ref]bool
	Pushed   map[patch.Ref]patch.Ref
	Repo     map[patch.Ref]string
	Problems []string
}

// ParseSolution reads the solver's result.
func ParseSolution(text string) (Solution, error) {
	s, err := parseSolution(text)
	return Solution{s.added, s.removed, s.pushed, s.repo, s.problem}, err
}

// ParseLog reads a log.
func ParseLog(text string) (install, remove []patch.Ref, last patch.Ref, open bool) {
	t, open := parseLog(text)
	return t.install, t.remove, t.last, open
}

// ParseVerify reads rpm -V.
func ParseVerify(name, text string) ([]patch.Difference, error) { return parseVerify(name, text) }

// ParseConffiles reads rpm's list of files.
func ParseConffiles(text string) ([]string, error) { return parseConffiles(text) }

// Report passes on what a line says of progress.
func Report(progress func(percent int, pkg, phase string), line string) { report(progress, line) }

// ParseHolder is the process that dnf names as a lock's holder.
func ParseHolder(text string) int { return parseHolder(text) }
