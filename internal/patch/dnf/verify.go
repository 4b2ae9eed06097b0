package dnf

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
)

// configFlag is RPMFILE_CONFIG of rpmfiles.h.
const configFlag = 1

// Conffiles lists the configuration files of installed packages.
func (b *backend) Conffiles(ctx context.Context, refs []patch.Ref) ([]string, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	args := []string{"-q", "--qf", `[%{FILEFLAGS}\t%{FILENAMES}\n]`}
	for _, r := range refs {
		if !rpmName.MatchString(r.Name) || !rpmArch.MatchString(r.Arch) {
			return nil, fmt.Errorf("cannot ask rpm for package %q, architecture %q: these are no names of rpm", r.Name, r.Arch)
		}
		args = append(args, r.Name+"."+r.Arch)
	}
	result, err := b.rpm(ctx, "rpm", args...)
	if err != nil {
		return nil, err
	}
	if result.Code != 0 {
		return nil, failure("rpm -q of configuration files", result)
	}
	return parseConffiles(string(result.Stdout))
}

func parseConffiles(text string) ([]string, error) {
	var paths []string
	for line := range strings.Lines(text) {
		flags, path, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		n, err := strconv.ParseUint(flags, 10, 32)
		if !ok || err != nil || !strings.HasPrefix(path, "/") {
			return nil, fmt.Errorf("cannot read what rpm printed of a file: %q", oneLine(line))
		}
		if n&configFlag != 0 {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// ChangedConffiles lists configuration files whose content is not as shipped.
func (b *backend) ChangedConffiles(ctx context.Context, refs []patch.Ref) ([]string, error) {
	var names, paths []string
	for _, r := range refs {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	all, err := b.Verify(ctx, slices.Compact(names))
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.Conffile && strings.Contains(d.What, "5") {
			paths = append(paths, d.Path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths), nil
}

// Verify compares files with what rpm's database has of them. Packages are
// asked for one by one, as rpm does not print whose file it is.
func (b *backend) Verify(ctx context.Context, names []string) ([]patch.Difference, error) {
	var all []patch.Difference
	for _, name := range names {
		if !rpmName.MatchString(name) {
			return nil, fmt.Errorf("cannot verify package %q: that is no name of a package", name)
		}
		result, err := b.rpm(ctx, "rpm", "-V", "--nodeps", "--noscripts", name)
		if err != nil {
			return nil, err
		}
		if result.Code != 0 && len(result.Stdout) == 0 {
			return nil, failure("rpm -V "+name, result)
		}
		found, err := parseVerify(name, string(result.Stdout))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// parseVerify reads rpm's lines: "S.5....T.  c /etc/app.conf" and
// "missing     /opt/app/data".
func parseVerify(name, text string) ([]patch.Difference, error) {
	var all []patch.Difference
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		verdict, path, ok := strings.Cut(line, " /")
		f := strings.Fields(verdict)
		if !ok || len(f) == 0 || len(f) > 2 || !isVerdict(f[0]) || len(f) == 2 && len(f[1]) != 1 {
			return nil, fmt.Errorf("cannot verify package %s: rpm says: %s", name, oneLine(line))
		}
		path, _ = strings.CutSuffix("/"+path, " (Permission denied)")
		all = append(all, patch.Difference{Package: name, Path: path, What: f[0], Conffile: len(f) == 2 && f[1] == "c"})
	}
	return all, nil
}

// isVerdict reports whether a word is what rpm -V puts before a file.
func isVerdict(word string) bool {
	return word == "missing" || len(word) >= 8 && len(word) <= 10 && strings.Trim(word, ".?SM5DLUGTPC") == ""
}
