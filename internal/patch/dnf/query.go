package dnf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
)

// offerFormat is one line for each package that a repository holds. chksum is
// documented for dnf's Python, and prints as that does: "(2, b'\x1c…')".
const offerFormat = `%{name}\t%{epoch}\t%{version}\t%{release}\t%{arch}\t%{repoid}\t%{downloadsize}\t%{installsize}\t%{sourcerpm}\t%{chksum}\n`

// offered is a package file that a repository holds.
type offered struct {
	patch.Ref
	repo   string
	size   int64
	disk   int64 // bytes when installed
	source string
	sha256 string // empty where the repository states none
}

// index are the package files of the enabled repositories.
type index map[key][]offered

// at returns the files of one package at one version; those whose digest is
// stated come first.
func (x index) at(r patch.Ref) []offered {
	var found []offered
	for _, o := range x[keyOf(r)] {
		if o.Version == r.Version {
			found = append(found, o)
		}
	}
	slices.SortStableFunc(found, func(a, b offered) int { return min(len(b.sha256), 1) - min(len(a.sha256), 1) })
	return found
}

// query lists package files that the repositories hold: those named, or with
// "--upgrades" the newer ones.
func (b *backend) query(ctx context.Context, what ...string) (index, error) {
	if len(what) == 0 {
		return index{}, nil
	}
	args := slices.Concat(fromCache, []string{"repoquery", "--qf", offerFormat}, what)
	text, err := b.must(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("cannot read what the repositories hold: %w", err)
	}
	return parseOffered(text)
}

// queryFor lists the files of packages, at all versions.
func (b *backend) queryFor(ctx context.Context, refs []patch.Ref) (index, error) {
	var names []string
	for _, r := range refs {
		if !rpmName.MatchString(r.Name) {
			return nil, fmt.Errorf("cannot ask dnf for package %q: that is no name of a package", r.Name)
		}
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return b.query(ctx, slices.Compact(names)...)
}

func parseOffered(text string) (index, error) {
	x := index{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" { // dnf 4 ends each line once more
			continue
		}
		o, err := parseOffer(line)
		if err != nil {
			return nil, fmt.Errorf("cannot read what dnf printed of a package: %w: %q", err, oneLine(line))
		}
		x[keyOf(o.Ref)] = append(x[keyOf(o.Ref)], o)
	}
	return x, nil
}

func parseOffer(line string) (offered, error) {
	f := strings.Split(line, "\t")
	if len(f) != 10 {
		return offered{}, fmt.Errorf("it has %d fields", len(f))
	}
	o := offered{Ref: patch.Ref{Name: f[0], Arch: f[4], Version: evr(f[1], f[2], f[3])}, repo: f[5], source: sourceName(f[8])}
	if _, err := nevra(o.Ref); err != nil || o.repo == "" {
		return offered{}, errors.Join(errors.New("it has no name, version or repository"), err)
	}
	var err error
	if o.size, err = strconv.ParseInt(f[6], 10, 64); err != nil {
		return offered{}, errors.New("its size is no number")
	}
	if o.disk, err = strconv.ParseInt(f[7], 10, 64); err != nil {
		return offered{}, errors.New("its installed size is no number")
	}
	o.sha256, err = parseChecksum(f[9])
	return o, err
}

// parseChecksum reads "(2, b'…')". Digests of other lengths than SHA-256 are
// no error, but useless.
func parseChecksum(text string) (string, error) {
	if text == "(none)" {
		return "", nil
	}
	inner, ok := strings.CutSuffix(text, ")")
	_, literal, found := strings.Cut(inner, ", b")
	if !ok || !found || !strings.HasPrefix(text, "(") {
		return "", errors.New("its checksum has an unknown form")
	}
	raw, err := pythonBytes(literal)
	if err != nil || len(raw) != sha256.Size {
		return "", err
	}
	return hex.EncodeToString(raw), nil
}

// pythonBytes reads what Python's repr writes of bytes, after the "b".
func pythonBytes(s string) ([]byte, error) {
	bad := errors.New("its checksum is no literal of Python")
	if len(s) < 2 || s[0] != s[len(s)-1] || s[0] != '\'' && s[0] != '"' {
		return nil, bad
	}
	quote, s := s[0], s[1:len(s)-1]
	escapes := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '\\': '\\', '\'': '\'', '"': '"'}
	var out []byte
	for len(s) > 0 {
		c, plain := escapes[next(s)]
		switch {
		case s[0] == quote || s[0] < ' ' || s[0] > '~':
			return nil, bad
		case s[0] != '\\':
			out, s = append(out, s[0]), s[1:]
		case plain:
			out, s = append(out, c), s[2:]
		case next(s) == 'x' && len(s) >= 4:
			n, err := strconv.ParseUint(s[2:4], 16, 8)
			if err != nil {
				return nil, bad
			}
			out, s = append(out, byte(n)), s[4:]
		default:
			return nil, bad
		}
	}
	return out, nil
}

// next is the second byte.
func next(s string) byte {
	if len(s) < 2 {
		return 0
	}
	return s[1]
}
