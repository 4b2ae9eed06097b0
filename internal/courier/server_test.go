package courier_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/courier"
)

func TestDeliver(t *testing.T) {
	type message struct {
		sink string
		body []byte
	}
	delivered := make(chan message, 3)
	r := start(t, courier.Server{Deliver: func(_ context.Context, s string, body []byte) error {
		delivered <- message{s, body}
		if s == "broken" {
			return errors.New("the sink\nis closed")
		}
		return nil
	}})
	body := bytes.Repeat([]byte{0, 0xff, '\n'}, 400_000)
	must(t, r.Deliver(t.Context(), "mail", body))
	if got := <-delivered; got.sink != "mail" || !bytes.Equal(got.body, body) {
		t.Errorf("%q got %d bytes", got.sink, len(got.body))
	}
	err := r.Deliver(t.Context(), "broken", nil)
	if err == nil || err.Error() != "the sink is closed" {
		t.Errorf("got %v", err)
	}
	if err := r.Deliver(t.Context(), "mail", make([]byte, 5<<20)); err == nil || len(delivered) > 1 {
		t.Errorf("too much was delivered: %v", err)
	}
	if err := start(t, courier.Server{}).Deliver(t.Context(), "mail", nil); err == nil || !strings.Contains(err.Error(), "only fetches") {
		t.Errorf("got %v", err)
	}
}

func TestNobodyListens(t *testing.T) {
	c := courier.Client{Socket: filepath.Join(t.TempDir(), "none")}
	for _, err := range []error{c.Health(t.Context()), c.Deliver(t.Context(), "mail", nil)} {
		var bad *courier.FailedError
		if !errors.As(err, &bad) || bad.Reason != courier.Unreachable || !strings.Contains(bad.Text, "cannot ask the courier at "+c.Socket) {
			t.Errorf("got %v", err)
		}
	}
}

func TestEndsWhenNobodyAsks(t *testing.T) {
	r := start(t, courier.Server{Idle: 50 * time.Millisecond})
	if err := <-r.end; err != nil {
		t.Errorf("got %v", err)
	}
	r.end <- nil // for the clean-up
}

// A download is somebody asking, however long it takes.
func TestDoesNotEndDuringADownload(t *testing.T) {
	release := make(chan struct{})
	o := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-release
		file([]byte("late"))(w, r)
	})
	r := start(t, courier.Server{Idle: 20 * time.Millisecond})
	time.AfterFunc(200*time.Millisecond, func() { close(release) })
	if _, body := r.fetch(t, courier.Request{URI: o.URL}); string(body) != "late" {
		t.Errorf("got %q", body)
	}
	if err := <-r.end; err != nil {
		t.Errorf("got %v", err)
	}
	r.end <- nil
}

func TestEndsWhenTold(t *testing.T) {
	hanging := make(chan struct{})
	o := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		close(hanging)
		<-r.Context().Done()
	})
	path := socket(t)
	l, err := net.Listen("unix", path)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := courier.Server{Spool: t.TempDir(), Allowed: []uint32{uint32(os.Getuid())}, Proxy: "DIRECT"}
	go func() { ended <- s.Serve(ctx, l) }()
	asked := make(chan error, 1)
	go func() {
		_, err := (&courier.Client{Socket: path}).Fetch(context.Background(), courier.Request{URI: o.URL})
		asked <- err
	}()
	<-hanging
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("got %v", err)
	}
	if err := <-asked; err == nil {
		t.Error("who asked got a file")
	}
}

func TestNoSpool(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(plain, nil, 0o600))
	for _, spool := range []string{"", filepath.Join(plain, "spool")} {
		l, err := net.Listen("unix", socket(t))
		must(t, err)
		if err := (&courier.Server{Spool: spool}).Serve(t.Context(), l); err == nil {
			t.Errorf("serves with the spool %q", spool)
		}
		if _, err := l.Accept(); err == nil {
			t.Error("the listener is open")
		}
	}
}

func TestOnlyUnixSockets(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- (&courier.Server{Spool: t.TempDir()}).Serve(context.Background(), l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	must(t, err)
	defer conn.Close()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "no unix socket") {
		t.Errorf("got %v", err)
	}
}

// The spool holds no more than it may: what was not asked for longest goes.
func TestSpoolIsBounded(t *testing.T) {
	data := sample(10_000)
	o := serve(t, file(data))
	r := start(t, courier.Server{Limits: courier.Limits{MaxSpool: 35_000}})
	for _, name := range []string{"a", "b", "c"} {
		r.fetch(t, courier.Request{URI: o.URL + "/" + name})
		age(t, r.spool, time.Minute)
	}
	r.fetch(t, courier.Request{URI: o.URL + "/a", SHA256: digest(data)}) // used again
	age(t, r.spool, time.Minute)
	r.fetch(t, courier.Request{URI: o.URL + "/d"})
	if total := used(t, r.spool); total > 35_000 {
		t.Errorf("the spool holds %d bytes", total)
	}
	before := len(o.seen())
	r.fetch(t, courier.Request{URI: o.URL + "/a", SHA256: digest(data)})
	if len(o.seen()) != before {
		t.Error("what was asked for last is gone")
	}
	r.fetch(t, courier.Request{URI: o.URL + "/b", SHA256: digest(data)})
	if len(o.seen()) != before+1 {
		t.Error("what was not asked for longest is there")
	}
}

// age makes everything in the spool older, keeping its order.
func age(t *testing.T, spool string, by time.Duration) {
	t.Helper()
	entries, err := os.ReadDir(spool)
	must(t, err)
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		when := info.ModTime().Add(-by)
		must(t, os.Chtimes(filepath.Join(spool, e.Name()), when, when))
	}
}

func used(t *testing.T, spool string) int64 {
	t.Helper()
	total := int64(0)
	entries, err := os.ReadDir(spool)
	must(t, err)
	for _, e := range entries {
		info, err := e.Info()
		must(t, err)
		total += info.Size()
	}
	return total
}

func TestTooLargeForTheSpool(t *testing.T) {
	o := serve(t, file(sample(50_000)))
	r := start(t, courier.Server{Limits: courier.Limits{MaxSpool: 30_000}})
	if bad := r.refusal(t, courier.Request{URI: o.URL}); bad.Reason != courier.TooLarge {
		t.Errorf("got %+v", bad)
	}
	// Without a length it is seen when it is too much.
	endless := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})
	if bad := r.refusal(t, courier.Request{URI: endless.URL}); bad.Reason != courier.TooLarge {
		t.Errorf("got %+v", bad)
	}
	if total := used(t, r.spool); total > 1000 {
		t.Errorf("left %d bytes", total)
	}
}

// What nobody asks for goes when the courier starts; what is not its own stays.
func TestOldFilesGo(t *testing.T) {
	data := sample(1000)
	o := serve(t, file(data))
	spool := filepath.Join(t.TempDir(), "spool")
	first := start(t, courier.Server{Spool: spool})
	first.fetch(t, courier.Request{URI: o.URL + "/old"})
	must(t, os.WriteFile(filepath.Join(spool, "."+strings.Repeat("0", 32)+".json.ABCDEFGH.tmp"), nil, 0o600))
	must(t, os.WriteFile(filepath.Join(spool, "not-ours"), nil, 0o600))
	age(t, spool, 4*24*time.Hour)
	first.fetch(t, courier.Request{URI: o.URL + "/new"})
	start(t, courier.Server{Spool: spool}).fetch(t, courier.Request{URI: o.URL + "/new", SHA256: digest(data)})
	var names []string
	entries, err := os.ReadDir(spool)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) != 3 { // two of the new one, and the stranger
		t.Errorf("left %v", names)
	}
	if len(o.seen()) != 2 {
		t.Errorf("the server was asked %d times", len(o.seen()))
	}
}

// Nobody but the courier can read what it fetched: it may have been behind a
// password.
func TestSpoolIsPrivate(t *testing.T) {
	r := start(t, courier.Server{})
	r.fetch(t, courier.Request{URI: serve(t, file([]byte("a"))).URL})
	must(t, filepath.Walk(r.spool, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		return err
	}))
}

// Addresses may hold passwords: none is written into the spool.
func TestSpoolTellsNoAddress(t *testing.T) {
	r := start(t, courier.Server{})
	o := serve(t, file([]byte("a")))
	r.fetch(t, courier.Request{URI: strings.Replace(o.URL, "://", "://user:s3cret@", 1)})
	entries, err := os.ReadDir(r.spool)
	must(t, err)
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(r.spool, e.Name()))
		must(t, err)
		if bytes.Contains(data, []byte("s3cret")) || bytes.Contains(data, []byte("127.0.0.1")) {
			t.Errorf("%s: %s", e.Name(), data)
		}
	}
}

func TestRate(t *testing.T) {
	data := sample(20_000)
	r := start(t, courier.Server{Limits: courier.Limits{Rate: 200_000}, Stall: 20 * time.Second})
	if _, body := r.fetch(t, courier.Request{URI: serve(t, file(data)).URL}); !bytes.Equal(body, data) {
		t.Errorf("got %d bytes", len(body))
	}
}

// Our own slowness is no stall of the server.
func TestRateIsNoStall(t *testing.T) {
	data := sample(3_000)
	r := start(t, courier.Server{Limits: courier.Limits{Rate: 2_000}, Stall: 100 * time.Millisecond})
	if _, body := r.fetch(t, courier.Request{URI: serve(t, file(data)).URL}); !bytes.Equal(body, data) {
		t.Errorf("got %d bytes", len(body))
	}
}

// serveActivated is the courier in a process that is started as systemd does.
func serveActivated() int {
	l, err := courier.Listener()
	if err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	s := courier.Server{Spool: os.Getenv("COURIER_TEST_SERVE"), Allowed: []uint32{uint32(os.Getuid())}, Idle: 200 * time.Millisecond, Proxy: "DIRECT"}
	if err := s.Serve(context.Background(), l); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	return 0
}

func TestSocketActivation(t *testing.T) {
	path := socket(t)
	l, err := net.Listen("unix", path)
	must(t, err)
	passed, err := l.(*net.UnixListener).File()
	must(t, err)
	o := serve(t, file([]byte("activated")))
	for range 2 { // the socket outlives the courier
		cmd := exec.CommandContext(t.Context(), "sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
		cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "COURIER_TEST_SERVE="+filepath.Join(t.TempDir(), "spool"))
		cmd.ExtraFiles = []*os.File{passed}
		cmd.Stderr = os.Stderr
		must(t, cmd.Start())
		r := running{Client: courier.Client{Socket: path}}
		if _, body := r.fetch(t, courier.Request{URI: o.URL}); string(body) != "activated" {
			t.Errorf("got %q", body)
		}
		must(t, cmd.Wait())
	}
}

func TestNoSocketPassed(t *testing.T) {
	for name, env := range map[string][]string{
		"none": {"LISTEN_PID=", "LISTEN_FDS="}, "two": {"LISTEN_FDS=2"}, "none open": {"LISTEN_FDS=1"}, "another's": {"LISTEN_FDS=1", "OTHER=1"},
	} {
		script := `LISTEN_PID=${OTHER:-$$} exec "$0" 3<&-`
		if name == "none" {
			script = `exec "$0"`
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script, os.Args[0])
		cmd.Env = append(append(os.Environ(), "COURIER_TEST_SERVE="+t.TempDir()), env...)
		out, err := cmd.CombinedOutput()
		if err == nil || strings.Count(string(out), "\n") != 1 || !strings.Contains(string(out), "socket unit") {
			t.Errorf("%s: %v, %s", name, err, out)
		}
	}
}
