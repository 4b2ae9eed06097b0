package courier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Transport lets an ordinary client GET through the courier. Validators are
// passed on (If-None-Match, If-Modified-Since); Range is not, so a whole file
// comes, from the spool. Redirects have been followed. What the server answered
// with a status is an answer with that status and no body; all other failures
// are errors.
func (c *Client) Transport() http.RoundTripper { return transport{c} }

type transport struct{ client *Client }

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_ = r.Body.Close() // RoundTripper's contract
	}
	if r.Method != http.MethodGet && r.Method != "" {
		return nil, invalid("cannot %s %s through the courier: it only fetches", r.Method, shown(r.URL))
	}
	q := Request{URI: r.URL.String(), IfNoneMatch: r.Header.Get("If-None-Match"), IfModifiedSince: date(r.Header.Get("If-Modified-Since"))}
	if deadline, ok := r.Context().Deadline(); ok {
		q.Timeout = min(max(time.Until(deadline), time.Second), maxTimeout)
	}
	got, err := t.client.Fetch(r.Context(), q)
	if bad, ok := errors.AsType[*FailedError](err); ok && bad.Code >= http.StatusBadRequest && bad.Code < 600 {
		return refusal(r, bad), nil
	}
	if err != nil {
		return nil, err
	}
	response := respond(r, http.StatusOK)
	if got.ETag != "" {
		response.Header.Set("ETag", got.ETag)
	}
	if !got.LastModified.IsZero() {
		response.Header.Set("Last-Modified", got.LastModified.UTC().Format(http.TimeFormat))
	}
	if got.Unchanged {
		response.StatusCode, response.Status = http.StatusNotModified, statusLine(http.StatusNotModified)
		return response, nil
	}
	response.ContentLength = got.Size
	response.Header.Set("Content-Length", strconv.FormatInt(got.Size, 10))
	response.Body = whileLasting(r.Context(), got.Body)
	return response, nil
}

func respond(r *http.Request, code int) *http.Response {
	return &http.Response{
		StatusCode: code, Status: statusLine(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: r,
	}
}

func refusal(r *http.Request, bad *FailedError) *http.Response {
	response := respond(r, bad.Code)
	if bad.RetryAfter > 0 {
		response.Header.Set("Retry-After", strconv.FormatInt(int64(bad.RetryAfter/time.Second), 10))
	}
	return response
}

func statusLine(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// whileLasting ends a body with its request's context, as any other does.
func whileLasting(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	return struct {
		io.Reader
		io.Closer
	}{readerFunc(func(p []byte) (int, error) {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		return body.Read(p)
	}), body}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
