package unattended

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/lockfast/lockfast/internal/collect/release"
	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// Setup is how unattended-upgrades is set up on a host.
type Setup struct {
	Options  *Tree
	Included []string // files that the configuration names and that were not read
	Program  bool     // unattended-upgrades is installed
	Systemd  bool     // systemd runs the timers; else cron runs apt daily, where it is
	Cron     bool     // apt's daily script of cron is there
	Update   Timer    // apt-daily.timer: asks the archives and downloads
	Upgrade  Timer    // apt-daily-upgrade.timer: installs
	Release  inventory.Release
	Archives []Archive
	// NoArchives says why Archives could not be read; empty otherwise.
	NoArchives string
}

// Read looks at a host. With a runner apt itself says what its configuration is;
// without one, for a host that does not run, its files are read.
func Read(ctx context.Context, fsys fs.FS, run hostexec.Runner) (*Setup, error) {
	s := &Setup{}
	var err error
	if run != nil {
		s.Options, err = effective(ctx, run)
	} else {
		s.Options, s.Included, err = readFiles(fsys)
	}
	if err != nil {
		return nil, err
	}
	if s.Update, err = readTimer(fsys, "apt-daily.timer"); err != nil {
		return nil, err
	}
	if s.Upgrade, err = readTimer(fsys, "apt-daily-upgrade.timer"); err != nil {
		return nil, err
	}
	if err := s.programs(fsys); err != nil {
		return nil, err
	}
	if err := s.distribution(fsys); err != nil {
		return nil, err
	}
	if s.Archives, err = archives(fsys); err != nil {
		s.NoArchives = err.Error()
	}
	return s, nil
}

func (s *Setup) programs(fsys fs.FS) error {
	for _, look := range []struct {
		at   *bool
		name string
	}{
		{&s.Program, "usr/bin/unattended-upgrade"},
		{&s.Systemd, "lib/systemd/systemd"},
		{&s.Systemd, "usr/lib/systemd/systemd"},
		{&s.Cron, "etc/cron.daily/apt-compat"},
	} {
		there, err := hostfs.Exists(fsys, look.name)
		if err != nil {
			return fmt.Errorf("cannot see whether /%s is there: %w", look.name, reason(err))
		}
		*look.at = *look.at || there
	}
	return nil
}

func (s *Setup) distribution(fsys fs.FS) error {
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		data, err := hostfs.ReadLimited(fsys, name, maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			s.Release, err = release.ParseOSRelease("/"+name, data)
		}
		if err != nil {
			return fmt.Errorf("cannot read the distribution's name: %w", err)
		}
		return nil
	}
	return errors.New("cannot read the distribution's name: neither /etc/os-release nor /usr/lib/os-release is there; is this the root of a host?")
}

// variables are what unattended-upgrades puts into patterns of origins:
// lsb_release writes the name with a capital.
func (s *Setup) variables() map[string]string {
	id := s.Release.ID
	if id != "" {
		id = strings.ToUpper(id[:1]) + id[1:]
	}
	return map[string]string{"distro_id": id, "distro_codename": s.Release.Codename}
}

// Found reports whether there is anything to convert: the program, or options
// of it.
func (s *Setup) Found() bool {
	return s.Program || s.Options.Has("Unattended-Upgrade") || s.Options.Has("APT::Periodic")
}
