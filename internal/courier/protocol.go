package courier

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// DefaultSocket is where the courier is asked if nothing else is said.
const DefaultSocket = "/run/lockfast/courier.sock"

// Limits of the protocol. The largest message is a notice with its attachment.
const (
	maxAsk      = 64 << 10
	maxAnswer   = 64 << 10
	maxDelivery = 4 << 20
	maxURI      = 8 << 10
	// defaultTimeout is for one file, waiting included. What came until then is
	// kept, so the next request goes on.
	defaultTimeout = time.Hour
	maxTimeout     = 24 * time.Hour
)

// Request asks for one file.
type Request struct {
	URI             string        `json:"uri"`
	IfModifiedSince time.Time     `json:"if_modified_since,omitzero"`
	IfNoneMatch     string        `json:"if_none_match,omitempty"`
	SHA256          string        `json:"sha256,omitempty"`  // hexadecimal; another file is refused
	Size            int64         `json:"size,omitempty"`    // a larger file is refused; 0: as large as the courier allows
	Timeout         time.Duration `json:"timeout,omitempty"` // nanoseconds; 0: an hour
	Proxy           string        `json:"proxy,omitempty"`   // "DIRECT": none; "": as the courier's settings say
}

type status string

const (
	done      status = "done"
	unchanged status = "unchanged"
	notFound  status = "not found"
	failed    status = "failed"
)

// answer is what comes back for each request.
type answer struct {
	Status       status    `json:"status"`
	File         string    `json:"file,omitempty"` // its name in the spool, for people who look
	Size         int64     `json:"size,omitempty"`
	SHA256       string    `json:"sha256,omitempty"`
	ETag         string    `json:"etag,omitempty"`
	LastModified time.Time `json:"last_modified,omitzero"`
	Error        string    `json:"error,omitempty"`
	Reason       Reason    `json:"reason,omitempty"`
	Transient    bool      `json:"transient,omitempty"`
	RetryAfter   int64     `json:"retry_after,omitempty"` // seconds
	Code         int       `json:"code,omitempty"`        // of HTTP
}

// Reason is the kind of a failure, for programs.
type Reason string

// Reasons of failures.
const (
	Invalid     Reason = "invalid"     // the request is not one
	Forbidden   Reason = "forbidden"   // the asker may not ask
	Unreachable Reason = "unreachable" // the courier does not answer
	Unresolved  Reason = "unresolved"  // the host's name leads nowhere
	Refused     Reason = "refused"     // the host takes no connections
	Untrusted   Reason = "untrusted"   // TLS failed
	Redirected  Reason = "redirected"  // to where we do not go
	TimedOut    Reason = "timed out"
	Interrupted Reason = "interrupted"
	Status      Reason = "status"    // the server's status, see Code
	TooLarge    Reason = "too large" // more than was asked for or is allowed
	Different   Reason = "different" // not the digest asked for
	NoRoom      Reason = "no room"   // in the spool or on its disk
	Undelivered Reason = "undelivered"
)

// FailedError says why there is no file.
type FailedError struct {
	Text       string
	Reason     Reason
	NotFound   bool // the server says that there is none
	Transient  bool // later it may work
	RetryAfter time.Duration
	Code       int // of HTTP, if the server answered
}

func (e *FailedError) Error() string { return e.Text }

func (e *FailedError) answer() answer {
	a := answer{
		Status: failed, Error: e.Text, Reason: e.Reason, Transient: e.Transient, Code: e.Code,
		RetryAfter: int64(e.RetryAfter / time.Second),
	}
	if e.NotFound {
		a.Status = notFound
	}
	return a
}

// failure reads an answer that brings no file. It is a stranger's text.
func (a answer) failure() *FailedError {
	wait := min(max(a.RetryAfter, 0), int64(maxTimeout/time.Second))
	text := oneLine(a.Error)
	if text == "" {
		text = "the courier gives no reason; see its log"
	}
	return &FailedError{
		Text: text, Reason: a.Reason, NotFound: a.Status == notFound, Transient: a.Transient, Code: a.Code,
		RetryAfter: time.Duration(wait) * time.Second,
	}
}

// maxText is how much of a stranger's explanation is passed on.
const maxText = 600

// oneLine makes a text safe to print and to put into a protocol of lines.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return strings.TrimSpace(s)
}

func invalid(format string, args ...any) *FailedError {
	return &FailedError{Text: fmt.Sprintf(format, args...), Reason: Invalid}
}

// check refuses what is no request, and returns its address.
func (q Request) check() (*url.URL, *FailedError) {
	if len(q.URI) > maxURI {
		return nil, invalid("cannot fetch an address of %d bytes: at most %d are allowed", len(q.URI), maxURI)
	}
	u, err := url.Parse(q.URI)
	if err != nil {
		return nil, invalid("cannot fetch: the address %s", whyNoURL(err))
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, invalid("cannot fetch %s: only http and https are fetched", shown(u))
	case u.Hostname() == "":
		return nil, invalid("cannot fetch %s: it names no host", shown(u))
	case q.Size < 0:
		return nil, invalid("cannot fetch %s: its size cannot be %d", shown(u), q.Size)
	case q.Timeout < 0 || q.Timeout > maxTimeout:
		return nil, invalid("cannot fetch %s: the time for it must be between 0 and %s", shown(u), maxTimeout)
	case q.SHA256 != "" && !isDigest(q.SHA256):
		return nil, invalid("cannot fetch %s: its SHA-256 must be 64 digits 0-9 a-f", shown(u))
	case oneLine(q.IfNoneMatch) != q.IfNoneMatch:
		return nil, invalid("cannot fetch %s: the name of the old version is not one line of at most %d bytes", shown(u), maxText)
	}
	return u, nil
}

func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// shown is an address without what may be secret: user, password and query.
func shown(u *url.URL) string {
	return oneLine((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String())
}

// whyNoURL leaves the address out, which may hold a password.
func whyNoURL(err error) string {
	if _, ok := errors.AsType[url.EscapeError](err); ok {
		return "has a % that does not begin an escape"
	}
	return "is not one; write http://HOST/PATH or https://HOST/PATH"
}
