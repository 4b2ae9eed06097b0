package updateinfo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/collect/packed"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// updateinfoLimit bounds a decompressed updateinfo.xml; SUSE's largest have
// some 150 MB.
const updateinfoLimit = 512 << 20

type collector struct{ layout layout }

// NewDNF returns the collector "dnf": the caches of dnf 4 and dnf 5. It runs
// after "release" and "rpm".
func NewDNF() collect.Collector { return collector{dnfLayout()} }

// NewZypper returns the collector "zypper". It runs after "release" and "rpm".
func NewZypper() collect.Collector { return collector{zypperLayout()} }

func (c collector) Name() string { return c.layout.name }

// Collect fills Archives and Updates and gives packages of rpm an origin, by
// their vendor.
func (c collector) Collect(ctx context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	installed := newestInstalled(inv)
	if len(installed) == 0 {
		return inventory.Status{Outcome: inventory.NotApplicable}
	}
	repos, configured, problems := c.layout.enabled(host.FS)
	if !configured && len(problems) == 0 {
		return inventory.Status{Outcome: inventory.NotApplicable}
	}
	fillOrigins(inv)
	offers := newOffers(installed)
	read, withAdvisories := 0, 0
	for _, repo := range repos {
		has, err := c.repository(ctx, host.FS, repo, offers, inv)
		if err != nil {
			problems = append(problems, err.Error())
			continue
		}
		read++
		if has {
			withAdvisories++
		}
	}
	inv.Updates = append(inv.Updates, offers.updates()...)
	return c.status(len(repos), read, withAdvisories, problems)
}

func (c collector) status(repos, read, withAdvisories int, problems []string) inventory.Status {
	reason := strings.Join(problems, "; ")
	switch {
	case repos == 0 && reason == "":
		return inventory.Status{Outcome: inventory.Failed, Reason: "no repository is enabled in /" + strings.Join(c.layout.config, " or /")}
	case read == 0:
		return inventory.Status{Outcome: inventory.Failed, Reason: "no repository metadata could be read: " + reason}
	case withAdvisories == 0:
		return inventory.Status{Outcome: inventory.Failed, Reason: strings.TrimSuffix("no enabled repository carries advisories (updateinfo), so pending security updates cannot be told from others; "+reason, "; ")}
	case reason != "":
		return inventory.Status{Outcome: inventory.Partial, Reason: reason}
	}
	return inventory.Status{Outcome: inventory.Succeeded}
}

// repository reads the advisories of one repository; has is false when it
// carries none.
func (c collector) repository(ctx context.Context, fsys fs.FS, repo Repository, offers *offers, inv *inventory.Inventory) (has bool, err error) {
	dir := c.layout.folder(fsys, repo.ID)
	if dir == "" {
		return false, fmt.Errorf("no metadata of repository %s: run %s", repo.ID, c.layout.refresh)
	}
	file := path.Join(dir, "repomd.xml")
	data, err := hostfs.ReadLimited(fsys, file, repomdLimit)
	if err != nil {
		return false, fmt.Errorf("cannot read /%s: %v", file, err)
	}
	md, err := ParseRepomd("/"+file, data)
	if err != nil {
		return false, err
	}
	archive := inventory.Archive{Name: repo.ID, Date: md.Date, Security: md.Updateinfo != nil}
	if md.Updateinfo == nil {
		inv.Archives = append(inv.Archives, archive)
		return false, nil
	}
	var found []*Advisory
	err = advisories(ctx, fsys, path.Join(dir, md.Updateinfo.File), md.Updateinfo, func(a *Advisory) { found = append(found, offers.relevant(a)...) })
	if err != nil {
		return false, fmt.Errorf("repository %s: %w: run %s", repo.ID, err, c.layout.refresh)
	}
	for _, a := range found {
		offers.add(a, repo.ID)
	}
	inv.Archives = append(inv.Archives, archive)
	return true, nil
}

// advisories reads one updateinfo file and compares it with what repomd.xml
// states of it.
func advisories(ctx context.Context, fsys fs.FS, file string, stated *Metadata, each func(*Advisory)) error {
	f, err := fsys.Open(file)
	if err != nil {
		return fmt.Errorf("cannot open /%s: %v", file, err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	stored := &counted{ctx: ctx, r: io.TeeReader(f, sum)}
	plain, err := packed.NewReader(stored, file)
	if err != nil {
		return fmt.Errorf("cannot decompress /%s: %v", file, err)
	}
	defer func() { _ = plain.Close() }()
	if err := Parse("/"+file, packed.Limit(plain, updateinfoLimit), each); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, stored); err != nil {
		return fmt.Errorf("cannot read /%s: %v", file, err)
	}
	if stated.Size > 0 && stored.n != stated.Size {
		return fmt.Errorf("/%s has %d bytes where repomd.xml states %d", file, stored.n, stated.Size)
	}
	if stated.SHA256 != "" && hex.EncodeToString(sum.Sum(nil)) != stated.SHA256 {
		return fmt.Errorf("/%s is not the file repomd.xml states (its SHA-256 differs)", file)
	}
	return nil
}

// counted counts the bytes read and stops with its context.
type counted struct {
	ctx context.Context //nolint:containedctx // lives for one reading only
	r   io.Reader
	n   int64
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
