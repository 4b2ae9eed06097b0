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

// Deb is a small package to build.
type Deb struct {
	Name, Version, Arch string // Arch "" is "all"
	Source              string // "" is Name
	Depends, Conflicts  string
	Maintainer          string            // "" is a Debian one
	Files               map[string]string // path → content
	Scripts             map[string]string // maintainer scripts: "postinst" → text
	Conffiles           []string          // paths among Files, with a leading slash
}

// Build makes the .deb in dir.
func (d Deb) Build(t testing.TB, dir string) string {
	t.Helper()
	tree := t.TempDir()
	set := func(v *string, or string) {
		if *v == "" {
			*v = or
		}
	}
	set(&d.Arch, "all")
	set(&d.Maintainer, "Debian Test Team <test@lists.debian.org>")
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: %s\nDescription: test\n", d.Name, d.Version, d.Arch, d.Maintainer)
	if d.Source != "" {
		control += "Source: " + d.Source + "\n"
	}
	if d.Depends != "" {
		control += "Depends: " + d.Depends + "\n"
	}
	if d.Conflicts != "" {
		control += "Conflicts: " + d.Conflicts + "\n"
	}
	write(t, filepath.Join(tree, "DEBIAN/control"), control)
	for path, content := range d.Files {
		write(t, filepath.Join(tree, path), content)
	}
	for name, text := range d.Scripts {
		file := filepath.Join(tree, "DEBIAN", name)
		write(t, file, text)
		if err := os.Chmod(file, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.Conffiles) > 0 {
		write(t, filepath.Join(tree, "DEBIAN/conffiles"), strings.Join(d.Conffiles, "\n")+"\n")
	}
	must(t, exec.Command("dpkg-deb", "--root-owner-group", "-b", tree, dir))
	return fmt.Sprintf("%s_%s_%s.deb", d.Name, d.Version, d.Arch)
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Repository is a signed archive of small packages, with what apt prints of it.
type Repository struct {
	Origin, Label, Suite, Codename string
	Debs                           []Deb
	Date                           string // when it says it was made; "" is now
	URL                            string // where apt is to fetch it; "" is the files themselves
}

// Install signs the repository with a throw-away key, copies it into a root
// and adds it to the root's sources. apt needs a refresh afterwards.
func (r Repository) Install(t testing.TB, root, name string) {
	t.Helper()
	need(t, "dpkg-scanpackages", "apt-ftparchive", "gpg")
	dir := filepath.Join(root, "srv", name)
	dist := filepath.Join(dir, "dists", r.Suite)
	for _, d := range []string{filepath.Join(dir, "pool"), filepath.Join(dist, "main/binary-amd64")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range r.Debs {
		d.Build(t, filepath.Join(dir, "pool"))
	}
	sh := func(script string) {
		t.Helper()
		cmd := exec.Command("sh", "-ec", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GNUPGHOME="+filepath.Join(dir, "keys"), "DIST=dists/"+r.Suite,
			"ORIGIN="+r.Origin, "LABEL="+r.Label, "SUITE="+r.Suite, "CODENAME="+r.Codename, "MADE="+r.Date)
		must(t, cmd)
	}
	sh(`dpkg-scanpackages -m pool >$DIST/main/binary-amd64/Packages
apt-ftparchive -o APT::FTPArchive::Release::Origin="$ORIGIN" -o APT::FTPArchive::Release::Label="$LABEL" -o APT::FTPArchive::Release::Suite="$SUITE" \
	-o APT::FTPArchive::Release::Codename="$CODENAME" -o APT::FTPArchive::Release::Components=main -o APT::FTPArchive::Release::Architectures=amd64 release $DIST >Release
[ -z "$MADE" ] || sed -i "s/^Date: .*/Date: $MADE/" Release
mv Release $DIST/
mkdir -m 700 keys
gpg --batch --quiet --passphrase '' --quick-generate-key "test <test@example.org>" ed25519 sign never
gpg --batch --quiet --clearsign -o $DIST/InRelease $DIST/Release
gpg --batch --quiet --export >key.gpg
gpgconf --kill all
rm -r keys`)
	url := r.URL
	if url == "" {
		url = "file:/srv/" + name
	}
	line := fmt.Sprintf("deb [signed-by=/srv/%s/key.gpg] %s %s main\n", name, url, r.Suite)
	write(t, filepath.Join(root, "etc/apt/sources.list.d", name+".list"), line)
}
