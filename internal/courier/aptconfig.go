package courier

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// aptConfig is what apt says of its configuration: names in lower case. Of a
// list only the last element is kept, no list is used here.
type aptConfig map[string]string

// configure takes over a message 601.
func (c aptConfig) configure(m message) error {
	for _, f := range m.fields {
		if !strings.EqualFold(f.name, "Config-Item") {
			continue
		}
		name, value, found := strings.Cut(f.value, "=")
		if !found {
			return fmt.Errorf("%.80q sets nothing", f.value)
		}
		c[strings.ToLower(unquote(name))] = unquote(value)
	}
	return nil
}

// unquote reads %XX; a % that begins no such thing stands for itself.
func unquote(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func (c aptConfig) get(name string) string { return c[strings.ToLower(name)] }

// file resolves a setting that names a file: a relative one is below what the
// level above it names. Empty: not set, or switched off.
func (c aptConfig) file(name string) string {
	found := c.get(name)
	if found == "" || found == "/dev/null" {
		return ""
	}
	for !strings.HasPrefix(found, "/") {
		up := strings.LastIndex(name, "::")
		if up < 0 {
			return ""
		}
		name = name[:up]
		found = path.Join(c.get(name), found)
	}
	return path.Join("/", c.get("RootDir"), found)
}

// proxy is the proxy that apt is to use for an address; "" leaves it to the
// courier.
func (c aptConfig) proxy(u *url.URL, asked string) string {
	if asked != "" {
		return asked
	}
	kinds := []string{u.Scheme}
	if u.Scheme == "https" {
		kinds = append(kinds, "http") // as apt does
	}
	for _, suffix := range []string{"::proxy::" + u.Hostname(), "::proxy"} {
		for _, kind := range kinds {
			if p := c.get("acquire::" + kind + suffix); p != "" {
				return p
			}
		}
	}
	return ""
}

const (
	maxLogins     = 1 << 20 // bytes of one file
	maxLoginFiles = 256
)

// readLogins reads apt_auth.conf(5). They belong to root: this is done before
// rights are dropped. A file that is not there holds none.
func (c aptConfig) readLogins() ([]login, error) {
	var all []login
	names := []string{c.file("Dir::Etc::netrc")}
	if dir := c.file("Dir::Etc::netrcparts"); dir != "" {
		parts, err := filepath.Glob(filepath.Join(escapeGlob(dir), "*.conf"))
		if err != nil || len(parts) > maxLoginFiles {
			return nil, fmt.Errorf("cannot look for logins in %s: it holds too many files, or its name is odd", dir)
		}
		names = append(names, parts...)
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		text, err := readShort(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) { // without being root apt reads none either
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read logins: %w", err)
		}
		all = append(all, parseLogins(text)...)
	}
	return all, nil
}

func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(s)
}

func readShort(name string) (string, error) {
	root, err := hostfs.Open("/")
	if err != nil {
		return "", err
	}
	defer func() { _ = root.Close() }()
	data, err := hostfs.ReadLimited(root, strings.TrimPrefix(name, "/"), maxLogins)
	return string(data), err
}
