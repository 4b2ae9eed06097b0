package unattended_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockfast/lockfast/internal/unattended"
)

const (
	dailyTimer   = "[Timer]\nOnCalendar=*-*-* 6,18:00\nRandomizedDelaySec=12h\nPersistent=true\n[Install]\nWantedBy=timers.target\n"
	upgradeTimer = "[Timer]\nOnCalendar=*-*-* 6:00\nRandomizedDelaySec=60m\nPersistent=true\n[Install]\nWantedBy=timers.target\n"
	autoUpgrades = "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n"
	wants        = "etc/systemd/system/timers.target.wants/"
	lists        = "var/lib/apt/lists/"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func link(target string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(target), Mode: os.ModeSymlink | 0o777}
}

// debian is a host of Debian 12 with unattended-upgrades as it comes, and some
// files of its own.
func debian(t *testing.T, own map[string]string) fstest.MapFS {
	t.Helper()
	stock, err := os.ReadFile(filepath.Join("testdata", "debian12.conf"))
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{
		"etc/os-release":                           file("ID=debian\nVERSION_ID=\"12\"\nVERSION_CODENAME=bookworm\n"),
		"etc/apt/apt.conf.d/20auto-upgrades":       file(autoUpgrades),
		"etc/apt/apt.conf.d/50unattended-upgrades": file(string(stock)),
	}
	maps.Copy(fsys, common())
	fsys[lists+"deb.debian.org_debian_dists_bookworm_InRelease"] = release("Debian", "Debian", "stable", "bookworm")
	fsys[lists+"deb.debian.org_debian_dists_bookworm-updates_InRelease"] = release("Debian", "Debian", "stable-updates", "bookworm-updates")
	fsys[lists+"deb.debian.org_debian-security_dists_bookworm-security_InRelease"] = release("Debian", "Debian-Security", "stable-security", "bookworm-security")
	for name, text := range own {
		fsys[name] = file(text)
	}
	return fsys
}

// ubuntu is the same for Ubuntu 24.04.
func ubuntu(t *testing.T) fstest.MapFS {
	t.Helper()
	stock, err := os.ReadFile(filepath.Join("testdata", "ubuntu2404.conf"))
	if err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{
		"etc/os-release":                           file("ID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"24.04\"\nVERSION_CODENAME=noble\n"),
		"etc/apt/apt.conf.d/10periodic":            file("APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Download-Upgradeable-Packages \"0\";\nAPT::Periodic::AutocleanInterval \"0\";\n"),
		"etc/apt/apt.conf.d/20auto-upgrades":       file(autoUpgrades),
		"etc/apt/apt.conf.d/50unattended-upgrades": file(string(stock)),
	}
	maps.Copy(fsys, common())
	for _, pocket := range []string{"noble", "noble-updates", "noble-security"} {
		fsys[lists+"archive.ubuntu.com_ubuntu_dists_"+pocket+"_InRelease"] = release("Ubuntu", "Ubuntu", pocket, "noble")
	}
	backports := string(release("Ubuntu", "Ubuntu", "noble-backports", "noble").Data) + "NotAutomatic: yes\nButAutomaticUpgrades: yes\n"
	fsys[lists+"archive.ubuntu.com_ubuntu_dists_noble-backports_InRelease"] = file(backports)
	return fsys
}

func common() fstest.MapFS {
	return fstest.MapFS{
		"usr/bin/unattended-upgrade":                       file("#!/usr/bin/python3\n"),
		"usr/lib/systemd/systemd":                          file("\x7fELF"),
		"usr/lib/systemd/system/apt-daily.timer":           file(dailyTimer),
		"usr/lib/systemd/system/apt-daily-upgrade.timer":   file(upgradeTimer),
		"usr/lib/systemd/system/apt-daily.service":         file("[Service]\nType=oneshot\n"),
		"usr/lib/systemd/system/apt-daily-upgrade.service": file("[Service]\nType=oneshot\n"),
		wants + "apt-daily.timer":                          link("/usr/lib/systemd/system/apt-daily.timer"),
		wants + "apt-daily-upgrade.timer":                  link("/usr/lib/systemd/system/apt-daily-upgrade.timer"),
	}
}

func release(origin, label, suite, codename string) *fstest.MapFile {
	return file("Origin: " + origin + "\nLabel: " + label + "\nSuite: " + suite + "\nCodename: " + codename + "\n")
}

func convert(t *testing.T, fsys fstest.MapFS) *unattended.Conversion {
	t.Helper()
	s, err := unattended.Read(t.Context(), fsys, nil)
	if err != nil {
		t.Fatal(err)
	}
	c, err := unattended.Convert(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// has reports whether the configuration has a line.
func has(c *unattended.Conversion, line string) bool {
	for text := range strings.SplitSeq(string(c.Config), "\n") {
		if strings.TrimSpace(text) == line {
			return true
		}
	}
	return false
}

// not finds what was not converted of an option.
func not(c *unattended.Conversion, option string) []unattended.Unmapped {
	var list []unattended.Unmapped
	for _, n := range c.Not {
		if n.Option == option {
			list = append(list, n)
		}
	}
	return list
}
