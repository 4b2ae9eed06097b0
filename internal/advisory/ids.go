package advisory

import (
	"slices"
	"strconv"
	"strings"
)

// AllIDs returns every id a row goes by: its own first, then the others, and the
// CVE id its own implies.
func (r Row) AllIDs() []ID {
	ids := make([]ID, 0, len(r.IDs)+2)
	ids = append(ids, r.ID)
	ids = append(ids, r.IDs...)
	if cve, ok := impliedCVE(r.ID); ok && !slices.Contains(ids, cve) {
		ids = append(ids, cve)
	}
	return ids
}

// CVEs returns the CVE ids among a row's ids, sorted, each once.
// "DEBIAN-CVE-2024-1234" implies CVE-2024-1234.
func (r Row) CVEs() []ID {
	var cves []ID
	if cve, ok := impliedCVE(r.ID); ok {
		cves = append(cves, cve)
	}
	for _, id := range r.IDs {
		if cve, ok := impliedCVE(id); ok {
			cves = append(cves, cve)
		}
	}
	slices.Sort(cves)
	return slices.Compact(cves)
}

// impliedCVE returns the CVE id that an id is or, behind a distribution's
// prefix, ends with: DEBIAN-CVE-…, UBUNTU-CVE-…, ALPINE-CVE-….
func impliedCVE(id ID) (ID, bool) {
	at := strings.Index(string(id), "CVE-")
	if at < 0 || at > 0 && id[at-1] != '-' {
		return "", false
	}
	if _, ok := cveKey(id[at:]); !ok {
		return "", false
	}
	return id[at:], true
}

// cveKey packs a CVE id into a number that sorts by year, then by number. It
// takes only the canonical spelling, so that [cveID] gives the id back.
func cveKey(id ID) (uint64, bool) {
	rest, ok := strings.CutPrefix(string(id), "CVE-")
	if !ok || len(rest) < len("1999-0001") || rest[4] != '-' {
		return 0, false
	}
	year, okYear := decimal(rest[:4])
	number, okNumber := decimal(rest[5:])
	if !okYear || !okNumber || len(rest) > 5+9 || len(rest) > 5+4 && rest[5] == '0' {
		return 0, false
	}
	return year<<32 | number, true
}

func cveID(key uint64) ID {
	year, number := strconv.FormatUint(key>>32, 10), strconv.FormatUint(key&(1<<32-1), 10)
	const zeros = "0000" // both parts have four digits at least
	return ID("CVE-" + zeros[min(len(year), 4):] + year + "-" + zeros[min(len(number), 4):] + number)
}

// decimal reads ASCII digits only; strconv would take signs and underscores.
func decimal(s string) (uint64, bool) {
	n := uint64(0)
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + uint64(c)
	}
	return n, s != ""
}
