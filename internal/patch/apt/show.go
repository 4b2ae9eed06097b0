package apt

import (
	"bytes"
	"context"
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
	byName := map[[2]string]patch.Ref{}
	for _, r := range refs {
		args = append(args, arg(r))
		byName[[2]string{r.Name, r.Version}] = r
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
		r, asked := byName[[2]string{l.Name, l.Version}]
		if asked && (r.Arch == "" || r.Arch == l.Arch) && l.sha256 != "" {
			found[r] = l
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
	names := []string{"-W", "-f", "${Package}\t${Architecture}\t${Installed-Size}\n"}
	installs := len(names)
	for _, c := range changes {
		if c.To != "" {
			refs = append(refs, patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.To})
			if c.From != "" { // whether the way back is listed is asked next
				refs = append(refs, patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.From})
			}
		}
		if c.From != "" {
			names = append(names, named(patch.Ref{Name: c.Name, Arch: c.Arch}))
		}
	}
	found, err := b.show(ctx, refs)
	if err != nil {
		return err
	}
	now := map[[2]string]int64{}
	if len(names) > installs {
		out, err := b.run(ctx, "dpkg-query", names...)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(out) {
			f := bytes.Split(bytes.TrimSpace(line), []byte("\t"))
			if len(f) != 3 {
				continue // a package may not say its size
			}
			if kib, err := strconv.ParseInt(string(f[2]), 10, 64); err == nil {
				now[[2]string{string(f[0]), string(f[1])}] = kib * 1024
			}
		}
	}
	for i := range changes {
		c := &changes[i]
		l, ok := found[patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.To}]
		if ok {
			c.Size = l.size
			c.Disk = l.installed - now[[2]string{c.Name, c.Arch}]
		}
		if c.To == "" {
			c.Disk = -now[[2]string{c.Name, c.Arch}]
		}
	}
	return nil
}
