package release

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"strings"

	"github.com/lockfast/lockfast/internal/collect"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/inventory"
)

// maxFile bounds the small files read here.
const maxFile = 1 << 20

// Release reads os-release and the host's name.
type Release struct{}

// Name is "release".
func (Release) Name() string { return "release" }

// Collect fills Hostname, Release and Arch.
func (Release) Collect(_ context.Context, host collect.Host, inv *inventory.Inventory) inventory.Status {
	inv.Hostname = hostname(host)
	if host.Live {
		inv.Arch = runtime.GOARCH
	}
	for _, name := range []string{"etc/os-release", "usr/lib/os-release"} {
		data, err := hostfs.ReadLimited(host.FS, name, maxFile)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			inv.Release, err = ParseOSRelease(name, data)
		}
		if err != nil {
			return inventory.Status{Outcome: inventory.Failed, Reason: fmt.Sprintf("cannot read release: %v", err)}
		}
		return inventory.Status{Outcome: inventory.Succeeded}
	}
	return inventory.Status{Outcome: inventory.Failed, Reason: "cannot read release: neither etc/os-release nor usr/lib/os-release is there; is this the root of a host?"}
}

// hostname prefers the kernel's answer over the file's.
func hostname(host collect.Host) string {
	names := []string{"etc/hostname"}
	if host.Live {
		names = []string{"proc/sys/kernel/hostname", "etc/hostname"}
	}
	for _, name := range names {
		data, err := hostfs.ReadLimited(host.FS, name, maxFile)
		if first, _, _ := strings.Cut(strings.TrimSpace(string(data)), "\n"); err == nil && first != "" {
			return first
		}
	}
	return ""
}

// ParseOSRelease reads os-release(5); file names it in errors.
// https://www.freedesktop.org/software/systemd/man/latest/os-release.html
func ParseOSRelease(file string, data []byte) (inventory.Release, error) {
	var r inventory.Release
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, raw, ok := strings.Cut(line, "=")
		if !ok {
			return r, fmt.Errorf("%s:%d: %.60q is no assignment", file, number, line)
		}
		value, err := unquote(raw)
		if err != nil {
			return r, fmt.Errorf("%s:%d: %w", file, number, err)
		}
		switch name {
		case "ID":
			r.ID = value
		case "ID_LIKE":
			r.IDLike = strings.Fields(value)
		case "VERSION_ID":
			r.VersionID = value
		case "VERSION_CODENAME":
			r.Codename = value
		case "PRETTY_NAME":
			r.PrettyName = value
		}
	}
	if r.ID == "" {
		return r, fmt.Errorf("%s: has no ID", file)
	}
	return r, nil
}

// unquote undoes the shell's quoting as far as os-release allows it.
func unquote(raw string) (string, error) {
	if len(raw) < 2 || raw[0] != '"' && raw[0] != '\'' {
		if strings.ContainsAny(raw, "\"'") {
			return "", fmt.Errorf("%.60q is quoted in a way that os-release does not allow", raw)
		}
		return raw, nil
	}
	quote := raw[0]
	if raw[len(raw)-1] != quote {
		return "", fmt.Errorf("%.60q is not closed", raw)
	}
	inner := raw[1 : len(raw)-1]
	if quote == '\'' {
		return inner, nil
	}
	var out strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		out.WriteByte(inner[i])
	}
	return out.String(), nil
}
