package apt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
)

// listed is what apt's signed lists say of a package file.
type listed struct {
	patch.Ref
	size, installed int64 // bytes
	sha256          string
}

// show asks apt's lists about packages at versions. What no list has is left
// out: apt-cache exits 0 all the same.
//
// Answers are remembered: a plan asks for the same packages more than once.
func (b *Backend) show(ctx context.Context, refs []patch.Ref) (map[patch.Ref]listed, error) {
	var unasked []patch.Ref
	for _, r := range refs {
		if _, known := b.listed[r]; !known {
			unasked = append(unasked, r)
		}
	}
	if len(unasked) > 0 {
		found, err := b.ask(ctx, unasked)
		if err != nil {
			return nil, err
		}
		for _, r := range unasked {
			b.listed[r] = found[r]
		}
	}
	all := map[patch.Ref]listed{}
	for _, r := range refs {
		if l := b.listed[r]; l.sha256 != "" {
			all[r] = l
		}
	}
	return all, nil
}

func (b *Backend) ask(ctx context.Context, refs []patch.Ref) (map[patch.Ref]listed, error) {
	args := append([]string{"show", "--no-all-versions"}, b.aside...)
	for _, r := range refs {
		args = append(args, arg(r))
	}
	out, err := b.run(ctx, "apt-cache", args...)
	if err != nil {
		if strings.Contains(err.Error(), "No packages found") { // none of the names is listed at all
			return nil, nil
		}
		return nil, err
	}
	all, err := parseListed(out)
	if err != nil {
		return nil, err
	}
	found := map[patch.Ref]listed{}
	for _, l := range all {
		if l.sha256 != "" { // it may have been asked for without its architecture
			found[l.Ref], found[patch.Ref{Name: l.Name, Version: l.Version}] = l, l
		}
	}
	return found, nil
}

// parseListed reads the stanzas of apt-cache show.
func parseListed(out []byte) ([]listed, error) {
	var all []listed
	for stanza := range bytes.SplitSeq(out, []byte("\n\n")) {
		var l listed
		for line := range bytes.Lines(stanza) {
			key, value, ok := bytes.Cut(line, []byte(":"))
			if !ok || line[0] == ' ' {
				continue
			}
			text := string(bytes.TrimSpace(value))
			var err error
			switch string(key) {
			case "Package":
				l.Name = text
			case "Version":
				l.Version = text
			case "Architecture":
				l.Arch = text
			case "SHA256":
				l.sha256 = text
			case "Size":
				l.size, err = strconv.ParseInt(text, 10, 64)
			case "Installed-Size": // in KiB, deb-control(5)
				l.installed, err = strconv.ParseInt(text, 10, 64)
				l.installed *= 1024
			}
			if err == nil && (l.size < 0 || l.installed < 0) {
				err = errors.New("it is negative")
			}
			if err != nil {
				return nil, fmt.Errorf("cannot read apt-cache's %s of %s: %w", key, l.Name, err)
			}
		}
		if l.Name != "" {
			all = append(all, l)
		}
	}
	return all, nil
}

// sizes adds to changes how much is to be fetched and what the disk will need.
func (b *Backend) sizes(ctx context.Context, changes []patch.Change) error {
	var refs []patch.Ref
	var names []string
	for _, c := range changes {
		if c.To != "" {
			refs = append(refs, patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.To})
			if c.From != "" { // whether the way back is listed is asked next
				refs = append(refs, patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.From})
			}
		}
		if c.From != "" {
			names = append(names, c.Name)
		}
	}
	found, err := b.show(ctx, refs)
	if err != nil {
		return err
	}
	now, err := b.occupied(ctx, names)
	if err != nil {
		return err
	}
	for i := range changes {
		c := &changes[i]
		var gone int64
		if c.From != "" {
			var same bool
			if gone, same = now[[2]string{c.Name, c.Arch}]; !same { // a removal does not say, and "all" may become "amd64"
				gone = now[[2]string{c.Name, ""}]
			}
		}
		l, ok := found[patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.To}]
		if ok {
			c.Size = l.size
			c.Disk = l.installed - gone
		}
		if c.To == "" {
			c.Disk = -gone
		}
	}
	return nil
}

// occupied says how many bytes installed packages take, by name and
// architecture, and by name and "".
func (b *Backend) occupied(ctx context.Context, names []string) (map[[2]string]int64, error) {
	now := map[[2]string]int64{}
	if len(names) == 0 {
		return now, nil
	}
	out, err := b.run(ctx, "dpkg-query", append([]string{"-W", "-f", "${Package}\t${Architecture}\t${Installed-Size}\n"}, names...)...)
	if err != nil {
		return nil, err
	}
	for line := range bytes.Lines(out) {
		f := bytes.Split(bytes.TrimSpace(line), []byte("\t"))
		if len(f) != 3 {
			continue // a package may not say its size
		}
		if kib, err := strconv.ParseInt(string(f[2]), 10, 64); err == nil {
			now[[2]string{string(f[0]), string(f[1])}] = kib * 1024
			now[[2]string{string(f[0]), ""}] = kib * 1024
		}
	}
	return now, nil
}
