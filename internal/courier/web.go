package courier

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	maxRedirects   = 10
	maxHeaderBytes = 256 << 10
	connecting     = 30 * time.Second
)

// way is what one request brings along for the client that all share.
type way struct {
	alarm *alarm
	proxy string
}

type wayKey struct{}

// httpClient is the server's client, with our rules for redirects.
func (f *fetcher) httpClient() *http.Client {
	client := http.Client{Transport: &http.Transport{
		Proxy:                  f.proxy,
		DialContext:            (&net.Dialer{Timeout: connecting}).DialContext,
		TLSHandshakeTimeout:    connecting,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConnsPerHost:    atOnce,
	}}
	if f.server.Client != nil {
		client = *f.server.Client
	}
	client.Jar = nil
	client.CheckRedirect = follow
	return &client
}

// follow allows redirects, but never from https to what anybody could change.
func follow(next *http.Request, via []*http.Request) error {
	if w, ok := next.Context().Value(wayKey{}).(way); ok {
		w.alarm.set() // it has answered
	}
	next.Header.Del("Referer") // its query may be secret
	if last := via[len(via)-1].URL; next.URL.User == nil && next.URL.Scheme == last.Scheme && next.URL.Host == last.Host {
		next.URL.User = last.User
	}
	switch {
	case len(via) > maxRedirects:
		return redirectError{fmt.Sprintf("it leads through more than %d redirects", maxRedirects)}
	case next.URL.Scheme != "http" && next.URL.Scheme != "https":
		return redirectError{"it redirects to " + shown(next.URL) + ", which is not http or https"}
	case via[len(via)-1].URL.Scheme == "https" && next.URL.Scheme != "https":
		return redirectError{"it redirects from https to " + shown(next.URL) + ", which is not https"}
	}
	return nil
}

// proxy is that of the request, else of the server, else of the environment. Its
// address may hold a password, so no error quotes it.
func (f *fetcher) proxy(r *http.Request) (*url.URL, error) {
	wanted := f.server.Proxy
	if w, ok := r.Context().Value(wayKey{}).(way); ok && w.proxy != "" {
		wanted = w.proxy
	}
	switch strings.ToLower(wanted) {
	case "":
		u, err := http.ProxyFromEnvironment(r)
		if err != nil {
			return nil, errors.New("the proxy in the environment has no valid address")
		}
		return u, nil
	case "direct", "false":
		return nil, nil
	}
	u, err := url.Parse(wanted)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("the proxy has no valid address; write http://HOST:PORT")
	}
	return u, nil
}

// alarm ends a request when nothing comes for too long. It is set only while we
// wait for the other side: our own pace is no stall.
type alarm struct {
	after time.Duration
	mu    sync.Mutex
	timer *time.Timer
	ring  func()
}

func (f *fetcher) alarm(cancel context.CancelCauseFunc) *alarm {
	return &alarm{after: f.server.Stall, ring: func() { cancel(errStalled) }}
}

func (a *alarm) set() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer == nil {
		a.timer = time.AfterFunc(a.after, a.ring)
		return
	}
	a.timer.Reset(a.after)
}

func (a *alarm) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
}

// around sets the alarm for each read.
func (a *alarm) around(r io.Reader) io.Reader { return alarmed{r, a} }

type alarmed struct {
	io.Reader
	alarm *alarm
}

func (r alarmed) Read(p []byte) (int, error) {
	r.alarm.set()
	defer r.alarm.stop()
	return r.Reader.Read(p)
}
