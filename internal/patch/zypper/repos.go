package zypper

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	// rawCache is where zypper keeps verified metadata.
	rawCache = "var/cache/zypp/raw"
	// packageCache is where it keeps package files, for repositories with
	// keeppackages on.
	packageCache = "var/cache/zypp/packages"

	repomdLimit = 16 << 20
)

// enabled lists the enabled repositories. None at all is an error: a host
// without repositories has no updates to offer, which nobody should take for
// "nothing to do".
func (b *backend) enabled(ctx context.Context) ([]repo, error) {
	s, err := b.list(ctx, []int{exitNoRepos}, "--no-refresh", "repos")
	if err != nil {
		return nil, err
	}
	if s.RepoList == nil {
		return nil, errors.New("zypper listed no repositories, not even an empty list")
	}
	var on []repo
	for _, r := range s.RepoList.Repos {
		if r.Enabled != "1" {
			continue
		}
		if r.Alias == "" {
			return nil, errors.New("zypper lists a repository without an alias")
		}
		on = append(on, r)
	}
	if len(on) == 0 {
		return nil, errors.New("zypper has no enabled repository: add one with zypper addrepo, or enable one with zypper modifyrepo --enable")
	}
	return on, nil
}

// folder is the name that a repository's folders have in zypper's caches.
func (r *repo) folder() string { return strings.ReplaceAll(r.Alias, "/", "_") }

// metadata is what repomd.xml states of one repository.
type metadata struct {
	repo  repo
	dir   string // folder that its locations are relative to
	files map[string]metafile
}

type metafile struct{ name, sha256 string }

// metadata reads the repomd.xml of a repository. It is an error if zypper holds
// none: it would fetch them without being asked.
func (b *backend) metadata(fsys fs.FS, r repo) (*metadata, error) {
	top := path.Join(rawCache, r.folder())
	var file string
	err := fs.WalkDir(fsys, top, func(name string, _ fs.DirEntry, err error) error {
		if err == nil && path.Base(name) == "repomd.xml" && path.Base(path.Dir(name)) == "repodata" {
			file = name
		}
		return err
	})
	if err == nil && file == "" && r.Type != "" && r.Type != "rpm-md" && r.Type != "NONE" {
		return nil, fmt.Errorf("repository %s is of the type %s, which states no digests of packages: only rpm-md is supported", r.Alias, r.Type)
	}
	if errors.Is(err, fs.ErrNotExist) || err == nil && file == "" {
		return nil, fmt.Errorf("there are no metadata of repository %s below /%s: run zypper refresh", r.Alias, top)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look for metadata of repository %s: %w", r.Alias, err)
	}
	data, err := hostfs.ReadLimited(fsys, file, repomdLimit)
	if err != nil {
		return nil, fmt.Errorf("cannot read /%s: %w", file, err)
	}
	files, err := parseRepomd(data)
	if err != nil {
		return nil, fmt.Errorf("/%s: %w: run zypper refresh --force", file, err)
	}
	return &metadata{repo: r, dir: path.Dir(path.Dir(file)), files: files}, nil
}

// parseRepomd returns the metadata files by type.
func parseRepomd(data []byte) (map[string]metafile, error) {
	var x struct {
		XMLName xml.Name `xml:"repomd"`
		Data    []struct {
			Type     string `xml:"type,attr"`
			Checksum struct {
				Type  string `xml:"type,attr"`
				Value string `xml:",chardata"`
			} `xml:"checksum"`
			Location struct {
				Href string `xml:"href,attr"`
			} `xml:"location"`
		} `xml:"data"`
	}
	if err := xml.Unmarshal(data, &x); err != nil {
		return nil, err
	}
	files := map[string]metafile{}
	for _, d := range x.Data {
		if d.Type != "primary" && d.Type != "updateinfo" {
			continue
		}
		if d.Checksum.Type != "sha256" {
			return nil, fmt.Errorf("the digest of %s is %q, where only sha256 is believed", d.Type, d.Checksum.Type)
		}
		if !fs.ValidPath(d.Location.Href) || files[d.Type].name != "" {
			return nil, fmt.Errorf("it states %s at %q", d.Type, d.Location.Href)
		}
		files[d.Type] = metafile{name: d.Location.Href, sha256: strings.ToLower(strings.TrimSpace(d.Checksum.Value))}
	}
	if files["primary"].name == "" {
		return nil, errors.New("it names no list of packages")
	}
	return files, nil
}

// allMetadata reads the repomd.xml of every enabled repository.
func (b *backend) allMetadata(ctx context.Context, fsys fs.FS) ([]*metadata, error) {
	repos, err := b.enabled(ctx)
	if err != nil {
		return nil, err
	}
	var all []*metadata
	for _, r := range repos {
		m, err := b.metadata(fsys, r)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return all, nil
}
