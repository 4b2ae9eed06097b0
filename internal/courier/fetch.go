package courier

import (
	"context"
	"encoding/hex"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"
)

// fetcher fetches into the spool.
type fetcher struct {
	server Server
	client *http.Client
	spool  *spool
	pace   pace
	slots  chan struct{} // of downloads

	mu      sync.Mutex
	flights map[string]*flight // by key
}

// flight is the work on one address: nobody else touches its files.
type flight struct {
	ask    Request
	landed chan struct{}
	// Set before landed is closed. What failed for one that asked the same
	// need not be tried again for those who waited; what was fetched is found
	// in the spool.
	answer answer
	shared bool
}

func (f *fetcher) busy(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.flights[key] != nil
}

// join returns the flight of an address, and whether it is the caller's own.
func (f *fetcher) join(key string, q Request) (*flight, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if other := f.flights[key]; other != nil {
		return other, false
	}
	own := &flight{ask: q, landed: make(chan struct{})}
	f.flights[key] = own
	return own, true
}

func (f *fetcher) land(key string, own *flight, a answer, shared bool) {
	f.mu.Lock()
	delete(f.flights, key)
	f.mu.Unlock()
	own.answer, own.shared = a, shared
	close(own.landed)
}

// get answers a request; the file is the caller's to close. The same address
// asked for twice at once is fetched once.
func (f *fetcher) get(ctx context.Context, q Request) (answer, *os.File) {
	u, bad := q.check()
	if bad != nil {
		return bad.answer(), nil
	}
	asked := time.Now()
	limit := q.Timeout
	if limit == 0 {
		limit = defaultTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errTimeUp)
	defer cancel()
	key := keyOf(q.URI)
	for {
		own, mine := f.join(key, q)
		if mine {
			a, file := f.fly(ctx, job{q: q, u: u, key: key, asked: asked})
			f.land(key, own, a, file == nil && ctx.Err() == nil)
			return a, file
		}
		select {
		case <-own.landed:
		case <-ctx.Done():
			return f.because(ctx, u, ctx.Err()).answer(), nil
		}
		if own.shared && own.ask == q {
			return own.answer, nil
		}
	}
}

// job is one address that is being fetched.
type job struct {
	q     Request
	u     *url.URL
	key   string
	asked time.Time
	e     entry
}

// maxTries is how often a download that was interrupted is gone on with at
// once, each time only if it has got further or begins anew.
const maxTries = 4

// fly fetches one address, or hands out what is there.
func (f *fetcher) fly(ctx context.Context, j job) (answer, *os.File) {
	j.e = f.spool.load(j.key)
	if file := f.ready(&j); file != nil {
		return j.answer(), file
	}
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return f.because(ctx, j.u, ctx.Err()).answer(), nil
	}
	for tries := 1; ; tries++ {
		got, bad := f.try(ctx, &j)
		switch {
		case bad == nil && got.file != nil:
			return j.answer(), got.file
		case bad == nil && got.unchanged:
			return answer{Status: unchanged, ETag: got.version.ETag, LastModified: date(got.version.LastModified)}, nil
		case bad != nil && (!got.again || tries == maxTries || ctx.Err() != nil):
			return bad.answer(), nil
		}
	}
}

// ready is the file in the spool, if it is for certain what is asked for: it has
// the digest, or it came while this request waited.
func (f *fetcher) ready(j *job) *os.File {
	w := j.e.File
	if w == nil || j.q.SHA256 != w.SHA256 && (j.q.SHA256 != "" || !w.Checked.After(j.asked)) {
		return nil
	}
	if w.Size > f.most(j.q) {
		return nil
	}
	file, err := f.spool.open(j.key, w)
	if err != nil {
		j.e.File = nil
		return nil
	}
	return file
}

// most is how large a file may be.
func (f *fetcher) most(q Request) int64 {
	if q.Size > 0 {
		return min(q.Size, f.server.Limits.MaxFile)
	}
	return f.server.Limits.MaxFile
}

func (j *job) answer() answer {
	w := j.e.File
	return answer{
		Status: done, File: j.key + fileSuffix, Size: w.Size, SHA256: w.SHA256, ETag: oneLine(w.Version.ETag), LastModified: date(w.Version.LastModified),
	}
}

// date reads a date of HTTP; the zero time if it is none.
func date(s string) time.Time {
	t, err := http.ParseTime(s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

func hexOf(sum []byte) string { return hex.EncodeToString(sum) }
