package probe_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/lockfast/lockfast/internal/probe"
)

// serve answers every request alike.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.URL
}

// says answers with a body.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

// listen serves raw connections until the test ends and returns the address and
// how many there were.
func listen(t *testing.T, serve func(net.Conn)) (address string, connections *atomic.Int32) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	connections = new(atomic.Int32)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go func() {
				defer func() { _ = conn.Close() }()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String(), connections
}

// hold keeps a connection open until the client ends it.
func hold(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// answers reads a request's head and sends raw bytes.
func answers(raw string) func(net.Conn) {
	return func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			_, _ = c.Write([]byte(raw))
		}
	}
}

// nobody returns an address at which nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func ask(t *testing.T, target probe.Target) probe.Answer {
	t.Helper()
	list := probe.Ask(t.Context(), []probe.Target{target})
	if len(list) != 1 || list[0].Target != target {
		t.Fatalf("got %+v", list)
	}
	return list[0]
}

// resolver returns an asker for whom every name has these addresses.
func resolver(addresses ...string) probe.Asker {
	return probe.Asker{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		var list []netip.Addr
		for _, a := range addresses {
			list = append(list, netip.MustParseAddr(a))
		}
		return list, nil
	}}
}
