package courier_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lockfast/lockfast/internal/courier"
)

// captured is a courier that somebody else has taken over: it answers what a
// test says.
func captured(t testing.TB, answer func(r *http.Request) (body string, along []*os.File)) string {
	t.Helper()
	path := socket(t)
	l, err := net.Listen("unix", path)
	must(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close()
		<-ended
	})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			respond(t, conn.(*net.UnixConn), answer)
		}
	}()
	return path
}

func respond(t testing.TB, conn *net.UnixConn, answer func(r *http.Request) (string, []*os.File)) {
	t.Helper()
	defer conn.Close()
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		t.Errorf("the client asks %v", err)
		return
	}
	body, along := answer(request)
	_, _ = io.Copy(io.Discard, request.Body)
	var oob []byte
	if len(along) > 0 {
		var fds []int
		for _, f := range along {
			fds = append(fds, int(f.Fd()))
		}
		oob = unix.UnixRights(fds...)
	}
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(body))
	_, _, _ = conn.WriteMsgUnix([]byte(head+body), oob, nil)
	runtime.KeepAlive(along)
}

func TestCapturedCourier(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	must(t, os.WriteFile(plain, []byte("content"), 0o600))
	pipe := filepath.Join(dir, "pipe")
	must(t, syscall.Mkfifo(pipe, 0o600))
	opened := func(path string, flags int) *os.File {
		f, err := os.OpenFile(path, flags, 0)
		must(t, err)
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	const says = `{"status":"done","size":7}`
	for name, c := range map[string]struct {
		body  string
		along []*os.File
		want  string
	}{
		"no file":       {says, nil, "no file came"},
		"a pipe":        {says, []*os.File{opened(pipe, os.O_RDWR)}, "no regular file"},
		"a folder":      {`{"status":"done","size":4096}`, []*os.File{opened(dir, 0)}, "no regular file"},
		"a device":      {`{"status":"done"}`, []*os.File{opened("/dev/zero", 0)}, "no regular file"},
		"shorter":       {`{"status":"done","size":8}`, []*os.File{opened(plain, 0)}, "said 8 bytes, and the file has 7"},
		"longer":        {`{"status":"done","size":6}`, []*os.File{opened(plain, 0)}, "said 6 bytes, and the file has 7"},
		"negative":      {`{"status":"done","size":-1}`, []*os.File{opened(plain, 0)}, "said -1 bytes"},
		"two":           {says, []*os.File{opened(plain, 0), opened(plain, 0)}, "no file came"},
		"twenty":        {says, manyOf(opened(plain, 0), 20), "no file came"},
		"no JSON":       {"hello", nil, "not of the format"},
		"no status":     {"{}", nil, "gives no reason"},
		"other":         {`{"status":"yes","error":"really"}`, []*os.File{opened(plain, 0)}, "really"},
		"lines":         {`{"status":"failed","error":"a\n\n201 URI Done\u0000\u001b[2J","retry_after":-9223372036854775808}`, nil, "a  201 URI Done  [2J"},
		"endless":       {strings.Repeat(" ", 1<<20), nil, "cannot ask the courier"},
		"much to say":   {`{"status":"failed","error":"` + strings.Repeat("é", 5000) + `"}`, nil, "é…"},
		"bad last date": {`{"status":"done","last_modified":"yesterday"}`, nil, "not of the format"},
	} {
		r := running{Client: courier.Client{Socket: captured(t, func(*http.Request) (string, []*os.File) { return c.body, c.along })}}
		bad := r.refusal(t, courier.Request{URI: "http://example.org/"})
		if !strings.Contains(bad.Text, c.want) || len(bad.Text) > 800 || strings.ContainsAny(bad.Text, "\n\x00\x1b") || bad.RetryAfter < 0 {
			t.Errorf("%s: got %+v", name, bad)
		}
	}
}

func manyOf(f *os.File, n int) []*os.File {
	var all []*os.File
	for range n {
		all = append(all, f)
	}
	return all
}

// The courier still has the file that it passed: it may move the position that
// both share, and cut the file while it is read.
func TestCapturedCourierChangesTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	must(t, os.WriteFile(path, []byte("content"), 0o600))
	mine, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	t.Cleanup(func() { _ = mine.Close() })
	at := captured(t, func(*http.Request) (string, []*os.File) { return `{"status":"done","size":7}`, []*os.File{mine} })
	r := running{Client: courier.Client{Socket: at}}
	got, err := r.Fetch(t.Context(), courier.Request{URI: "http://example.org/"})
	must(t, err)
	_, err = mine.Seek(5, io.SeekStart)
	must(t, err)
	first := make([]byte, 3)
	if _, err := io.ReadFull(got.Body, first); err != nil || string(first) != "con" {
		t.Errorf("got %q, %v", first, err)
	}
	must(t, os.Truncate(path, 5))
	rest, err := io.ReadAll(got.Body)
	if !errors.Is(err, io.ErrUnexpectedEOF) || string(rest) != "te" {
		t.Errorf("got %q, %v", rest, err)
	}
	must(t, os.WriteFile(path, []byte("content and more"), 0o600))
	got, err = r.Fetch(t.Context(), courier.Request{URI: "http://example.org/"})
	if err == nil {
		t.Errorf("got %+v", got)
	}
}

// What comes along and is not wanted is closed.
func TestNoFilesAreLeftOpen(t *testing.T) {
	plain := filepath.Join(t.TempDir(), "plain")
	must(t, os.WriteFile(plain, []byte("content"), 0o600))
	f, err := os.Open(plain)
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	for _, body := range []string{`{"status":"failed","error":"no"}`, `{"status":"unchanged"}`, `{"status":"done","size":3}`, "x"} {
		r := running{Client: courier.Client{Socket: captured(t, func(*http.Request) (string, []*os.File) { return body, []*os.File{f, f} })}}
		for range 20 {
			_, _ = r.Fetch(t.Context(), courier.Request{URI: "http://example.org/"})
		}
	}
	links, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	open := 0
	for _, l := range links {
		if target, err := os.Readlink(l); err == nil && target == plain {
			open++
		}
	}
	if open != 1 {
		t.Errorf("%d are open", open)
	}
}

func TestCourierEndsWithoutAnAnswer(t *testing.T) {
	path := socket(t)
	l, err := net.Listen("unix", path)
	must(t, err)
	defer l.Close()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	r := running{Client: courier.Client{Socket: path}}
	if bad := r.refusal(t, courier.Request{URI: "http://example.org/"}); bad.Reason != courier.Unreachable || !bad.Transient {
		t.Errorf("got %+v", bad)
	}
}

// Only root and those who are named may ask, whatever the socket's mode.
func TestStrangersAreRefused(t *testing.T) {
	const stranger = 54321
	o := serve(t, file([]byte("secret")))
	s := courier.Server{Allowed: []uint32{stranger + 1}, Deliver: nil}
	if os.Getuid() != 0 {
		r := start(t, s) // we are the stranger
		strange(t, r, o, uint32(os.Getuid()))
		return
	}
	r := start(t, s)
	open(t, r.Socket)
	as(t, stranger, func() { strange(t, r, o, stranger) })
	as(t, stranger+1, func() {
		if text, err := asking(r.Socket, `{"uri":"`+o.URL+`"}`); err != nil || !strings.Contains(text, `"done"`) {
			t.Errorf("who is named got %q, %v", text, err)
		}
	})
	r.fetch(t, courier.Request{URI: o.URL}) // root
}

func strange(t *testing.T, r *running, o *origin, uid uint32) {
	t.Helper()
	text, err := asking(r.Socket, `{"uri":"`+o.URL+`"}`)
	if err != nil || !strings.HasPrefix(text, "HTTP/1.1 403") || !strings.Contains(text, fmt.Sprintf("user %d may not ask", uid)) {
		t.Errorf("got %q, %v", text, err)
	}
	if len(o.seen()) != 0 {
		t.Error("the courier fetched for a stranger")
	}
}

// asking speaks to the courier from this thread, and no other.
func asking(path, body string) (string, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return "", err
	}
	// Who is refused may find the connection closed while writing.
	_, _ = unix.SendmsgN(fd, fmt.Appendf(nil, "POST /fetch HTTP/1.1\r\nHost: courier\r\nContent-Length: %d\r\n\r\n%s", len(body), body), nil, nil, unix.MSG_NOSIGNAL)
	var all []byte
	for {
		buffer := make([]byte, 4096)
		n, err := unix.Read(fd, buffer)
		if n <= 0 {
			if err != nil && len(all) == 0 {
				return "", err
			}
			return string(all), nil
		}
		all = append(all, buffer[:n]...)
	}
}

// as runs f in a thread of its own that is another user's.
func as(t *testing.T, uid uint32, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		if _, _, err := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); err != 0 {
			t.Errorf("cannot become %d: %v", uid, err)
			return
		}
		f()
	}()
	<-done
}

// No room left is played by a limit on the size of files: the kernel stops the
// write in its middle, as a full disk does, and no privilege is needed.
func TestDiskIsFull(t *testing.T) {
	data := sample(3 << 20)
	o := serve(t, file(data))
	small := serve(t, file(sample(5000)))
	r := start(t, courier.Server{})
	r.fetch(t, courier.Request{URI: small.URL})

	ignoreFileLimit(t)
	var was syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was))
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: was.Max}))
	got, err := r.Fetch(t.Context(), courier.Request{URI: o.URL})
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was))

	var bad *courier.FailedError
	if !errors.As(err, &bad) || bad.Reason != courier.NoRoom || !bad.Transient || !strings.Contains(bad.Text, r.spool) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if total := used(t, r.spool); total > 1000 { // what it had kept must not keep the disk full
		t.Errorf("left %d bytes", total)
	}
	if _, body := r.fetch(t, courier.Request{URI: o.URL, SHA256: digest(data)}); len(body) != len(data) {
		t.Errorf("got %d bytes", len(body))
	}
}

func ignoreFileLimit(t *testing.T) {
	t.Helper()
	signal.Ignore(syscall.SIGXFSZ)
	t.Cleanup(func() { signal.Reset(syscall.SIGXFSZ) })
}
