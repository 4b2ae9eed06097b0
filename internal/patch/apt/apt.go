package apt

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
)

// Options make a backend.
type Options struct {
	Runner   hostexec.Runner
	Launcher patch.Launcher
	FS       fs.FS // the host's "/"
	// Offers lists the updates on offer; apt's own lists are read elsewhere.
	Offers func(ctx context.Context) ([]patch.Offer, error)
	// Snapshot is a file of sources.list(5) that names archives of older versions;
	// empty: none is configured.
	Snapshot string
	// Lists is a folder of ours for the lists of Snapshot.
	Lists string
	// Repack makes a package file of an installed package in dir; nil: it is not
	// done.
	Repack func(ref patch.Ref, dir string) (patch.Archive, error)
	// Config is a file of apt.conf(5) that says how the network is reached; empty:
	// as the host's own configuration says.
	Config string
}

// Backend speaks to apt.
type Backend struct {
	o Options
	// aside are settings for apt that turn it to other archives than the host's.
	aside []string
	// listed is what was asked of apt's lists. Not safe for concurrent use.
	listed map[patch.Ref]listed
}

var (
	_ patch.Backend    = (*Backend)(nil)
	_ patch.Configured = (*Backend)(nil)
)

// New returns the backend.
func New(o Options) *Backend { return &Backend{o: o, listed: map[patch.Ref]listed{}} }

// Name is "apt".
func (*Backend) Name() string { return "apt" }

// environment is what programs get that may use the network.
func (b *Backend) environment() []string {
	if b.o.Config == "" {
		return quiet
	}
	return append(slices.Clone(quiet), "APT_CONFIG="+b.o.Config)
}

// quiet keeps package scripts and apt's plug-ins from asking or restarting.
var quiet = []string{ //nolint:gochecknoglobals // a constant list
	"DEBIAN_FRONTEND=noninteractive", "APT_LISTCHANGES_FRONTEND=none", "APT_LISTBUGS_FRONTEND=none", "UCF_FORCE_CONFFOLD=1",
	"NEEDRESTART_SUSPEND=1", "HOME=/root", "LC_ALL=C.UTF-8",
}

// run runs a program that must succeed.
func (b *Backend) run(ctx context.Context, name string, args ...string) ([]byte, error) {
	r, err := b.o.Runner.Run(ctx, hostexec.Cmd{Name: name, Args: args, Env: b.environment()})
	if err != nil {
		return nil, err
	}
	if r.Code != 0 {
		return nil, failure(name, r)
	}
	return r.Stdout, nil
}

// failure makes an error of what a program printed: apt marks errors with "E:",
// dpkg with its name.
func failure(name string, r hostexec.Result) error {
	var lines []string
	for line := range strings.Lines(string(r.Stderr) + "\n" + string(r.Stdout)) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "E: "); ok {
			lines = append(lines, text)
		} else if strings.HasPrefix(line, "dpkg") && strings.Contains(line, "error") {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		text := strings.TrimSpace(string(r.Stderr))
		if i := strings.LastIndexByte(text, '\n'); i >= 0 {
			text = text[i+1:]
		}
		return fmt.Errorf("%s failed (exit %d): %s", name, r.Code, text)
	}
	const most = 3
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("and %d more", len(lines)-most))
	}
	return fmt.Errorf("%s failed (exit %d): %s", name, r.Code, strings.Join(lines, "; "))
}

// Refresh fetches the lists. apt-get update exits 0 on a bad signature and
// keeps the old lists unless it is told not to.
func (b *Backend) Refresh(ctx context.Context) error {
	if err := b.unlocked("/var/lib/apt/lists/lock"); err != nil {
		return err
	}
	_, err := b.run(ctx, "apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "-o", "DPkg::Lock::Timeout=60", "update")
	if err != nil {
		return fmt.Errorf("cannot refresh apt's lists: %w", err)
	}
	clear(b.listed)
	return nil
}

// Available lists the updates on offer.
func (b *Backend) Available(ctx context.Context) ([]patch.Offer, error) { return b.o.Offers(ctx) }

// arg names a package at a version on apt's command line.
func arg(r patch.Ref) string { return named(r) + "=" + r.Version }

// named names a package on apt's command line; "all" is no architecture there.
func named(r patch.Ref) string {
	if r.Arch == "" || r.Arch == "all" {
		return r.Name
	}
	return r.Name + ":" + r.Arch
}
