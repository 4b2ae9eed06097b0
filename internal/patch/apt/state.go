package apt

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // G501: dpkg records MD5 sums
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/plan"
)

// entry is one line of dpkg-query.
type entry struct {
	name, arch, version, want, flag, status string
}

// present reports whether the package's files are on disk.
func (e entry) present() bool { return e.status != "not-installed" && e.status != "config-files" }

// whole reports whether its installation came to its end.
func (e entry) whole() bool {
	return !e.present() || e.status == "installed" && e.flag == "ok"
}

// how says how far its installation came.
func (e entry) how() string {
	if e.flag != "ok" {
		return e.status + ", " + e.flag
	}
	return e.status
}

const entryFormat = "${Package}\t${Architecture}\t${Version}\t${db:Status-Want}\t${db:Status-Eflag}\t${db:Status-Status}\n"

// query asks dpkg about packages by name, or about all.
func (b *Backend) query(ctx context.Context, names ...string) ([]entry, error) {
	r, err := b.o.Runner.Run(ctx, hostexec.Cmd{Name: "dpkg-query", Args: append([]string{"-W", "-f", entryFormat}, names...), Env: quiet})
	if err != nil {
		return nil, err
	}
	// 1: some of the names match no package, which is an answer; 2: could not look.
	if r.Code > 1 || r.Code == 1 && len(names) == 0 {
		return nil, failure("dpkg-query", r)
	}
	return parseEntries(r.Stdout)
}

func parseEntries(out []byte) ([]entry, error) {
	var list []entry
	for line := range bytes.Lines(out) {
		f := strings.Split(strings.TrimRight(string(line), "\n"), "\t")
		if len(f) != 6 || f[0] == "" {
			return nil, fmt.Errorf("cannot read dpkg-query's line %q", line)
		}
		list = append(list, entry{f[0], f[1], f[2], f[3], f[4], f[5]})
	}
	return list, nil
}

// State reads version, marks and holds.
func (b *Backend) State(ctx context.Context, refs []patch.Ref) ([]plan.Package, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	names := make([]string, 0, len(refs))
	for _, r := range refs {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	entries, err := b.query(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("cannot read package states: %w", err)
	}
	auto, err := b.automatic()
	if err != nil {
		return nil, err
	}
	list := make([]plan.Package, 0, len(refs))
	for _, r := range refs {
		p := plan.Package{Name: r.Name, Arch: r.Arch}
		for _, e := range entries {
			if e.name == r.Name && e.present() && (e.arch == r.Arch || r.Arch == "" || r.Arch == "all" || e.arch == "all") {
				p.Version, p.Held, p.Auto = e.version, e.want == "hold", auto[e.name+":"+e.arch]
				if !e.whole() {
					p.Broken = e.how()
				}
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// automatic reads which packages were installed only because others need them,
// by "name:arch". apt keeps packages for all architectures under the host's own.
func (b *Backend) automatic() (map[string]bool, error) {
	data, err := fs.ReadFile(b.o.FS, "var/lib/apt/extended_states")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // nothing was ever marked
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read apt's marks: %w", err)
	}
	return parseExtended(data), nil
}

// parseExtended reads stanzas of Package, Architecture and Auto-Installed.
func parseExtended(data []byte) map[string]bool {
	auto := map[string]bool{}
	for stanza := range bytes.SplitSeq(data, []byte("\n\n")) {
		var name, arch, mark string
		for line := range bytes.Lines(stanza) {
			key, value, _ := strings.Cut(strings.TrimSpace(string(line)), ": ")
			switch key {
			case "Package":
				name = value
			case "Architecture":
				arch = value
			case "Auto-Installed":
				mark = value
			}
		}
		if mark == "1" {
			auto[name+":"+arch], auto[name+":all"] = true, true
		}
	}
	return auto
}

// Audit lists packages whose installation did not come to its end.
func (b *Backend) Audit(ctx context.Context) ([]patch.Broken, error) {
	entries, err := b.query(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot read package states: %w", err)
	}
	var broken []patch.Broken
	for _, e := range entries {
		if !e.whole() {
			broken = append(broken, patch.Broken{Package: e.name, State: e.how()})
		}
	}
	return broken, nil
}

// Conffiles lists the configuration files of installed packages.
func (b *Backend) Conffiles(ctx context.Context, refs []patch.Ref) ([]string, error) {
	sums, err := b.conffileSums(ctx, refs)
	if err != nil {
		return nil, err
	}
	return slices.Sorted(maps.Keys(sums)), nil
}

// ChangedConffiles lists those that are not as their package shipped them; one
// that was deleted is among them.
func (b *Backend) ChangedConffiles(ctx context.Context, refs []patch.Ref) ([]string, error) {
	sums, err := b.conffileSums(ctx, refs)
	if err != nil {
		return nil, err
	}
	var changed []string
	for _, path := range slices.Sorted(maps.Keys(sums)) {
		data, err := fs.ReadFile(b.o.FS, strings.TrimPrefix(path, "/"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot read %s: %w", path, err)
		}
		sum := md5.Sum(data) //nolint:gosec // G401: it is what dpkg records
		if err != nil || hex.EncodeToString(sum[:]) != sums[path] {
			changed = append(changed, path)
		}
	}
	return changed, nil
}

// conffileSums maps configuration files to the MD5 of what was shipped. Those
// that the installed version does not have any more are left out.
func (b *Backend) conffileSums(ctx context.Context, refs []patch.Ref) (map[string]string, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	args := []string{"-W", "-f", "${Conffiles}\n"}
	for _, r := range refs {
		args = append(args, r.Name)
	}
	r, err := b.o.Runner.Run(ctx, hostexec.Cmd{Name: "dpkg-query", Args: args, Env: quiet})
	if err != nil {
		return nil, err
	}
	if r.Code > 1 {
		return nil, failure("dpkg-query", r)
	}
	sums := map[string]string{}
	for line := range bytes.Lines(r.Stdout) { // " /etc/nginx/nginx.conf 0123… [obsolete]"
		f := strings.Fields(string(line))
		if len(f) < 2 || !strings.HasPrefix(f[0], "/") || len(f) > 2 && f[2] == "obsolete" || f[1] == "newconffile" {
			continue
		}
		sums[f[0]] = f[1]
	}
	return sums, nil
}

// Verify compares installed files with the digests that dpkg has of them.
func (b *Backend) Verify(ctx context.Context, names []string) ([]patch.Difference, error) {
	var list []patch.Difference
	for _, name := range names {
		r, err := b.o.Runner.Run(ctx, hostexec.Cmd{Name: "dpkg", Args: []string{"--verify", name}, Env: quiet})
		if err != nil {
			return nil, err
		}
		if r.Code > 1 {
			return nil, failure("dpkg", r)
		}
		found, err := parseVerify(name, r.Stdout)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	return list, nil
}

// parseVerify reads lines such as "??5?????? c /etc/x" and "missing     /usr/y",
// dpkg(1) --verify-format rpm.
func parseVerify(name string, out []byte) ([]patch.Difference, error) {
	var list []patch.Difference
	for line := range bytes.Lines(out) {
		text := strings.TrimRight(string(line), "\n")
		i := strings.Index(text, " /")
		if i < 0 {
			return nil, fmt.Errorf("cannot read dpkg's line %q", text)
		}
		letters, kind, _ := strings.Cut(strings.TrimSpace(text[:i]), " ")
		list = append(list, patch.Difference{Package: name, Path: text[i+1:], What: letters, Conffile: strings.TrimSpace(kind) == "c"})
	}
	return list, nil
}
