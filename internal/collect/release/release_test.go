package release_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/release"
	"github.com/lockfast/lockfast/internal/inventory"
)

func TestRelease(t *testing.T) {
	m := fstest.MapFS{
		"usr/lib/os-release": {Data: []byte("# comment\nID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME='bookworm'\nID_LIKE=\"a b\"\n\nPRETTY_NAME=\"Debian \\\"12\\\"\"\n")},
		"etc/hostname":       {Data: []byte("web1\n")},
	}
	inv := &inventory.Inventory{}
	if s := (release.Release{}).Collect(t.Context(), collect.Host{FS: m}, inv); s.Outcome != inventory.Succeeded {
		t.Fatal(s)
	}
	want := inventory.Release{ID: "debian", IDLike: []string{"a", "b"}, VersionID: "12", Codename: "bookworm", PrettyName: `Debian "12"`}
	if diff := cmp.Diff(want, inv.Release); diff != "" || inv.Hostname != "web1" {
		t.Errorf("%s hostname %q", diff, inv.Hostname)
	}
}

func TestReleaseThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{"": "has no ID", "ID": "os-release:1", "ID=debian\nVERSION_ID=\"12\n": "os-release:2", "ID=a\"b": "not allow"} {
		inv := &inventory.Inventory{}
		s := release.Release{}.Collect(t.Context(), collect.Host{FS: fstest.MapFS{"etc/os-release": {Data: []byte(text)}}}, inv)
		if s.Outcome != inventory.Failed || !strings.Contains(s.Reason, want) {
			t.Errorf("%q: got %v %q, want %q", text, s.Outcome, s.Reason, want)
		}
	}
	if s := (release.Release{}).Collect(t.Context(), collect.Host{FS: fstest.MapFS{}}, &inventory.Inventory{}); s.Outcome != inventory.Failed {
		t.Errorf("no os-release: got %v", s)
	}
}

func kernelPackage(name, version string) inventory.Package {
	return inventory.Package{Manager: inventory.Dpkg, Name: name, Version: version, Arch: "amd64", State: inventory.StateInstalled}
}

func liveHost(runs, version string, kernels ...string) collect.Host {
	m := fstest.MapFS{
		"proc/sys/kernel/osrelease": {Data: []byte(runs + "\n")},
		"proc/version":              {Data: []byte("Linux version " + runs + " (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0, GNU ld (GNU Binutils for Debian) 2.40) #1 SMP PREEMPT_DYNAMIC " + version + " (2025-05-07)\n")},
	}
	for _, k := range kernels {
		m["boot/vmlinuz-"+k] = &fstest.MapFile{}
	}
	return collect.Host{FS: m, Live: true}
}

func TestKernelAndReboot(t *testing.T) {
	old, young := kernelPackage("linux-image-6.1.0-30-amd64", "6.1.124-1"), kernelPackage("linux-image-6.1.0-31-amd64", "6.1.128-1")
	others := []inventory.Package{kernelPackage("linux-image-amd64", "6.1.128-1"), kernelPackage("linux-headers-6.1.0-31-amd64", "6.1.128-1"), kernelPackage("linux-libc-dev", "6.1.999-1"), kernelPackage("linux-image-6.1.0-29-amd64", "6.1.120-1")}
	cases := []struct {
		name     string
		host     collect.Host
		packages []inventory.Package
		reboot   bool
	}{
		{"newest runs", liveHost("6.1.0-31-amd64", "Debian 6.1.128-1", "6.1.0-30-amd64", "6.1.0-31-amd64"), []inventory.Package{old, young}, false},
		{"older runs", liveHost("6.1.0-30-amd64", "Debian 6.1.124-1", "6.1.0-30-amd64", "6.1.0-31-amd64"), []inventory.Package{old, young}, true},
		{"same name, older build runs", liveHost("6.1.0-31-amd64", "Debian 6.1.127-1", "6.1.0-31-amd64"), []inventory.Package{young}, true},
		{"newer is not on disk", liveHost("6.1.0-30-amd64", "Debian 6.1.124-1", "6.1.0-30-amd64"), []inventory.Package{old, young}, false},
		{"another flavour beside it", liveHost("6.1.0-31-amd64", "Debian 6.1.128-1", "6.1.0-31-amd64", "6.1.0-31-rt-amd64"), []inventory.Package{young, kernelPackage("linux-image-6.1.0-31-rt-amd64", "6.1.128-1")}, false},
		{"own build, newer", liveHost("6.12.9-custom", "somebody", "6.1.0-31-amd64"), []inventory.Package{young}, false},
		{"only headers are newer", liveHost("6.1.0-31-amd64", "Debian 6.1.128-1", "6.1.0-31-amd64"), append(others, young), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inv := &inventory.Inventory{Packages: c.packages}
			s := release.Kernel{}.Collect(t.Context(), c.host, inv)
			if s.Outcome != inventory.Succeeded || inv.Reboot.Required != c.reboot {
				t.Errorf("got %v, reboot %+v, kernel %+v", s, inv.Reboot, inv.Kernel)
			}
		})
	}
}

func TestRebootAskedFor(t *testing.T) {
	host := collect.Host{FS: fstest.MapFS{"run/reboot-required": {}, "run/reboot-required.pkgs": {Data: []byte("libc6\ndbus\nlibc6\n")}}}
	inv := &inventory.Inventory{}
	release.Kernel{}.Collect(t.Context(), host, inv)
	if diff := cmp.Diff([]string{"dbus", "libc6"}, inv.Reboot.Packages); diff != "" || !inv.Reboot.Required {
		t.Errorf("%+v %s", inv.Reboot, diff)
	}
}

func TestKernelOfAContainerIsNotOurs(t *testing.T) {
	host := liveHost("6.9.0", "Ubuntu", "6.1.0-30-amd64")
	host.FS.(fstest.MapFS)["run/.containerenv"] = &fstest.MapFile{}
	inv := &inventory.Inventory{Packages: []inventory.Package{kernelPackage("linux-image-6.1.0-30-amd64", "1")}}
	release.Kernel{}.Collect(t.Context(), host, inv)
	if !inv.Kernel.Container || inv.Reboot.Required {
		t.Errorf("got %+v, %+v", inv.Kernel, inv.Reboot)
	}
}

func TestRPMKernels(t *testing.T) {
	m := fstest.MapFS{"lib/modules/5.14.0-427.el9.x86_64/x": {}, "lib/modules/5.14.0-503.el9.x86_64/x": {}}
	pkg := func(v string) inventory.Package {
		return inventory.Package{Manager: inventory.RPM, Name: "kernel-core", Version: v, Arch: "x86_64", State: inventory.StateInstalled}
	}
	inv := &inventory.Inventory{Packages: []inventory.Package{pkg("5.14.0-427.el9"), pkg("5.14.0-503.el9")}}
	release.Kernel{}.Collect(t.Context(), collect.Host{FS: m}, inv)
	if len(inv.Kernel.Installed) != 2 || inv.Kernel.Installed[1].Release != "5.14.0-503.el9.x86_64" || inv.Arch != "x86_64" {
		t.Errorf("got %+v, %s", inv.Kernel, inv.Arch)
	}
}

// What each distribution calls its kernels, in packages and in uname -r.
func TestKernelNames(t *testing.T) {
	cases := []struct {
		manager                      inventory.Manager
		pkg, version, arch, expected string
	}{
		{inventory.Dpkg, "linux-image-6.12.48+deb13-amd64", "6.12.48-1", "amd64", "6.12.48+deb13-amd64"},
		{inventory.Dpkg, "linux-image-unsigned-6.8.0-31-generic", "6.8.0-31.31", "amd64", "6.8.0-31-generic"},
		{inventory.Dpkg, "linux-image-6.1.0-31-amd64-unsigned", "6.1.128-1", "amd64", "6.1.0-31-amd64"},
		{inventory.Dpkg, "linux-image-amd64", "6.1.128-1", "amd64", ""},
		{inventory.Dpkg, "linux-image-6.1.0-31-amd64-dbg", "6.1.128-1", "amd64", ""},
		{inventory.RPM, "kernel", "3.10.0-1160.el7", "x86_64", "3.10.0-1160.el7.x86_64"},
		{inventory.RPM, "kernel-rt-core", "5.14.0-427.el9", "x86_64", "5.14.0-427.el9.x86_64+rt"},
		{inventory.RPM, "kernel-rt-core", "4.18.0-477.rt7.274.el8", "x86_64", "4.18.0-477.rt7.274.el8.x86_64"},
		{inventory.RPM, "kernel-default", "5.14.21-150500.55.7.1", "x86_64", "5.14.21-150500.55.7-default"},
		{inventory.RPM, "kernel-headers", "5.14.0-427.el9", "x86_64", ""},
		{inventory.APK, "linux-lts", "6.6.58-r0", "x86_64", "6.6.58-0-lts"},
		{inventory.APK, "linux-headers", "6.6-r0", "x86_64", ""},
	}
	for _, c := range cases {
		m := fstest.MapFS{}
		if c.expected != "" {
			m["boot/vmlinuz-"+c.expected] = &fstest.MapFile{}
		}
		inv := &inventory.Inventory{Packages: []inventory.Package{{Manager: c.manager, Name: c.pkg, Version: c.version, Arch: c.arch, State: inventory.StateInstalled}}}
		release.Kernel{}.Collect(t.Context(), collect.Host{FS: m}, inv)
		got := ""
		for _, k := range inv.Kernel.Installed {
			got += k.Release
		}
		if got != c.expected {
			t.Errorf("%s %s: got %q, want %q", c.pkg, c.version, got, c.expected)
		}
	}
}

// "kernel" beside "kernel-core" is no second kernel, in whichever order.
func TestMetaPackageIsNoKernel(t *testing.T) {
	pkg := func(name string) inventory.Package {
		return inventory.Package{Manager: inventory.RPM, Name: name, Version: "5.14.0-427.el9", Arch: "x86_64", State: inventory.StateInstalled}
	}
	for _, packages := range [][]inventory.Package{{pkg("kernel"), pkg("kernel-core")}, {pkg("kernel-core"), pkg("kernel")}} {
		inv := &inventory.Inventory{Packages: packages}
		release.Kernel{}.Collect(t.Context(), collect.Host{FS: fstest.MapFS{"lib/modules/5.14.0-427.el9.x86_64/x": {}}}, inv)
		if len(inv.Kernel.Installed) != 1 || inv.Kernel.Installed[0].Package != "kernel-core" {
			t.Errorf("got %+v", inv.Kernel.Installed)
		}
	}
}

func TestUbuntuSaysWhichBuildRuns(t *testing.T) {
	for signature, want := range map[string]string{"Ubuntu 5.15.0-91.101-generic 5.15.131\n": "5.15.0-91.101", "Ubuntu": "", "x 1-2-3": "", "Ubuntu 5": ""} {
		host := liveHost("5.15.0-91-generic", "#101-Ubuntu", "5.15.0-91-generic")
		host.FS.(fstest.MapFS)["proc/version_signature"] = &fstest.MapFile{Data: []byte(signature)}
		inv := &inventory.Inventory{Packages: []inventory.Package{kernelPackage("linux-image-5.15.0-91-generic", "5.15.0-91.101")}}
		release.Kernel{}.Collect(t.Context(), host, inv)
		if inv.Kernel.Version != want || inv.Reboot.Required {
			t.Errorf("%q: got %q, reboot %v", signature, inv.Kernel.Version, inv.Reboot)
		}
	}
}

func FuzzOSRelease(f *testing.F) {
	f.Add([]byte("ID=debian\nVERSION_ID=\"12\"\n"))
	f.Add([]byte("ID='x\\'\nPRETTY_NAME=\"\\\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := release.ParseOSRelease("os-release", data); err == nil && r.ID == "" {
			t.Error("accepted a release without ID")
		}
	})
}
