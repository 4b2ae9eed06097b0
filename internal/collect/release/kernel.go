package release

import (
	"context"
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

// debianBuild is where Debian's kernels say their package version in
// /proc/version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.137-1 (2025-05-07)". Before
// the "#" stands the compiler, which is Debian's too.
var debianBuild = regexp.MustCompile(`#.*\bDebian ([0-9][0-9A-Za-z.+~:-]*)`)

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
		return nil
	}
	if text, err = hostfs.ReadLimited(fsys, "proc/version_signature", maxFile); err == nil { // only Ubuntu's kernels have it
		k.Version = ubuntuBuild(string(text))
	}
	return nil
}

// ubuntuBuild is the package version in Ubuntu's "Ubuntu 5.15.0-91.101-generic
// 5.15.131"; empty if it is not there.
func ubuntuBuild(signature string) string {
	words := strings.Fields(signature)
	if len(words) < 2 || words[0] != "Ubuntu" {
		return ""
	}
	parts := strings.SplitN(words[1], "-", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[0] + "-" + parts[1]
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
	if outdated, _ := inv.KernelOutdated(); outdated {
		newest, _ := inv.NewestKernel()
		r.Required = true
		r.Reason = fmt.Sprintf("kernel %s runs, %s (%s) is installed", inv.Kernel.Running, newest.Release, newest.Version)
	}
	return r
}
