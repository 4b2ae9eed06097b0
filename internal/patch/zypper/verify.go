package zypper

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
)

const (
	configFlag     = 1         // RPMFILE_CONFIG of rpmfiles.h
	verdictMissing = "missing" // what rpm says of a file that is gone, in place of letters
)

// Conffiles lists the configuration files of installed packages.
func (b *backend) Conffiles(ctx context.Context, refs []patch.Ref) ([]string, error) {
	if len(refs) == 0 {
		return nil, nil
	}
	args := []string{"-q", "--qf", `[%{FILEFLAGS}\t%{FILENAMES}\n]`}
	for _, r := range refs {
		if !nameForm.MatchString(r.Name) || !archForm.MatchString(r.Arch) {
			return nil, fmt.Errorf("cannot ask rpm for package %q, architecture %q", r.Name, r.Arch)
		}
		args = append(args, r.Name+"."+r.Arch)
	}
	result, err := b.rpm(ctx, "rpm", args...)
	if err != nil {
		return nil, err
	}
	if result.Code != 0 {
		return nil, failed("rpm -q of configuration files", result.Code, oneLine(string(result.Stdout)+" "+string(result.Stderr)))
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

// ChangedConffiles lists those configuration files whose content is not what
// their packages shipped.
func (b *backend) ChangedConffiles(ctx context.Context, refs []patch.Ref) ([]string, error) {
	var installed, changed []string
	for _, r := range refs {
		installed = append(installed, r.Name)
	}
	slices.Sort(installed) // rpm answers for a name: several architectures are one question
	differences, err := b.Verify(ctx, slices.Compact(installed))
	if err != nil {
		return nil, err
	}
	for _, d := range differences {
		if d.Conffile && d.What != verdictMissing && strings.Contains(d.What, "5") {
			changed = append(changed, d.Path)
		}
	}
	slices.Sort(changed)
	return slices.Compact(changed), nil
}

// Verify compares files with what rpm's database has of them. Packages are
// asked for one by one, as rpm does not print whose file it is.
func (b *backend) Verify(ctx context.Context, names []string) ([]patch.Difference, error) {
	var all []patch.Difference
	for _, name := range names {
		if !nameForm.MatchString(name) {
			return nil, fmt.Errorf("cannot verify package %q: that is no name of a package", name)
		}
		result, err := b.rpm(ctx, "rpm", "-V", "--nodeps", "--noscripts", name)
		if err != nil {
			return nil, err
		}
		if result.Code != 0 && len(result.Stdout) == 0 {
			return nil, failed("rpm -V "+name, result.Code, oneLine(string(result.Stderr)))
		}
		found, err := parseVerify(name, string(result.Stdout))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// parseVerify reads rpm's lines: "S.5....T.  c /etc/alpha.conf" and
// "missing     /opt/alpha/data".
func parseVerify(name, text string) ([]patch.Difference, error) {
	var all []patch.Difference
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		space := strings.Index(line, " /")
		if space < 0 {
			return nil, fmt.Errorf("cannot verify package %s: rpm says: %s", name, oneLine(line))
		}
		fields := strings.Fields(line[:space])
		if len(fields) == 0 || len(fields) > 2 || !isVerdict(fields[0]) || len(fields) == 2 && len(fields[1]) != 1 {
			return nil, fmt.Errorf("cannot verify package %s: rpm says: %s", name, oneLine(line))
		}
		all = append(all, patch.Difference{
			Package: name, Path: line[space+1:], What: fields[0], Conffile: len(fields) == 2 && fields[1] == "c",
		})
	}
	return all, nil
}

// isVerdict reports whether a word is what rpm -V puts before a file.
func isVerdict(word string) bool {
	return word == verdictMissing || len(word) >= 8 && len(word) <= 10 && strings.Trim(word, ".?SM5DLUGTPC") == ""
}
