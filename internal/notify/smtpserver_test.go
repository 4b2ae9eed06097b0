package notify_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
)

// mailServer is a mail server on loopback.
type mailServer struct {
	tls      *tls.Config // nil: none
	wrapped  bool        // TLS from the first byte
	noTLS    bool        // does not offer STARTTLS
	auth     string      // what it offers; empty: no login
	password string
	refuse   map[string]string // verb → answer
	flood    bool              // greets without an end

	mu    sync.Mutex
	mails []string
	said  []string // "verb in the clear" or "verb"
	addr  string
}

func (s *mailServer) start(t *testing.T) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wait.Wait() })
	s.addr = l.Addr().String()
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { s.serve(conn) })
		}
	})
}

func (s *mailServer) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	secure := s.wrapped
	if secure {
		conn = tls.Server(conn, s.tls)
	}
	in := bufio.NewReader(conn)
	say := func(line string) { _, _ = fmt.Fprintf(conn, "%s\r\n", line) }
	for s.flood {
		if _, err := fmt.Fprintf(conn, "220-%s\r\n", strings.Repeat("x", 1000)); err != nil {
			return
		}
	}
	say("220 test")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb := strings.ToUpper(strings.Fields(line + " x")[0])
		s.note(verb, secure)
		if answer, ok := s.refuse[verb]; ok {
			say(answer)
			continue
		}
		switch verb {
		case "EHLO":
			s.hello(say, secure)
		case "STARTTLS":
			say("220 go on")
			conn, secure = tls.Server(conn, s.tls), true
			in = bufio.NewReader(conn)
		case "AUTH":
			given, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "AUTH PLAIN "))
			if string(given) != "\x00joe\x00"+s.password {
				say("535 no: " + line + " " + string(given))
				continue
			}
			say("235 welcome")
		case "DATA":
			say("354 go on")
			s.data(in, line)
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 fine")
		}
	}
}

func (s *mailServer) hello(say func(string), secure bool) {
	say("250-test")
	if s.tls != nil && !secure && !s.noTLS {
		say("250-STARTTLS")
	}
	if s.auth != "" {
		say("250-AUTH " + s.auth)
	}
	say("250 8BITMIME")
}

func (s *mailServer) data(in *bufio.Reader, _ string) {
	var mail strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil || line == ".\r\n" {
			break
		}
		mail.WriteString(strings.TrimPrefix(line, "."))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, mail.String())
}

func (s *mailServer) note(verb string, secure bool) {
	if !secure {
		verb += " in the clear"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, verb)
}

// got returns what the server was told and the mails that it has.
func (s *mailServer) got() (said string, mails []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, ", "), s.mails
}
