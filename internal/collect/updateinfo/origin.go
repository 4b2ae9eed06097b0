package updateinfo

import (
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
)

// fillOrigins judges packages of rpm by the vendor their header names: rpm
// keeps no record of the repository a package came from that a file would show.
// A vendor is what the builder wrote, so this is evidence, not proof.
func fillOrigins(inv *inventory.Inventory) {
	for i := range inv.Packages {
		if p := &inv.Packages[i]; p.Manager == inventory.RPM && p.State.Present() {
			p.Origin = vendorOrigin(p.Vendor, inv.Release)
		}
	}
}

func vendorOrigin(vendor string, host inventory.Release) inventory.Origin {
	vendor = strings.TrimSpace(vendor)
	if vendor == "" || vendor == "(none)" {
		return inventory.Origin{Kind: inventory.OriginLocal, Reason: "the package names no vendor: built by hand, or by somebody who does not say"}
	}
	words := vendorWords(host.ID)
	if len(words) == 0 {
		return inventory.Origin{Archive: vendor, Reason: "the vendors of " + host.ID + " are not known to Lockfast"}
	}
	for _, word := range words {
		if strings.HasPrefix(strings.ToLower(vendor), word) {
			return inventory.Origin{Kind: inventory.OriginDistribution, Archive: vendor}
		}
	}
	// EPEL's packages are Fedora's ("Fedora Project") and foreign elsewhere.
	return inventory.Origin{Kind: inventory.OriginVendor, Archive: vendor}
}

// vendorWords are the beginnings of the vendors a distribution writes into its
// own packages.
func vendorWords(id string) []string {
	switch {
	case id == "almalinux":
		return []string{"almalinux"}
	case id == "rocky":
		return []string{"rocky"}
	case id == "rhel":
		return []string{"red hat"}
	case id == "centos":
		return []string{"centos"}
	case id == "fedora":
		return []string{"fedora project"}
	case id == "ol":
		return []string{"oracle america"}
	case id == "amzn":
		return []string{"amazon"}
	case strings.HasPrefix(id, "opensuse"):
		return []string{"opensuse", "suse"} // Leap ships SUSE's own binaries
	case strings.HasPrefix(id, "sle"):
		return []string{"suse"}
	}
	return nil
}
