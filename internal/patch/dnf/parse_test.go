package dnf_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/dnf"
)

func ref(name, version string) patch.Ref {
	return patch.Ref{Name: name, Arch: "x86_64", Version: version}
}

func TestMajor(t *testing.T) {
	for text, want := range map[string]string{
		"4.14.0\n  Installed: dnf-0:4.14.0-9.el9.noarch\n": "4", "dnf5 version 5.2.8.1\ndnf5 plugin API version 2.0\n": "5", "": "", "yum": "",
	} {
		if got, err := dnf.ParseMajor(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
}

func TestNEVRA(t *testing.T) {
	for text, want := range map[string]patch.Ref{
		"app-2-1.x86_64": ref("app", "2-1"),
		"libstdc++-devel-11.5.0-2.el9.alma.1.x86_64": ref("libstdc++-devel", "11.5.0-2.el9.alma.1"),
		"tool-1:2~rc1-1.noarch":                      {Name: "tool", Version: "1:2~rc1-1", Arch: "noarch"},
		"a-0:1^git-1.x86_64":                         ref("a", "1^git-1"),
		"nodejs-1:18.1-1.module_el9+1+abc.x86_64":    ref("nodejs", "1:18.1-1.module_el9+1+abc"),
		"kernel-core-5.14.0-503.11.1.el9_5.x86_64":   ref("kernel-core", "5.14.0-503.11.1.el9_5"),
		"app-2.x86_64":                               {},
		"app-2-1":                                    {},
		"-rf-2-1.x86_64":                             {},
		"app*-2-1.x86_64":                            {},
		"app-2-1.x86_64;reboot":                      {},
		"":                                           {},
	} {
		if got, err := dnf.ParseNEVRA(text); got != want || (err == nil) != (want.Name != "") {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func TestOffered(t *testing.T) {
	line := `app	0	2	1	x86_64	test	6270	4	app-2-1.src.rpm	(2, b'\x1c\xea+\x12A(\xb83[\x827u\x8d\xd8C\xde{\x8e\xc1\xb9O\xc9h\t\xe6\x05\xc2\xdd{nc\\')`
	got, err := dnf.ParseOffered(line + "\n\nold\t1\t1\t1\tnoarch\ttest\t1\t2\t(none)\t(none)\n")
	if err != nil || len(got) != 2 || !strings.HasPrefix(got[ref("app", "2-1")], "1cea2b1241") || len(got[ref("app", "2-1")]) != 64 {
		t.Errorf("%v, %v", got, err)
	}
	if sum, ok := got[patch.Ref{Name: "old", Arch: "noarch", Version: "1:1-1"}]; !ok || sum != "" {
		t.Errorf("without a checksum: %q, %t", sum, ok)
	}
	for _, bad := range []string{
		"app\n", strings.Replace(line, "6270", "6.1 k", 1), strings.Replace(line, "(2,", "(2", 1), strings.Replace(line, `\x1c`, `\q1c`, 1),
		strings.Replace(line, "app", "-app", 1), strings.Replace(line, "\ttest\t", "\t\t", 1),
	} {
		if got, err := dnf.ParseOffered(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestPythonBytes(t *testing.T) {
	for text, want := range map[string]string{
		`''`: "", `'a\x00\xff'`: "6100ff", `"it's\t\n\r\\"`: hex.EncodeToString([]byte("it's\t\n\r\\")), `'\''`: "27", `'"'`: "22",
	} {
		if got, err := dnf.PythonBytes(text); err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, %v", text, got, err)
		}
	}
	for _, bad := range []string{"", "'", "'a", `'a"`, `'\x1'`, `'\xzz'`, `'\'`, `'''`, "'\n'", "'ä'", `'\q'`} {
		if got, err := dnf.PythonBytes(bad); err == nil {
			t.Errorf("%q: %x", bad, got)
		}
	}
}

func TestAdvisories(t *testing.T) {
	got, err := dnf.ParseAdvisories("ALSA-2024:1 Moderate/Sec.  app-2-1.x86_64\nALSA-2024:2 Important/Sec. app-2-1.x86_64\nALBA-2024:3 bugfix app-3-1.x86_64\nX Unknown/Sec. lib-1-1.x86_64\n")
	want := map[patch.Ref][]string{ref("app", "2-1"): {"ALSA-2024:1", "ALSA-2024:2", "Important"}, ref("lib", "1-1"): {"X", ""}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, bad := range []string{"Name Type Severity Package Issued\n", "A Low/Sec. app\n", "A Low/Sec.\n"} {
		if got, err := dnf.ParseAdvisories(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
	dates := dnf.ParseDates("DNF version: 4.14.0\nALSA-2024:1 Moderate/Sec.  app-2-1.x86_64 2024-01-02 00:00:00\nX Low/Sec. app-2-1.x86_64 2024-01-01 10:00:00\nY Low/Sec. lib-1-1.x86_64 1970-01-01 00:00:00\n")
	if diff := cmp.Diff(map[patch.Ref]time.Time{ref("app", "2-1"): time.Date(2024, 1, 1, 10, 0, 0, 0, time.UTC)}, dates); diff != "" {
		t.Error(diff)
	}
}

func TestSolution(t *testing.T) {
	got, err := dnf.ParseSolution(`install lib-1-1.x86_64@test
upgrade app-1-1.x86_64@@System app-2-1.x86_64@test
downgrade low-2-1.x86_64@@System low-1-1.x86_64@@commandline
erase gone-1-1.x86_64@@System
obsolete old-1-1.x86_64@@System app-2-1.x86_64@test
multiinstall kernel-6-1.x86_64@test
problem f00bce34 info nothing provides nowhere needed by stuck-2-1.x86_64
problem f00bce34 solution 555f3756 deljob install oneof stuck-2-1.x86_64@test [setevr,setarch]
`)
	want := dnf.Solution{
		Added: map[patch.Ref]patch.Ref{ref("lib", "1-1"): {}, ref("app", "2-1"): ref("app", "1-1"), ref("low", "1-1"): ref("low", "2-1"), ref("kernel", "6-1"): {}},
		Removed: map[patch.Ref]bool{
			ref("app", "1-1"): true, ref("low", "2-1"): true, ref("gone", "1-1"): true, ref("old", "1-1"): true,
		},
		Pushed:   map[patch.Ref]patch.Ref{ref("old", "1-1"): ref("app", "2-1")},
		Repo:     map[patch.Ref]string{ref("lib", "1-1"): "test", ref("app", "2-1"): "test", ref("low", "1-1"): "@commandline", ref("kernel", "6-1"): "test"},
		Problems: []string{"nothing provides nowhere needed by stuck-2-1.x86_64"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, bad := range []string{
		"swap app-1-1.x86_64@test\n", "install app\n", "install\n", "install app-1-1.x86_64@@System\n", "erase app-1-1.x86_64@test\n",
		"upgrade app-1-1.x86_64@@System\n", "upgrade app-1-1.x86_64@test app-2-1.x86_64@test\n", "problem 1 because\n", "upgrade a-1-1.x86_64@@System a-2-1.x86_64@t a-3-1.x86_64@t\n",
	} {
		if got, err := dnf.ParseSolution(bad); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
}

const crashed = `
lockfast: to install alpha-2-1.x86_64
lockfast: to remove gone-1-1.x86_64
lockfast: dnf begins
  Preparing        :                                                        1/1 
  Upgrading        : alpha-2-1.x86_64                                       2/7 
  Running scriptlet: alpha-2-1.x86_64                                       2/7rpm: killed
`

func TestLog(t *testing.T) {
	install, remove, last, open := dnf.ParseLog(crashed)
	if !open || !slices.Equal(install, []patch.Ref{ref("alpha", "2-1")}) || !slices.Equal(remove, []patch.Ref{ref("gone", "1-1")}) || last != ref("alpha", "2-1") {
		t.Error(install, remove, last, open)
	}
	if _, _, last, open = dnf.ParseLog(crashed + "\n  Verifying        : alpha-2-1.x86_64       1/7 \n"); !open || last != (patch.Ref{}) {
		t.Error("verifying", last, open)
	}
	if install, _, _, open = dnf.ParseLog(crashed + "\nlockfast: dnf ended\n"); open || len(install) > 0 {
		t.Error("ended", install, open)
	}
	if install, _, _, open = dnf.ParseLog("\nlockfast: to install alpha-2-1.x86_64\n"); open {
		t.Error("not begun", install)
	}
}

func TestProgress(t *testing.T) {
	var got []string
	percents := 0
	for line := range strings.Lines(crashed + "  Verifying        : alpha-2-1.x86_64       7/7 \n  Erasing          : lib-1-1.x86_64     9/3 \n  Installing       : a b 1/2\n") {
		dnf.Report(func(percent int, pkg, phase string) {
			percents += percent
			got = append(got, phase+" "+pkg)
		}, strings.TrimSuffix(line, "\n"))
		dnf.Report(nil, line)
	}
	if diff := cmp.Diff([]string{"Preparing ", "Upgrading alpha-2-1.x86_64", "Verifying alpha-2-1.x86_64"}, got); diff != "" || percents != 0+90*2/7+100 {
		t.Error(diff, percents)
	}
}

func TestVerifyOutput(t *testing.T) {
	got, err := dnf.ParseVerify("app", "S.5....T.  c /etc/app.conf\nmissing     /opt/app/my data\n.M.......    /opt/app\nmissing   d /opt/doc (Permission denied)\n")
	want := []patch.Difference{
		{Package: "app", Path: "/etc/app.conf", What: "S.5....T.", Conffile: true}, {Package: "app", Path: "/opt/app/my data", What: "missing"},
		{Package: "app", Path: "/opt/app", What: ".M......."}, {Package: "app", Path: "/opt/doc", What: "missing"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, bad := range []string{"package app is not installed\n", "Unsatisfied dependencies for app-1-1.x86_64:\n", "S.5....T.  cc /etc/a\n", "what /etc/a\n"} {
		if got, err := dnf.ParseVerify("app", bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestOtherOutput(t *testing.T) {
	if n, err := dnf.ParseReasons("app\tx86_64\tuser\n\nlib\tx86_64\tdependency\nweak\tx86_64\tWeak Dependency\ng\tx86_64\tgroup\n"); n != 2 || err != nil {
		t.Error(n, err)
	}
	if n, err := dnf.ParseReasons("app\tx86_64\twhim\n"); err == nil {
		t.Error(n)
	}
	if n, err := dnf.ParseDatabase("app\t(none)\t1\t1\tx86_64\t4\tabc\t1700000000\t7\ngpg-pubkey\t(none)\t1\t1\t(none)\t0\tx\t1\t1\n"); n != 1 || err != nil {
		t.Error(n, err)
	}
	for _, bad := range []string{"app\n", "app\t(none)\t1\t1\tx86_64\tbig\tabc\t1\t7\n", "app\t(none)\t1\t1\tx86_64\t4\tabc\tlong ago\t7\n"} {
		if n, err := dnf.ParseDatabase(bad); err == nil {
			t.Errorf("%q: %d", bad, n)
		}
	}
	locks := dnf.ParseLocks("# Added lock on Mon\napp-0:1-1.*\nlibstdc++-devel-0:11.5-2.el9.*\n!other-0:2-1.*\nkernel\nbash-5.1.8-9.el9\n")
	if diff := cmp.Diff(map[string]bool{"app": true, "libstdc++-devel": true, "kernel": true, "bash": true}, locks); diff != "" {
		t.Error(diff)
	}
	paths, err := dnf.ParseConffiles("17\t/etc/b\n0\t/opt/a\n1\t/etc/a\n1\t/etc/a\n")
	if diff := cmp.Diff([]string{"/etc/a", "/etc/b"}, paths); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if paths, err := dnf.ParseConffiles("(contains no files)\n"); err == nil {
		t.Error(paths)
	}
}
