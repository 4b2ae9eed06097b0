package unattended

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/lockfast/lockfast/internal/collect/apt"
	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	listsDir = "var/lib/apt/lists"
	// maxRelease bounds a Release file; Debian's unstable has 300 KiB.
	maxRelease = 16 << 20
	// maxArchives bounds how many Release files are read.
	maxArchives = 300
)

// Archive is what apt knows of an archive that the host uses.
type Archive struct {
	Site, Origin, Label, Suite, Codename string

	// Manual: nothing comes from it by itself, as from backports.
	Manual bool
}

// archives reads the Release files that apt has kept.
func archives(fsys fs.FS) ([]Archive, error) {
	names, err := list(fsys, listsDir)
	if err != nil {
		return nil, err
	}
	var all []Archive
	for _, name := range names {
		_, inline := strings.CutSuffix(name, "_InRelease")
		if _, plain := strings.CutSuffix(name, "_Release"); !inline && !plain {
			continue
		}
		if len(all) >= maxArchives {
			return nil, fmt.Errorf("cannot read the lists in /%s: there are more than %d archives", listsDir, maxArchives)
		}
		file := path.Join(listsDir, name)
		data, err := hostfs.ReadLimited(fsys, file, maxRelease)
		if err != nil {
			return nil, fmt.Errorf("cannot read /%s: %w", file, reason(err))
		}
		r, err := apt.ParseRelease("/"+file, data)
		if err != nil {
			return nil, fmt.Errorf("cannot read %w; run apt-get update", err)
		}
		site, _, _ := strings.Cut(name, "_")
		all = append(all, Archive{Site: site, Origin: r.Origin, Label: r.Label, Suite: r.Suite, Codename: r.Codename, Manual: r.NotAutomatic})
	}
	if len(all) == 0 {
		return nil, errors.New("apt has no lists yet; run apt-get update")
	}
	return all, nil
}

// name is how an archive is called in messages.
func (a Archive) name() string {
	suite := a.Suite
	if a.Codename != "" && !strings.HasPrefix(suite, a.Codename) {
		suite = a.Codename
	}
	origin := a.Origin
	if origin == "" {
		origin = a.Site
	}
	return clip(strings.TrimSpace(origin + " " + suite))
}

// security reports whether an archive holds nothing but fixes of holes: by its
// label, suite or codename, or as Ubuntu's extended maintenance.
func (a Archive) security() bool {
	if strings.HasPrefix(a.Origin, "UbuntuESM") {
		return !strings.HasSuffix(a.Suite, "-updates")
	}
	for _, word := range []string{a.Label, a.Suite, a.Codename} {
		if word = strings.ToLower(word); word == "security" || strings.HasSuffix(word, "-security") || strings.HasSuffix(word, "/security") {
			return true
		}
	}
	return false
}

// frozen reports whether nothing new ever comes: what Ubuntu published on the
// day of a release stays as it is.
func (a Archive) frozen() bool { return a.Origin == "Ubuntu" && a.Suite == a.Codename }

// sibling reports whether an archive is where fixes wait that come to another
// one with the next point release, as in Debian's -updates.
func (a Archive) sibling(of Archive) bool {
	return a.Origin == of.Origin && a.Codename == of.Codename+"-updates"
}
