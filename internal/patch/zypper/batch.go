package zypper

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
)

// batch is how many packages one run of zypper downloads; between two of them
// progress is told. For each that a server does not answer for, zypper waits two
// minutes, which nothing shortens: a large batch would wait for hours.
const batch = 10

// miss is a package that a run did not bring.
type miss struct {
	patch.Ref
	why    string
	silent bool // the server did not answer
}

// fetch downloads packages that are not present into byRef. failed says of each
// that could not be had why; err is for what concerns all of them.
func (x *fetcher) fetch(ctx context.Context, refs []patch.Ref, byRef map[patch.Ref]patch.Archive) (failed map[patch.Ref]string, err error) {
	failed = map[patch.Ref]string{}
	env, err := x.rate()
	if err != nil {
		return nil, err
	}
	defer func() { _ = hostfs.RemoveAll(x.conf()) }()
	for chunk := range slices.Chunk(refs, batch) {
		missed, err := x.run(ctx, env, chunk, failed, byRef)
		if err != nil {
			return nil, err
		}
		for _, m := range missed {
			if m.silent || len(chunk) == 1 {
				continue
			}
			// Another mirror may answer, and what concerns one package must not be
			// taken for the reason of another.
			if _, err := x.run(ctx, env, []patch.Ref{m.Ref}, failed, byRef); err != nil {
				return nil, err
			}
		}
	}
	return failed, nil
}

// run has zypper download some packages, but those of a repository that did not
// answer before, and keeps count of what failed.
func (x *fetcher) run(ctx context.Context, env []string, refs []patch.Ref, failed map[patch.Ref]string, byRef map[patch.Ref]patch.Archive) ([]miss, error) {
	var wanted []patch.Ref
	for _, r := range refs {
		delete(failed, r)
		if from := x.repoOf(r); x.silent[from] {
			failed[r] = "repository " + from + " does not answer, and was not asked for it"
			continue
		}
		wanted = append(wanted, r)
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	missed, err := x.chunk(ctx, env, wanted, byRef)
	for _, m := range missed {
		failed[m.Ref] = m.why
		if m.silent {
			x.silent[x.repoOf(m.Ref)] = true
		}
	}
	return missed, err
}

// repoOf is the repository that a package would come from, "" if none has it.
func (x *fetcher) repoOf(r patch.Ref) string {
	if at := x.known.at(r); len(at) > 0 {
		return at[0].repo.Alias
	}
	return ""
}

// chunk is one run of zypper. It answers exit code 0 even where a download
// failed: what counts is which files are there with the right digest.
func (x *fetcher) chunk(ctx context.Context, env []string, refs []patch.Ref, byRef map[patch.Ref]patch.Archive) (missed []miss, err error) {
	args := []string{"--no-refresh", "--pkg-cache-dir", x.scratch(), "download"}
	for _, r := range refs {
		c, err := capability(r)
		if err != nil {
			return nil, err
		}
		args = append(args, c)
	}
	x.progress(refs[0].Name)
	answer, code, err := x.b.ask(ctx, env, args...)
	if err != nil {
		return nil, err
	}
	if code == exitLocked {
		return nil, answer.failure("zypper download", code)
	}
	for _, r := range refs {
		a, ok, err := x.downloaded(ctx, answer, r)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			missed = append(missed, miss{Ref: r, why: err.Error()})
		case !ok:
			why, silent := answer.retrieval(r, code)
			missed = append(missed, miss{r, why, silent})
		default:
			byRef[r] = a
			x.done += a.Size
			x.progress(r.Name)
		}
	}
	return missed, nil
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
		if err == nil {
			err = x.drop(d.File.Path)
		}
		return a, err == nil, err
	}
	return patch.Archive{}, false, nil
}

// drop removes a file that was taken out of our folder for downloads; of a
// repository on this machine, zypper names the very file.
func (x *fetcher) drop(file string) error {
	if !strings.HasPrefix(filepath.Clean(file), x.scratch()+string(filepath.Separator)) {
		return nil
	}
	if err := hostfs.RemoveAll(file); err != nil {
		return fmt.Errorf("cannot remove %s, which was taken: %w", file, err)
	}
	return nil
}

// retrieval is why a run did not bring a package, and whether zypper waited for
// a server in vain. What zypper says while it fetches a package stands between
// "Retrieving package a-1-1.x86_64 (1/2), …" and the next of these.
func (s *stream) retrieval(r patch.Ref, code int) (why string, silent bool) {
	var said []string
	known, inside := false, false
	name := " " + r.Name + "-" + r.Version + "." + r.Arch + " "
	for _, m := range s.Messages {
		text := oneLine(m.Text)
		if strings.HasPrefix(text, "Retrieving") {
			inside = strings.Contains(text, name)
			known = known || inside
		}
		text = strings.TrimSuffix(text, " Do you want to retry retrieval?")
		switch {
		case !inside:
		case m.Type == "error" && !strings.HasPrefix(text, "ABORT request: ") && !slices.Contains(said, text):
			said = append(said, text)
		case strings.HasPrefix(text, "Retrying in "):
			silent = true
		}
	}
	switch {
	case len(said) > 0:
		return strings.Join(said, "; "), silent
	case !known && s.errorText() != "":
		return s.errorText(), false
	}
	return fmt.Sprintf("zypper download ended with exit code %d and gave no reason", code), silent
}
