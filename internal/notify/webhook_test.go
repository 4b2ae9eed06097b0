package notify_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lockfast/lockfast/internal/notice"
	"github.com/lockfast/lockfast/internal/notify"
)

const key = "0123456789abcdef0123456789abcdef"

func sinkOf(s string) notice.Sink {
	parsed, err := notice.ParseSink(s)
	if err != nil {
		panic(err)
	}
	return parsed
}

func hook(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func post(t *testing.T, url string, s notify.Settings) error {
	t.Helper()
	o, err := notify.Prepare(sink(t, "webhook:"+url), message(), s)
	return notify.Deliver(t.Context(), through(t, o, err))
}

// receiver is how a site might check what it gets: written after
// docs/formats/notices.md, with nothing of ours.
func receiver(t *testing.T, got *atomic.Int32) http.HandlerFunc {
	t.Helper()
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		stamp := r.Header.Get("X-Lockfast-Timestamp")
		given, err := hex.DecodeString(strings.TrimPrefix(r.Header.Get("X-Lockfast-Signature"), "v1="))
		mac := hmac.New(sha256.New, []byte(key))
		_, _ = fmt.Fprintf(mac, "%s.%s", stamp, body)
		var doc struct {
			Schema string `json:"schema"`
			ID     string `json:"id"`
			Items  []struct {
				Kind string `json:"kind"`
			} `json:"items"`
		}
		if err != nil || !hmac.Equal(given, mac.Sum(nil)) || json.Unmarshal(body, &doc) != nil {
			t.Errorf("signature %q over %q", r.Header.Get("X-Lockfast-Signature"), body)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if doc.Schema != "lockfast.notice/1" || doc.ID != r.Header.Get("Idempotency-Key") || len(doc.Items) != 2 || doc.Items[0].Kind != "exploited-exposed" {
			t.Errorf("got %+v, key %q", doc, r.Header.Get("Idempotency-Key"))
		}
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s of %s", r.Method, r.Header.Get("Content-Type"))
		}
		got.Add(1)
		w.WriteHeader(http.StatusAccepted)
	}
}

func TestWebhookIsSigned(t *testing.T) {
	var got atomic.Int32
	s := hook(t, receiver(t, &got))
	if err := post(t, s.URL+"/x", notify.Settings{WebhookSecretFile: write(t, "key", key+"\n", 0o600)}); err != nil || got.Load() != 1 {
		t.Errorf("%d came, %v", got.Load(), err)
	}
}

func TestWebhookWithoutSecret(t *testing.T) {
	s := hook(t, func(_ http.ResponseWriter, r *http.Request) {
		if _, signed := r.Header["X-Lockfast-Signature"]; signed {
			t.Error("signed with nothing")
		}
	})
	if err := post(t, s.URL, notify.Settings{}); err != nil {
		t.Error(err)
	}
}

func TestWebhookOverTLS(t *testing.T) {
	ca := newAuthority(t)
	var got atomic.Int32
	s := httptest.NewUnstartedServer(receiver(t, &got))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{ca.pair}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // clients that do not trust it are the test
	s.StartTLS()
	t.Cleanup(s.Close)
	secret := write(t, "key", key, 0o600)
	if err := post(t, s.URL, notify.Settings{WebhookSecretFile: secret, CAFile: ca.file}); err != nil || got.Load() != 1 {
		t.Errorf("%d came, %v", got.Load(), err)
	}
	refused(t, post(t, s.URL, notify.Settings{WebhookSecretFile: secret}), "x509")
	refused(t, post(t, s.URL, notify.Settings{WebhookSecretFile: secret, CAFile: newAuthority(t).file}), "x509")
	if got.Load() != 1 {
		t.Errorf("%d came, want 1", got.Load())
	}
}

func TestWebhookAnswers(t *testing.T) {
	cases := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"error": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = fmt.Fprintf(w, "Cannot POST %s\r\n\x1b[2J", r.URL.Path)
		}, "it answers 500: Cannot POST …"},
		"endless": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}, "it answers 403"},
		"large head":   {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) }, "header"},
		"not modified": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, "it answers 304: it did not say why"},
		"to be read":   {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/page", http.StatusFound) }, "loses the message"},
		"in a circle": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
		}, "more than 3 redirects"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := hook(t, c.handler)
			refused(t, post(t, s.URL+"/services/T0KEN", notify.Settings{}), c.want, "T0KEN")
		})
	}
	s := hook(t, nil)
	s.Close()
	refused(t, post(t, s.URL+"/services/T0KEN", notify.Settings{}), "refused", "T0KEN")
}

func TestRedirectToAnotherHostIsNotFollowed(t *testing.T) {
	var stolen atomic.Int32
	thief := hook(t, func(http.ResponseWriter, *http.Request) { stolen.Add(1) })
	s := hook(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL, http.StatusTemporaryRedirect)
	})
	refused(t, post(t, s.URL, notify.Settings{}), "another host")
	if stolen.Load() > 0 {
		t.Error("the message went to another host")
	}
}

func TestRedirectOnTheSameHostKeepsTheMessage(t *testing.T) {
	var got atomic.Int32
	take := receiver(t, &got)
	s := hook(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new", http.StatusPermanentRedirect)
			return
		}
		take(w, r)
	})
	if err := post(t, s.URL+"/old", notify.Settings{WebhookSecretFile: write(t, "key", key, 0o600)}); err != nil || got.Load() != 1 {
		t.Errorf("%d came, %v", got.Load(), err)
	}
}

func TestWebhookThatIsNotPrepared(t *testing.T) {
	cases := map[string]struct {
		settings notify.Settings
		want     string
	}{
		"short secret": {notify.Settings{WebhookSecretFile: write(t, "short", "hunter2", 0o600)}, "openssl rand"},
		"open secret":  {notify.Settings{WebhookSecretFile: write(t, "open", key, 0o604)}, "chmod 600"},
		"no CA":        {notify.Settings{CAFile: write(t, "ca", "hello", 0o600)}, "PEM"},
		"missing CA":   {notify.Settings{CAFile: filepath.Join(t.TempDir(), "ca.pem")}, "no such file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := notify.Prepare(sink(t, "webhook:https://h/services/T0KEN"), message(), c.settings)
			refused(t, err, c.want, key, "hunter2", "T0KEN")
		})
	}
	for _, s := range []string{"mail:root", "motd", "desktop", "exec:/bin/true", "prometheus:/a.prom"} {
		_, err := notify.Prepare(sink(t, s), message(), notify.Settings{})
		refused(t, err, "sink of this host")
	}
	_, err := notify.Prepare(sink(t, "webhook:https://h/"), nil, notify.Settings{})
	refused(t, err, "no notice")
}
