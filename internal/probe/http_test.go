package probe_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/probe"
)

func TestPage(t *testing.T) {
	const body = "<html><title>Shop &amp; more</title>Welcome"
	a := ask(t, probe.Target{URL: serve(t, says(body))})
	sum := sha256.Sum256([]byte(body))
	if !a.OK || a.Status != 200 || a.Title != "Shop & more" || a.Size != int64(len(body)) || a.SHA256 != hex.EncodeToString(sum[:]) || a.Cut || a.Error != "" || a.Took <= 0 {
		t.Errorf("got %+v", a)
	}
}

func TestRequest(t *testing.T) {
	seen := make(chan *http.Request, 1)
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) { seen <- r })
	if a := ask(t, probe.Target{URL: url + "/path?q=1", Host: "shop.example"}); !a.OK {
		t.Fatalf("got %+v", a)
	}
	r := <-seen
	if r.Method != http.MethodGet || r.URL.String() != "/path?q=1" || r.Host != "shop.example" || r.UserAgent() != "lockfast-probe" || len(r.Header["Accept-Encoding"]) != 0 {
		t.Errorf("got %s %s of %s, %v", r.Method, r.URL, r.Host, r.Header)
	}
}

func TestDemands(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte("all is well"))
	})
	cases := []struct {
		target probe.Target
		wrong  string // in the error; empty: it holds
	}{
		{probe.Target{URL: url}, ""},
		{probe.Target{URL: url + "/gone"}, ""},
		{probe.Target{URL: url, Status: 200, Contains: "is well"}, ""},
		{probe.Target{URL: url + "/gone", Status: 404}, ""},
		{probe.Target{URL: url + "/gone", Status: 200}, "answers 404, want 200"},
		{probe.Target{URL: url, Contains: "is ill"}, `"is ill" is not in the body`},
	}
	for _, c := range cases {
		a := ask(t, c.target)
		if a.OK != (c.wrong == "") || !strings.Contains(a.Error, c.wrong) || a.OK != (a.Error == "") {
			t.Errorf("%+v: got %v, %q, want %q", c.target, a.OK, a.Error, c.wrong)
		}
	}
}

func TestRedirectIsAnAnswer(t *testing.T) {
	reached := make(chan struct{}, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/next" {
			reached <- struct{}{}
		}
		http.Redirect(w, r, "/next", http.StatusFound)
	})
	a := ask(t, probe.Target{URL: url})
	if !a.OK || a.Status != 302 || a.Location != "/next" || len(reached) != 0 {
		t.Errorf("got %+v, followed: %d", a, len(reached))
	}
	bad, _ := listen(t, answers("HTTP/1.1 302 Found\r\nLocation: http://[\xff\r\nContent-Length: 0\r\n\r\n"))
	if a := ask(t, probe.Target{URL: "http://" + bad}); !a.OK || a.Location != "http://[\uFFFD" {
		t.Errorf("no address as a goal: got %+v", a)
	}
}

func TestHugeBody(t *testing.T) {
	const all = 3 << 20
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		size := all
		if r.URL.Path == "/just" {
			size = 1 << 20
		}
		_, _ = w.Write([]byte("<title>big</title>" + strings.Repeat(".", size-18-3) + "end"))
	})
	if a := ask(t, probe.Target{URL: url}); !a.OK || !a.Cut || a.Size != 1<<20 || a.Title != "big" {
		t.Errorf("got %+v", a)
	}
	if a := ask(t, probe.Target{URL: url, Contains: "end"}); a.OK || !strings.Contains(a.Error, "first 1048576 bytes") {
		t.Errorf("text at the end: got %+v", a)
	}
	if a := ask(t, probe.Target{URL: url + "/just", Contains: "end"}); !a.OK || a.Cut || a.Size != 1<<20 {
		t.Errorf("just as much as is read: got %+v", a)
	}
}

func TestBrokenAnswers(t *testing.T) {
	cases := map[string]struct {
		raw, want string
		status    int
	}{
		"longer length than the body": {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "broke off after 5 bytes", 200},
		"closed within a chunk":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nshort", "broke off after 5 bytes", 200},
		"closed within the header":    {"HTTP/1.1 200 OK\r\nContent-", "no answer", 0},
		"nothing":                     {"", "no answer", 0},
		"no HTTP":                     {"\x1b[2J220 mail ESMTP\r\n", "no answer", 0},
		"endless header":              {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "no answer", 0},
	}
	for name, c := range cases {
		address, _ := listen(t, answers(c.raw))
		a := ask(t, probe.Target{URL: "http://" + address})
		if a.OK || !strings.Contains(a.Error, c.want) || a.Status != c.status || strings.Contains(a.Error, "\x1b") {
			t.Errorf("%s: got %+v", name, a)
		}
	}
}

func TestTooSlow(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			_, _ = w.Write([]byte("some"))
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	})
	silent, _ := listen(t, hold)
	wants := map[string]string{
		url:                   "does not answer within 500ms",
		url + "/body":         "answers 200, but the body did not end within 500ms",
		"http://" + silent:    "does not answer within 500ms",
		"https://" + silent:   "does not answer within 500ms",
		"http://" + nobody(t): "connection refused",
	}
	var targets []probe.Target
	for address := range wants {
		targets = append(targets, probe.Target{URL: address, Within: 500 * time.Millisecond})
	}
	began := time.Now()
	for _, a := range probe.Ask(t.Context(), targets) {
		if want := wants[a.Target.URL]; a.OK || a.Stopped || !strings.Contains(a.Error, want) {
			t.Errorf("got %+v, want %q", a, want)
		}
	}
	if time.Since(began) > 5*time.Second {
		t.Errorf("took %v", time.Since(began))
	}
}

func TestSlowAnswerIsMeasured(t *testing.T) {
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(200 * time.Millisecond):
		case <-r.Context().Done():
		}
	})
	if a := ask(t, probe.Target{URL: url}); !a.OK || a.Took < 200*time.Millisecond {
		t.Errorf("got %+v", a)
	}
}

func TestTLS(t *testing.T) {
	seen := make(chan string, 8)
	s := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.TLS.ServerName + " " + r.Host }))
	t.Cleanup(s.Close)
	if a := ask(t, probe.Target{URL: s.URL}); a.OK || !strings.Contains(a.Error, "certificate") {
		t.Errorf("certificate of nobody: got %+v", a)
	}
	if a := ask(t, probe.Target{URL: s.URL, Insecure: true, Host: "shop.example:8443"}); !a.OK || a.Status != 200 {
		t.Errorf("unchecked: got %+v", a)
	} else if got := <-seen; got != "shop.example shop.example:8443" {
		t.Errorf("asked for %q", got)
	}
	trusting := probe.Asker{Roots: x509.NewCertPool()}
	trusting.Roots.AddCert(s.Certificate())
	for host, ok := range map[string]bool{"": true, "example.com": true, "shop.example": false} {
		if a := trusting.Ask(t.Context(), []probe.Target{{URL: s.URL, Host: host}})[0]; a.OK != ok {
			t.Errorf("certificate for %q: got %+v", host, a)
		}
	}
}
