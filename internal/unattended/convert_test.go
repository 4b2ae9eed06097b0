package unattended_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/config"
	"github.com/lockfast/lockfast/internal/unattended"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestGolden(t *testing.T) {
	site, err := os.ReadFile("testdata/site.conf")
	if err != nil {
		t.Fatal(err)
	}
	changed := debian(t, map[string]string{
		"etc/apt/apt.conf.d/20auto-upgrades":                             "",
		"etc/apt/apt.conf.d/50unattended-upgrades":                       string(site),
		"etc/systemd/system/apt-daily-upgrade.timer.d/night.conf":        "[Timer]\nOnCalendar=\nOnCalendar=Fri..Mon 22:30\nRandomizedDelaySec=3h\n",
		lists + "apt.example.org_dists_main_InRelease":                   "Origin: Example\nLabel: Example\nSuite: main\nCodename: main\n",
		lists + "deb.debian.org_debian_dists_bookworm-updates_InRelease": "Origin: Debian\nLabel: Debian\nSuite: stable-updates\nCodename: bookworm-updates\n",
	})
	for name, fsys := range map[string]fstest.MapFS{"debian12": debian(t, nil), "ubuntu2404": ubuntu(t), "site": changed} {
		t.Run(name, func(t *testing.T) {
			c := convert(t, fsys)
			got := describe(c)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("wrong (rewrite with -update):\n%s", diff)
			}
		})
	}
}

func describe(c *unattended.Conversion) string {
	var b strings.Builder
	fmt.Fprintf(&b, "mode %s, more %v\n\n%s\n", c.Mode, c.More(), c.Config)
	for _, m := range c.Settings {
		fmt.Fprintf(&b, "set  %s %q -> %s (%s)\n", m.Option, m.Value, m.To, m.Note)
	}
	for _, m := range c.Not {
		fmt.Fprintf(&b, "not  %s %q, more %v: %s. %s\n", m.Option, m.Value, m.More, m.Why, m.Do)
	}
	for _, m := range c.Same {
		fmt.Fprintf(&b, "same %s %q (%s)\n", m.Option, m.Value, m.Note)
	}
	return b.String()
}

// TestOptions has one option more than the stock set-up, and what becomes of it:
// lines of the configuration, and what is said of the option in Not ("more: " if
// more is installed without it), "" if it is not there.
func TestOptions(t *testing.T) {
	const u, p = "Unattended-Upgrade::", "APT::Periodic::"
	mail := u + "Mail \"root\";\n"
	boot := u + "Automatic-Reboot \"true\";\n"
	tests := map[string]struct {
		conf  string
		lines []string // one that begins with "!" must not be there
		not   string   // part of the reason
		of    string   // option that Not is looked at for
	}{
		"nothing":             {"", []string{"mode: auto", "check: 1d", "jitter: 12h", `windows: ["daily 06:00-07:00"]`, "missed: soon", "reboot: never", "on_battery: wait", "metered: wait", "!to:"}, "", u + "Mail"},
		"disabled":            {p + `Enable "0";`, []string{"!mode: auto"}, "", p + "Enable"},
		"enabled":             {p + `Enable "1";`, []string{"mode: auto"}, "", p + "Enable"},
		"no install":          {p + `Unattended-Upgrade "0";`, []string{"mode: notify"}, "", p + "Unattended-Upgrade"},
		"download only":       {p + `Unattended-Upgrade "0";` + p + `Download-Upgradeable-Packages "1";`, []string{"mode: download"}, "", p + "Download-Upgradeable-Packages"},
		"nothing at all":      {p + `Unattended-Upgrade "0";` + p + `Update-Package-Lists "0";`, []string{"!mode: notify", "!mode: auto"}, "", p + "Unattended-Upgrade"},
		"weekly":              {p + `Unattended-Upgrade "7";`, []string{"mode: auto"}, "more: every window", p + "Unattended-Upgrade"},
		"lists every 3 days":  {p + `Update-Package-Lists "3";`, []string{"check: 3d"}, "", p + "Update-Package-Lists"},
		"lists 36h":           {p + `Update-Package-Lists "36h";`, []string{"check: 36h"}, "", p + "Update-Package-Lists"},
		"lists always":        {p + `Update-Package-Lists "always";`, []string{"check: 12h"}, "", p + "Update-Package-Lists"},
		"lists each hour":     {p + `Update-Package-Lists "1h";`, []string{"check: 12h"}, "", p + "Update-Package-Lists"},
		"lists elsewhere":     {p + `Update-Package-Lists "0";`, []string{"mode: auto", "!check: 1d"}, "something else", p + "Update-Package-Lists"},
		"bad interval":        {p + `Update-Package-Lists "soon";`, []string{"check: 1d"}, "no interval", p + "Update-Package-Lists"},
		"large interval":      {p + `Update-Package-Lists "2000000000";`, []string{"check: 1d"}, "no interval", p + "Update-Package-Lists"},
		"autoclean":           {p + `AutocleanInterval "7";`, nil, "own cache", p + "AutocleanInterval"},
		"no autoclean":        {p + `AutocleanInterval "0";`, nil, "", p + "AutocleanInterval"},
		"age of the cache":    {p + `MaxAge "30";`, nil, "own cache", p + "MaxAge"},
		"random sleep":        {p + `RandomSleep "600";`, nil, "", p + "RandomSleep"},
		"blacklist":           {u + `Package-Blacklist { "linux-"; };`, []string{`exclude: ["linux-*"]`}, "", u + "Package-Blacklist"},
		"blacklist twice":     {u + `Package-Blacklist { "zsh$"; "apache2"; };`, []string{`exclude: ["apache2*", "zsh"]`}, "", u + "Package-Blacklist"},
		"blacklist a dot":     {u + `Package-Blacklist { "python3.11"; };`, []string{"!  exclude: ["}, "more: too many names", u + "Package-Blacklist"},
		"blacklist broken":    {u + `Package-Blacklist { "lib("; };`, nil, "more: no regular expression", u + "Package-Blacklist"},
		"blacklist of none":   {u + `Package-Blacklist { "Linux"; };`, nil, "", u + "Package-Blacklist"},
		"blacklist no list":   {u + `Package-Blacklist "linux-";`, nil, "", u + "Package-Blacklist"},
		"whitelist":           {u + `Package-Whitelist { "openssl"; };`, nil, "more: only packages", u + "Package-Whitelist"},
		"whitelist strict":    {u + `Package-Whitelist { "openssl"; };` + u + `Package-Whitelist-Strict "true";`, nil, "more: only packages", u + "Package-Whitelist-Strict"},
		"strict alone":        {u + `Package-Whitelist-Strict "true";`, nil, "", u + "Package-Whitelist-Strict"},
		"mail":                {u + `Mail "ops@example.org";`, []string{`to: ["mail:ops@example.org"]`}, "", u + "Mail"},
		"mail to two":         {u + `Mail "root, ops@example.org";`, []string{`to: ["mail:root", "mail:ops@example.org"]`}, "", u + "Mail"},
		"mail to nobody":      {u + `Mail "<root>";`, []string{"!to:"}, "no address", u + "Mail"},
		"mail errors":         {mail + u + `MailReport "only-on-error";`, []string{"quiet: true"}, "", u + "MailReport"},
		"mail always":         {mail + u + `MailReport "always";`, []string{"digest: daily"}, "", u + "MailReport"},
		"mail changes":        {mail + u + `MailReport "on-change";`, []string{"quiet: false"}, "", u + "MailReport"},
		"mail sometimes":      {mail + u + `MailReport "sometimes";`, nil, "no such report", u + "MailReport"},
		"mail errors, old":    {mail + u + `MailOnlyOnError "true";`, []string{"quiet: true"}, "", u + "MailOnlyOnError"},
		"mail, new over old":  {mail + u + `MailOnlyOnError "true";` + u + `MailReport "on-change";`, []string{"quiet: false"}, "", u + "MailOnlyOnError"},
		"report without mail": {u + `MailReport "always";`, []string{"!digest: daily"}, "", u + "MailReport"},
		"sender":              {mail + u + `Sender "host@example.org";`, []string{`from: "host@example.org"`}, "", u + "Sender"},
		"bad sender":          {mail + u + "Sender \"a <b>\";", nil, "no address", u + "Sender"},
		"reboot":              {boot, []string{"reboot: when-needed", "reboot_with_users: true"}, "", u + "Automatic-Reboot"},
		"reboot now":          {boot + u + `Automatic-Reboot-Time "now";`, []string{"reboot: when-needed"}, "", u + "Automatic-Reboot-Time"},
		"reboot at two":       {boot + u + `Automatic-Reboot-Time "2:05";`, []string{"reboot: window", `reboot_windows: ["daily 02:05-03:05"]`}, "", u + "Automatic-Reboot-Time"},
		"reboot at midnight":  {boot + u + `Automatic-Reboot-Time "23:30";`, []string{`reboot_windows: ["daily 23:30-00:30"]`}, "", u + "Automatic-Reboot-Time"},
		"reboot soon":         {boot + u + `Automatic-Reboot-Time "+5";`, []string{"reboot: when-needed", "reboot_delay: 5m"}, "", u + "Automatic-Reboot-Time"},
		"reboot at tea time":  {boot + u + `Automatic-Reboot-Time "tea";`, []string{"reboot: when-needed"}, "more: no time of day", u + "Automatic-Reboot-Time"},
		"reboot alone":        {boot + u + `Automatic-Reboot-WithUsers "false";`, []string{"reboot_with_users: false"}, "", u + "Automatic-Reboot-WithUsers"},
		"reboot, some users":  {boot + u + `Automatic-Reboot-WithUsers "no";` + u + `Automatic-Reboot-IgnoredUsers "sddm";`, nil, "everybody", u + "Automatic-Reboot-IgnoredUsers"},
		"no reboot, time":     {u + `Automatic-Reboot-Time "02:00";`, []string{"reboot: never", "!reboot: window"}, "", u + "Automatic-Reboot-Time"},
		"battery":             {u + `OnlyOnACPower "false";`, []string{"on_battery: go-on"}, "", u + "OnlyOnACPower"},
		"metered":             {u + `Skip-Updates-On-Metered-Connections "no";`, []string{"metered: go-on"}, "", u + "Skip-Updates-On-Metered-Connections"},
		"limit":               {`Acquire::http::Dl-Limit "70";`, []string{"rate_limit: 70k"}, "", "Acquire::http::Dl-Limit"},
		"no limit":            {`Acquire::http::Dl-Limit "0";`, []string{"!rate_limit: 0k"}, "", "Acquire::http::Dl-Limit"},
		"limit of what":       {`Acquire::http::Dl-Limit "fast";`, nil, "no number", "Acquire::http::Dl-Limit"},
		"limit of https":      {`Acquire::http::Dl-Limit "70";Acquire::https::Dl-Limit "90";`, []string{"rate_limit: 70k"}, "one limit", "Acquire::https::Dl-Limit"},
		"kernels stay":        {u + `Remove-Unused-Kernel-Packages "false";`, nil, "", u + "Remove-Unused-Kernel-Packages"},
		"kernels go":          {"", nil, "removes no packages", u + "Remove-Unused-Kernel-Packages"},
		"dependencies go":     {u + `Remove-Unused-Dependencies "true";`, nil, "removes no packages", u + "Remove-Unused-Dependencies"},
		"at shutdown":         {u + `InstallOnShutdown "true";`, nil, "more: during a shutdown", u + "InstallOnShutdown"},
		"not at shutdown":     {u + `InstallOnShutdown "false";`, nil, "", u + "InstallOnShutdown"},
		"no repair":           {u + `AutoFixInterruptedDpkg "false";`, nil, "more: completes", u + "AutoFixInterruptedDpkg"},
		"downgrade":           {u + `Allow-downgrade "true";`, nil, "older versions", u + "Allow-downgrade"},
		"small steps":         {u + `MinimalSteps "false";`, nil, "", u + "MinimalSteps"},
		"small steps, old":    {`Unattended-Upgrades::MinimalSteps "true";`, nil, "", "Unattended-Upgrades::MinimalSteps"},
		"development":         {u + `DevRelease "auto";`, nil, "", u + "DevRelease"},
		"fallback":            {u + `Allow-APT-Mark-Fallback "true";`, nil, "", u + "Allow-APT-Mark-Fallback"},
		"verbose":             {u + `Verbose "true";`, nil, "no such switch", u + "Verbose"},
		"syslog":              {u + `SyslogEnable "true";`, nil, "", u + "SyslogEnable"},
		"syslog facility":     {u + `SyslogFacility "auth";`, nil, "journal", u + "SyslogFacility"},
		"log folder":          {u + `LogDir "/srv/log";`, nil, "journal", u + "LogDir"},
		"old log folder":      {`APT::UnattendedUpgrades::LogDir "/srv/log";`, nil, "journal", "APT::UnattendedUpgrades::LogDir"},
		"plug-ins":            {u + `Dirs::Plugins { "/srv/uu"; };`, nil, "not run", u + "Dirs::Plugins"},
		"misspelt":            {u + `Automatic-Rebot "true";`, nil, "no such option", u + "Automatic-Rebot"},
		"any case":            {strings.ToLower(u) + `AUTOMATIC-REBOOT "true";`, []string{"reboot: when-needed"}, "", u + "Automatic-Reboot"},
		"days":                {u + `Update-Days { "Mon"; "friday"; };`, []string{`windows: ["Mon 06:00-07:00", "Fri 06:00-07:00"]`}, "", u + "Update-Days"},
		"days by number":      {u + `Update-Days { "0"; "6"; "5"; };`, []string{`windows: ["Fri-Sun 06:00-07:00"]`}, "", u + "Update-Days"},
		"days in German":      {u + `Update-Days { "Mo"; "Tue"; };`, []string{`windows: ["Tue 06:00-07:00"]`}, "more: no English", u + "Update-Days"},
		"include":             {"#include \"/srv/apt.conf\";", nil, "more: not followed", "#include"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := convert(t, debian(t, map[string]string{"etc/apt/apt.conf.d/99own": test.conf}))
			for _, line := range test.lines {
				line, never := strings.CutPrefix(line, "!")
				if found := strings.Contains(string(c.Config), line); never && found || !never && !has(c, line) {
					t.Errorf("line %q (never: %v) is wrong in:\n%s", line, never, c.Config)
				}
			}
			checkNot(t, c, test.of, test.not)
		})
	}
}

func checkNot(t *testing.T, c *unattended.Conversion, option, want string) {
	t.Helper()
	found := not(c, option)
	part, more := strings.CutPrefix(want, "more: ")
	if want == "" {
		if len(found) > 0 {
			t.Errorf("not converted: %+v", found)
		}
		return
	}
	if !slices.ContainsFunc(found, func(n unattended.Unmapped) bool { return n.More == more && strings.Contains(n.Why, part) }) {
		t.Errorf("%s: got %+v, want %q in the reason", option, found, want)
	}
}

func TestOrigins(t *testing.T) {
	const head = "#clear Unattended-Upgrade::Origins-Pattern;\nUnattended-Upgrade::Origins-Pattern "
	foreign := lists + "deb.nodesource.com_node%5f20.x_dists_nodistro_InRelease"
	node := "Origin: . nodistro\nLabel: . nodistro\nSuite: nodistro\nCodename: nodistro\n"
	tests := map[string]struct {
		conf    string
		foreign bool
		all     bool
		more    bool
		not     string
	}{
		"as it comes":                       {"", false, true, false, ""},
		"as it comes, with a foreign one":   {"", true, false, false, "but not . nodistro"},
		"foreign one allowed too":           {`Unattended-Upgrade::Origins-Pattern:: "site=deb.nodesource.com";`, true, true, false, ""},
		"everything":                        {head + `{ "o=*"; };`, true, true, false, ""},
		"security only":                     {head + `{ "o=Debian,l=Debian-Security"; };`, true, false, false, ""},
		"security by suite":                 {head + `{ "a=*-security"; };`, true, false, false, ""},
		"one component":                     {head + `{ "o=Debian,c=main"; };`, false, false, false, "with fix.all every update"},
		"every component":                   {head + `{ "o=Debian,c=*"; };`, false, true, false, ""},
		"no security":                       {head + `{ "o=Debian,l=Debian"; };`, false, true, true, "security fixes of Debian bookworm-security were not taken"},
		"nothing":                           {"#clear Unattended-Upgrade::Origins-Pattern;", false, false, true, "nothing was installed"},
		"unknown keyword":                   {head + `{ "origin=Debian"; "colour=red"; };`, false, true, true, "no keyword"},
		"unknown variable":                  {head + `{ "origin=Debian"; "n=${distro_release}"; };`, false, true, true, "no ${distro_release}"},
		"no keyword":                        {head + `{ "o=Debian"; "Debian"; };`, false, true, true, "no keyword=value"},
		"pair":                              {head + `{}; Unattended-Upgrade::Allowed-Origins { "${distro_id}:stable*"; };`, false, true, false, ""},
		"pair with space":                   {head + `{}; Unattended-Upgrade::Allowed-Origins { "Debian stable*"; };`, false, true, false, ""},
		"pair of one":                       {head + `{}; Unattended-Upgrade::Allowed-Origins { "o=Debian"; };`, false, false, true, "no pair"},
		"pair with an escaped colon":        {head + `{}; Unattended-Upgrade::Allowed-Origins { "http\://x:stable"; "Debian:stable*"; };`, false, true, false, ""},
		"old release, pattern of its suite": {head + `{ "o=Debian,a=oldstable"; "l=Debian-Security"; };`, false, false, false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			own := map[string]string{"etc/apt/apt.conf.d/99own": test.conf}
			if test.foreign {
				own[foreign] = node
			}
			c := convert(t, debian(t, own))
			if has(c, "all: true") != test.all || c.More() != test.more {
				t.Errorf("all: %v, more: %v; want %v, %v\n%s", !test.all, c.More(), test.all, test.more, describe(c))
			}
			found := slices.Concat(not(c, "Unattended-Upgrade::Origins-Pattern"), not(c, "Unattended-Upgrade::Allowed-Origins"))
			said := slices.ContainsFunc(found, func(n unattended.Unmapped) bool { return strings.Contains(n.Why, test.not) })
			if test.not == "" && len(found) > 0 || test.not != "" && !said {
				t.Errorf("got %+v, want %q", found, test.not)
			}
		})
	}
}

// Unknown is never nothing: without lists nobody knows what a pattern covers.
func TestOriginsOfUnknownArchives(t *testing.T) {
	fsys := debian(t, nil)
	maps.DeleteFunc(fsys, func(name string, _ *fstest.MapFile) bool { return strings.HasPrefix(name, lists) })
	c := convert(t, fsys)
	if has(c, "all: true") {
		t.Errorf("takes all without knowing the archives:\n%s", c.Config)
	}
	checkNot(t, c, "Unattended-Upgrade::Origins-Pattern", "apt-get update")
}

func TestUbuntuUpdates(t *testing.T) {
	fsys := ubuntu(t)
	fsys["etc/apt/apt.conf.d/99own"] = file(`Unattended-Upgrade::Allowed-Origins:: "${distro_id}:${distro_codename}-updates";`)
	if c := convert(t, fsys); !has(c, "all: true") || c.More() {
		t.Error(describe(c))
	}
}

func TestFound(t *testing.T) {
	fsys := fstest.MapFS{"etc/os-release": file("ID=debian\n")}
	s, err := unattended.Read(t.Context(), fsys, nil)
	if err != nil || s.Found() {
		t.Errorf("found %v, %v", s.Found(), err)
	}
	fsys["etc/apt/apt.conf"] = file(`APT::Periodic::Enable "0";`)
	if s, err = unattended.Read(t.Context(), fsys, nil); err != nil || !s.Found() {
		t.Errorf("found %v, %v", s.Found(), err)
	}
	if c := convert(t, fsys); c.Mode != unattended.Off || !strings.Contains(string(c.Config), "no stay_secure.mode") {
		t.Error(describe(c))
	}
}

// Every option that is set is found again in one of the three lists, and what is
// made can be read.
func TestNothingIsDropped(t *testing.T) {
	known := []string{
		"Allowed-Origins::", "Origins-Pattern::", "Package-Blacklist::", "Package-Whitelist::", "Package-Whitelist-Strict", "Mail", "MailReport", "MailOnlyOnError", "Sender",
		"Automatic-Reboot", "Automatic-Reboot-WithUsers", "Automatic-Reboot-Time", "Automatic-Reboot-WithSystemUsers", "Automatic-Reboot-IgnoredUsers",
		"Remove-Unused-Kernel-Packages", "Remove-New-Unused-Dependencies", "Remove-Unused-Dependencies", "MinimalSteps", "InstallOnShutdown", "OnlyOnACPower",
		"Skip-Updates-On-Metered-Connections", "SyslogEnable", "SyslogFacility", "LogDir", "LogFile", "Verbose", "Debug", "DevRelease", "Update-Days::", "Allow-downgrade",
		"Allow-APT-Mark-Fallback", "AutoFixInterruptedDpkg", "Keep-Debs-After-Install", "IgnoreAppsRequireRestart", "Dirs::Plugins::", "Unheard-Of", "Mail::Below", "Package-Blacklist::Named",
	}
	for i, name := range known {
		known[i] = "Unattended-Upgrade::" + name
	}
	for _, name := range []string{
		"Enable", "Update-Package-Lists", "Download-Upgradeable-Packages", "Download-Upgradeable-Packages-Debdelta", "Unattended-Upgrade", "AutocleanInterval", "CleanInterval",
		"BackupArchiveInterval", "BackupLevel", "MaxAge", "MinAge", "MaxSize", "Verbose", "RandomSleep", "Unheard-Of",
	} {
		known = append(known, "APT::Periodic::"+name)
	}
	known = append(known, "APT::Periodic", "Unattended-Upgrade", "Acquire::http::Dl-Limit", "Acquire::https::Dl-Limit", "Unattended-Upgrades::MinimalSteps", "APT::UnattendedUpgrades::LogFile")
	values := []string{
		"true", "false", "0", "1", "7", "auto", "always", "on-change", "only-on-error", "02:00", "now", "+5", "root", "a@b.org", "linux-", "x(y|z)$", "Mon", "o=Debian", "Debian:stable",
		"o=", "a=\\,", "${x}", "\u2028", "\xff\xfe", "- [", "# x", "\t", "99999999999999999999", "-1",
	}
	base, err := unattended.Read(t.Context(), debian(t, map[string]string{"etc/apt/apt.conf.d/20auto-upgrades": "", "etc/apt/apt.conf.d/50unattended-upgrades": ""}), nil)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		s := *base
		s.Options = &unattended.Tree{}
		s.Program, s.Systemd, s.Cron = rapid.Bool().Draw(r, "program"), rapid.Bool().Draw(r, "systemd"), rapid.Bool().Draw(r, "cron")
		state := rapid.SampledFrom([]unattended.TimerState{unattended.TimerAbsent, unattended.TimerDisabled, unattended.TimerEnabled, unattended.TimerMasked})
		s.Update.State, s.Upgrade.State = state.Draw(r, "update"), state.Draw(r, "upgrade")
		for range rapid.IntRange(0, 12).Draw(r, "n") {
			value := rapid.OneOf(rapid.SampledFrom(values), rapid.StringN(1, 8, -1)).Draw(r, "value")
			if err := s.Options.Set(rapid.SampledFrom(known).Draw(r, "option"), value); err != nil {
				r.Fatal(err)
			}
		}
		c, err := unattended.Convert(&s)
		if err != nil {
			r.Fatal(err)
		}
		if _, err := config.Parse(c.Config); err != nil {
			r.Fatalf("%v in:\n%s", err, c.Config)
		}
		said := map[string]bool{}
		for _, m := range c.Settings {
			said[strings.ToLower(m.Option)+"="+m.Value] = true
		}
		for _, m := range c.Not {
			said[strings.ToLower(m.Option)+"="+m.Value] = true
		}
		for _, m := range c.Same {
			said[strings.ToLower(m.Option)+"="+m.Value] = true
		}
		s.Options.Walk(func(name, value string) {
			low := strings.ToLower(name)
			list := strings.TrimSuffix(low, "::")
			if i := strings.LastIndex(low, "::"); value != "" && !said[low+"="+value] && !said[list+"="+value] && !said[low[:max(i, 0)]+"="+value] {
				r.Errorf("%s %q is in no list", name, value)
			}
		})
	})
}

func FuzzOrigins(f *testing.F) {
	for _, s := range []string{"origin=Debian,codename=${distro_codename},label=Debian", "Debian:stable", "Debian stable", `o=a\,b,a=[!x-z]*?`, `a\:b:c`, "$$", "${", "o=[", "c=main,site=*"} {
		f.Add(s)
	}
	archives := []unattended.Archive{
		{Site: "deb.debian.org", Origin: "Debian", Label: "Debian", Suite: "stable", Codename: "bookworm"},
		{Site: "deb.debian.org", Origin: "Debian", Label: "Debian-Security", Suite: "stable-security", Codename: "bookworm-security"},
	}
	f.Fuzz(func(t *testing.T, entry string) {
		s := unattended.Setup{Options: &unattended.Tree{}, Archives: archives}
		for _, list := range []string{"Allowed-Origins", "Origins-Pattern"} {
			if err := s.Options.Set("Unattended-Upgrade::"+list+"::", entry); err != nil {
				t.Fatal(err)
			}
		}
		c, err := unattended.Convert(&s)
		if err != nil {
			t.Fatal(err)
		}
		said := 0
		for _, m := range c.Settings {
			if m.Value == entry && (strings.HasSuffix(m.Option, "s-Pattern") || strings.HasSuffix(m.Option, "d-Origins")) {
				said++
			}
		}
		for _, m := range c.Not {
			if m.Value == entry && (strings.HasSuffix(m.Option, "s-Pattern") || strings.HasSuffix(m.Option, "d-Origins")) {
				said++
			}
		}
		for _, m := range c.Same {
			if m.Value == entry && (strings.HasSuffix(m.Option, "s-Pattern") || strings.HasSuffix(m.Option, "d-Origins")) {
				said++
			}
		}
		if said < 2 {
			t.Errorf("%q is said %d times:\n%s", entry, said, describe(c))
		}
	})
}
