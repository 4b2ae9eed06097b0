package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// The public addresses.
const (
	DefaultOSV  = "https://osv-vulnerabilities.storage.googleapis.com"
	DefaultKEV  = "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
	DefaultEPSS = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"
)

// None as an address leaves a source out.
const None = "none"

// SyncOptions say what to fetch from where. Zero values are the public
// addresses and the usual limits.
type SyncOptions struct {
	Options
	Families  []string // distributions to fetch records of, see [Families]
	OSV       string   // base address; a family's records are at <base>/<family>/all.zip
	KEV       string   // address of the catalogue, or [None]
	EPSS      string   // address of the scores, or [None]
	Cache     string   // folder for what was downloaded
	AllowHTTP bool     // addresses without https beyond this machine
	MaxBytes  int64    // of one download; 4 GiB when zero
	Attempts  int      // of one download before it is given up; 4 when zero
	Wait      time.Duration
	Client    *http.Client // for tests; its redirect policy is replaced
}

// Families returns the distributions whose records a host needs; empty when
// Lockfast knows none for it.
func Families(rel inventory.Release) []string {
	eco, ok := advisory.ExpectedEcosystem(rel)
	if !ok {
		return nil
	}
	return []string{eco.Family()}
}

// resource is one file to fetch.
type resource struct {
	name string // in the cache
	url  string
}

// Sync fetches what has changed and writes the store out.
//
// Nothing replaces the cached copy of a source before it was imported, and
// nothing replaces the store before all of it was. A source that cannot be
// fetched now keeps its cached copy and its old age; the store is written then,
// and the error says which source that is. Without a cached copy nothing is
// written.
func Sync(ctx context.Context, o SyncOptions, out string) (advisory.Meta, error) {
	resources, err := o.resources()
	if err != nil {
		return advisory.Meta{}, err
	}
	if err := hostfs.MkdirAll(o.Cache, 0o755); err != nil {
		return advisory.Meta{}, fmt.Errorf("cannot make the download cache %s: %v", o.Cache, pathless(err))
	}
	f, err := newFetcher(o)
	if err != nil {
		return advisory.Meta{}, err
	}
	inputs, late, err := f.fetchAll(ctx, resources)
	if err != nil {
		return advisory.Meta{}, err
	}
	meta, err := importInputs(ctx, o.Options, out, inputs)
	if err != nil {
		return advisory.Meta{}, errors.Join(err, f.discard(ctx, resources))
	}
	if err := f.keep(resources); err != nil {
		return meta, err
	}
	return meta, late
}

func (o *SyncOptions) resources() ([]resource, error) {
	if o.Cache == "" {
		return nil, errors.New("cannot sync advisories: no cache folder given")
	}
	var list []resource
	for _, family := range o.Families {
		base := cmp.Or(o.OSV, DefaultOSV)
		list = append(list, resource{"osv-" + url.PathEscape(family) + ".zip", base + "/" + url.PathEscape(family) + "/all.zip"})
	}
	if address := cmp.Or(o.KEV, DefaultKEV); address != None {
		list = append(list, resource{"kev.json", address})
	}
	if address := cmp.Or(o.EPSS, DefaultEPSS); address != None {
		list = append(list, resource{"epss.csv.gz", address})
	}
	if len(list) == 0 {
		return nil, errors.New("cannot sync advisories: nothing to fetch; name an ecosystem, KEV or EPSS")
	}
	for _, r := range list {
		if err := allowed(r.url, o.AllowHTTP); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// fetchAll returns the files to import. late says which sources could not be
// fetched now and come from the cache as they are.
func (f *fetcher) fetchAll(ctx context.Context, resources []resource) (inputs []input, late, err error) {
	for _, r := range resources {
		err := f.fetch(ctx, r)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		e := f.state.Files[r.name]
		switch {
		case err == nil:
		case e.Size == 0 || !f.cached(r):
			return nil, nil, err
		default:
			late = errors.Join(late, fmt.Errorf("%w; the copy of %s is used", err, e.Checked.Format(time.DateOnly)))
		}
		in := input{path: f.path(r.name), fetched: scheme(r.url), checked: e.Checked}
		if e.Part != nil && e.Part.Complete {
			in.path, in.checked = f.path(r.name+partSuffix), f.o.Now
		}
		inputs = append(inputs, in)
	}
	return inputs, late, nil
}

func scheme(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme
}

func (f *fetcher) path(name string) string { return filepath.Join(f.o.Cache, name) }
