package feed_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
	"github.com/lockfast/lockfast/internal/feed"
)

const kevText = `{"title":"t","catalogVersion":"1","dateReleased":"2026-01-02T00:00:00Z","count":1,"vulnerabilities":[
{"cveID":"CVE-2024-0001","vulnerabilityName":"A Hole","dateAdded":"2026-01-01","dueDate":"2026-01-20","knownRansomwareCampaignUse":"Known"}]}`

const epssText = "#model_version:v1,score_date:2026-01-02T00:00:00+0000\ncve,epss,percentile\nCVE-2024-0001,0.5,0.9\n"

// publisher serves files like a static web server, with faults on demand.
type publisher struct {
	mu       sync.Mutex
	files    map[string][]byte
	etags    map[string]string
	cut      int // bytes after which the next body is cut off
	status   int // answered instead of everything, this many times
	times    int
	requests []*http.Request
	server   *httptest.Server
}

func newPublisher(t *testing.T) *publisher {
	t.Helper()
	p := &publisher{files: map[string][]byte{}, etags: map[string]string{}}
	p.server = httptest.NewServer(p)
	t.Cleanup(p.server.Close)
	p.set("/Debian/all.zip", zipOf(t, map[string]string{"a.json": record("DEBIAN-CVE-2024-0001", "curl", "1.2")}), `"v1"`)
	p.set("/kev.json", []byte(kevText), `"k1"`)
	p.set("/epss.csv", []byte(epssText), `"e1"`)
	return p
}

func (p *publisher) set(path string, body []byte, etag string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[path], p.etags[path] = body, etag
}

func (p *publisher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r)
	body, ok := p.files[r.URL.Path]
	switch {
	case p.times > 0:
		p.times--
		w.WriteHeader(p.status)
		return
	case !ok:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", p.etags[r.URL.Path])
	if p.cut > 0 && strings.HasSuffix(r.URL.Path, ".zip") && r.Header.Get("If-None-Match") == "" {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body[:p.cut])
		p.cut = 0
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

func (p *publisher) seen(header string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var values []string
	for _, r := range p.requests {
		if v := r.Header.Get(header); v != "" {
			values = append(values, v)
		}
	}
	p.requests = nil
	return values
}

func (p *publisher) options(t *testing.T) feed.SyncOptions {
	t.Helper()
	return feed.SyncOptions{
		Options:  feed.Options{Now: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), Tool: "lockfast test"},
		Families: []string{"Debian"}, OSV: p.server.URL, KEV: p.server.URL + "/kev.json", EPSS: p.server.URL + "/epss.csv",
		Cache: t.TempDir(), Wait: time.Millisecond, Attempts: 3,
	}
}

func sourceNamed(t *testing.T, m advisory.Meta, name string) advisory.Source {
	t.Helper()
	for _, s := range m.Sources {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no source %s in %+v", name, m.Sources)
	return advisory.Source{}
}

func TestSyncFetchesOnceAndThenAsks(t *testing.T) {
	p := newPublisher(t)
	o, out := p.options(t), filepath.Join(t.TempDir(), "store")
	meta, err := feed.Sync(context.Background(), o, out)
	if err != nil {
		t.Fatal(err)
	}
	if len(meta.Sources) != 3 || !sourceNamed(t, meta, "kev").Checked.Equal(o.Now) || sourceNamed(t, meta, "osv/Debian").Fetched != "http" {
		t.Errorf("sources %+v", meta.Sources)
	}
	if agents := p.seen("User-Agent"); len(agents) != 3 || agents[0] != "lockfast/test" {
		t.Errorf("user agents %q", agents)
	}
	o.Now = o.Now.Add(time.Hour)
	meta, err = feed.Sync(context.Background(), o, out)
	if err != nil {
		t.Fatal(err)
	}
	if asked := p.seen("If-None-Match"); len(asked) != 3 || asked[0] != `"v1"` {
		t.Errorf("conditional requests %q", asked)
	}
	if s := sourceNamed(t, meta, "osv/Debian"); !s.Checked.Equal(o.Now) || s.Records != 1 {
		t.Errorf("after 304: %+v", s)
	}
}

func TestSyncResumesABrokenDownload(t *testing.T) {
	p := newPublisher(t)
	o, out := p.options(t), filepath.Join(t.TempDir(), "store")
	p.cut = 100
	if _, err := feed.Sync(context.Background(), o, out); err != nil {
		t.Fatal(err)
	}
	if ranges := p.seen("Range"); len(ranges) != 1 || ranges[0] != "bytes=100-" {
		t.Errorf("ranges asked for: %q", ranges)
	}
}

func TestSyncResumesInTheNextRun(t *testing.T) {
	p := newPublisher(t)
	o, out := p.options(t), filepath.Join(t.TempDir(), "store")
	o.Attempts, p.cut = 1, 100
	if _, err := feed.Sync(context.Background(), o, out); err == nil {
		t.Fatal("a cut download was taken")
	}
	p.seen("Range")
	if _, err := feed.Sync(context.Background(), o, out); err != nil {
		t.Fatal(err)
	}
	if ranges := p.seen("Range"); len(ranges) != 1 || ranges[0] != "bytes=100-" {
		t.Errorf("ranges asked for: %q", ranges)
	}
}

func TestSyncStartsAnewWhenTheFileChangedMeanwhile(t *testing.T) {
	p := newPublisher(t)
	o, out := p.options(t), filepath.Join(t.TempDir(), "store")
	o.Attempts, p.cut = 1, 100
	if _, err := feed.Sync(context.Background(), o, out); err == nil {
		t.Fatal("a cut download was taken")
	}
	p.set("/Debian/all.zip", zipOf(t, map[string]string{
		"a.json": record("DEBIAN-CVE-2024-0001", "curl", "1.2"), "b.json": record("DEBIAN-CVE-2024-0002", "curl", "1.3"),
	}), `"v2"`)
	meta, err := feed.Sync(context.Background(), o, out)
	if err != nil {
		t.Fatal(err)
	}
	if s := sourceNamed(t, meta, "osv/Debian"); s.Records != 2 {
		t.Errorf("mixed two states: %+v", s)
	}
}

func TestSyncRetriesServerErrorsOnly(t *testing.T) {
	p := newPublisher(t)
	o, out := p.options(t), filepath.Join(t.TempDir(), "store")
	p.status, p.times = http.StatusInternalServerError, 2
	if _, err := feed.Sync(context.Background(), o, out); err != nil {
		t.Errorf("after two 500s: %v", err)
	}
	p.seen("User-Agent")
	p.status, p.times = http.StatusForbidden, 1
	o.Cache = t.TempDir()
	_, err := feed.Sync(context.Background(), o, out)
	if err == nil || !strings.Contains(err.Error(), "403") || len(p.seen("User-Agent")) != 1 {
		t.Errorf("403: %v", err)
	}
}

func TestSyncKeepsEverythingWhenAFileIsBad(t *testing.T) {
	p := newPublisher(t)
	o, out := p.options(t), filepath.Join(t.TempDir(), "store")
	if _, err := feed.Sync(context.Background(), o, out); err != nil {
		t.Fatal(err)
	}
	before := read(t, out)
	whole := zipOf(t, map[string]string{"a.json": record("DEBIAN-CVE-2024-0001", "curl", "1.2")})
	for name, bad := range map[string][]byte{
		"truncated zip": whole[:len(whole)-30], "empty": {}, "html": []byte("<html>captive portal</html>"),
		"bad record": zipOf(t, map[string]string{"a.json": `{"id":"X","modified":"yesterday"}`}),
	} {
		p.set("/Debian/all.zip", bad, `"`+name+`"`)
		if _, err := feed.Sync(context.Background(), o, out); err == nil {
			t.Errorf("%s: taken", name)
		}
		if !bytes.Equal(before, read(t, out)) {
			t.Fatalf("%s: the store changed", name)
		}
	}
	p.set("/Debian/all.zip", whole, `"v3"`)
	if _, err := feed.Sync(context.Background(), o, out); err != nil {
		t.Errorf("a good file after bad ones: %v", err)
	}
}

func TestSyncUsesTheCopyWhenAPublisherIsDown(t *testing.T) {
	p := newPublisher(t)
	o, out := p.options(t), filepath.Join(t.TempDir(), "store")
	if _, err := feed.Sync(context.Background(), o, out); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	delete(p.files, "/kev.json")
	p.mu.Unlock()
	first := o.Now
	o.Now = o.Now.Add(time.Hour)
	meta, err := feed.Sync(context.Background(), o, out)
	if err == nil || !strings.Contains(err.Error(), "404") || !strings.Contains(err.Error(), "the copy of 2026-01-03 is used") {
		t.Errorf("error %v", err)
	}
	if s := sourceNamed(t, meta, "kev"); !s.Checked.Equal(first) {
		t.Errorf("a source that could not be asked counts as checked: %+v", s)
	}
	if s := sourceNamed(t, meta, "osv/Debian"); !s.Checked.Equal(o.Now) {
		t.Errorf("the others were not updated: %+v", s)
	}
}

func TestSyncEndlessBody(t *testing.T) {
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	o := newPublisher(t).options(t)
	o.OSV, o.MaxBytes = endless.URL, 1<<20
	_, err := feed.Sync(context.Background(), o, filepath.Join(t.TempDir(), "store"))
	if err == nil || !strings.Contains(err.Error(), "more than 1048576 bytes") {
		t.Errorf("error %v", err)
	}
}

func TestSyncRefusesPlainHTTP(t *testing.T) {
	redirect := httptest.NewServer(http.RedirectHandler("http://mirror.invalid/all.zip", http.StatusFound))
	defer redirect.Close()
	o, out := newPublisher(t).options(t), filepath.Join(t.TempDir(), "store")
	o.OSV = redirect.URL
	if _, err := feed.Sync(context.Background(), o, out); err == nil || !strings.Contains(err.Error(), "only https") {
		t.Errorf("redirect to http: %v", err)
	}
	o.OSV = "http://mirror.invalid"
	if _, err := feed.Sync(context.Background(), o, out); err == nil || !strings.Contains(err.Error(), "only https") {
		t.Errorf("http address: %v", err)
	}
	secure := httptest.NewTLSServer(http.RedirectHandler(redirect.URL, http.StatusFound))
	defer secure.Close()
	o.OSV, o.Client = secure.URL, secure.Client()
	if _, err := feed.Sync(context.Background(), o, out); err == nil || !strings.Contains(err.Error(), "not https") {
		t.Errorf("downgrade: %v", err)
	}
	if _, err := os.Stat(out); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was written")
	}
}

func TestSyncStopsWhenTold(t *testing.T) {
	p := newPublisher(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := feed.Sync(ctx, p.options(t), filepath.Join(t.TempDir(), "store")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
