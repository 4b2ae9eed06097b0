package apt

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// aptCache is where apt itself keeps package files.
const aptCache = "/var/cache/apt/archives"

// FileName is how apt names a package file: colons and underscores within a
// part are written as in a URL.
func FileName(r patch.Ref) string {
	quote := strings.NewReplacer("%", "%25", "_", "%5f", ":", "%3a")
	return quote.Replace(r.Name) + "_" + quote.Replace(r.Version) + "_" + quote.Replace(r.Arch) + ".deb"
}

// Download fetches package files through apt, which resumes, verifies and
// speaks to the site's proxies, and verifies them once more.
func (b *Backend) Download(ctx context.Context, refs []patch.Ref, f patch.Fetch) ([]patch.Archive, error) {
	found, err := b.show(ctx, refs)
	if err != nil {
		return nil, fmt.Errorf("cannot look up package files: %w", err)
	}
	var unknown []string
	for _, r := range refs {
		if _, ok := found[r]; !ok {
			unknown = append(unknown, arg(r))
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("apt's lists have no %s; refresh them (apt-get update)", strings.Join(unknown, ", "))
	}
	if err := b.fetch(ctx, refs, found, f); err != nil {
		return nil, err
	}
	return collect(refs, found, f.Dir, "archive")
}

// fetch brings what is missing.
func (b *Backend) fetch(ctx context.Context, refs []patch.Ref, found map[patch.Ref]listed, f patch.Fetch) error {
	var missing []patch.Ref
	var total int64
	for _, r := range refs {
		if verify(filepath.Join(f.Dir, FileName(r)), found[r]) != nil {
			missing = append(missing, r)
			total += found[r].size
		}
	}
	switch {
	case len(missing) == 0:
		return nil
	case f.Offline:
		return fmt.Errorf("%d package files are not in %s (%s …), and the network is not to be used; run lockfast fix download first", len(missing), f.Dir, FileName(missing[0]))
	}
	// A file of the right size with other bytes would be taken for complete.
	for _, r := range missing {
		file := filepath.Join(f.Dir, FileName(r))
		for _, name := range []string{file, file + repackedMark} {
			if err := hostfs.NewTree("/").Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("cannot remove damaged %s: %w", name, err)
			}
		}
	}
	stop := watch(missing, total, f)
	defer stop()
	args := []string{
		"-y", "-q", "--download-only", "--reinstall", "--no-install-recommends", "--allow-downgrades", "--allow-change-held-packages",
		"-o", "Dir::Cache::Archives=" + f.Dir, "-o", "Debug::NoLocking=1", "-o", "Acquire::Retries=3",
	}
	if f.RateLimit > 0 {
		kib := fmt.Sprint(max(1, f.RateLimit/1024))
		args = append(args, "-o", "Acquire::http::Dl-Limit="+kib, "-o", "Acquire::https::Dl-Limit="+kib)
	}
	args = append(args, b.aside...)
	args = append(args, "install")
	for _, r := range missing {
		args = append(args, arg(r))
	}
	if _, err := b.run(ctx, "apt-get", args...); err != nil {
		return fmt.Errorf("cannot download packages: %w", err)
	}
	return b.copyLocal(ctx, missing, args, f.Dir)
}

// copyLocal copies files of archives on this machine: apt leaves those where
// they are.
func (b *Backend) copyLocal(ctx context.Context, refs []patch.Ref, args []string, dir string) error {
	if !slices.ContainsFunc(refs, func(r patch.Ref) bool { return !there(filepath.Join(dir, FileName(r))) }) {
		return nil
	}
	out, err := b.run(ctx, "apt-get", append([]string{"--print-uris"}, args...)...)
	if err != nil {
		return fmt.Errorf("cannot see where packages are: %w", err)
	}
	changes, uris, err := parseURIs(out)
	if err != nil {
		return err
	}
	for i, c := range changes {
		source, isFile := strings.CutPrefix(uris[i], "file:")
		if !isFile {
			continue
		}
		path, err := url.PathUnescape(strings.TrimPrefix(source, "//"))
		if err != nil {
			return fmt.Errorf("cannot read %s: %w", uris[i], err)
		}
		if err := copyFile(path, filepath.Join(dir, FileName(patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.To}))); err != nil {
			return fmt.Errorf("cannot copy package file: %w", err)
		}
	}
	return nil
}

// watch reports how much of the files is there until it is stopped.
func watch(refs []patch.Ref, total int64, f patch.Fetch) (stop func()) {
	if f.Progress == nil {
		return func() {}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			have, current := progress(refs, f.Dir)
			f.Progress(min(have, total), total, current)
			select {
			case <-tick.C:
			case <-done:
				have, current := progress(refs, f.Dir)
				f.Progress(min(have, total), total, current)
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

func progress(refs []patch.Ref, dir string) (have int64, current string) {
	for _, r := range refs {
		if info, err := os.Stat(filepath.Join(dir, FileName(r))); err == nil {
			have += info.Size()
		} else if info, err := os.Stat(filepath.Join(dir, "partial", FileName(r))); err == nil {
			have += info.Size()
			current = r.Name
		}
	}
	return have, current
}

// verify compares a file with what the signed lists say of it.
func verify(file string, l listed) error {
	sum, size, err := digest(file)
	switch {
	case err != nil:
		return err
	case size != l.size || sum != l.sha256:
		return fmt.Errorf("%s is not the file that the archive's signed lists describe (SHA-256 %.12s, not %.12s)", file, sum, l.sha256)
	}
	return nil
}

func digest(file string) (sum string, size int64, err error) {
	f, err := os.Open(file) //nolint:gosec // G304: a file in our own cache
	if err != nil {
		return "", 0, err
	}
	defer func() { _ = f.Close() }()
	hash := sha256.New()
	size, err = io.Copy(hash, f)
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

// collect verifies the files of refs and describes them.
func collect(refs []patch.Ref, found map[patch.Ref]listed, dir, origin string) ([]patch.Archive, error) {
	list := make([]patch.Archive, 0, len(refs))
	for _, r := range refs {
		file := filepath.Join(dir, FileName(r))
		if err := verify(file, found[r]); err != nil {
			return nil, fmt.Errorf("package file is missing or damaged after the download: %w", err)
		}
		list = append(list, patch.Archive{Ref: r, Path: file, SHA256: found[r].sha256, Size: found[r].size, Origin: origin})
	}
	return list, nil
}

// Previous finds the package files of installed versions: in our cache, in
// apt's, in the archives, in a snapshot archive; else they are repacked.
func (b *Backend) Previous(ctx context.Context, refs []patch.Ref, f patch.Fetch) ([]patch.Archive, []patch.Missing, error) {
	found, err := b.show(ctx, refs)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot look up package files: %w", err)
	}
	var have []patch.Archive
	var wanted, rest []patch.Ref
	why := map[patch.Ref]string{} // rest is not in the archives
	for _, r := range refs {
		a, err := b.local(r, found[r], f.Dir)
		switch {
		case err != nil:
			return nil, nil, err
		case a.Path != "":
			have = append(have, a)
		case found[r].sha256 != "" && !f.Offline:
			wanted = append(wanted, r)
		default:
			rest, why[r] = append(rest, r), "no archive offers this version any more"
			if found[r].sha256 != "" {
				why[r] = "it is not here, and the network is not to be used"
			}
		}
	}
	if len(wanted) > 0 {
		err := b.fetch(ctx, wanted, found, f)
		for _, r := range wanted {
			got, verr := collect([]patch.Ref{r}, found, f.Dir, "archive")
			if verr != nil {
				rest = append(rest, r) // the archive may have dropped it since: repack
				why[r] = cmp.Or(err, verr).Error()
				continue
			}
			have = append(have, got...)
		}
		if ctx.Err() != nil {
			return nil, nil, err
		}
	}
	more, missing := b.lastResort(ctx, rest, why, f)
	return append(have, more...), missing, nil
}

// local finds a file in our cache or apt's.
func (b *Backend) local(r patch.Ref, l listed, dir string) (patch.Archive, error) {
	file := filepath.Join(dir, FileName(r))
	if sum, size, err := digest(file); err == nil && (l.sha256 == "" || l.sha256 == sum) {
		return patch.Archive{Ref: r, Path: file, SHA256: sum, Size: size, Origin: "cache", Repacked: l.sha256 == "" && isRepacked(file)}, nil
	}
	other := filepath.Join(aptCache, FileName(r))
	sum, size, err := digest(other)
	if err != nil || l.sha256 != "" && l.sha256 != sum {
		return patch.Archive{}, nil //nolint:nilerr // then it is looked for elsewhere
	}
	if err := copyFile(other, file); err != nil {
		return patch.Archive{}, err
	}
	return patch.Archive{Ref: r, Path: file, SHA256: sum, Size: size, Origin: "cache"}, nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from) //nolint:gosec // G304: apt's own cache
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }()
	return hostfs.Replace(to, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, source)
		return err
	})
}

// lastResort asks a snapshot archive, then repacks.
func (b *Backend) lastResort(ctx context.Context, refs []patch.Ref, why map[patch.Ref]string, f patch.Fetch) (have []patch.Archive, missing []patch.Missing) {
	snapshot := ""
	if len(refs) > 0 && b.o.Snapshot != "" && !f.Offline {
		got, err := b.fromSnapshot(ctx, refs, f)
		if err != nil {
			snapshot = ", and the snapshot archive: " + err.Error()
		}
		have = append(have, got...)
	}
	for _, r := range refs {
		if slices.ContainsFunc(have, func(a patch.Archive) bool { return a.Ref == r }) {
			continue
		}
		if b.o.Repack == nil {
			missing = append(missing, patch.Missing{Ref: r, Why: why[r] + snapshot})
			continue
		}
		a, err := b.o.Repack(r, f.Dir)
		if err != nil {
			missing = append(missing, patch.Missing{Ref: r, Why: fmt.Sprintf("%s%s, and it cannot be repacked: %v", why[r], snapshot, err)})
			continue
		}
		have = append(have, a)
	}
	return have, missing
}

// repackedMark ends the name of a note beside a package file that was made
// here.
const repackedMark = ".repacked"

func isRepacked(file string) bool {
	_, err := os.Lstat(file + repackedMark)
	return err == nil
}

// MarkRepacked notes beside a package file that it was made here.
func MarkRepacked(file string) error {
	return hostfs.Replace(file+repackedMark, 0o644, func(w io.Writer) error {
		_, err := io.WriteString(w, "made from installed files; not what the distribution signed\n")
		return err
	})
}

// Describe describes a package file that was made here.
func Describe(r patch.Ref, file string) (patch.Archive, error) {
	sum, size, err := digest(file)
	if err != nil {
		return patch.Archive{}, err
	}
	return patch.Archive{Ref: r, Path: file, SHA256: sum, Size: size, Origin: "repacked", Repacked: true}, nil
}
