package courier

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
)

const (
	// checkpoint is after how many bytes it is written down how much of a
	// download is on the disk: so much may come twice after a crash.
	checkpoint = 8 << 20
	// reserve is left free on the disk: a full one breaks more than a late file.
	reserve = 64 << 20
)

// outcome is what one attempt came to.
type outcome struct {
	file      *os.File
	unchanged bool
	version   version
	again     bool // failed, but another attempt may go on at once
}

// try makes one request and takes what comes of it into the part.
func (f *fetcher) try(ctx context.Context, j *job) (outcome, *FailedError) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	alarm := f.alarm(cancel)
	defer alarm.stop()

	have := f.resumable(j)
	request, err := f.request(context.WithValue(ctx, wayKey{}, way{alarm: alarm, proxy: j.q.Proxy}), j, have)
	if err != nil {
		return outcome{}, invalid("cannot fetch %s: it makes no request", shown(j.u))
	}
	alarm.set()
	response, err := f.client.Do(request)
	alarm.stop()
	if err != nil {
		return outcome{}, f.because(ctx, j.u, err)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	switch response.StatusCode {
	case http.StatusNotModified:
		return f.notModified(j, response)
	case http.StatusOK:
		have = 0
	case http.StatusPartialContent:
		if have == 0 || rangeStart(response.Header.Get("Content-Range")) != have {
			return f.anew(j, "the server sent another part than the one asked for")
		}
	case http.StatusRequestedRangeNotSatisfiable:
		if have > 0 {
			return f.anew(j, "the server cannot go on where the last attempt ended")
		}
		return outcome{}, statusFailure(j.u, response)
	default:
		return outcome{}, statusFailure(j.u, response)
	}
	return f.receive(ctx, j, alarm.around(response.Body), have, response)
}

// request asks for the rest of a part, else for the file if it has changed.
func (f *fetcher) request(ctx context.Context, j *job, have int64) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, j.u.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "lockfast-courier")
	r.Header.Set("Accept-Encoding", "identity") // digests and ranges are of the file as published
	switch {
	case have > 0:
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		r.Header.Set("If-Range", j.e.Part.Version.validator())
	case j.e.File != nil:
		conditional(r, j.e.File.Version.ETag, j.e.File.Version.LastModified)
	case j.q.IfModifiedSince.IsZero():
		conditional(r, j.q.IfNoneMatch, "")
	default:
		conditional(r, j.q.IfNoneMatch, j.q.IfModifiedSince.UTC().Format(http.TimeFormat))
	}
	return r, nil
}

func conditional(r *http.Request, etag, modified string) {
	if etag != "" {
		r.Header.Set("If-None-Match", etag)
	}
	if modified != "" {
		r.Header.Set("If-Modified-Since", modified)
	}
}

// resumable is how much of a part can be gone on with.
func (f *fetcher) resumable(j *job) int64 {
	p := j.e.Part
	if p == nil || p.Have <= 0 || p.Version.validator() == "" || p.Have >= f.most(j.q) {
		return 0
	}
	info, err := os.Lstat(f.spool.path(j.key, partSuffix))
	if err != nil || !info.Mode().IsRegular() || info.Size() < p.Have {
		return 0
	}
	return p.Have
}

// rangeStart reads where a part begins: "bytes 100-199/200".
func rangeStart(header string) int64 {
	span, _ := strings.CutPrefix(header, "bytes ")
	first, _, _ := strings.Cut(span, "-")
	n, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// anew forgets the part, so that the next attempt begins at the beginning.
func (f *fetcher) anew(j *job, why string) (outcome, *FailedError) {
	f.dropPart(j)
	return outcome{again: true}, &FailedError{
		Text: fmt.Sprintf("cannot fetch %s: %s; it is fetched from the beginning next time", shown(j.u), why), Reason: Interrupted, Transient: true,
	}
}

// notModified hands out the file in the spool, unless the asker has it too.
func (f *fetcher) notModified(j *job, response *http.Response) (outcome, *FailedError) {
	w := j.e.File
	if w == nil {
		if j.q.IfNoneMatch == "" && j.q.IfModifiedSince.IsZero() {
			return outcome{}, &FailedError{Text: fmt.Sprintf("cannot fetch %s: the server says that it has not changed, but was not asked", shown(j.u)), Reason: Status, Code: response.StatusCode}
		}
		v := version{ETag: oneLine(response.Header.Get("ETag")), LastModified: response.Header.Get("Last-Modified")}
		return outcome{unchanged: true, version: v}, nil
	}
	if j.has(w.Version) {
		return outcome{unchanged: true, version: version{oneLine(w.Version.ETag), w.Version.LastModified}}, nil
	}
	if bad := f.unwanted(j, w.Size, w.SHA256); bad != nil {
		return outcome{}, bad
	}
	file, err := f.spool.open(j.key, w)
	if err != nil {
		j.e.File = nil
		return f.anew(j, "what the courier had kept is damaged")
	}
	w.Checked = time.Now()
	if err := f.spool.store(j.key, j.e); err != nil {
		_ = file.Close()
		return outcome{}, f.noRoom(j, err)
	}
	return outcome{file: file}, nil
}

// has says whether the asker has this version already.
func (j *job) has(v version) bool {
	if j.q.IfNoneMatch != "" {
		return j.q.IfNoneMatch == v.ETag
	}
	modified := date(v.LastModified)
	return !j.q.IfModifiedSince.IsZero() && !modified.IsZero() && !modified.After(j.q.IfModifiedSince)
}

// unwanted refuses a file that is not the one asked for.
func (f *fetcher) unwanted(j *job, size int64, digest string) *FailedError {
	if most := f.most(j.q); size > most {
		return &FailedError{Text: fmt.Sprintf("cannot fetch %s: it has more than %d bytes", shown(j.u), most), Reason: TooLarge}
	}
	if j.q.SHA256 != "" && digest != "" && j.q.SHA256 != digest {
		return &FailedError{
			Text: fmt.Sprintf("cannot fetch %s: its SHA-256 is %s, not the one asked for; the server may be in the middle of an update", shown(j.u), digest), Reason: Different,
		}
	}
	return nil
}

// receive takes a body into the part and makes the file of it.
func (f *fetcher) receive(ctx context.Context, j *job, body io.Reader, have int64, response *http.Response) (outcome, *FailedError) {
	expected := int64(-1)
	if response.ContentLength >= 0 {
		expected = have + response.ContentLength
		if bad := f.unwanted(j, expected, ""); bad != nil {
			return outcome{}, bad
		}
	}
	v := version{ETag: response.Header.Get("ETag"), LastModified: response.Header.Get("Last-Modified")}
	if have > 0 && v == (version{}) {
		v = j.e.Part.Version // a 206 need not repeat it
	}
	if err := f.room(max(expected-have, 0)); err != nil {
		return outcome{}, f.noRoom(j, err)
	}
	p, err := hostfs.OpenPart(f.spool.path(j.key, partSuffix), have)
	if err != nil {
		return outcome{}, f.noRoom(j, err)
	}
	t := transfer{f: f, j: j, part: p, sum: sha256.New(), have: have, saved: have, version: v}
	if _, err := io.Copy(t.sum, p.Head()); err != nil {
		_ = p.Close()
		return f.anew(j, "what the courier had of it cannot be read")
	}
	reading, writing := t.copy(ctx, body)
	switch {
	case writing != nil:
		_ = p.Close()
		f.dropPart(j)
		return outcome{}, f.noRoom(j, writing)
	case errors.Is(reading, errTooLarge):
		_ = p.Close()
		f.dropPart(j)
		return outcome{}, f.unwanted(j, t.have, "")
	case reading != nil:
		return f.interrupted(ctx, t, have, reading)
	}
	return f.finish(t, have)
}

// transfer is a body on its way into the part.
type transfer struct {
	f       *fetcher
	j       *job
	part    *hostfs.Part
	sum     hash.Hash
	have    int64
	saved   int64 // of have, that which is written down
	version version
}

var errTooLarge = errors.New("it is too large")

// copy tells whose fault the end of it was.
func (t *transfer) copy(ctx context.Context, body io.Reader) (reading, writing error) {
	most := t.f.most(t.j.q)
	buffer := make([]byte, t.f.pace.chunk())
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if t.have+int64(n) > most {
				t.have += int64(n)
				return errTooLarge, nil
			}
			if _, err := t.part.Write(buffer[:n]); err != nil {
				return nil, err
			}
			_, _ = t.sum.Write(buffer[:n]) // never fails
			t.have += int64(n)
			if err := t.f.pace.take(ctx, n); err != nil {
				return err, nil
			}
		}
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return err, nil
		}
		if t.have-t.saved >= checkpoint {
			if err := t.save(); err != nil {
				return nil, err
			}
		}
	}
}

// save writes down how far it has come.
func (t *transfer) save() error {
	if err := t.part.Sync(); err != nil {
		return err
	}
	t.j.e.Part = &part{Have: t.have, Version: t.version}
	if err := t.f.spool.store(t.j.key, t.j.e); err != nil {
		return err
	}
	t.saved = t.have
	return t.f.room(0)
}

// interrupted keeps what has come, if it can be gone on with.
func (f *fetcher) interrupted(ctx context.Context, t transfer, began int64, reading error) (outcome, *FailedError) {
	defer func() { _ = t.part.Close() }()
	bad := f.because(ctx, t.j.u, reading)
	if t.version.validator() == "" {
		f.dropPart(t.j)
		return outcome{}, bad
	}
	if err := t.save(); err != nil {
		f.dropPart(t.j)
		return outcome{}, f.noRoom(t.j, err)
	}
	return outcome{again: t.have > began}, bad
}

// finish makes the file of a whole part.
func (f *fetcher) finish(t transfer, began int64) (outcome, *FailedError) {
	j := t.j
	w := &whole{Size: t.have, SHA256: hexOf(t.sum.Sum(nil)), Version: t.version, Checked: time.Now()}
	if bad := f.unwanted(j, w.Size, w.SHA256); bad != nil {
		_ = t.part.Close()
		f.dropPart(j)
		return outcome{again: began > 0}, bad // the first bytes may have been of another file
	}
	if err := t.part.Finish(j.key + fileSuffix); err != nil {
		f.dropPart(j)
		return outcome{}, f.noRoom(j, err)
	}
	j.e.File, j.e.Part = w, nil
	if err := f.spool.store(j.key, j.e); err != nil {
		return outcome{}, f.noRoom(j, err)
	}
	file, err := f.spool.open(j.key, w)
	if err != nil {
		return outcome{}, f.noRoom(j, err)
	}
	return outcome{file: file}, nil
}

func (f *fetcher) dropPart(j *job) {
	j.e.Part = nil
	_ = f.spool.store(j.key, j.e) // without it the part is only fetched again
	_ = hostfs.RemoveAll(f.spool.path(j.key, partSuffix))
}

// room makes room in the spool, and looks whether the disk has it too.
func (f *fetcher) room(more int64) error {
	if err := f.spool.room(more); err != nil {
		return err
	}
	free, err := hostfs.Free(f.spool.dir)
	if err == nil && free < more+reserve {
		f.spool.empty()
		free, err = hostfs.Free(f.spool.dir)
	}
	if err == nil && free < more+reserve {
		return fmt.Errorf("its disk has %d bytes left, and %d and a reserve of %d are needed", free, more, int64(reserve))
	}
	return nil
}

// noRoom says that the spool could not take the file. What others had asked for
// before goes: the disk may be full because of it.
func (f *fetcher) noRoom(j *job, err error) *FailedError {
	f.spool.empty()
	return &FailedError{
		Text:   fmt.Sprintf("cannot fetch %s: the courier's spool %s cannot take it: %v; free space there", shown(j.u), f.spool.dir, withoutPath(err)),
		Reason: NoRoom, Transient: true,
	}
}
