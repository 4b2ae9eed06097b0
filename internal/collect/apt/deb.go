package apt

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/collect/packed"
)

// debDataLimit bounds what is decompressed of one package to find its
// changelog: documentation comes late in the archive.
const debDataLimit = 512 << 20

// ReadDeb returns the changelog inside a binary package (deb(5)):
// usr/share/doc/PKG/changelog.Debian.gz, or changelog.gz of a native package;
// nil when there is none, as in packages that share another's documentation.
// name is used in errors.
func ReadDeb(ctx context.Context, name, pkg string, deb io.Reader) ([]byte, error) {
	member, data, err := dataMember(name, deb)
	if err != nil {
		return nil, err
	}
	plain, err := packed.NewReader(data, member)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot decompress %s: %v", name, member, err)
	}
	defer func() { _ = plain.Close() }()
	files := tar.NewReader(packed.Limit(plain, debDataLimit))
	dir := "usr/share/doc/" + pkg + "/"
	var changelog []byte
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return changelog, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: damaged: %v", name, err)
		}
		file, inside := strings.CutPrefix(path.Clean("/"+h.Name), "/"+dir)
		if !inside || h.Typeflag != tar.TypeReg {
			continue
		}
		file, _ = strings.CutSuffix(file, ".gz")
		if file != "changelog.Debian" && file != "changelog" {
			continue
		}
		changelog, err = readChangelogFile(files, h.Name)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %v", name, h.Name, err)
		}
		if file == "changelog.Debian" {
			return changelog, nil
		}
	}
}

func readChangelogFile(r io.Reader, name string) ([]byte, error) {
	plain, err := packed.NewReader(r, name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = plain.Close() }()
	return io.ReadAll(packed.Limit(plain, changelogLimit))
}

// dataMember walks the ar archive to data.tar.*. Format: deb(5), ar(5): a
// 60-byte head with the name in 16 and the size in bytes 48 to 58, members
// padded to even offsets.
func dataMember(name string, deb io.Reader) (string, io.Reader, error) {
	const magic, headSize, mostMembers = "!<arch>\n", 60, 16
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(deb, start); err != nil || string(start) != magic {
		return "", nil, fmt.Errorf("%s: not a Debian package", name)
	}
	for range mostMembers {
		head := make([]byte, headSize)
		if _, err := io.ReadFull(deb, head); err != nil {
			return "", nil, fmt.Errorf("%s: truncated: no data in it", name)
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(head[48:58])), 10, 64)
		if err != nil || size < 0 || head[58] != '`' {
			return "", nil, fmt.Errorf("%s: damaged: not a member's head", name)
		}
		member := strings.TrimSuffix(string(bytes.TrimSpace(head[:16])), "/")
		if strings.HasPrefix(member, "data.tar") {
			return member, io.LimitReader(deb, size), nil
		}
		if _, err := io.CopyN(io.Discard, deb, size+size%2); err != nil {
			return "", nil, fmt.Errorf("%s: truncated inside %s", name, member)
		}
	}
	return "", nil, fmt.Errorf("%s: no data in it", name)
}

// debName is the name apt gives a downloaded package: the epoch's colon as %3a.
func debName(pkg, version, arch string) string {
	return pkg + "_" + strings.ReplaceAll(version, ":", "%3a") + "_" + arch + ".deb"
}

// cachedDeb finds a downloaded package, "" when it is not there. A package of
// architecture "all" may replace one of the native architecture.
func cachedDeb(fsys fs.FS, pkg, version, arch string) (string, int64) {
	for _, a := range []string{arch, "all"} {
		name := path.Join("var/cache/apt/archives", debName(pkg, version, a))
		if info, err := fs.Stat(fsys, name); err == nil && info.Mode().IsRegular() {
			return name, info.Size()
		}
	}
	return "", 0
}
