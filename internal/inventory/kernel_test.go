package inventory_test

import (
	"testing"

	"github.com/lockfast/lockfast/internal/inventory"
)

func deb(release, version string) inventory.InstalledKernel {
	return inventory.InstalledKernel{Release: release, Package: "linux-image-" + release, Version: version}
}

func TestKernels(t *testing.T) {
	rpm := func(pkg, release string) inventory.InstalledKernel {
		return inventory.InstalledKernel{Release: release + ".x86_64", Package: pkg, Version: release}
	}
	cases := []struct {
		name             string
		manager          inventory.Manager
		running, version string
		installed        []inventory.InstalledKernel
		newest           string
		outdated         bool
	}{
		{"one runs", inventory.Dpkg, "6.1.0-31-amd64", "6.1.128-1", []inventory.InstalledKernel{deb("6.1.0-31-amd64", "6.1.128-1")}, "6.1.0-31-amd64", false},
		{"newer on disk", inventory.Dpkg, "6.1.0-31-amd64", "6.1.128-1", []inventory.InstalledKernel{deb("6.1.0-9-amd64", "6.1.27-1"), deb("6.1.0-31-amd64", "6.1.128-1"), deb("6.1.0-32-amd64", "6.1.129-1")}, "6.1.0-32-amd64", true},
		{"renamed scheme", inventory.Dpkg, "6.1.0-40-amd64", "6.1.153-1", []inventory.InstalledKernel{deb("6.1.0-40-amd64", "6.1.153-1"), deb("6.12.48+deb13-amd64", "6.12.48-1")}, "6.12.48+deb13-amd64", true},
		{"same name, older build", inventory.Dpkg, "6.1.0-31-amd64", "6.1.127-1", []inventory.InstalledKernel{deb("6.1.0-31-amd64", "6.1.128-1")}, "6.1.0-31-amd64", true},
		{"another flavour of the same version", inventory.Dpkg, "6.1.0-31-amd64", "6.1.128-1", []inventory.InstalledKernel{deb("6.1.0-31-amd64", "6.1.128-1"), deb("6.1.0-31-cloud-amd64", "6.1.128-1")}, "6.1.0-31-amd64", false},
		{"another flavour comes first", inventory.Dpkg, "6.1.0-31-amd64", "", []inventory.InstalledKernel{deb("6.1.0-31-rt-amd64", "6.1.128-1"), deb("6.1.0-31-amd64", "6.1.128-1")}, "6.1.0-31-amd64", false},
		{"another flavour, newer: the boot loader takes it", inventory.Dpkg, "6.1.0-31-cloud-amd64", "6.1.128-1", []inventory.InstalledKernel{deb("6.1.0-31-cloud-amd64", "6.1.128-1"), deb("6.1.0-32-amd64", "6.1.129-1")}, "6.1.0-32-amd64", true},
		{"package of the running one is gone", inventory.Dpkg, "6.1.0-30-amd64", "", []inventory.InstalledKernel{deb("6.1.0-31-amd64", "6.1.128-1")}, "6.1.0-31-amd64", true},
		{"rpm, two of a name", inventory.RPM, "5.14.0-427.el9.x86_64", "", []inventory.InstalledKernel{rpm("kernel-core", "5.14.0-503.el9"), rpm("kernel-core", "5.14.0-427.el9")}, "5.14.0-503.el9.x86_64", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inv := &inventory.Inventory{Packages: []inventory.Package{{Manager: c.manager}}, Kernel: inventory.Kernel{Running: c.running, Version: c.version, Installed: c.installed}}
			newest, _ := inv.NewestKernel()
			outdated, known := inv.KernelOutdated()
			if newest.Release != c.newest || outdated != c.outdated || !known {
				t.Errorf("newest %s, outdated %v (known %v)", newest.Release, outdated, known)
			}
		})
	}
}

func TestKernelsThatCannotBeJudged(t *testing.T) {
	one := []inventory.InstalledKernel{deb("6.1.0-31-amd64", "6.1.128-1")}
	for name, k := range map[string]inventory.Kernel{"container": {Container: true, Running: "5", Installed: one}, "not seen": {Installed: one}, "none on disk": {Running: "5"}, "own build": {Running: "6.12.9-custom", Installed: one}} {
		inv := &inventory.Inventory{Kernel: k}
		if outdated, known := inv.KernelOutdated(); outdated || known {
			t.Errorf("%s: outdated %v, known %v", name, outdated, known)
		}
	}
}
