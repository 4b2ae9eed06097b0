package inventory

import "github.com/lockfast/lockfast/internal/pkgver"

// Scheme is the version order of the host's packages.
func (inv *Inventory) Scheme() pkgver.Scheme {
	for i := range inv.Packages {
		return inv.Packages[i].Manager.Scheme()
	}
	return pkgver.Dpkg
}

// Scheme is the version order of a package manager.
func (m Manager) Scheme() pkgver.Scheme {
	switch m {
	case RPM:
		return pkgver.RPM
	case APK:
		return pkgver.APK
	case Dpkg:
	}
	return pkgver.Dpkg
}

// NewestKernel returns the bootable kernel with the highest version, false if
// there is none on disk.
func (inv *Inventory) NewestKernel() (InstalledKernel, bool) {
	scheme := inv.Scheme()
	var newest InstalledKernel
	for _, k := range inv.Kernel.Installed {
		c := scheme.Compare(k.Version, newest.Version)
		if newest.Package == "" || c > 0 || c == 0 && scheme.Compare(k.Release, newest.Release) > 0 {
			newest = k
		}
	}
	return newest, newest.Package != ""
}
