package dnf

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// Options say which host is meant and how programs are run there.
type Options struct {
	Runner   hostexec.Runner
	Launcher patch.Launcher
	Root     string   // "" or "/" is this host; else dnf and rpm work below that folder, for tests
	Args     []string // extra arguments of every call of dnf
}

type backend struct {
	run    hostexec.Runner
	launch patch.Launcher
	root   string // "/" or an absolute path
	args   []string

	mu    sync.Mutex
	major string // of dnf's version, once it was asked for
}

var (
	_ patch.Limited          = (*backend)(nil)
	_ patch.Configured       = (*backend)(nil)
	_ patch.ChangedConffiles = (*backend)(nil)
	_ patch.Outlook          = (*backend)(nil)
)

// New returns the backend "dnf".
func New(o Options) patch.Backend {
	root := "/"
	if o.Root != "" {
		root = filepath.Clean(o.Root)
	}
	return &backend{run: o.Runner, launch: o.Launcher, root: root, args: o.Args}
}

func (*backend) Name() string { return "dnf" }

// Limits says what cannot be done here.
func (*backend) Limits() []string {
	return []string{
		"With dnf 5, the state of packages is read, but no updates are listed, fetched or installed: its answers have other forms.",
		"Old package files are only had from dnf's cache or the repositories: rpm cannot make one from installed files.",
		"A changed configuration file that its package does not mark noreplace is replaced; rpm keeps the changed one beside it as .rpmsave.",
		"Which configuration files a new version brings is only known once it is installed.",
		"A download that broke off within one package file starts that file anew with librepo before 2026.",
		"Where a repository has gpgcheck off, its packages are believed as its metadata name them, and where repo_gpgcheck is off, so are its metadata.",
		"A key that rpm does not know is never taken on for a package, even where gpgkey names it: import it first (rpm --import).",
		"A package file is only downloaded if dnf can solve the installation of its package.",
		"Locks of the versionlock plugin are read by name, from its usual list; they are obeyed, but neither set nor lifted.",
		"Packages that excludepkgs leaves out are not updated, and not shown as held.",
		"dnf marks packages as automatically installed, by a group or by a person; those that were installed weakly or for another become the same when they are marked again.",
		"What an update only recommends is not installed with it.",
		"Older kernels are not removed to make room for new ones, as dnf alone would do at its next run.",
		"rpm installs package by package: a run that is killed leaves some at the new version, and is completed before it is taken back.",
		"What is repaired after such a run by rpm itself does not stand in dnf's history.",
		"dnf names no date until which metadata are valid to refuse an old repository by, except where a metalink does.",
	}
}

// rpmName, rpmArch and rpmVersion are the forms that names, architectures and
// versions have: without what dnf would take for patterns, options or paths.
var (
	rpmName    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._+-]*$`)
	rpmArch    = regexp.MustCompile(`^[a-z0-9_]+$`)
	rpmVersion = regexp.MustCompile(`^(?:([0-9]+):)?([A-Za-z0-9._+~^]+)-([A-Za-z0-9._+~^]+)$`)
	orderID    = regexp.MustCompile(`^[a-z0-9-]+$`)
)

// open shows the host's files.
func (b *backend) open() (*hostfs.Root, error) { return hostfs.Open(b.root) }

var errDNF5 = errors.New("this host has dnf 5, and lockfast can change packages through dnf 4 only; use dnf 5 by hand")

// four makes sure that dnf is one whose answers are known here.
func (b *backend) four(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.major == "" {
		r, err := b.run.Run(ctx, hostexec.Cmd{Name: "dnf", Args: []string{"--version"}})
		if err != nil {
			return err
		}
		if b.major, err = parseMajor(string(r.Stdout)); err != nil || r.Code != 0 {
			return errors.Join(fmt.Errorf("cannot see which dnf this is (exit %d)", r.Code), err)
		}
	}
	switch b.major {
	case "4":
		return nil
	case "5":
		return errDNF5
	}
	return fmt.Errorf("this host has dnf %s, which lockfast does not know", b.major)
}

// parseMajor reads "4.14.0" and "dnf5 version 5.2.8.1".
func parseMajor(text string) (string, error) {
	m := regexp.MustCompile(`^(?:dnf5 version )?([0-9]{1,3})\.[0-9]`).FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("dnf --version says %q", oneLine(text))
	}
	return m[1], nil
}

// oneLine makes a text fit into a message.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	const most = 500
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + " …"
	}
	return s
}
