package match

import (
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
)

// Source returns the source package and version under which advisories speak
// of a package.
//
// Signed kernels and boot loaders are built from a wrapper source
// (linux-signed-amd64 6.1.140+1, grub-efi-amd64-signed 1+2.06+13) around the
// binaries of the real one, and advisories name the real one. The binary
// package's version is the real source's then, behind a counter for grub.
func Source(p *inventory.Package) (name, version string) {
	if p.Manager != inventory.Dpkg {
		return p.Source, p.SourceVersion
	}
	if rest, ok := strings.CutPrefix(p.Source, "linux-signed"); ok {
		rest = strings.TrimPrefix(rest, "-")
		switch rest {
		case "", "amd64", "arm64", "i386":
			return "linux", p.Version
		}
		for _, arch := range []string{"-amd64", "-arm64", "-i386"} {
			rest = strings.TrimSuffix(rest, arch)
		}
		return "linux-" + rest, p.Version
	}
	if strings.HasPrefix(p.Source, "grub-efi-") && strings.HasSuffix(p.Source, "-signed") {
		if _, version, ok := strings.Cut(p.Version, "+"); ok {
			return "grub2", strings.Replace(version, "+", "-", 1) // a native version has no revision: 2.06+13 is 2.06-13
		}
	}
	return p.Source, p.SourceVersion
}
