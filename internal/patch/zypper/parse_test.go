package zypper_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/zypper"
)

// crashed is the end of a log of a run that was killed.
const crashed = `<progress id="remove-resolvable" name="(1/3) Removing kappa-1.0-1.x86_64"/>
<progress id="remove-resolvable" name="(1/3) Removing kappa-1.0-1.x86_64" done="1"/>
<message type="info">Retrieving package beta-1:2.1-3.x86_64 (1/2),   6.2 KiB (   15   B unpacked)</message>
<progress id="install-resolvable" name="(2/3) Installing: newdep-1.0-1.x86_64" value="0"/>
<progress id="install-resolvable" name="(2/3) Installing: newdep-1.0-1.x86_64" done="1"/>
<progress id="install-resolvable" name="(3/3) Installing: beta-1:2.1-3.x86_64"/>
<progress id="install-resolvable" name="(3/3) Installing: beta-1:2.1-3.x86_64" value="50"/>
`

func TestWhatALogBeganAndDidNotEnd(t *testing.T) {
	want := []patch.Ref{{Name: "beta", Arch: "x86_64", Version: "1:2.1-3"}}
	if diff := cmp.Diff(want, zypper.Unended(crashed)); diff != "" {
		t.Error(diff)
	}
	repaired := crashed + `<progress id="install-resolvable" name="(1/1) Installing: beta-1:2.1-3.x86_64" done="1"/>` + "\n"
	if got := zypper.Unended(repaired); got != nil {
		t.Errorf("after the repair: %v", got)
	}
}

func TestVerifyLines(t *testing.T) {
	got, err := zypper.ParseVerify("alpha", "S.5....T.  c /etc/alpha.conf\nmissing     /opt/alpha/data with space\n.M....G..  g /var/ghost\n..?......    /unreadable\n")
	want := []patch.Difference{
		{Package: "alpha", Path: "/etc/alpha.conf", What: "S.5....T.", Conffile: true},
		{Package: "alpha", Path: "/opt/alpha/data with space", What: "missing"},
		{Package: "alpha", Path: "/var/ghost", What: ".M....G.."},
		{Package: "alpha", Path: "/unreadable", What: "..?......"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, text := range []string{"package alpha is not installed\n", "Unsatisfied dependencies for alpha-1:\n", "error: cannot open /var/lib/rpm\n"} {
		if _, err := zypper.ParseVerify("alpha", text); err == nil {
			t.Errorf("%q was taken for differences", text)
		}
	}
}

func TestSignatureLines(t *testing.T) {
	for text, want := range map[string]string{
		"/a.rpm: digests signatures OK\n": "signed", "/a.rpm: digests OK\n": "unsigned",
		"/a.rpm: digests SIGNATURES NOT OK\n": "error", "/a.rpm: DIGESTS signatures NOT OK\n": "error", "/b.rpm: digests signatures OK\n": "error", "": "error",
		"/a.rpm: digests signatures OK maybe\n": "error",
	} {
		isSigned, err := zypper.ParseSignatures(text, "/a.rpm")
		got := map[bool]string{true: "signed", false: "unsigned"}[isSigned]
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s, want %s (%v)", text, got, want, err)
		}
	}
}

func TestPrimary(t *testing.T) {
	data := unzipped(t, "*-primary.xml.gz")
	if n, err := zypper.ParsePrimary(bytes.NewReader(data), "alpha", "newdep"); n != 3 || err != nil {
		t.Errorf("%d packages, %v", n, err)
	}
	text := string(data)
	for name, damaged := range map[string]string{
		"cut":         text[:len(text)/2],
		"cut late":    text[:strings.LastIndex(text, "</package>")],
		"fewer":       text[:strings.LastIndex(text, "<package ")] + "</metadata>",
		"no count":    strings.Replace(text, `packages="5"`, "", 1),
		"page":        "<html></html>",
		"empty":       "",
		"bad version": strings.Replace(text, `ver="1.1"`, `ver="1.1 --force"`, 1),
		"outside":     strings.Replace(text, "x86_64/alpha-1.1", "../../alpha-1.1", 1),
	} {
		if _, err := zypper.ParsePrimary(strings.NewReader(damaged), "alpha"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if n, err := zypper.ParsePrimary(strings.NewReader("<metadata packages=\"0\">\n</metadata>"), "alpha"); n != 0 || err != nil {
		t.Errorf("an empty repository: %d, %v", n, err)
	}
}

func TestStreamIsStrict(t *testing.T) {
	solvable := `<solvable type="package" name="a" edition="1-1" arch="noarch"/>`
	for _, text := range []string{
		"", "plain text", "<stream>",
		"<stream><new>" + solvable + "</new></stream>",
		"<stream><install-summary><to-frobnicate>" + solvable + "</to-frobnicate></install-summary></stream>",
		"<stream><install-summary><to-install><deep>" + solvable + "</deep></to-install></install-summary></stream>",
		"<stream><install-summary><to-upgrade>" + solvable + "</to-upgrade></install-summary></stream>",
		`<stream><install-summary><to-install><solvable type="gadget" name="a" edition="1-1" arch="noarch"/></to-install></install-summary></stream>`,
		`<stream><install-summary><to-install><solvable type="package" name="a" arch="noarch"/></to-install></install-summary></stream>`,
		"<stream></stream>",
	} {
		if err := zypper.ParseStream([]byte(text)); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
	if err := zypper.ParseStream([]byte("<stream><message type=\"info\">\x01\xff script</message><install-summary></install-summary></stream>")); err != nil {
		t.Errorf("what scripts print: %v", err)
	}
}

func TestLimitRate(t *testing.T) {
	for conf, want := range map[string]string{
		"":       "[main]\ndownload.max_download_speed = 5\n",
		"[main]": "[main]\ndownload.max_download_speed = 5\n",
		"# c\n[main]\nsolver.x = true\ndownload.max_download_speed = 0\n[other]\n": "# c\n[main]\ndownload.max_download_speed = 5\nsolver.x = true\n[other]\n",
	} {
		if diff := cmp.Diff(want, zypper.LimitRate(conf, 5)); diff != "" {
			t.Errorf("%q: %s", conf, diff)
		}
	}
	if diff := cmp.Diff([]string{"provides:multiversion(kernel)", "nvidia"}, zypper.Multiversion("# multiversion = x\nmultiversion = provides:multiversion(kernel), nvidia\n")); diff != "" {
		t.Error(diff)
	}
}

// A list as large as openSUSE's takes a second or two.
func BenchmarkPrimary(b *testing.B) {
	text := string(unzipped(b, "*-primary.xml.gz"))
	begin := strings.Index(text, "<package ")
	one := text[begin : strings.Index(text, "</package>")+len("</package>")]
	const n = 30000
	list := strings.Replace(text[:begin], `packages="5"`, `packages="30000"`, 1) + strings.Repeat(strings.Replace(one, "<name>alpha", "<name>other", 1)+"\n", n) + "</metadata>"
	b.SetBytes(int64(len(list)))
	for b.Loop() {
		if _, err := zypper.ParsePrimary(strings.NewReader(list), "alpha"); err != nil {
			b.Fatal(err)
		}
	}
}
