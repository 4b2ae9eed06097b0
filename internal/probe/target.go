package probe

import (
	"cmp"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// How long an answer may take where a target says nothing. One that nobody
// asked for is not worth a long wait.
const (
	defaultWithin   = 10 * time.Second
	detectedWithin  = 3 * time.Second
	detectedConnect = time.Second // this host's kernel accepts a connection at once, or a filter drops it
)

// Target is something of this host that should answer.
type Target struct {
	URL      string        `json:"url" yaml:"url"`                     // http://host/path, https://host/path, tcp://host:port
	Status   int           `json:"status,omitempty" yaml:"status"`     // what an HTTP answer must have; 0: as it was before
	Contains string        `json:"contains,omitempty" yaml:"contains"` // text that the page or the greeting must hold
	Within   time.Duration `json:"within_ns,omitempty" yaml:"within"`  // limit of the whole answer; 0 means 10 s
	Insecure bool          `json:"insecure,omitempty" yaml:"insecure"` // the certificate is not checked: on loopback we ask whether it answers, not who it is
	Host     string        `json:"host,omitempty" yaml:"host"`         // Host header and name in TLS where they differ from the URL's
	Detected bool          `json:"detected,omitempty" yaml:"-"`        // from Detect: the scheme is a guess that Take makes sure of
}

// place is where a target's URL points.
type place struct {
	scheme string
	host   string // without brackets
	port   uint16
}

// fieldError says which field of a target cannot be used.
type fieldError struct{ field, text string }

func (e *fieldError) Error() string { return e.field + ": " + e.text }

func wrong(field, format string, args ...any) error {
	return &fieldError{field: field, text: fmt.Sprintf(format, args...)}
}

// Check says what of a target cannot be asked, naming the field. Whether its
// address belongs to this host is only known when it is asked.
func (t Target) Check() error {
	_, err := t.place()
	return err
}

func (t Target) place() (place, error) {
	p, err := t.address()
	if err != nil {
		return place{}, err
	}
	isHTTP := p.scheme != "tcp"
	switch {
	case t.Status != 0 && !isHTTP:
		return place{}, wrong("status", "only http and https answer with one")
	case t.Status != 0 && (t.Status < 200 || t.Status > 599):
		return place{}, wrong("status", "is %d, want one from 200 to 599", t.Status)
	case t.Insecure && p.scheme != "https":
		return place{}, wrong("insecure", "is about certificates, which only https has")
	case t.Within < 0:
		return place{}, wrong("within", "is %v, want more than nothing", t.Within)
	case !isHTTP && len(t.Contains) > maxBanner:
		return place{}, wrong("contains", "is longer than the %d bytes that are read of a greeting", maxBanner)
	case !utf8.ValidString(t.Contains): // a stored answer would no longer be the same target's
		return place{}, wrong("contains", "is no UTF-8")
	case t.Host != "" && !isHTTP:
		return place{}, wrong("host", "only http and https ask for one")
	case t.Host != "" && !isHost(t.Host):
		return place{}, wrong("host", "%q is no host name", t.Host)
	}
	return p, nil
}

// address reads the URL. What it would send but we would not is refused, so that
// nobody believes it was asked for.
func (t Target) address() (place, error) {
	u, err := url.Parse(t.URL)
	if err != nil || t.URL == "" || !utf8.ValidString(t.URL) {
		return place{}, wrong("url", "%q is no address; write http://, https:// or tcp:// and a host", t.URL)
	}
	p := place{scheme: u.Scheme, host: u.Hostname()}
	fallback := map[string]string{"http": "80", "https": "443", "tcp": ""}
	port, known := fallback[u.Scheme]
	switch {
	case !known:
		return place{}, wrong("url", "%q has a scheme other than http, https and tcp", u.Redacted())
	case u.User != nil:
		return place{}, wrong("url", "%q holds a name or password, which are not sent", u.Redacted())
	case p.host == "":
		return place{}, wrong("url", "%q names no host", t.URL)
	case u.Scheme == "tcp" && (u.Path != "" || u.RawQuery != "" || u.Fragment != ""):
		return place{}, wrong("url", "%q has more than a host and a port", t.URL)
	}
	number, err := strconv.ParseUint(cmp.Or(u.Port(), port), 10, 16)
	if err != nil || number == 0 {
		return place{}, wrong("url", "%q needs a port from 1 to 65535", t.URL)
	}
	p.port = uint16(number)
	return p, nil
}

func (t Target) within() time.Duration {
	if t.Detected {
		return cmp.Or(t.Within, detectedWithin)
	}
	return cmp.Or(t.Within, defaultWithin)
}

// connectWithin is how long the connection alone may take; 0: as long as all.
func (t Target) connectWithin() time.Duration {
	if t.Detected && t.Within == 0 {
		return detectedConnect
	}
	return 0
}

// configured reports whether somebody said what the answer must be.
func (t Target) configured() bool { return t.Status != 0 || t.Contains != "" }

// isHost reports whether a text is a host, with or without a port.
func isHost(s string) bool {
	u, err := url.Parse("http://" + s)
	return err == nil && u.Host == s && u.Hostname() != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}
