package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// Kernel finds the running kernel, the bootable ones, and whether the host
// asks for a reboot. It runs after the package databases were read.
type Kernel struct{}

// Name is "kernel".
func (Kernel) Name() string { return "kernel" }

// Collect fills Kernel and Reboot, and Arch where the packages tell it.
func (Kernel) Collect(_ context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	inv.Kernel.Container = container(host)
	inv.Kernel.Installed = installed(host.FS, inv.Packages)
	if arch := packageArch(inv.Packages); arch != "" {
		inv.Arch = arch
	}
	status := inventory.Status{Outcome: inventory.Succeeded}
	if host.Live {
		if err := running(host.FS, &inv.Kernel); err != nil {
			status = inventory.Status{Outcome: inventory.Partial, Reason: "cannot see which kernel runs: " + err.Error()}
		}
	}
	inv.Reboot = reboot(host, inv)
	return status
}

// packageArch is the architecture that most packages have which have one.
func packageArch(pkgs []inventory.Package) string {
	count := map[string]int{}
	best := ""
	for i := range pkgs {
		arch := pkgs[i].Arch
		if arch == "" || arch == "all" || arch == "noarch" {
			continue
		}
		if count[arch]++; best == "" || count[arch] > count[best] {
			best = arch
		}
	}
	return best
}

// debianBuild is where Debian's and Ubuntu's kernels say their package version
// in /proc/version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.137-1 (2025-05-07)".
var debianBuild = regexp.MustCompile(`\bDebian ([0-9][0-9A-Za-z.+~:-]*)`)

func running(fsys fs.FS, k *inventory.Kernel) error {
	release, err := hostfs.ReadLimited(fsys, "proc/sys/kernel/osrelease", maxFile)
	if err != nil {
		return err
	}
	k.Running = strings.TrimSpace(string(release))
	text, err := hostfs.ReadLimited(fsys, "proc/version", maxFile)
	if err != nil {
		return err
	}
	if m := debianBuild.FindSubmatch(text); m != nil {
		k.Version = string(m[1])
	}
	return nil
}

// container reports whether the kernel is somebody else's.
func container(host collect.Host) bool {
	if !host.Live {
		return false
	}
	for _, sign := range []string{".dockerenv", "run/.containerenv", "run/systemd/container"} {
		if found, err := hostfs.Exists(host.FS, sign); err == nil && found {
			return true
		}
	}
	environ, err := hostfs.ReadLimited(host.FS, "proc/1/environ", maxFile)
	return err == nil && slices.ContainsFunc(strings.Split(string(environ), "\x00"), func(e string) bool {
		return strings.HasPrefix(e, "container=")
	})
}

// installed are the kernels that packages put on disk. A package without its
// kernel's files (in an image that left out /boot) is no kernel to boot.
func installed(fsys fs.FS, pkgs []inventory.Package) []inventory.InstalledKernel {
	var list []inventory.InstalledKernel
	for i := range pkgs {
		p := &pkgs[i]
		if !p.State.Present() {
			continue
		}
		release := kernelRelease(p)
		if release == "" || !onDisk(fsys, release) {
			continue
		}
		list = append(list, inventory.InstalledKernel{Release: release, Package: p.Name, Version: p.Version})
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

// kernelRelease is what uname -r says of the kernel that a package ships, ""
// for other packages. Debian's linux-image-amd64 only depends on one; headers
// and linux-libc-dev are none.
func kernelRelease(p *inventory.Package) string {
	switch p.Manager {
	case inventory.Dpkg:
		rest, ok := strings.CutPrefix(p.Name, "linux-image-")
		rest = strings.TrimPrefix(rest, "unsigned-")
		if !ok || rest == "" || rest[0] < '0' || rest[0] > '9' || strings.HasSuffix(rest, "-dbg") {
			return ""
		}
		return rest
	case inventory.RPM:
		switch p.Name {
		case "kernel-core", "kernel-default", "kernel-rt-core", "kernel-64k-core":
			_, version, _ := strings.Cut(p.Version, ":") // 5.14.0-427.el9 carries no epoch, others might
			if version == "" {
				version = p.Version
			}
			return version + "." + p.Arch
		}
	case inventory.APK:
		flavour, ok := strings.CutPrefix(p.Name, "linux-")
		if ok && (flavour == "lts" || flavour == "virt" || flavour == "rpi") {
			version, build, _ := strings.Cut(p.Version, "-r") // 6.6.58-r0 is 6.6.58-0-lts
			return version + "-" + build + "-" + flavour
		}
	}
	return ""
}

// reboot says whether the host asks for one, or should.
func reboot(host collect.Host, inv *inventory.Inventory) inventory.Reboot {
	var r inventory.Reboot
	for _, dir := range []string{"run", "var/run"} {
		if found, err := hostfs.Exists(host.FS, dir+"/reboot-required"); err != nil || !found {
			continue
		}
		r.Required, r.Reason = true, "/run/reboot-required is there"
		if data, err := hostfs.ReadLimited(host.FS, dir+"/reboot-required.pkgs", maxFile); err == nil {
			r.Packages = strings.Fields(string(data))
			slices.Sort(r.Packages)
			r.Packages = slices.Compact(r.Packages)
		}
		break
	}
	newest, ok := inv.NewestKernel()
	if inv.Kernel.Container || inv.Kernel.Running == "" || !ok {
		return r
	}
	older := newest.Release != inv.Kernel.Running
	if !older && inv.Kernel.Version != "" {
		older = inv.Scheme().Compare(inv.Kernel.Version, newest.Version) < 0
	}
	if older {
		r.Required = true
		r.Reason = fmt.Sprintf("kernel %s runs, %s (%s) is installed", inv.Kernel.Running, newest.Release, newest.Version)
	}
	return r
}
