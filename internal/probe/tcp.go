package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

const (
	maxBanner  = 4096
	bannerWait = time.Second            // for a server to speak first; those that do, do so at once
	lineWait   = 100 * time.Millisecond // for the rest of a line
)

// greeting connects and listens to what the server says by itself. Most servers
// wait for their client: silence is an answer unless the target demands a text.
func greeting(ctx context.Context, to route, answer *Answer) error {
	began := time.Now()
	conn, err := to.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	answer.Took = time.Since(began)
	stop := context.AfterFunc(ctx, func() { _ = conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	text, err := listen(ctx, conn, answer.Target.Contains)
	switch {
	case errors.Is(err, io.EOF):
		answer.Closed = len(text.said) == 0
	case err != nil && !timedOut(err):
		return fmt.Errorf("the connection broke off: %w", reason(err))
	}
	if len(text.said) > 0 {
		answer.Took = text.at.Sub(began)
		answer.Banner = banner(text.said)
	}
	if !bytes.Contains(text.said, []byte(answer.Target.Contains)) {
		return fmt.Errorf("%q is not in what it says first: %q", answer.Target.Contains, answer.Banner)
	}
	return nil
}

// heard is what a server said and when the part of it that counts was there.
type heard struct {
	said []byte
	at   time.Time
}

// listen reads until the wanted text has come; or, where none is wanted, a line,
// or what comes at once.
func listen(ctx context.Context, conn net.Conn, want string) (heard, error) {
	until, _ := ctx.Deadline()
	if early := time.Now().Add(bannerWait); want == "" && early.Before(until) {
		until = early
	}
	var text heard
	buffer := make([]byte, maxBanner)
	for len(text.said) < maxBanner {
		if err := conn.SetReadDeadline(until); err != nil {
			return text, err
		}
		if err := ctx.Err(); err != nil { // a context that ended meanwhile had its deadline overwritten
			return text, err
		}
		n, err := conn.Read(buffer[:maxBanner-len(text.said)])
		if n > 0 && (want != "" || text.at.IsZero()) {
			text.at = time.Now()
		}
		text.said = append(text.said, buffer[:n]...)
		switch {
		case want != "" && bytes.Contains(text.said, []byte(want)), want == "" && bytes.ContainsRune(text.said, '\n'):
			return text, nil
		case err != nil:
			return text, err
		case want == "":
			until = time.Now().Add(lineWait)
		}
	}
	return text, nil
}

// banner makes one line for people of what a server said.
func banner(said []byte) string {
	line, _, _ := bytes.Cut(said, []byte("\n"))
	return shorten(printable(strings.TrimRight(string(line), "\r")))
}
