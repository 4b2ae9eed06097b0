package probe

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

const (
	maxBody   = 1 << 20  // read of a page: enough for its title and for most texts to look for
	maxHeader = 64 << 10 // more is no answer of a service that works
)

// page asks over http or https. One request and one connection an answer:
// nothing of an earlier one may decide.
func (a Asker) page(ctx context.Context, to route, answer *Answer) error {
	t := answer.Target
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL, http.NoBody)
	if err != nil {
		return fmt.Errorf("cannot ask %s: %w", t.URL, err)
	}
	request.Host = t.Host // empty: the URL's
	request.Header.Set("User-Agent", "lockfast-probe")
	transport := a.transport(to, t)
	defer transport.CloseIdleConnections()
	// The transport itself, not a client: no cookies and no redirects.
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("no answer: %w", reason(err))
	}
	defer func() { _ = response.Body.Close() }()
	answer.Status, answer.Location = response.StatusCode, printable(response.Header.Get("Location"))
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	if answer.Cut = len(body) > maxBody; answer.Cut {
		body = body[:maxBody]
	}
	sum := sha256.Sum256(body)
	answer.Title, answer.Size, answer.SHA256 = Title(body), int64(len(body)), hex.EncodeToString(sum[:])
	if err != nil {
		return fmt.Errorf("answers %d, but the body broke off after %d bytes: %w", answer.Status, len(body), reason(err))
	}
	return demanded(answer, body)
}

// demanded says what of a target's own demands an answer does not hold.
func demanded(answer *Answer, body []byte) error {
	t := answer.Target
	switch {
	case t.Status != 0 && answer.Status != t.Status:
		return fmt.Errorf("answers %d, want %d", answer.Status, t.Status)
	case bytes.Contains(body, []byte(t.Contains)):
		return nil
	case answer.Cut:
		return fmt.Errorf("answers %d, but %q is not in the first %d bytes of the body", answer.Status, t.Contains, maxBody)
	}
	return fmt.Errorf("answers %d, but %q is not in the body", answer.Status, t.Contains)
}

func (a Asker) transport(to route, t Target) *http.Transport {
	name := hostname(t.Host)
	return &http.Transport{
		Proxy: nil, // we ask this host, whatever the environment says
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return to.connect(ctx) // the checked addresses, not the name
		},
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			RootCAs:            a.Roots,
			ServerName:         name,
			InsecureSkipVerify: t.Insecure, //nolint:gosec // asked for by the target: on loopback the question is whether it answers
		},
		DisableKeepAlives:      true,
		DisableCompression:     true, // the page as it is by itself
		MaxResponseHeaderBytes: maxHeader,
	}
}

// hostname is a host without its port.
func hostname(host string) string {
	u := url.URL{Host: host}
	return u.Hostname()
}

// whereTo is a redirect's goal without what often changes with each answer:
// query, fragment and parameters such as session ids.
func whereTo(location string) string {
	if end := strings.IndexAny(location, "?#;"); end >= 0 {
		return location[:end]
	}
	return location
}
