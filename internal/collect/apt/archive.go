package apt

import (
	"net/url"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
)

// archive is one list: a component of a suite for one architecture.
type archive struct {
	release   Release
	signed    bool   // the suite has a Release file
	host      string // of the address, for pins
	suite     string // as configured
	component string // empty in a flat archive
	arch      string
	stated    string // the list's path in the Release file
	path      string // of the list, in the host's file system
	name      string
	security  bool
	kind      inventory.OriginKind
	other     bool // the distribution's own archive of another release
}

// describe fills what follows from the Release file.
func (a *archive) describe(host inventory.Release) {
	a.name = a.displayName()
	a.security = a.isSecurity()
	a.kind, a.other = a.originKind(host)
}

// displayName is "Debian bookworm-security main". The codename says more than
// the suite ("oldstable-security") unless the suite extends it (Ubuntu:
// codename "jammy", suite "jammy-security").
func (a *archive) displayName() string {
	origin := strings.TrimSuffix(a.release.Origin, " Backports")
	if origin == "" {
		origin = a.release.Label
	}
	if origin == "" {
		origin = a.host
	}
	suite := a.suite
	switch code := a.release.Codename; {
	case code == "" && a.release.Suite != "":
		suite = a.release.Suite
	case code != "" && strings.HasPrefix(a.release.Suite, code):
		suite = a.release.Suite
	case code != "" && !strings.HasPrefix(a.suite, code):
		suite = code
	}
	return strings.TrimSpace(origin + " " + strings.Trim(suite, "/.") + " " + a.component)
}

// isSecurity: Debian names its label ("Debian-Security"), suite and codename
// so, Ubuntu its suite; ESM and ELTS archives hold nothing but security fixes.
func (a *archive) isSecurity() bool {
	if strings.HasPrefix(a.release.Origin, "UbuntuESM") || a.release.Label == "ELTS" {
		return !strings.HasSuffix(a.release.Suite, "-updates")
	}
	for _, word := range []string{a.release.Label, a.release.Suite, a.release.Codename} {
		word = strings.ToLower(word)
		if word == "security" || strings.HasSuffix(word, "-security") || strings.HasSuffix(word, "/security") {
			return true
		}
	}
	return false
}

// originKind says whose archive it is. The distribution's own is recognised by
// the Release file's Origin against os-release, and its release by the
// codename: bookworm's advisories do not cover what comes from sid.
func (a *archive) originKind(host inventory.Release) (kind inventory.OriginKind, other bool) {
	if !ownOrigin(a.release.Origin, host) {
		return inventory.OriginVendor, false
	}
	if backports(a.release.Suite) || backports(a.release.Codename) || a.release.NotAutomatic && !strings.HasSuffix(a.release.Suite, "-proposed") {
		return inventory.OriginBackports, false
	}
	code := a.release.Codename
	if host.VersionID != "" && host.Codename != "" && code != "" && code != host.Codename && !strings.HasPrefix(code, host.Codename+"-") && !strings.HasPrefix(code, host.Codename+"/") {
		return inventory.OriginVendor, true
	}
	return inventory.OriginDistribution, false
}

func backports(suite string) bool {
	return strings.HasSuffix(suite, "-backports") || strings.HasSuffix(suite, "-backports-sloppy")
}

// ownOrigin: "Debian" and "Debian Backports" on debian, "Ubuntu" and the
// UbuntuESM archives on ubuntu. A derivative's first ID_LIKE counts too (Linux
// Mint installs from Ubuntu's archives), but Debian's archives are foreign to
// Ubuntu itself.
func ownOrigin(origin string, host inventory.Release) bool {
	ids := []string{host.ID}
	if host.ID != "debian" && host.ID != "ubuntu" && len(host.IDLike) > 0 {
		ids = append(ids, host.IDLike[0])
	}
	for _, id := range ids {
		if id == "" {
			continue
		}
		if strings.EqualFold(origin, id) || strings.EqualFold(origin, id+" Backports") {
			return true
		}
		if id == "ubuntu" && strings.HasPrefix(origin, "UbuntuESM") {
			return true
		}
	}
	return false
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
