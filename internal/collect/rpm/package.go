package rpm

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
)

// fields are a package's values as rpm gives them.
type fields struct {
	name, epoch, version, release, arch, source, module, vendor string
}

// keyPackage is how rpm keeps the keys it trusts; it is no software.
const keyPackage = "gpg-pubkey"

func (f fields) toPackage() (inventory.Package, error) {
	if f.name == "" || f.version == "" || f.release == "" {
		return inventory.Package{}, errors.New("a package without name, version or release")
	}
	p := inventory.Package{
		Manager: inventory.RPM, Name: f.name, Version: evr(f.epoch, f.version+"-"+f.release), Arch: f.arch, Vendor: f.vendor, State: inventory.StateInstalled, Module: stream(f.module),
	}
	p.Source, p.SourceVersion = p.Name, p.Version
	if f.source == "" {
		return p, nil
	}
	name, version, ok := splitSource(f.source)
	if !ok {
		return p, fmt.Errorf("package %s: %q is no source package", f.name, f.source)
	}
	p.Source, p.SourceVersion = name, evr(f.epoch, version)
	return p, nil
}

func evr(epoch, rest string) string {
	if epoch == "" || epoch == "0" {
		return rest
	}
	return epoch + ":" + rest
}

// stream cuts a modularity label, NAME:STREAM:VERSION:CONTEXT, to NAME:STREAM.
func stream(label string) string {
	parts := strings.SplitN(label, ":", 3)
	if len(parts) < 2 {
		return label
	}
	return parts[0] + ":" + parts[1]
}

// splitSource takes NAME-VERSION-RELEASE.src.rpm apart.
func splitSource(file string) (name, version string, ok bool) {
	base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(file, ".rpm"), ".src"), ".nosrc")
	release := strings.LastIndexByte(base, '-')
	if release <= 0 {
		return "", "", false
	}
	at := strings.LastIndexByte(base[:release], '-')
	if at <= 0 {
		return "", "", false
	}
	return base[:at], base[at+1:], true
}
