package release

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
)

// installed are the kernels that packages put on disk. A package without its
// kernel's files (in an image that left out /boot) is no kernel to boot.
func installed(fsys fs.FS, pkgs []inventory.Package) []inventory.InstalledKernel {
	var list []inventory.InstalledKernel
	for i := range pkgs {
		p := &pkgs[i]
		if !p.State.Present() {
			continue
		}
		releases := kernelReleases(p)
		at := slices.IndexFunc(releases, func(r string) bool { return onDisk(fsys, r) })
		if at < 0 {
			continue
		}
		k := inventory.InstalledKernel{Release: releases[at], Package: p.Name, Version: p.Version}
		if meta := slices.IndexFunc(list, func(o inventory.InstalledKernel) bool { return o.Release == k.Release }); meta >= 0 {
			// On RHEL 8 and later "kernel" only depends on "kernel-core".
			if list[meta].Package == "kernel" {
				list[meta] = k
			}
			continue
		}
		list = append(list, k)
	}
	return list
}

func onDisk(fsys fs.FS, release string) bool {
	for _, name := range []string{"boot/vmlinuz-" + release, "lib/modules/" + release, "usr/lib/modules/" + release} {
		_, err := fs.Stat(fsys, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return true // not being allowed to look at it is no sign that it is gone
		}
	}
	return false
}

// kernelReleases are what uname -r may say of the kernel that a package ships;
// none for other packages. Debian's linux-image-amd64 only depends on a kernel;
// headers and linux-libc-dev are none.
func kernelReleases(p *inventory.Package) []string {
	switch p.Manager {
	case inventory.Dpkg:
		return debianRelease(p.Name)
	case inventory.RPM:
		return rpmReleases(p)
	case inventory.APK:
		flavour, ok := strings.CutPrefix(p.Name, "linux-")
		version, build, numbered := strings.Cut(p.Version, "-r") // 6.6.58-r0 is 6.6.58-0-lts
		if ok && numbered && slices.Contains([]string{"lts", "stable", "edge", "virt", "rpi"}, flavour) {
			return []string{version + "-" + build + "-" + flavour}
		}
	}
	return nil
}

func debianRelease(name string) []string {
	rest, ok := strings.CutPrefix(name, "linux-image-")
	rest = strings.TrimSuffix(strings.TrimPrefix(rest, "unsigned-"), "-unsigned") // Ubuntu's place for it, Debian's
	if !ok || rest == "" || rest[0] < '0' || rest[0] > '9' || strings.HasSuffix(rest, "-dbg") {
		return nil
	}
	return []string{rest}
}

// rpmReleases knows the names of RHEL and its kin, Fedora, Amazon, Oracle, and
// of SUSE, which counts rebuilds in the package's release alone:
// kernel-default 5.14.21-150500.55.7.1 is 5.14.21-150500.55.7-default.
func rpmReleases(p *inventory.Package) []string {
	version := p.Version
	if _, after, ok := strings.Cut(version, ":"); ok { // no kernel has an epoch today
		version = after
	}
	plain := version + "." + p.Arch
	switch p.Name {
	case "kernel", "kernel-core", "kernel-uek", "kernel-uek-core":
		return []string{plain}
	case "kernel-rt", "kernel-rt-core":
		return []string{plain + "+rt", plain} // RHEL 9, RHEL 8
	case "kernel-64k-core":
		return []string{plain + "+64k"}
	case "kernel-default", "kernel-default-base", "kernel-azure", "kernel-preempt":
		flavour := strings.TrimSuffix(strings.TrimPrefix(p.Name, "kernel-"), "-base")
		if i := strings.LastIndexByte(version, '.'); i > 0 {
			return []string{version[:i] + "-" + flavour}
		}
	}
	return nil
}
