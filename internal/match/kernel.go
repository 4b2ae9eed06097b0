package match

import (
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// noKernelCode are prefixes of packages that are built from the kernel's source
// and carry none of the code that runs as the kernel: headers, documentation,
// build helpers, user-space tools.
var noKernelCode = []string{
	"linux-headers-", "linux-kbuild-", "linux-doc", "linux-source", "linux-compiler-", "linux-config-", "linux-support-",
	"linux-libc-dev", "linux-perf", "linux-cpupower", "linux-tools-", "linux-cloud-tools-", "linux-bpf-dev", "libcpupower", "bpftool",
	"usbip", "hyperv-daemons", "rtla", "intel-sdsi",
	"kernel-headers", "kernel-devel", "kernel-default-devel", "kernel-uek-devel", "kernel-uek-headers", "kernel-macros", "kernel-source", "kernel-doc", "kernel-rpm-macros", "kernel-abi-stablelists", "kernel-abi-whitelists",
	"kernel-srpm-macros", "kernel-cross-headers", "kernel-tools", "perf", "python3-perf", "libperf", "rv",
	"linux-lts-dev", "linux-lts-doc", "linux-virt-dev",
}

// NoKernelCode reports whether a package is built from the kernel's source but
// is not the kernel: a hole in the kernel is not a hole in it.
func NoKernelCode(p *inventory.Package) bool {
	source, _ := Source(p)
	if !kernelSource(source) {
		return false
	}
	if rest, ok := strings.CutPrefix(p.Name, "linux-image-"); ok {
		rest = strings.TrimPrefix(rest, "unsigned-")
		return rest == "" || rest[0] < '0' || rest[0] > '9' // linux-image-amd64 only depends on a kernel
	}
	return slices.ContainsFunc(noKernelCode, func(h string) bool { return strings.HasPrefix(p.Name, h) })
}

func kernelSource(source string) bool {
	switch source {
	case "linux", "kernel", "kernel-rt", "kernel-default", "kernel-source", "kernel-uek", "linux-lts", "linux-virt":
		return true
	}
	rest, ok := strings.CutPrefix(source, "linux-")
	if !ok {
		return false
	}
	// Ubuntu's flavours: linux-aws, linux-hwe-6.5, linux-meta-…; Debian's linux-6.1, linux-latest.
	for _, flavour := range []string{"meta", "latest", "hwe", "aws", "azure", "gcp", "gke", "oracle", "kvm", "raspi", "lowlatency", "oem", "ibm", "nvidia", "fips", "intel", "bluefield", "riscv"} {
		if rest == flavour || strings.HasPrefix(rest, flavour+"-") {
			return true
		}
	}
	return rest != "" && rest[0] >= '0' && rest[0] <= '9'
}

// kernels knows which packages are bootable kernels and which of them runs.
type kernels struct {
	known   map[string]bool // package name and version of bootable kernels
	running string          // key of the running one, empty when not seen
	newest  string          // key of the newest one on disk
	disk    string          // its version
	booted  string          // version of the running kernel's package
}

func kernelKey(name, version string) string { return name + "\x00" + version }

func kernelsOf(inv *inventory.Inventory) kernels {
	k := kernels{known: map[string]bool{}}
	if newest, ok := inv.NewestKernel(); ok {
		k.newest, k.disk = kernelKey(newest.Package, newest.Version), newest.Version
	}
	for _, i := range inv.Kernel.Installed {
		key := kernelKey(i.Package, i.Version)
		k.known[key] = true
		if inv.Kernel.Running != "" && i.Release == inv.Kernel.Running {
			k.running, k.booted = key, i.Version
		}
	}
	if inv.Kernel.Version != "" {
		k.booted = inv.Kernel.Version
	}
	return k
}

// keyOf names the bootable kernel that a package is a part of. rpm systems
// split one kernel into several packages of one version (kernel, kernel-core,
// kernel-modules); of these only one is what boots.
func (k kernels) keyOf(p *inventory.Package) string {
	key := kernelKey(p.Name, p.Version)
	if k.known[key] || p.Manager != inventory.RPM || !kernelSource(p.Source) {
		return key
	}
	for known := range k.known {
		if _, version, _ := strings.Cut(known, "\x00"); version == p.Version {
			return known
		}
	}
	return key
}

// isBooted reports whether p is a kernel in the version that was booted.
func (k kernels) isBooted(p *inventory.Package) bool {
	return k.booted == p.Version && strings.HasPrefix(k.running, p.Name+"\x00")
}

// leftover reports whether p is a kernel that lies on disk beside a newer one
// and does not run.
func (k kernels) leftover(p *inventory.Package) bool {
	key := k.keyOf(p)
	return k.known[key] && key != k.newest && key != k.running
}

// fixedOnDisk reports whether the newest kernel on disk has a fix.
func (k kernels) fixedOnDisk(fixed string, s pkgver.Scheme) bool {
	return k.disk != "" && fixed != "" && s.Compare(k.disk, fixed) >= 0
}

// withRunning returns the packages, and behind them what runs in an older
// version than the one on disk: the kernel, and packages whose replaced files
// are still mapped, where a log tells which version those were.
func withRunning(inv *inventory.Inventory) []inventory.Package {
	all := withBooted(inv)
	replaced := inv.Replaced()
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if p.Previous == "" || !replaced[p.Name] || !p.State.Present() || p.Manager.Scheme().Compare(p.Previous, p.Version) >= 0 {
			continue
		}
		old := *p
		old.Version, old.SourceVersion = p.Previous, withoutRebuild(p.Previous)
		all = append(slices.Clip(all), old)
	}
	return all
}

// withoutRebuild is the source version of a Debian binary version: a rebuild
// without change of the source adds +bN.
func withoutRebuild(version string) string {
	at := strings.LastIndex(version, "+b")
	if at < 0 || strings.Trim(version[at+2:], "0123456789") != "" {
		return version
	}
	return version[:at]
}

// withBooted adds the kernel that runs where it is older than the package of
// the same name on disk: a kernel update that keeps its name replaces the file,
// not what was booted.
func withBooted(inv *inventory.Inventory) []inventory.Package {
	k := kernelsOf(inv)
	if inv.Kernel.Container || k.running == "" || k.booted == "" {
		return inv.Packages
	}
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if kernelKey(p.Name, p.Version) != k.running || p.Manager.Scheme().Compare(k.booted, p.Version) >= 0 {
			continue
		}
		booted := *p
		booted.Version, booted.SourceVersion = k.booted, k.booted
		return append(slices.Clip(inv.Packages), booted)
	}
	return inv.Packages
}
