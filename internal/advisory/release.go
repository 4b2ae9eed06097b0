package advisory

import (
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
)

// EcosystemsFor returns those of a store's ecosystems that speak of a host's
// release, sorted. It is empty when none does, which means that nothing is known
// of the host, not that nothing is wrong with it.
//
// Ubuntu Pro's ecosystems are left out: their fixes need a subscription. CentOS
// has none: neither Red Hat's versions nor anybody else's are CentOS Stream's.
func EcosystemsFor(rel inventory.Release, have []Ecosystem) []Ecosystem {
	speaks := speakers(rel)
	var found []Ecosystem
	for _, e := range have {
		if speaks(string(e)) && !slices.Contains(found, e) {
			found = append(found, e)
		}
	}
	slices.Sort(found)
	return found
}

// speakers returns the test whether an ecosystem speaks of a release.
func speakers(rel inventory.Release) func(string) bool {
	expected, ok := ExpectedEcosystem(rel)
	if !ok {
		return func(string) bool { return false }
	}
	want := string(expected)
	switch expected.Family() {
	case "Ubuntu": // "Ubuntu:22.04" and "Ubuntu:22.04:LTS" are the same release
		plain := strings.TrimSuffix(want, ":LTS")
		return func(e string) bool { return e == plain || e == plain+":LTS" }
	case "AlmaLinux", "Rocky Linux":
		return func(e string) bool { return e == want || e == expected.Family() }
	case "Red Hat": // one ecosystem for each repository: ::baseos, ::appstream …
		return func(e string) bool { return e == want || strings.HasPrefix(e, want+"::") }
	case "SUSE":
		return suseSpeaks(want)
	}
	return func(e string) bool { return e == want }
}

// suseSpeaks matches the products and modules of one service pack. SUSE files a
// package under the module that ships it, "Linux Enterprise Module for
// Basesystem 15 SP5", and after general support under "Linux Enterprise Server
// 15 SP5-LTSS"; what an installation subscribes to is not in os-release.
func suseSpeaks(server string) func(string) bool {
	level := strings.TrimPrefix(server, "SUSE:Linux Enterprise Server ") // "15 SP5"
	return func(e string) bool {
		product, ok := strings.CutPrefix(e, "SUSE:Linux Enterprise ")
		if !ok || strings.HasPrefix(product, "Micro ") {
			return false
		}
		at := strings.Index(product, " "+level)
		if at < 0 {
			return false
		}
		rest := product[at+1+len(level):]
		return rest == "" || rest[0] == '-' // "-LTSS", "-ESPOS", "-BCL"
	}
}

// ExpectedEcosystem returns the ecosystem whose records a release would need,
// for messages; false for distributions and releases that Lockfast knows none of.
func ExpectedEcosystem(rel inventory.Release) (Ecosystem, bool) {
	version := rel.VersionID
	major, minor, _ := strings.Cut(version, ".")
	if rel.ID == "opensuse-tumbleweed" {
		return "openSUSE:Tumbleweed", true
	}
	if major == "" {
		return "", false
	}
	switch rel.ID {
	case "debian":
		return Ecosystem("Debian:" + major), true
	case "ubuntu":
		return Ecosystem("Ubuntu:" + version + ubuntuLTS(major, minor)), true
	case "almalinux":
		return Ecosystem("AlmaLinux:" + major), true
	case "rocky":
		return Ecosystem("Rocky Linux:" + major), true
	case "rhel":
		return Ecosystem("Red Hat:enterprise_linux:" + major), true
	case "sles", "sled", "sles_sap", "sle_hpc":
		return Ecosystem("SUSE:Linux Enterprise Server " + servicePack(major, minor)), true
	case "opensuse-leap":
		return Ecosystem("openSUSE:Leap " + version), true
	case "alpine":
		return alpine(major, minor)
	}
	return "", false
}

// ubuntuLTS returns ":LTS" for April releases of even years: 22.04 is one,
// 22.10 and 23.04 are not.
func ubuntuLTS(year, month string) string {
	if month != "04" || (year[len(year)-1]-'0')%2 != 0 {
		return ""
	}
	return ":LTS"
}

// servicePack spells os-release's "15.5" the way SUSE's products do: "15 SP5".
func servicePack(major, minor string) string {
	if minor == "" || minor == "0" {
		return major
	}
	return major + " SP" + minor
}

// alpine makes "Alpine:v3.18" of 3.18.4; edge, which is dated ahead of the next
// release ("3.21.0_alpha20240807"), has no ecosystem.
func alpine(major, minor string) (Ecosystem, bool) {
	minor, rest, _ := strings.Cut(minor, ".")
	if minor == "" || strings.Contains(minor+rest, "_alpha") {
		return "", false
	}
	return Ecosystem("Alpine:v" + major + "." + minor), true
}
