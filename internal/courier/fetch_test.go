package courier_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/courier"
)

func TestFetch(t *testing.T) {
	data := sample(300_000)
	o := serve(t, file(data))
	r := start(t, courier.Server{})
	got, body := r.fetch(t, courier.Request{URI: o.URL + "/f", SHA256: digest(data), Size: int64(len(data))})
	if !bytes.Equal(body, data) || got.Size != int64(len(data)) || got.SHA256 != digest(data) {
		t.Errorf("got %d bytes, %+v", len(body), got)
	}
	if !got.LastModified.Equal(modified) || got.ETag == "" {
		t.Errorf("got last modified %s, ETag %q", got.LastModified, got.ETag)
	}
	must(t, r.Health(t.Context()))
}

func TestEmptyFile(t *testing.T) {
	r := start(t, courier.Server{})
	if got, body := r.fetch(t, courier.Request{URI: serve(t, file(nil)).URL}); got.Size != 0 || len(body) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsKnownIsNotFetchedAgain(t *testing.T) {
	data := sample(50_000)
	o := serve(t, file(data))
	r := start(t, courier.Server{})
	q := courier.Request{URI: o.URL + "/f"}
	r.fetch(t, q)
	if _, body := r.fetch(t, q); !bytes.Equal(body, data) { // asked again, not sent again
		t.Errorf("got %d bytes", len(body))
	}
	if n := len(o.seen()); n != 2 || o.bytes() != int64(len(data)) {
		t.Errorf("the server was asked %d times for %d bytes", n, o.bytes())
	}
	q.SHA256 = digest(data)
	r.fetch(t, q)
	if n := len(o.seen()); n != 2 {
		t.Errorf("the digest was known, and the server was asked: %d requests", n)
	}
}

func TestUnchanged(t *testing.T) {
	data := sample(5000)
	o := serve(t, file(data))
	etag := `"` + digest(data)[:8] + `"`
	for _, before := range []bool{false, true} { // whether the courier has it
		for name, q := range map[string]courier.Request{
			"date": {IfModifiedSince: modified}, "etag": {IfNoneMatch: etag}, "later": {IfModifiedSince: modified.Add(time.Hour)},
		} {
			r := start(t, courier.Server{})
			q.URI = o.URL + "/f"
			if before {
				r.fetch(t, courier.Request{URI: q.URI})
			}
			got, _ := r.fetch(t, q)
			if !got.Unchanged || before && !got.LastModified.Equal(modified) { // a 304 need not repeat it
				t.Errorf("%s, kept %v: got %+v", name, before, got)
			}
		}
	}
	r := start(t, courier.Server{})
	r.fetch(t, courier.Request{URI: o.URL + "/f"})
	for _, q := range []courier.Request{{IfModifiedSince: modified.Add(-time.Hour)}, {IfNoneMatch: `"other"`}} {
		q.URI = o.URL + "/f"
		if got, body := r.fetch(t, q); got.Unchanged || !bytes.Equal(body, data) {
			t.Errorf("who has an older one gets %+v", got)
		}
	}
}

func TestChangedFileIsFetched(t *testing.T) {
	var mu sync.Mutex
	data := sample(5000)
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		file(data)(w, r)
	})
	r := start(t, courier.Server{})
	r.fetch(t, courier.Request{URI: o.URL})
	mu.Lock()
	data = []byte("a new version")
	mu.Unlock()
	if _, body := r.fetch(t, courier.Request{URI: o.URL}); string(body) != "a new version" {
		t.Errorf("got %q", body)
	}
}

// What is damaged in the spool is fetched again, not handed out.
func TestDamagedSpool(t *testing.T) {
	data := sample(5000)
	o := serve(t, file(data))
	for name, damage := range map[string]func(path string) error{
		"changed": func(p string) error { return os.WriteFile(p, bytes.Repeat([]byte("x"), len(data)), 0o600) },
		"cut":     func(p string) error { return os.Truncate(p, 100) },
		"longer":  func(p string) error { return os.Truncate(p, 6000) },
		"gone":    os.Remove,
		"entry": func(p string) error {
			return os.WriteFile(strings.TrimSuffix(p, ".file")+".json", []byte(`{"schema":"lockfast.spool/1","file":{"size":-1},"part":{"have":-5}}`), 0o600)
		},
	} {
		for _, sum := range []string{"", digest(data)} {
			r := start(t, courier.Server{})
			q := courier.Request{URI: o.URL + "/f", SHA256: sum}
			r.fetch(t, q)
			found, err := filepath.Glob(filepath.Join(r.spool, "*.file"))
			must(t, err)
			must(t, damage(found[0]))
			if _, body := r.fetch(t, q); !bytes.Equal(body, data) {
				t.Errorf("%s: got %d bytes", name, len(body))
			}
		}
	}
}

func TestResumeAfterInterruption(t *testing.T) {
	data := sample(400_000)
	var mu sync.Mutex
	cuts := 2 // how often the connection breaks
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		cut := cuts > 0
		cuts--
		mu.Unlock()
		if cut {
			breaking(w, r, data, 100_000)
			return
		}
		file(data)(w, r)
	})
	r := start(t, courier.Server{})
	_, body := r.fetch(t, courier.Request{URI: o.URL + "/f", SHA256: digest(data)})
	if !bytes.Equal(body, data) {
		t.Fatalf("got %d bytes", len(body))
	}
	if o.bytes() != int64(len(data)) {
		t.Errorf("the server sent %d bytes for %d", o.bytes(), len(data))
	}
	seen := o.seen()
	if len(seen) != 3 || seen[1].Header.Get("Range") != "bytes=100000-" || seen[2].Header.Get("Range") != "bytes=200000-" || seen[2].Header.Get("If-Range") == "" {
		t.Errorf("the server saw %d requests", len(seen))
	}
}

// breaking sends so many bytes of what was asked for, then hangs up.
func breaking(w http.ResponseWriter, r *http.Request, data []byte, n int) {
	from := 0
	w.Header().Set("ETag", `"`+digest(data)[:8]+`"`)
	w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
	if asked := r.Header.Get("Range"); asked != "" {
		_, _ = fmt.Sscanf(asked, "bytes=%d-", &from)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
	if from > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(data[from : from+n])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// A part outlives the courier that fetched it.
func TestResumeAfterRestart(t *testing.T) {
	data := sample(400_000)
	up := false
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if !up {
			breaking(w, r, data, 60_000)
		}
		file(data)(w, r)
	})
	spool := filepath.Join(t.TempDir(), "spool")
	first := start(t, courier.Server{Spool: spool})
	bad := first.refusal(t, courier.Request{URI: o.URL + "/f"})
	if bad.Reason != courier.Interrupted || !bad.Transient {
		t.Errorf("got %+v", bad)
	}
	before := o.bytes()
	if before != 4*60_000 { // as often as it is gone on with at once
		t.Errorf("the server sent %d bytes", before)
	}
	up = true
	second := start(t, courier.Server{Spool: spool})
	if _, body := second.fetch(t, courier.Request{URI: o.URL + "/f"}); !bytes.Equal(body, data) {
		t.Fatalf("got %d bytes", len(body))
	}
	if o.bytes() != int64(len(data)) {
		t.Errorf("the server sent %d bytes for %d", o.bytes(), len(data))
	}
}

// What changed between two attempts is fetched from its beginning.
func TestResumeOfChangedFile(t *testing.T) {
	old, data := sample(400_000), bytes.Repeat([]byte("new"), 50_000)
	var mu sync.Mutex
	first := true
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		cut := first
		first = false
		mu.Unlock()
		if cut {
			breaking(w, r, old, 100_000)
		}
		file(data)(w, r)
	})
	r := start(t, courier.Server{})
	if _, body := r.fetch(t, courier.Request{URI: o.URL}); !bytes.Equal(body, data) {
		t.Errorf("got %d bytes", len(body))
	}
}

// Servers that answer a range wrongly do not spoil the file.
func TestServerWithBadRanges(t *testing.T) {
	data := sample(200_000)
	for name, wrong := range map[string]http.HandlerFunc{
		"other part": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-9/200000")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(data[:10])
		},
		"no part": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) },
		"other bytes": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", "bytes 50000-199999/200000")
			w.WriteHeader(http.StatusPartialContent)
			_, _ = w.Write(bytes.Repeat([]byte("x"), 150_000))
		},
	} {
		first := true
		o := serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case first:
				first = false
				breaking(w, r, data, 50_000)
			case r.Header.Get("Range") != "":
				wrong(w, r)
			default:
				file(data)(w, r)
			}
		})
		r := start(t, courier.Server{})
		q := courier.Request{URI: o.URL}
		if name == "other bytes" { // only a digest shows that
			q.SHA256 = digest(data)
		}
		if _, body := r.fetch(t, q); !bytes.Equal(body, data) {
			t.Errorf("%s: got %d bytes", name, len(body))
		}
	}
}

func TestSameAddressAtOnceIsFetchedOnce(t *testing.T) {
	data := sample(100_000)
	release := make(chan struct{})
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		file(data)(w, r)
	})
	r := start(t, courier.Server{})
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			// Not all ask for the same of it.
			q := courier.Request{URI: o.URL + "/f"}
			if i%2 == 1 {
				q.SHA256 = digest(data)
			}
			got, err := r.Fetch(context.Background(), q)
			if err != nil {
				t.Errorf("cannot fetch: %v", err)
				return
			}
			defer got.Body.Close()
			if body, err := io.ReadAll(got.Body); err != nil || !bytes.Equal(body, data) {
				t.Errorf("got %d bytes, %v", len(body), err)
			}
		})
	}
	for len(o.seen()) == 0 {
		time.Sleep(time.Millisecond)
	}
	close(release)
	all.Wait()
	// One that came late asks whether it has changed; it is not sent again.
	if o.bytes() != int64(len(data)) {
		t.Errorf("the server sent %d bytes for %d", o.bytes(), len(data))
	}
}

// Who waits for another's download is not told of a failure that was not its own.
func TestFailureOfAnotherRequest(t *testing.T) {
	data := sample(1000)
	asked, release := make(chan struct{}, 10), make(chan struct{})
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-release
		file(data)(w, r)
	})
	r := start(t, courier.Server{})
	wrong := make(chan error, 1)
	go func() {
		_, err := r.Fetch(context.Background(), courier.Request{URI: o.URL, SHA256: digest(nil)})
		wrong <- err
	}()
	<-asked
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	if _, body := r.fetch(t, courier.Request{URI: o.URL}); !bytes.Equal(body, data) {
		t.Errorf("got %d bytes", len(body))
	}
	if err := <-wrong; err == nil {
		t.Error("the wrong digest was accepted")
	}
}

// Who goes away stops only its own download; those who wait go on with it.
func TestAskerGoesAway(t *testing.T) {
	data := sample(100_000)
	began := make(chan struct{}, 10)
	var mu sync.Mutex
	first := true
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hang := first
		first = false
		mu.Unlock()
		if !hang {
			file(data)(w, r)
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		_, _ = w.Write(data[:10])
		_ = http.NewResponseController(w).Flush()
		began <- struct{}{}
		<-r.Context().Done()
	})
	r := start(t, courier.Server{})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := r.Fetch(ctx, courier.Request{URI: o.URL})
		left <- err
	}()
	<-began
	stays := make(chan []byte, 1)
	go func() {
		got, err := r.Fetch(context.Background(), courier.Request{URI: o.URL})
		if err != nil {
			t.Errorf("who stayed: %v", err)
			stays <- nil
			return
		}
		defer got.Body.Close()
		body, _ := io.ReadAll(got.Body)
		stays <- body
	}()
	leave()
	if err := <-left; err == nil {
		t.Error("who left got a file")
	}
	if body := <-stays; !bytes.Equal(body, data) {
		t.Errorf("who stayed got %d bytes", len(body))
	}
}

func TestServerFailures(t *testing.T) {
	status := func(code int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(code)
		}
	}
	hang := func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("a"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	for name, c := range map[string]struct {
		h    http.HandlerFunc
		q    courier.Request
		want courier.FailedError
		says string
	}{
		"404":         {h: status(404), want: courier.FailedError{Reason: courier.Status, NotFound: true, Code: 404}, says: "no such file"},
		"401":         {h: status(401), want: courier.FailedError{Reason: courier.Status, Code: 401}, says: "check user and password"},
		"500":         {h: status(500), want: courier.FailedError{Reason: courier.Status, Transient: true, Code: 500}, says: "try again later"},
		"429":         {h: status(429, "Retry-After", "90"), want: courier.FailedError{Reason: courier.Status, Transient: true, Code: 429, RetryAfter: 90 * time.Second}, says: "try again in 1m30s"},
		"503":         {h: status(503, "Retry-After", "much"), want: courier.FailedError{Reason: courier.Status, Transient: true, Code: 503}, says: "try again later"},
		"204":         {h: status(204), want: courier.FailedError{Reason: courier.Status, Code: 204}},
		"304 unasked": {h: status(304), want: courier.FailedError{Reason: courier.Status, Code: 304}, says: "was not asked"},
		"too large": {
			h: file(sample(1000)), q: courier.Request{Size: 999}, want: courier.FailedError{Reason: courier.TooLarge}, says: "more than 999 bytes",
		},
		"too large without saying so": {
			h: func(w http.ResponseWriter, _ *http.Request) {
				_ = http.NewResponseController(w).Flush()
				_, _ = w.Write(sample(1000))
			},
			q: courier.Request{Size: 999}, want: courier.FailedError{Reason: courier.TooLarge}, says: "more than 999 bytes",
		},
		"another file": {
			h: file([]byte("other")), q: courier.Request{SHA256: digest([]byte("mine"))}, want: courier.FailedError{Reason: courier.Different}, says: digest([]byte("other")),
		},
		"ends early": {
			h: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", "1000")
				_, _ = w.Write([]byte("a"))
			},
			want: courier.FailedError{Reason: courier.Interrupted, Transient: true}, says: "ended before the file did",
		},
		"stalls":         {h: hang, want: courier.FailedError{Reason: courier.TimedOut, Transient: true}, says: "sent nothing for"},
		"never answers":  {h: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, want: courier.FailedError{Reason: courier.TimedOut, Transient: true}, says: "sent nothing for"},
		"takes too long": {h: hang, q: courier.Request{Timeout: time.Millisecond}, want: courier.FailedError{Reason: courier.TimedOut, Transient: true}, says: "longer than was allowed"},
		"redirects for ever": {
			h:    func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/again", http.StatusFound) },
			want: courier.FailedError{Reason: courier.Redirected}, says: "more than 10 redirects",
		},
		"redirects to a file": {
			h: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "file:///etc/shadow")
				w.WriteHeader(302)
			},
			want: courier.FailedError{Reason: courier.Redirected}, says: "not http or https",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := serve(t, c.h)
			r := start(t, courier.Server{Stall: 200 * time.Millisecond})
			u, err := url.Parse(o.URL)
			must(t, err)
			// What is secret in an address is in no error.
			u.User, u.Path, u.RawQuery = url.UserPassword("mallory", "s3cret"), "/dir/f", "token=t0ken"
			c.q.URI = u.String()
			bad := r.refusal(t, c.q)
			text := bad.Text
			bad.Text = ""
			if *bad != c.want {
				t.Errorf("got %+v, want %+v (%s)", *bad, c.want, text)
			}
			if !strings.Contains(text, c.says) || !strings.Contains(text, "/dir/f") || strings.Contains(text, "\n") {
				t.Errorf("got %q", text)
			}
			for _, secret := range []string{"mallory", "s3cret", "t0ken"} {
				if strings.Contains(text, secret) {
					t.Errorf("%q tells %s", text, secret)
				}
			}
			if seen := o.seen(); len(seen) > 0 {
				if user, password, _ := seen[0].BasicAuth(); user != "mallory" || password != "s3cret" {
					t.Errorf("the server saw user %q, password %q", user, password)
				}
			}
			// None of these can be gone on with.
			for _, pattern := range []string{"*.file", "*.part"} {
				if left, err := filepath.Glob(filepath.Join(r.spool, pattern)); err != nil || len(left) > 0 {
					t.Errorf("left %v, %v", left, err)
				}
			}
			if name == "redirects for ever" && len(o.seen()) != 11 {
				t.Errorf("followed %d redirects", len(o.seen())-1)
			}
		})
	}
}

func TestUnreachableServers(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	plain := serve(t, file(nil))
	untrusted := httptest.NewUnstartedServer(file(nil))
	untrusted.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	noHTTP, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = noHTTP.Close() })
	go func() {
		for {
			conn, err := noHTTP.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("220 mail\r\n"))
			_ = conn.Close()
		}
	}()
	r := start(t, courier.Server{})
	for uri, want := range map[string]courier.FailedError{
		closed.URL: {Reason: courier.Refused, Transient: true},
		strings.Replace(plain.URL, "http:", "https:", 1): {Reason: courier.Untrusted},
		untrusted.URL:                      {Reason: courier.Untrusted},
		"http://" + noHTTP.Addr().String(): {Reason: courier.Interrupted, Transient: true},
		"http://nowhere.invalid":           {Reason: courier.Unresolved, Transient: true},
	} {
		bad := r.refusal(t, courier.Request{URI: strings.Replace(uri, "://", "://mallory:s3cret@", 1) + "/?token=t0ken"})
		text := bad.Text
		bad.Text = ""
		if *bad != want || strings.Contains(text, "mallory") || strings.Contains(text, "s3cret") || strings.Contains(text, "t0ken") {
			t.Errorf("%s: got %+v, want %+v (%s)", uri, *bad, want, text)
		}
	}
}

func TestRedirects(t *testing.T) {
	data := sample(1000)
	target := serve(t, file(data))
	plain := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL+"/f?x=1", http.StatusFound)
	})
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, target.URL, http.StatusMovedPermanently)
	}))
	t.Cleanup(secure.Close)
	r := start(t, courier.Server{Client: secure.Client()})
	if _, body := r.fetch(t, courier.Request{URI: strings.Replace(plain.URL, "://", "://user:word@", 1)}); !bytes.Equal(body, data) {
		t.Errorf("got %d bytes", len(body))
	}
	last := target.seen()[0]
	if _, _, sent := last.BasicAuth(); sent || last.Referer() != "" {
		t.Errorf("another host was told %v", last.Header)
	}
	bad := r.refusal(t, courier.Request{URI: secure.URL})
	if bad.Reason != courier.Redirected || !strings.Contains(bad.Text, "from https to") {
		t.Errorf("got %+v", bad)
	}
	if len(target.seen()) != 1 {
		t.Error("the redirect from https was followed")
	}
}

func TestHTTPS(t *testing.T) {
	data := sample(1000)
	o := httptest.NewTLSServer(file(data))
	t.Cleanup(o.Close)
	r := start(t, courier.Server{Client: o.Client()})
	if _, body := r.fetch(t, courier.Request{URI: o.URL}); !bytes.Equal(body, data) {
		t.Errorf("got %d bytes", len(body))
	}
}

func TestProxy(t *testing.T) {
	var asked []string
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.String())
		file([]byte("by proxy"))(w, r)
	})
	for _, c := range []struct {
		server, request, want string
	}{{proxy.URL, "", "by proxy"}, {"", proxy.URL, "by proxy"}, {proxy.URL, "DIRECT", "direct"}} {
		o := serve(t, file([]byte("direct")))
		r := start(t, courier.Server{Proxy: c.server})
		if _, body := r.fetch(t, courier.Request{URI: o.URL, Proxy: c.request}); string(body) != c.want {
			t.Errorf("%+v: got %q", c, body)
		}
	}
	r := start(t, courier.Server{Proxy: "http://user:s3cret@:::"})
	if bad := r.refusal(t, courier.Request{URI: "http://example.org/"}); !strings.Contains(bad.Text, "proxy") || strings.Contains(bad.Text, "s3cret") {
		t.Errorf("got %q", bad.Text)
	}
}

func TestBadRequests(t *testing.T) {
	r := start(t, courier.Server{})
	for _, q := range []courier.Request{
		{}, {URI: "ftp://h/f"}, {URI: "file:///etc/passwd"}, {URI: "http://"}, {URI: "http:///f"}, {URI: "http://u:s3cret@h/%zz"}, {URI: "http://u:s3cret@h:port/"},
		{URI: "http://h/" + strings.Repeat("a", 9000)}, {URI: "http://h/", Size: -1}, {URI: "http://h/", Timeout: -1}, {URI: "http://h/", Timeout: 48 * time.Hour},
		{URI: "http://h/", SHA256: "abc"}, {URI: "http://h/", SHA256: strings.Repeat("G", 64)}, {URI: "http://h/", IfNoneMatch: "a\r\nHost: b"},
	} {
		bad := r.refusal(t, q)
		if bad.Reason != courier.Invalid || strings.Contains(bad.Text, "s3cret") || strings.Contains(bad.Text, "\n") {
			t.Errorf("%.60q: got %+v", q.URI, bad)
		}
		// The client sees it too; the courier must see it by itself.
		if text := raw(t, r.Socket, "POST", "/fetch", fmt.Sprintf(`{"uri":%q,"size":%d,"timeout":%d,"sha256":%q,"if_none_match":%q}`, q.URI, q.Size, q.Timeout, q.SHA256, q.IfNoneMatch)); !strings.Contains(text, `"invalid"`) {
			t.Errorf("%.60q: got %s", q.URI, text)
		}
	}
	for _, body := range []string{"", "{", "[]", `{"uri":1}`, `{"uri":"http://h/","other":1}`, `{"uri":"http://h/"} {}`, strings.Repeat("x", 100_000)} {
		if text := raw(t, r.Socket, "POST", "/fetch", body); !strings.Contains(text, `"failed"`) || !strings.Contains(text, `"invalid"`) {
			t.Errorf("%.30q: got %s", body, text)
		}
	}
	if text := raw(t, r.Socket, "GET", "/else", ""); !strings.Contains(text, `"failed"`) {
		t.Errorf("got %s", text)
	}
}

// raw asks as somebody else's program would.
func raw(t testing.TB, socket, method, path, body string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	request, err := http.NewRequestWithContext(t.Context(), method, "http://courier"+path, strings.NewReader(body))
	must(t, err)
	response, err := client.Do(request)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return string(text)
}
