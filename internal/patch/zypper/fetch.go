package zypper

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// batch is how many packages one run of zypper downloads; between two of them
// progress is told.
const batch = 20

// fetcher brings package files into a folder.
type fetcher struct {
	b     *backend
	f     patch.Fetch
	known index
	host  fs.FS // the host that is looked after
	here  fs.FS // this machine, where the folder is; the same but in tests

	done, total int64
}

func (b *backend) fetcher(ctx context.Context, host fs.FS, refs []patch.Ref, f patch.Fetch) (*fetcher, func(), error) {
	if !filepath.IsAbs(f.Dir) {
		return nil, nil, fmt.Errorf("cannot fetch into %q: it is no absolute path", f.Dir)
	}
	all, err := b.allMetadata(ctx, host) // first: zypper fetches what is missing, asked or not
	if err != nil {
		return nil, nil, err
	}
	known, err := b.index(ctx, host, all, names(refs))
	if err != nil {
		return nil, nil, err
	}
	here, err := hostfs.Open("/")
	if err != nil {
		return nil, nil, err
	}
	x := &fetcher{b: b, f: f, known: known, host: host, here: here}
	for _, r := range refs {
		if at := known.at(r); len(at) > 0 {
			x.total += at[0].size
		}
	}
	return x, func() { _ = here.Close() }, nil
}

// fileName is what a package file is called in our folder. The digest in it
// keeps two builds of one version apart; the rest is for people, and for
// zypper, which wants the ending.
func fileName(r patch.Ref, digest string) string {
	_, version, hasEpoch := strings.Cut(r.Version, ":")
	if !hasEpoch {
		version = r.Version
	}
	return r.Name + "-" + version + "." + r.Arch + "-" + digest[:12] + ".rpm"
}

// isDigest reports whether a text is a SHA-256.
func isDigest(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == sha256.Size
}

// present looks for a package in our folder, then in zypper's cache. Only files
// with the digest that the metadata state count.
func (x *fetcher) present(ctx context.Context, r patch.Ref) (patch.Archive, bool, error) {
	for _, e := range x.known.at(r) {
		if !isDigest(e.sha256) {
			continue
		}
		target := filepath.Join(x.f.Dir, fileName(r, e.sha256))
		if size, digest, err := digestOf(ctx, x.here, local(target)); err == nil && digest == e.sha256 {
			return patch.Archive{Ref: r, Path: target, SHA256: digest, Size: size, Origin: "archive"}, true, nil
		}
		cached := path.Join(packageCache, e.repo.folder(), e.location)
		if _, digest, err := digestOf(ctx, x.host, cached); err != nil || digest != e.sha256 {
			continue
		}
		a, err := x.take(ctx, x.host, cached, r, e.sha256)
		a.Origin = "cache"
		return a, err == nil, err
	}
	return patch.Archive{}, false, ctx.Err()
}

// take copies a file into our folder and reads it back.
func (x *fetcher) take(ctx context.Context, from fs.FS, name string, r patch.Ref, digest string) (patch.Archive, error) {
	target := filepath.Join(x.f.Dir, fileName(r, digest))
	file, err := from.Open(name)
	if err != nil {
		return patch.Archive{}, fmt.Errorf("cannot take package file of %s: %w", r.Name, err)
	}
	defer func() { _ = file.Close() }()
	err = hostfs.Replace(target, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, &stoppable{ctx: ctx, r: file})
		return err
	})
	if err != nil {
		return patch.Archive{}, fmt.Errorf("cannot take package file of %s: %w", r.Name, err)
	}
	size, got, err := digestOf(ctx, x.here, local(target))
	if err != nil {
		return patch.Archive{}, fmt.Errorf("cannot read %s back: %w", target, err)
	}
	if got != digest {
		return patch.Archive{}, fmt.Errorf("%s has SHA-256 %s where the repository states %s", target, got, digest)
	}
	return patch.Archive{Ref: r, Path: target, SHA256: digest, Size: size, Origin: "archive"}, nil
}

// local turns an absolute path into a name of this machine's file system.
func local(absolute string) string {
	return strings.TrimPrefix(filepath.ToSlash(filepath.Clean(absolute)), "/")
}

func digestOf(ctx context.Context, fsys fs.FS, name string) (int64, string, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = file.Close() }()
	sum := sha256.New()
	n, err := io.Copy(sum, &stoppable{ctx: ctx, r: file})
	if err != nil {
		return 0, "", err
	}
	return n, hex.EncodeToString(sum.Sum(nil)), nil
}

// fetch downloads packages that are not present. failed says of each that could
// not be had why; err is for what concerns all of them.
func (x *fetcher) fetch(ctx context.Context, refs []patch.Ref) (got []patch.Archive, failed map[patch.Ref]string, err error) {
	failed = map[patch.Ref]string{}
	env, err := x.rate()
	if err != nil {
		return nil, nil, err
	}
	scratch := filepath.Join(x.f.Dir, ".zypper")
	defer func() { // both are ours; the files were copied out of the folder
		_ = hostfs.RemoveAll(scratch)
		_ = hostfs.RemoveAll(x.conf())
	}()
	for chunk := range slices.Chunk(refs, batch) {
		archives, missing, why, err := x.chunk(ctx, env, scratch, chunk)
		if err != nil {
			return nil, nil, err
		}
		got = append(got, archives...)
		for _, r := range missing {
			if len(chunk) == 1 {
				failed[r] = why
				continue
			}
			// zypper ends with the first that it cannot get: each gets its own try.
			archives, missing, why, err := x.chunk(ctx, env, scratch, []patch.Ref{r})
			if err != nil {
				return nil, nil, err
			}
			got = append(got, archives...)
			if len(missing) > 0 {
				failed[r] = why
			}
		}
	}
	return got, failed, nil
}

// chunk is one run of zypper. It answers exit code 0 even where a download
// failed: what counts is which files are there with the right digest.
func (x *fetcher) chunk(ctx context.Context, env []string, scratch string, refs []patch.Ref) (got []patch.Archive, missing []patch.Ref, why string, err error) {
	args := []string{"--no-refresh", "--pkg-cache-dir", scratch, "download"}
	for _, r := range refs {
		c, err := capability(r)
		if err != nil {
			return nil, nil, "", err
		}
		args = append(args, c)
	}
	x.progress(refs[0].Name)
	answer, code, err := x.b.ask(ctx, env, args...)
	if err != nil {
		return nil, nil, "", err
	}
	why = answer.errorText()
	if why == "" {
		why = fmt.Sprintf("zypper download ended with exit code %d and gave no reason", code)
	}
	for _, r := range refs {
		a, ok, err := x.downloaded(ctx, answer, r)
		switch {
		case ctx.Err() != nil:
			return nil, nil, "", ctx.Err()
		case err != nil:
			missing, why = append(missing, r), err.Error()
		case !ok:
			missing = append(missing, r)
		default:
			got = append(got, a)
			x.done += a.Size
			x.progress(r.Name)
		}
	}
	return got, missing, why, nil
}

// downloaded takes what zypper downloaded of a package, if it did.
func (x *fetcher) downloaded(ctx context.Context, answer *stream, r patch.Ref) (patch.Archive, bool, error) {
	for _, d := range answer.Downloads {
		if d.Name != r.Name || d.Arch != r.Arch || evr(d.Edition.Epoch, d.Edition.Version, d.Edition.Release) != r.Version || d.File.Path == "" {
			continue
		}
		_, digest, err := digestOf(ctx, x.here, local(d.File.Path))
		if err != nil {
			return patch.Archive{}, false, fmt.Errorf("cannot read what zypper downloaded of %s: %w", r.Name, err)
		}
		if !slices.ContainsFunc(x.known.at(r), func(e entry) bool { return e.sha256 == digest }) {
			return patch.Archive{}, false, fmt.Errorf("the downloaded file of %s has SHA-256 %s, which no repository states for it", r.Name, digest)
		}
		a, err := x.take(ctx, x.here, local(d.File.Path), r, digest)
		return a, err == nil, err
	}
	return patch.Archive{}, false, nil
}

func (x *fetcher) progress(what string) {
	if x.f.Progress != nil {
		x.f.Progress(x.done, x.total, what)
	}
}

// confLimit bounds zypp.conf.
const confLimit = 1 << 20

// conf is the copy of zypp.conf that limits the rate.
func (x *fetcher) conf() string { return filepath.Join(x.f.Dir, ".zypp.conf") }

// rate returns the environment that limits zypper's downloads. It has no option
// for it: it is told of a copy of its configuration that has the limit.
func (x *fetcher) rate() ([]string, error) {
	if x.f.RateLimit <= 0 {
		return nil, nil
	}
	var text []byte
	for _, name := range []string{"etc/zypp/zypp.conf", "usr/etc/zypp/zypp.conf"} {
		data, err := hostfs.ReadLimited(x.host, name, confLimit)
		if err == nil {
			text = data
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot limit the rate of downloads: %w", err)
		}
	}
	err := hostfs.Replace(x.conf(), 0o600, func(w io.Writer) error {
		_, err := io.WriteString(w, limitRate(string(text), x.f.RateLimit))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot limit the rate of downloads: %w", err)
	}
	return []string{"ZYPP_CONF=" + x.conf()}, nil
}

// limitRate sets the limit in the text of a zypp.conf.
func limitRate(conf string, bytesPerSecond int64) string {
	const option = "download.max_download_speed"
	var out strings.Builder
	limit := fmt.Sprintf("%s = %d\n", option, bytesPerSecond)
	inMain := false
	for line := range strings.Lines(conf) {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, option) {
			continue
		}
		out.WriteString(strings.TrimSuffix(line, "\n") + "\n")
		if trimmed == "[main]" && !inMain {
			inMain = true
			out.WriteString(limit)
		}
	}
	if !inMain {
		return "[main]\n" + limit + out.String()
	}
	return out.String()
}
