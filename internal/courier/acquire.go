package courier

import (
	"context"
	"crypto/md5"  //nolint:gosec // G501: where apt asks for it; apt does not trust it alone
	"crypto/sha1" //nolint:gosec // G505: likewise
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// acquire fetches one file for apt, and says how that went.
func (m *method) acquire(ctx context.Context, asked message) {
	select {
	case m.slots <- struct{}{}:
		defer func() { <-m.slots }()
	case <-ctx.Done():
		return
	}
	err := m.bring(ctx, asked)
	if err == nil || ctx.Err() != nil { // apt does not wait any more
		return
	}
	_ = m.say(failure(asked.get("URI"), err)) // that apt does not listen ends all
}

// bring fetches what apt asks for to where apt wants it.
func (m *method) bring(ctx context.Context, asked message) error {
	uri, name := asked.get("URI"), asked.get("Filename")
	if !filepath.IsAbs(name) {
		return invalid("cannot fetch for apt: %q is no absolute name of a file", oneLine(name))
	}
	q, err := m.request(asked)
	if err != nil {
		return err
	}
	waiting := message{code: 102, words: "Status"}
	waiting.add("URI", uri)
	waiting.add("Message", "Waiting for Lockfast's courier")
	if err := m.say(waiting); err != nil {
		return err
	}
	got, err := m.client().Fetch(ctx, q)
	if err != nil {
		return err
	}
	if got.Unchanged {
		return m.say(hit(uri, name, asked.get("Last-Modified")))
	}
	defer func() { _ = got.Body.Close() }() // only read from
	start := message{code: 200, words: "URI Start"}
	start.add("URI", uri)
	start.add("Size", strconv.FormatInt(got.Size, 10))
	start.add("Last-Modified", httpDate(got.LastModified))
	if err := m.say(start); err != nil {
		return err
	}
	sums := sumsFor(asked)
	if err := place(name, io.TeeReader(got.Body, sums), got.LastModified); err != nil {
		return err
	}
	end := message{code: 201, words: "URI Done"}
	end.add("URI", uri)
	end.add("Filename", name)
	end.add("Size", strconv.FormatInt(got.Size, 10))
	end.add("Last-Modified", httpDate(got.LastModified))
	sums.tell(&end, got.Size)
	return m.say(end)
}

// request is what the courier is asked for.
func (m *method) request(asked message) (Request, error) {
	uri := asked.get("URI")
	u, err := url.Parse(uri)
	if err != nil {
		return Request{}, invalid("cannot fetch for apt: the address %s", whyNoURL(err))
	}
	q := Request{
		URI: loggedIn(uri, m.logins), IfModifiedSince: date(asked.get("Last-Modified")), SHA256: strings.ToLower(asked.get("Expected-SHA256")),
		Timeout: m.o.Timeout, Proxy: m.config.proxy(u, asked.get("Proxy")),
	}
	for _, field := range []string{"Expected-Checksum-FileSize", "Maximum-Size"} {
		size := asked.get(field)
		if size == "" || q.Size > 0 {
			continue
		}
		if q.Size, err = strconv.ParseInt(size, 10, 64); err != nil || q.Size < 0 {
			return Request{}, invalid("cannot fetch %s: apt says a size of %.40q", shown(u), size)
		}
	}
	return q, nil
}

// place copies a file to where apt wants it. It has the time that its publisher
// gave it: apt asks by that for a newer one.
func place(name string, from io.Reader, modified time.Time) error {
	err := hostfs.Replace(name, 0o644, func(w io.Writer) error {
		_, err := io.Copy(w, from)
		return err
	})
	if err == nil && !modified.IsZero() {
		err = hostfs.SetModified(name, modified)
	}
	if err != nil {
		return fmt.Errorf("cannot copy what the courier fetched for apt: %w", err)
	}
	return nil
}

// hit says that apt has the file already.
func hit(uri, name, modified string) message {
	m := message{code: 201, words: "URI Done"}
	m.add("URI", uri)
	m.add("Filename", name)
	m.add("Last-Modified", modified)
	m.add("IMS-Hit", "true")
	return m
}

func httpDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(http.TimeFormat)
}

// failure says to apt why there is no file, and whether to try again.
func failure(uri string, err error) message {
	m := message{code: 400, words: "URI Failure"}
	m.add("URI", uri)
	m.add("Message", oneLine(err.Error()))
	bad, ok := errors.AsType[*FailedError](err)
	if !ok {
		return m
	}
	if bad.Transient {
		m.add("Transient-Failure", "true")
	}
	m.add("FailReason", failReason(bad))
	return m
}

// failReason is what apt calls it: it decides by some of them.
func failReason(bad *FailedError) string {
	switch bad.Reason {
	case TooLarge:
		return "MaximumSizeExceeded"
	case Different:
		return "HashSumMismatch"
	case Unresolved:
		return "ResolveFailure"
	case Refused, Unreachable:
		return "ConnectionRefused"
	case TimedOut:
		return "Timeout"
	case Status:
		if bad.Code == http.StatusTooManyRequests {
			return "TooManyRequests"
		}
		return "HttpError" + strconv.Itoa(bad.Code)
	case Invalid, Forbidden, Untrusted, Redirected, Interrupted, NoRoom, Undelivered:
	}
	return ""
}

// sums are the digests that apt compares: those it expects, computed of what is
// copied. If it expects one that is not known here, it is told none, and
// computes all of them itself.
type sums struct {
	names []string
	all   []hash.Hash
}

func sumsFor(asked message) *sums {
	s := &sums{}
	for _, f := range asked.fields {
		kind, expected := strings.CutPrefix(strings.ToLower(f.name), "expected-")
		switch {
		case !expected, kind == "checksum-filesize":
		case kind == "sha512":
			s.add("SHA512", sha512.New())
		case kind == "sha256":
			s.add("SHA256", sha256.New())
		case kind == "sha1":
			s.add("SHA1", sha1.New()) //nolint:gosec // G401: see above
		case kind == "md5sum":
			s.add("MD5Sum", md5.New()) //nolint:gosec // G401: see above
		default:
			return &sums{}
		}
	}
	if len(s.all) == 0 {
		s.add("SHA256", sha256.New())
		s.add("SHA512", sha512.New())
	}
	return s
}

func (s *sums) add(name string, h hash.Hash) {
	s.names, s.all = append(s.names, name), append(s.all, h)
}

func (s *sums) Write(p []byte) (int, error) {
	for _, h := range s.all {
		_, _ = h.Write(p) // never fails
	}
	return len(p), nil
}

func (s *sums) tell(m *message, size int64) {
	if len(s.all) == 0 {
		return
	}
	for i, h := range s.all {
		m.add(s.names[i]+"-Hash", hexOf(h.Sum(nil)))
	}
	m.add("Checksum-FileSize-Hash", strconv.FormatInt(size, 10))
}
