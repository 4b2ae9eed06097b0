package courier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var (
	errTimeUp  = errors.New("it took longer than was allowed")
	errStalled = errors.New("no data came")
)

// redirectError says why a redirect is not followed.
type redirectError struct{ text string }

func (e redirectError) Error() string { return e.text }

// because says in one line why there was no answer, or no end of one.
func (f *fetcher) because(ctx context.Context, u *url.URL, err error) *FailedError {
	bad := func(r Reason, transient bool, format string, args ...any) *FailedError {
		return &FailedError{Text: oneLine("cannot fetch " + shown(u) + ": " + fmt.Sprintf(format, args...)), Reason: r, Transient: transient}
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	err = bare(err)
	var (
		redirect redirectError
		name     *net.DNSError
	)
	switch {
	case errors.Is(err, errStalled):
		return bad(TimedOut, true, "the server sent nothing for %s; it is gone on with next time", f.server.Stall)
	case errors.Is(err, errTimeUp), errors.Is(err, context.DeadlineExceeded):
		return bad(TimedOut, true, "it took longer than was allowed; it is gone on with next time")
	case errors.Is(err, context.Canceled):
		return bad(Interrupted, true, "it was stopped")
	case errors.As(err, &redirect):
		return bad(Redirected, false, "%v", redirect)
	case errors.As(err, &name):
		return bad(Unresolved, true, "the name %s was not resolved (%s); check the network and DNS", oneLine(name.Name), name.Err)
	case isTLS(err):
		return bad(Untrusted, false, "its server is not who it should be, or TLS failed: %v; check the clock and the trusted certificates", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return bad(Refused, true, "the server takes no connection: %v", err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return bad(Interrupted, true, "the server ended before the file did; it is gone on with next time")
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return bad(TimedOut, true, "%v", err)
	}
	return bad(Interrupted, true, "%v", err)
}

// bare takes off what quotes the address.
func bare(err error) error {
	for {
		wrapped, ok := errors.AsType[*url.Error](err)
		if !ok {
			return err
		}
		err = wrapped.Err
	}
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.SystemRootsError](err); ok {
		return true
	}
	return errors.Is(err, http.ErrSchemeMismatch) || strings.Contains(err.Error(), "tls: ") // crypto/tls has no types for the rest
}

// statusFailure says what a status means.
func statusFailure(u *url.URL, r *http.Response) *FailedError {
	bad := &FailedError{Reason: Status, Code: r.StatusCode}
	text := "the server answers " + r.Status
	switch {
	case r.StatusCode == http.StatusNotFound, r.StatusCode == http.StatusGone:
		bad.NotFound = true
		text = fmt.Sprintf("the server has no such file (%s)", r.Status)
	case r.StatusCode == http.StatusUnauthorized, r.StatusCode == http.StatusForbidden, r.StatusCode == http.StatusProxyAuthRequired:
		text += "; check user and password"
	case r.StatusCode == http.StatusTooManyRequests, r.StatusCode == http.StatusRequestTimeout, r.StatusCode >= http.StatusInternalServerError:
		bad.Transient = true
		bad.RetryAfter = retryAfter(r.Header.Get("Retry-After"), time.Now())
		text += "; try again later"
		if bad.RetryAfter > 0 {
			text = fmt.Sprintf("the server answers %s; try again in %s", r.Status, bad.RetryAfter)
		}
	}
	bad.Text = oneLine("cannot fetch " + shown(u) + ": " + text)
	return bad
}

// retryAfter reads seconds or a date (RFC 9110, 10.2.3), at most a day.
func retryAfter(header string, now time.Time) time.Duration {
	wait := date(header).Sub(now)
	if seconds, err := strconv.ParseInt(strings.TrimSpace(header), 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	}
	return min(max(wait, 0), maxTimeout).Round(time.Second)
}

// withoutPath leaves out the path of a file that the text names already.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
