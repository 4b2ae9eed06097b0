package courier_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/courier"
)

func TestTransport(t *testing.T) {
	data := sample(300_000)
	files := map[string]http.HandlerFunc{
		"/f": file(data), "/busy": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "30")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	}
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if h := files[r.URL.Path]; h != nil {
			h(w, r)
			return
		}
		http.NotFound(w, r)
	})
	r := start(t, courier.Server{})
	client := http.Client{Transport: r.Transport()}
	get := func(path string, header ...string) got {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.URL+path, nil)
		must(t, err)
		for i := 0; i+1 < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		response, err := client.Do(request)
		must(t, err)
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		must(t, err)
		return got{response.Status, response.ContentLength, response.Header, body}
	}
	whole := get("/f", "Range", "bytes=5-")
	if whole.status != "200 OK" || !bytes.Equal(whole.body, data) || whole.length != int64(len(data)) {
		t.Errorf("got %s, %d bytes", whole.status, len(whole.body))
	}
	etag := whole.header.Get("ETag")
	if whole.header.Get("Last-Modified") != modified.Format(http.TimeFormat) || etag == "" {
		t.Errorf("got %v", whole.header)
	}
	for _, header := range [][]string{{"If-None-Match", etag}, {"If-Modified-Since", modified.Format(http.TimeFormat)}} {
		if same := get("/f", header...); same.status != "304 Not Modified" || len(same.body) > 0 {
			t.Errorf("%v: got %s", header, same.status)
		}
	}
	if none := get("/none"); none.status != "404 Not Found" {
		t.Errorf("got %s", none.status)
	}
	if busy := get("/busy"); busy.status != "503 Service Unavailable" || busy.header.Get("Retry-After") != "30" {
		t.Errorf("got %s %v", busy.status, busy.header)
	}
}

// got is an answer that was read to its end.
type got struct {
	status string
	length int64
	header http.Header
	body   []byte
}

func TestTransportErrors(t *testing.T) {
	o := serve(t, file(sample(100_000)))
	r := start(t, courier.Server{})
	nobody := courier.Client{Socket: filepath.Join(t.TempDir(), "s")}
	for _, c := range []struct {
		client           *courier.Client
		method, uri, say string
	}{
		{&r.Client, http.MethodPost, o.URL, "only fetches"}, {&r.Client, http.MethodGet, "http://127.0.0.1:1/", "no connection"},
		{&nobody, http.MethodGet, o.URL, "cannot ask the courier"},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, c.uri, strings.NewReader("a"))
		must(t, err)
		response, err := (&http.Client{Transport: c.client.Transport()}).Do(request)
		if err == nil {
			_ = response.Body.Close()
			t.Errorf("%s %s: got %s", c.method, c.uri, response.Status)
			continue
		}
		if !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s %s: %v", c.method, c.uri, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, o.URL, nil)
	must(t, err)
	response, err := (&http.Client{Transport: r.Transport()}).Do(request)
	must(t, err)
	defer response.Body.Close()
	cancel()
	if _, err := io.ReadAll(response.Body); err == nil {
		t.Error("the body outlives its request")
	}
}
