package apt

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"strings"

	"github.com/lockfast/lockfast/internal/collect/packed"
	"github.com/lockfast/lockfast/internal/inventory"
	"github.com/lockfast/lockfast/internal/pkgver"
)

// listLimit bounds a decompressed list; Debian's main has 50 MB.
const listLimit = 1 << 30

// offer is one version of an installed package's name in one list.
type offer struct {
	archive       int
	version       string
	arch          string
	source        string
	sourceVersion string
	maintainer    string
	depends       string // Pre-Depends and Depends; only of versions newer than an installed one
	provides      string // likewise
}

// known is what the lists say of one installed package name.
type known struct {
	installed []int // into the inventory's packages
	offers    []offer
}

// sourceSeen is what the lists say of one installed package's source.
type sourceSeen struct {
	version    [5]string // newest, by kind of archive
	maintainer [5]string
}

// catalogue is what the lists say of what is installed.
type catalogue struct {
	packages map[string]*known
	sources  map[string]*sourceSeen
	inv      *inventory.Inventory
	native   string
	kernels  kernels
}

func newCatalogue(inv *inventory.Inventory) *catalogue {
	c := &catalogue{packages: make(map[string]*known, len(inv.Packages)), sources: make(map[string]*sourceSeen, len(inv.Packages)), inv: inv, native: nativeArch(inv), kernels: newKernels()}
	for i := range inv.Packages {
		p := &inv.Packages[i]
		if p.Manager != inventory.Dpkg || !p.State.Present() {
			continue
		}
		k := c.packages[p.Name]
		if k == nil {
			k = &known{}
			c.packages[p.Name] = k
		}
		k.installed = append(k.installed, i)
		if c.sources[p.Source] == nil {
			c.sources[p.Source] = &sourceSeen{}
		}
	}
	return c
}

// read takes the offers of one list. The list is compared with what its Release
// file states of it; an error names the list.
func (c *catalogue) read(ctx context.Context, fsys fs.FS, archives []archive, at int) error {
	a := &archives[at]
	f, err := fsys.Open(a.path)
	if err != nil {
		return fmt.Errorf("cannot open list /%s: %v", a.path, err)
	}
	defer func() { _ = f.Close() }()
	plain, err := packed.NewReader(f, a.path)
	if err != nil {
		return fmt.Errorf("cannot decompress list /%s: %v", a.path, err)
	}
	defer func() { _ = plain.Close() }()
	stated, checkable := a.release.Indexes[a.stated]
	m := &measured{ctx: ctx, r: packed.Limit(plain, listLimit)}
	if checkable && stated.Hashed {
		m.sum = sha256.New()
	}
	want := func(pkg, source []byte) bool {
		if c.packages[string(pkg)] != nil {
			return true
		}
		if source == nil {
			source = pkg
		}
		return c.sources[string(source)] != nil
	}
	err = ParsePackages("/"+a.path, m, want, func(s Stanza) error { return c.add(s, a, at) })
	if err != nil {
		return err
	}
	if checkable {
		return m.compare(a, stated)
	}
	return comparePacked(f, a)
}

// measured counts and digests what is read, and stops with its context.
type measured struct {
	ctx  context.Context //nolint:containedctx // lives for one reading only
	r    io.Reader
	size int64
	sum  hash.Hash
}

func (m *measured) Read(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	m.size += int64(n)
	if m.sum != nil {
		m.sum.Write(p[:n])
	}
	return n, err
}

func (m *measured) compare(a *archive, stated File) error {
	if m.size != stated.Size {
		return fmt.Errorf("/%s has %d bytes where the Release file states %d", a.path, m.size, stated.Size)
	}
	if m.sum != nil && [sha256.Size]byte(m.sum.Sum(nil)) != stated.SHA256 {
		return fmt.Errorf("/%s is not the file the Release file states (its SHA-256 differs)", a.path)
	}
	return nil
}

// comparePacked compares the size of a list kept compressed, where the Release
// file states nothing of the plain one.
func comparePacked(f fs.File, a *archive) error {
	for _, ending := range packed.Endings()[1:] {
		stated, ok := a.release.Indexes[a.stated+ending]
		if !ok || !strings.HasSuffix(a.path, ending) {
			continue
		}
		if info, err := f.Stat(); err == nil && info.Size() != stated.Size {
			return fmt.Errorf("/%s has %d bytes where the Release file states %d", a.path, info.Size(), stated.Size)
		}
	}
	return nil
}

// add takes one stanza of an installed name or source.
func (c *catalogue) add(s Stanza, a *archive, at int) error {
	version := string(s.Field("Version"))
	if version == "" {
		return errors.New("a stanza without a Version field")
	}
	name := string(s.Field("Package"))
	o := offer{archive: at, version: version, arch: string(s.Field("Architecture")), maintainer: string(s.Field("Maintainer"))}
	o.source, o.sourceVersion = splitSource(string(s.Field("Source")), name, version)
	c.addSource(&o, a.kind)
	if a.security {
		c.kernels.see(name, &o)
	}
	k := c.packages[name]
	if k == nil {
		return nil
	}
	if o.arch == "" {
		return errors.New("a stanza without an Architecture field")
	}
	for _, i := range k.installed {
		if pkgver.CompareDpkg(version, c.inv.Packages[i].Version) > 0 {
			o.depends = strings.TrimPrefix(string(s.Field("Pre-Depends"))+", "+string(s.Field("Depends")), ", ")
			o.provides = string(s.Field("Provides"))
			break
		}
	}
	k.offers = append(k.offers, o)
	return nil
}

func (c *catalogue) addSource(o *offer, kind inventory.OriginKind) {
	seen := c.sources[o.source]
	if seen == nil || seen.version[kind] == o.sourceVersion {
		return
	}
	if seen.version[kind] == "" || pkgver.CompareDpkg(o.sourceVersion, seen.version[kind]) > 0 {
		seen.version[kind], seen.maintainer[kind] = o.sourceVersion, o.maintainer
	}
}

// splitSource reads "name (version)"; a missing part is the binary's own.
func splitSource(field, name, version string) (source, sourceVersion string) {
	if field == "" {
		return name, version
	}
	source, rest, ok := strings.Cut(field, " ")
	rest = strings.TrimSpace(rest)
	if ok && len(rest) > 2 && rest[0] == '(' && rest[len(rest)-1] == ')' {
		return source, rest[1 : len(rest)-1]
	}
	return source, version
}

// of returns the offers an installed package could come from or be replaced
// by: those of its architecture, and between "all" and the native one.
func (c *catalogue) of(p *inventory.Package) []offer {
	k := c.packages[p.Name]
	if k == nil {
		return nil
	}
	var fit []offer
	for _, o := range k.offers {
		if o.arch == p.Arch || o.arch == "all" && p.Arch == c.native || p.Arch == "all" && o.arch == c.native {
			fit = append(fit, o)
		}
	}
	return fit
}
