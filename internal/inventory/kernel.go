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
// there is none on disk. Of several flavours of one version it is the one that
// runs: amd64 beside cloud-amd64 is nothing to reboot for.
func (inv *Inventory) NewestKernel() (InstalledKernel, bool) {
	scheme := inv.Scheme()
	var newest InstalledKernel
	for _, k := range inv.Kernel.Installed {
		c := scheme.Compare(k.Version, newest.Version)
		switch {
		case c != 0:
		case k.Release == inv.Kernel.Running:
			c = 1
		case newest.Release != inv.Kernel.Running:
			c = scheme.Compare(k.Release, newest.Release)
		}
		if newest.Package == "" || c > 0 {
			newest = k
		}
	}
	return newest, newest.Package != ""
}

// KernelOutdated reports whether a kernel on disk is newer than the running
// one. known is false where that cannot be said: in a container, without a
// running kernel or one on disk, and for a kernel of no package here whose name
// is not older than those on disk.
func (inv *Inventory) KernelOutdated() (outdated, known bool) {
	newest, ok := inv.NewestKernel()
	if !ok || inv.Kernel.Container || inv.Kernel.Running == "" {
		return false, false
	}
	scheme := inv.Scheme()
	if inv.Kernel.Version != "" {
		return scheme.Compare(inv.Kernel.Version, newest.Version) < 0, true
	}
	for _, k := range inv.Kernel.Installed {
		if k.Release == inv.Kernel.Running {
			return scheme.Compare(k.Version, newest.Version) < 0, true
		}
	}
	older := scheme.Compare(inv.Kernel.Running, newest.Release) < 0
	return older, older
}
