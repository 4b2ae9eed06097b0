package apt

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strconv"
	"strings"
	"time"
)

// Release is what a Release file says of one suite, as far as it is needed.
// Format: https://wiki.debian.org/DebianRepository/Format#A.22Release.22_files
type Release struct {
	Origin, Label   string
	Suite, Codename string
	Version         string
	Date            time.Time // UTC; zero when not stated
	ValidUntil      time.Time // UTC; zero when it never expires
	NotAutomatic    bool
	AutoUpgrades    bool            // ButAutomaticUpgrades
	Indexes         map[string]File // Packages files by path below the suite, as "main/binary-amd64/Packages.xz"
	Architectures   []string
	NoAllPackages   bool // No-Support-for-Architecture-all: Packages
}

// File is the size and SHA-256 a Release file states; Size is in bytes.
type File struct {
	Size   int64
	SHA256 [32]byte
	Hashed bool // false: only other digests are stated
}

// ParseRelease reads a Release file, or an InRelease file with its clear-text
// signature (RFC 9580, section 7). The signature is not checked: apt did that
// before it kept the file. name is used in errors.
func ParseRelease(name string, data []byte) (Release, error) {
	text, first, err := clearText(data)
	if err != nil {
		return Release{}, fmt.Errorf("%s: %w", name, err)
	}
	r := Release{Indexes: map[string]File{}}
	section := ""
	number := first - 1
	fields := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		if line[0] == ' ' {
			err = r.addFile(section, line)
		} else if section, err = r.setField(line); err == nil {
			fields++
		}
		if err != nil {
			return Release{}, fmt.Errorf("%s:%d: %w", name, number, err)
		}
	}
	if fields == 0 {
		return Release{}, fmt.Errorf("%s: no field in it", name)
	}
	return r, nil
}

// clearText returns what a clear-text signature covers and the number of its
// first line.
func clearText(data []byte) ([]byte, int, error) {
	if !bytes.HasPrefix(data, []byte("-----BEGIN PGP SIGNED MESSAGE-----")) {
		return data, 1, nil
	}
	head, body, ok := bytes.Cut(data, []byte("\n\n"))
	if !ok {
		return nil, 0, errors.New("truncated: the signed text does not begin")
	}
	text, _, ok := bytes.Cut(body, []byte("\n-----BEGIN PGP SIGNATURE-----"))
	if !ok {
		return nil, 0, errors.New("truncated: the signature is missing")
	}
	return text, bytes.Count(head, []byte{'\n'}) + 3, nil
}

func (r *Release) setField(line []byte) (section string, err error) {
	line = bytes.TrimPrefix(line, []byte("- ")) // dash-escaped
	key, value, ok := strings.Cut(string(line), ":")
	if !ok || key == "" || strings.ContainsAny(key, " \t\x00") {
		return "", fmt.Errorf("not a field: %q", clip(string(line)))
	}
	value = strings.TrimSpace(value)
	switch strings.ToLower(key) {
	case "origin":
		r.Origin = value
	case "label":
		r.Label = value
	case "suite":
		r.Suite = value
	case "codename":
		r.Codename = value
	case "version":
		r.Version = value
	case "date":
		r.Date, err = releaseDate(value)
	case "valid-until":
		r.ValidUntil, err = releaseDate(value)
	case "notautomatic":
		r.NotAutomatic = value == "yes"
	case "butautomaticupgrades":
		r.AutoUpgrades = value == "yes"
	case "architectures":
		r.Architectures = strings.Fields(value)
	case "no-support-for-architecture-all":
		r.NoAllPackages = value == "Packages"
	case "md5sum", "sha1", "sha256", "sha512":
		return strings.ToLower(key), nil
	}
	return "", err
}

// releaseDate reads "Sat, 21 Nov 2026 00:53:02 UTC".
func releaseDate(value string) (time.Time, error) {
	t, err := mail.ParseDate(strings.Replace(value, "UTC", "+0000", 1))
	if err != nil {
		return time.Time{}, fmt.Errorf("not a date: %q", clip(value))
	}
	return t.UTC(), nil
}

// addFile reads " digest size path" and keeps Packages files only: a Release
// file of Debian names more than a thousand others.
func (r *Release) addFile(section string, line []byte) error {
	if section == "" {
		return nil // a continued field, such as a long Description
	}
	if i := bytes.LastIndexByte(line, ' '); !packagesPath(line[i+1:]) {
		return nil
	}
	parts := strings.Fields(string(line))
	if len(parts) != 3 {
		return fmt.Errorf("not a digest, a size and a path: %q", clip(string(line)))
	}
	size, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || size < 0 {
		return fmt.Errorf("not a size: %q", clip(parts[1]))
	}
	file := r.Indexes[parts[2]]
	file.Size = size
	if section == "sha256" {
		n, err := hex.Decode(file.SHA256[:], []byte(parts[0]))
		if err != nil || n != len(file.SHA256) || len(parts[0]) != 2*n {
			return fmt.Errorf("not a SHA-256: %q", clip(parts[0]))
		}
		file.Hashed = true
	}
	r.Indexes[parts[2]] = file
	return nil
}

func packagesPath(path []byte) bool {
	base := path[bytes.LastIndexByte(path, '/')+1:]
	return bytes.HasPrefix(base, []byte("Packages")) && !bytes.Contains(path, []byte(".diff/"))
}
