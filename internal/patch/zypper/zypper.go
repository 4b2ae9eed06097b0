package zypper

import (
	"fmt"
	"path/filepath"
	"regexp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// Options say which host is meant and how programs are run there.
type Options struct {
	Runner   hostexec.Runner
	Launcher patch.Launcher
	Root     string   // "" or "/" is this host; else zypper and rpm work below that folder, for tests
	Args     []string // extra global arguments of zypper
}

type backend struct {
	run    hostexec.Runner
	launch patch.Launcher
	root   string // "/" or an absolute path
	args   []string
}

var _ patch.Limited = (*backend)(nil)

// New returns the backend "zypper".
func New(o Options) patch.Backend {
	root := "/"
	if o.Root != "" {
		root = filepath.Clean(o.Root)
	}
	return &backend{run: o.Runner, launch: o.Launcher, root: root, args: o.Args}
}

func (*backend) Name() string { return "zypper" }

// Limits says what cannot be done here.
func (*backend) Limits() []string {
	return []string{
		"Old package files are only had from zypper's cache or the repositories: rpm cannot make one from installed files.",
		"A changed configuration file that its package does not mark noreplace is replaced; rpm keeps the changed one beside it as .rpmsave.",
		"Which configuration files a new version brings is only known once it is installed.",
		"A download that broke off within one package file starts that file anew, unless the server describes the file's parts in a metalink and zypper itself saw the download fail.",
		"While a server does not answer, zypper waits two minutes for each package, for up to ten of them.",
		"Package files are only taken from repositories of the type rpm-md, as the others state no SHA-256.",
		"Where a repository has gpgcheck off, its metadata and packages are believed as they come.",
		"A package signed with a key that rpm does not know cannot be installed, even where gpgcheck is off.",
		"zypper installs package by package: a run that is killed leaves some at the new version, and they are brought forward or back by name.",
		"A package that waits for a licence to be accepted is not updated: a person has to do that.",
		"A security update that changes the architecture of a package, to or from noarch, is not told from other updates.",
		"A lock by pattern, version or repository cannot be set or lifted, only one that names the package.",
		"Locks are set and lifted, and packages marked as automatically installed, by name only: for all architectures at once.",
		"What an update only recommends is not installed with it.",
		"zypper names no date until which metadata are valid to refuse an old repository by.",
	}
}

// cacheDir is where zypper may keep what it derives when it installs from
// files: with the host's own folders it would take our lack of repositories for
// a reason to delete their metadata.
func (b *backend) cacheDir() string { return filepath.Join(b.root, "var/cache/lockfast/zypper") }

// open shows the host's files.
func (b *backend) open() (*hostfs.Root, error) { return hostfs.Open(b.root) }

var (
	nameForm    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+-]*$`)
	archForm    = regexp.MustCompile(`^[a-z0-9_]+$`)
	versionForm = regexp.MustCompile(`^([0-9]+:)?[A-Za-z0-9._+~^]+-[A-Za-z0-9._+~^]+$`)
	idForm      = regexp.MustCompile(`^[a-z0-9-]+$`)
)

// key names a package at any version.
type key struct{ name, arch string }

func keyOf(r patch.Ref) key { return key{r.Name, r.Arch} }

func (k key) String() string { return k.name + "." + k.arch }

// capability is how zypper is told of one package at one version. What is no
// name, architecture or version of rpm is refused, as zypper would read options
// and patterns into it.
func capability(r patch.Ref) (string, error) {
	if !nameForm.MatchString(r.Name) || !archForm.MatchString(r.Arch) || !versionForm.MatchString(r.Version) {
		return "", fmt.Errorf("cannot ask zypper for package %q, architecture %q, version %q: these are no names of rpm", r.Name, r.Arch, r.Version)
	}
	return r.Name + "." + r.Arch + "=" + r.Version, nil
}

// evr writes a version as zypper and rpm do for people; no epoch and epoch 0
// are the same.
func evr(epoch, version, release string) string {
	if epoch == "" || epoch == "0" || epoch == "(none)" {
		return version + "-" + release
	}
	return epoch + ":" + version + "-" + release
}
