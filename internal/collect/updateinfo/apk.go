package updateinfo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

type apkOrigins struct{}

// NewAPK returns the collector "apk-repositories", which gives packages of apk
// an origin. apk's database does not say which repository a package came from:
// it is known only where all repositories are the distribution's own. It runs
// after "release" and "apk".
func NewAPK() collect.Collector { return apkOrigins{} }

func (apkOrigins) Name() string { return "apk-repositories" }

// Collect reads /etc/apk/repositories and repositories.d.
func (apkOrigins) Collect(_ context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	if !slices.ContainsFunc(inv.Packages, func(p inventory.Package) bool { return p.Manager == inventory.APK }) {
		return inventory.Status{Outcome: inventory.NotApplicable}
	}
	repositories, err := apkRepositories(host.FS)
	origin := apkOrigin(repositories, inv.Release)
	status := inventory.Status{Outcome: inventory.Succeeded}
	if err != nil {
		origin = inventory.Origin{Reason: err.Error()}
		status = inventory.Status{Outcome: inventory.Failed, Reason: err.Error()}
	}
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if p.Manager != inventory.APK || !p.State.Present() {
			continue
		}
		p.Origin = origin
		if strings.HasPrefix(p.Name, ".") {
			p.Origin = inventory.Origin{Kind: inventory.OriginLocal, Reason: "a virtual package made by apk add --virtual"}
		}
	}
	return status
}

func apkRepositories(fsys fs.FS) ([]string, error) {
	files := []string{"etc/apk/repositories"}
	more, err := fs.Glob(fsys, "etc/apk/repositories.d/*.list")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, file := range append(files, more...) {
		data, err := hostfs.ReadLimited(fsys, file, configLimit)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read /%s: %v", file, err)
		}
		for line := range bytes.Lines(data) {
			text, _, _ := strings.Cut(string(line), "#")
			if fields := strings.Fields(text); len(fields) > 0 {
				all = append(all, fields[len(fields)-1]) // "@tag address" has the address last
			}
		}
	}
	return all, nil
}

// apkOrigin judges by addresses: every mirror of Alpine keeps the path
// "v3.20/main".
func apkOrigin(repositories []string, host inventory.Release) inventory.Origin {
	if len(repositories) == 0 {
		return inventory.Origin{Reason: "no repository is configured in /etc/apk/repositories"}
	}
	alpine := regexp.MustCompile(`/(v[0-9]+\.[0-9]+|edge|latest-stable)/(main|community|testing)/?$`)
	for _, r := range repositories {
		m := alpine.FindStringSubmatch(r)
		if host.ID != "alpine" || m == nil {
			return inventory.Origin{Reason: "the repository " + r + " is not the distribution's, and apk does not record where a package came from"}
		}
		if host.VersionID != "" && m[1] != "latest-stable" && !strings.HasPrefix(host.VersionID+".", strings.TrimPrefix(m[1], "v")+".") {
			return inventory.Origin{Reason: "the repository " + r + " is of another release, and apk does not record where a package came from"}
		}
	}
	return inventory.Origin{Kind: inventory.OriginDistribution, Archive: "Alpine " + host.VersionID}
}
