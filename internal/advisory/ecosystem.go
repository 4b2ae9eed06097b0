package advisory

import (
	"strings"

	"github.com/lockfast/lockfast/internal/pkgver"
)

// family is what the ecosystems of one distribution have in common.
type family struct {
	scheme pkgver.Scheme
	names  Names
}

// familyOf lists the distributions whose records Lockfast understands. Which
// name a distribution's records use was read off published records and exporters
// (2026-11): Debian, Ubuntu and Alpine name the source package (Alpine's
// origin); Rocky's exporter writes source packages only; SUSE and openSUSE name
// the source and list its binaries in ecosystem_specific; AlmaLinux and Red Hat
// name binary packages.
func familyOf(e Ecosystem) (family, bool) {
	switch e.Family() {
	case "Debian", "Ubuntu":
		return family{pkgver.Dpkg, NamesSource}, true
	case "AlmaLinux", "Red Hat":
		return family{pkgver.RPM, NamesBinary}, true
	case "Rocky Linux", "SUSE", "openSUSE":
		return family{pkgver.RPM, NamesSource}, true
	case "Alpine":
		return family{pkgver.APK, NamesSource}, true
	}
	return family{}, false
}

// Family returns the distribution an ecosystem belongs to: "Debian" for
// "Debian:12", "Red Hat" for "Red Hat:enterprise_linux:9::baseos".
func (e Ecosystem) Family() string {
	name, _, _ := strings.Cut(string(e), ":")
	return name
}

// Names says which package name the ecosystem's records use; zero for
// ecosystems that Lockfast does not know.
func (e Ecosystem) Names() Names {
	f, _ := familyOf(e)
	return f.names
}

func schemeOf(e Ecosystem) (pkgver.Scheme, bool) {
	f, ok := familyOf(e)
	return f.scheme, ok
}
