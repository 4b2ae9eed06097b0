//go:build e2e

package hosts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// RPMFile is a package with content to build: /opt/NAME/data holds the version.
type RPMFile struct {
	Name    string
	Version string // in full: "1:2-1" is epoch 1, version 2, release 1
	NoArch  bool
	Needs   []string
	Weak    []string // what it recommends
	Config  bool     // /etc/NAME.conf, which is kept when it was changed
	Spec    string   // more lines at the spec's end: scripts
	Absent  bool     // it is built and signed, but the repository does not hold it
	Bulk    int      // KiB of random bytes in /opt/NAME/bulk, so that its file is as large
}

// RPMFix is a security advisory.
type RPMFix struct {
	ID, CVE, Severity string
	Name, Version     string
	NoArch            bool
}

// RPMRepository is a signed repository of small packages.
type RPMRepository struct {
	Packages []RPMFile
	Fixes    []RPMFix
}

// Build makes the repository in dir/repo, with the packages that it does not
// hold in dir/absent and the throw-away key in dir/key.asc. Packages and
// repomd.xml are signed.
func (r RPMRepository) Build(t *testing.T, dir string) {
	t.Helper()
	need(t, "rpmbuild", "rpmsign", "createrepo_c", "modifyrepo_c", "gpg")
	work := t.TempDir()
	for _, d := range []string{"repo", "absent"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range r.Packages {
		to := filepath.Join(dir, "repo")
		if p.Absent {
			to = filepath.Join(dir, "absent")
		}
		p.build(t, work, to)
	}
	write(t, filepath.Join(work, "updateinfo.xml"), updateinfo(r.Fixes))
	script := exec.Command("sh", "-euc", `
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key 'test <test@example.org>' rsa2048 sign never
gpg --batch --export --armor >"$DIR/key.asc"
rpmsign --define '_gpg_name test@example.org' --define '__gpg /usr/bin/gpg' --addsign $(find "$DIR" -name '*.rpm')
createrepo_c -q "$DIR/repo"
modifyrepo_c updateinfo.xml "$DIR/repo/repodata"
gpg --batch --armor --detach-sign "$DIR/repo/repodata/repomd.xml"
gpgconf --kill all
`)
	script.Dir = work
	script.Env = append(os.Environ(), "GNUPGHOME="+filepath.Join(work, "keys"), "DIR="+dir)
	must(t, script)
}

// FileName is what the package's file is called.
func (p RPMFile) FileName() string {
	_, version, _ := p.version()
	return p.Name + "-" + version + "." + p.arch() + ".rpm"
}

func (p RPMFile) version() (epoch, both, version string) {
	epoch, both, found := strings.Cut(p.Version, ":")
	if !found {
		epoch, both = "", p.Version
	}
	version, _, _ = strings.Cut(both, "-")
	return epoch, both, version
}

func (p RPMFile) arch() string {
	if p.NoArch {
		return "noarch"
	}
	return "x86_64"
}

func (p RPMFile) build(t *testing.T, work, to string) {
	t.Helper()
	epoch, both, version := p.version()
	release := strings.TrimPrefix(both, version+"-")
	text := fmt.Sprintf("Name: %s\nVersion: %s\nRelease: %s\nSummary: test\nLicense: test\nVendor: test\nBuildArch: %s\nAutoReqProv: no\n", p.Name, version, release, p.arch())
	if epoch != "" {
		text += "Epoch: " + epoch + "\n"
	}
	if len(p.Needs) > 0 {
		text += "Requires: " + strings.Join(p.Needs, ", ") + "\n"
	}
	if len(p.Weak) > 0 {
		text += "Recommends: " + strings.Join(p.Weak, ", ") + "\n"
	}
	text += fmt.Sprintf("%%description\ntest\n%%install\nmkdir -p %%{buildroot}/etc %%{buildroot}/opt/%[1]s\necho %[2]s >%%{buildroot}/opt/%[1]s/data\n", p.Name, p.Version)
	if p.Bulk > 0 {
		text += fmt.Sprintf("head -c %dK /dev/urandom >%%{buildroot}/opt/%s/bulk\n", p.Bulk, p.Name)
	}
	files := "%files\n/opt/" + p.Name + "\n"
	if p.Config {
		text += fmt.Sprintf("echo %s >%%{buildroot}/etc/%s.conf\n", p.Version, p.Name)
		files += "%config(noreplace) /etc/" + p.Name + ".conf\n"
	}
	spec := filepath.Join(work, p.Name+"-"+both+".spec")
	write(t, spec, text+files+p.Spec)
	must(t, exec.Command("rpmbuild", "--quiet", "-bb", "--target", p.arch(), "--define", "_topdir "+work,
		"--define", "_rpmdir "+to, "--define", "_build_name_fmt %{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}.rpm", "--define", "_build_id_links none", spec))
}

func updateinfo(fixes []RPMFix) string {
	var b strings.Builder
	b.WriteString("<updates>\n")
	for _, f := range fixes {
		p := RPMFile{Name: f.Name, Version: f.Version, NoArch: f.NoArch}
		epoch, both, version := p.version()
		if epoch == "" {
			epoch = "0"
		}
		fmt.Fprintf(&b, `<update from="test@example.org" status="stable" type="security" version="1"><id>%s</id><title>fix</title><severity>%s</severity>
<issued date="2024-01-01 00:00:00"/><references><reference href="https://example.org" id="%[3]s" title="%[3]s" type="cve"/></references>
<pkglist><collection><package name="%s" version="%s" release="%s" epoch="%s" arch="%s"><filename>%s</filename></package></collection></pkglist></update>
`, f.ID, f.Severity, f.CVE, f.Name, version, strings.TrimPrefix(both, version+"-"), epoch, p.arch(), p.FileName())
	}
	return b.String() + "</updates>\n"
}
