package courier_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/courier"
)

// TestMain lets apt start this program as its method, as it starts lockfast.
func TestMain(m *testing.M) {
	switch {
	case courier.IsMethod(os.Args):
		if err := courier.Method(context.Background(), os.Stdin, os.Stdout, courier.MethodOptions{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(100)
		}
		os.Exit(0)
	case os.Getenv("COURIER_TEST_SERVE") != "":
		os.Exit(serveActivated())
	}
	os.Exit(m.Run())
}

// running is a courier with its client.
type running struct {
	courier.Client
	spool string
	end   chan error // gets what Serve returned
}

// start runs a courier until the test ends. Fields that are not set are those
// of a test.
func start(t testing.TB, s courier.Server) *running {
	t.Helper()
	if s.Spool == "" {
		s.Spool = filepath.Join(t.TempDir(), "spool")
	}
	if s.Allowed == nil {
		s.Allowed = []uint32{uint32(os.Getuid())}
	}
	if s.Proxy == "" {
		s.Proxy = "DIRECT"
	}
	r := &running{spool: s.Spool, end: make(chan error, 1), Client: courier.Client{Socket: socket(t)}}
	listener, err := net.Listen("unix", r.Socket)
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.end <- s.Serve(ctx, listener)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return r
}

// socket is a path for one.
func socket(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "s")
}

// reachable lets other users into a folder of t.TempDir.
func reachable(t testing.TB, dir string) string {
	t.Helper()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o755))
	return dir
}

// open lets other users reach a socket.
func open(t testing.TB, socket string) {
	t.Helper()
	reachable(t, filepath.Dir(socket))
	must(t, os.Chmod(socket, 0o666))
}

// fetch gets a whole file.
func (r *running) fetch(t testing.TB, q courier.Request) (*courier.Fetched, []byte) {
	t.Helper()
	got, err := r.Fetch(t.Context(), q)
	if err != nil {
		t.Fatalf("cannot fetch: %v", err)
	}
	if got.Body == nil {
		return got, nil
	}
	defer got.Body.Close()
	data, err := io.ReadAll(got.Body)
	must(t, err)
	return got, data
}

// refusal asks for what must fail.
func (r *running) refusal(t testing.TB, q courier.Request) *courier.FailedError {
	t.Helper()
	got, err := r.Fetch(t.Context(), q)
	if err == nil {
		t.Fatalf("got %+v, want an error", got)
	}
	var bad *courier.FailedError
	if !errors.As(err, &bad) {
		t.Fatalf("got %T %v, want a FailedError", err, err)
	}
	return bad
}

// origin is a server on the network. It counts what it sends.
type origin struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	sent     int64
}

func serve(t testing.TB, h http.HandlerFunc) *origin {
	t.Helper()
	o := &origin{}
	o.Server = httptest.NewServer(o.counting(h))
	t.Cleanup(o.Close)
	return o
}

func (o *origin) counting(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		o.requests = append(o.requests, r)
		o.mu.Unlock()
		h(&counter{ResponseWriter: w, o: o}, r)
	})
}

func (o *origin) seen() []*http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]*http.Request(nil), o.requests...)
}

func (o *origin) bytes() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.sent
}

type counter struct {
	http.ResponseWriter
	o *origin
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.o.mu.Lock()
	c.o.sent += int64(n)
	c.o.mu.Unlock()
	return n, err
}

func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// modified is when everything in these tests was last changed.
var modified = time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC)

// file serves a file as servers do: with ranges and validators.
func file(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+digest(data)[:8]+`"`)
		http.ServeContent(w, r, "", modified, bytes.NewReader(data))
	}
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// sample is bytes in which each piece is at one place only.
func sample(n int) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%08x\n", i)
	}
	return b.Bytes()[:n]
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
