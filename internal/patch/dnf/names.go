package dnf

import (
	"fmt"
	"strings"

	"github.com/lockfast/lockfast/internal/patch"
)

// key names a package at any version.
type key struct{ name, arch string }

func keyOf(r patch.Ref) key { return key{r.Name, r.Arch} }

// nevra is how dnf and rpm are told of one package at one version. What is no
// name, architecture or version of rpm is refused.
func nevra(r patch.Ref) (string, error) {
	if !rpmName.MatchString(r.Name) || !rpmArch.MatchString(r.Arch) || !rpmVersion.MatchString(r.Version) {
		return "", fmt.Errorf("cannot ask dnf for package %q, architecture %q, version %q: these are no names of rpm", r.Name, r.Arch, r.Version)
	}
	return r.Name + "-" + r.Version + "." + r.Arch, nil
}

func nevras(refs []patch.Ref) ([]string, error) {
	all := make([]string, 0, len(refs))
	for _, r := range refs {
		n, err := nevra(r)
		if err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, nil
}

// parseNEVRA reads "tool-1:2-1.noarch".
func parseNEVRA(s string) (patch.Ref, error) {
	bad := fmt.Errorf("%q is no name of a package with version and architecture", oneLine(s))
	dot := strings.LastIndexByte(s, '.')
	if dot < 0 {
		return patch.Ref{}, bad
	}
	release := strings.LastIndexByte(s[:dot], '-')
	if release < 0 {
		return patch.Ref{}, bad
	}
	version := strings.LastIndexByte(s[:release], '-')
	if version < 0 {
		return patch.Ref{}, bad
	}
	r := patch.Ref{Name: s[:version], Version: strings.TrimPrefix(s[version+1:dot], "0:"), Arch: s[dot+1:]}
	if _, err := nevra(r); err != nil {
		return patch.Ref{}, bad
	}
	return r, nil
}

// evr writes a version as rpm does for people; no epoch and epoch 0 are the same.
func evr(epoch, version, release string) string {
	if epoch == "" || epoch == "0" || epoch == "(none)" {
		return version + "-" + release
	}
	return epoch + ":" + version + "-" + release
}

// sourceName is the name in "name-version-release.src.rpm".
func sourceName(file string) string {
	base := strings.TrimSuffix(strings.TrimSuffix(file, ".rpm"), ".src")
	parts := strings.Split(strings.TrimSuffix(base, ".nosrc"), "-")
	if len(parts) < 3 {
		return ""
	}
	return strings.Join(parts[:len(parts)-2], "-")
}
