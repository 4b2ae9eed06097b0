package feed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	defaultMaxBytes = 4 << 30
	defaultAttempts = 4
	defaultWait     = 2 * time.Second // before the second attempt; doubled before each further one
	maxRedirects    = 5
	headerTimeout   = 60 * time.Second
	stallTimeout    = 60 * time.Second // without a byte
)

// fetcher downloads into the cache. It is not safe for concurrent use.
type fetcher struct {
	o      SyncOptions
	client *http.Client
	state  state
}

func newFetcher(o SyncOptions) (*fetcher, error) {
	o.MaxBytes, o.Attempts = cmp.Or(o.MaxBytes, defaultMaxBytes), cmp.Or(o.Attempts, defaultAttempts)
	o.Wait = cmp.Or(o.Wait, defaultWait)
	f := &fetcher{o: o}
	var err error
	if f.state, err = readState(f.path(stateName)); err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   30 * time.Second,
		ResponseHeaderTimeout: headerTimeout,
		DisableCompression:    true, // ranges and checks are of the file as published
		ForceAttemptHTTP2:     true,
	}}
	if o.Client != nil {
		client = *o.Client
	}
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		if via[0].URL.Scheme == "https" && next.URL.Scheme != "https" {
			return permanentError{errors.New("it redirects from https to " + next.URL.Redacted() + ", which is not https")}
		}
		if err := allowed(next.URL.String(), o.AllowHTTP); err != nil {
			return permanentError{fmt.Errorf("it redirects: %w", err)}
		}
		return nil
	}
	f.client = &client
	return f, nil
}

// allowed refuses addresses that anybody on the way could change: only https,
// or this machine itself.
func allowed(address string, allowHTTP bool) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("cannot fetch %q: it is no address", address)
	}
	switch {
	case u.Host == "":
		return fmt.Errorf("cannot fetch %q: it names no host", address)
	case u.Scheme == "https", u.Scheme == "http" && (allowHTTP || isLoopback(u.Hostname())):
		return nil
	}
	return fmt.Errorf("cannot fetch %s: only https is allowed beyond this machine, unless plain http is allowed explicitly", u.Redacted())
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// permanentError is one that another attempt would only meet again.
type permanentError struct{ error }

// Unwrap lets callers act on the cause.
func (p permanentError) Unwrap() error { return p.error }

// fetch brings one resource up to date: afterwards either its cached copy is
// known to be current, or a complete part holds the new state.
func (f *fetcher) fetch(ctx context.Context, r resource) error {
	f.forgetStalePart(r)
	wait := f.o.Wait
	var err error
	for attempt := range f.o.Attempts {
		if attempt > 0 {
			if err := pause(ctx, wait); err != nil {
				return err
			}
			wait *= 2
		}
		err = f.try(ctx, r)
		var permanent permanentError
		if err == nil || errors.As(err, &permanent) || ctx.Err() != nil {
			break
		}
	}
	if saveErr := f.saveState(); saveErr != nil {
		return saveErr
	}
	if err != nil {
		return fmt.Errorf("cannot fetch %s: %w", r.url, plain(err))
	}
	return nil
}

// plain takes off net/http's prefix, which names the address again.
func plain(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// forgetStalePart drops a part that cannot be continued: of another address, of
// a state nobody can name, or complete but never imported.
func (f *fetcher) forgetStalePart(r resource) {
	e := f.state.Files[r.name]
	if e.Part != nil && (e.Part.URL != r.url || e.Part.Complete || e.Part.Version.validator() == "") {
		e.Part = nil
		f.state.Files[r.name] = e
	}
}

// validator is what If-Range takes: a strong ETag, else the modification time.
func (v version) validator() string {
	if v.ETag != "" && !strings.HasPrefix(v.ETag, "W/") {
		return v.ETag
	}
	return v.LastModified
}
