package courier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/lockfast/lockfast/internal/hostfs"
)

// Server fetches for those who ask on its socket.
type Server struct {
	Spool   string        // a folder of its own; made if it is not there
	Client  *http.Client  // nil: one that trusts what the system trusts
	Proxy   string        // for requests that name none: an address, "DIRECT", or "" for the environment's; not with a Client
	Allowed []uint32      // users that may ask, beside root
	Idle    time.Duration // Serve returns when nothing was asked for so long; 0: never
	Stall   time.Duration // without a byte a download has failed; 0: a minute
	Limits  Limits

	// Deliver takes a message to a sink; nil delivers nothing. It is given what
	// root has made ready, and must not trust who answers.
	Deliver func(ctx context.Context, sink string, body []byte) error
}

// Limits of a server; zero is the default.
type Limits struct {
	MaxFile  int64         // bytes of one file; 2 GB
	MaxSpool int64         // bytes of all of them; 4 GB
	Rate     int64         // bytes a second of all downloads together; as fast as it goes
	Keep     time.Duration // how long a file stays that nobody asks for; 3 days
}

const (
	defaultMaxFile  = 2 << 30
	defaultMaxSpool = 4 << 30
	defaultKeep     = 3 * 24 * time.Hour
	defaultStall    = time.Minute
	// atOnce bounds downloads: more would only share the line.
	atOnce = 8
	// ending is how long Serve waits for requests that were told to end.
	ending = 10 * time.Second
)

func (s *Server) defaults() Server {
	d := *s
	set := func(v *int64, or int64) {
		if *v <= 0 {
			*v = or
		}
	}
	set(&d.Limits.MaxFile, defaultMaxFile)
	set(&d.Limits.MaxSpool, defaultMaxSpool)
	set((*int64)(&d.Limits.Keep), int64(defaultKeep))
	set((*int64)(&d.Stall), int64(defaultStall))
	d.Limits.MaxFile = min(d.Limits.MaxFile, d.Limits.MaxSpool)
	return d
}

// Serve answers until ctx ends or, with Idle, nobody has asked for that long;
// both are no error. It closes the listener.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	f, err := newFetcher(s.defaults())
	if err != nil {
		_ = l.Close()
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet := newQuiet(s.Idle)
	server := &http.Server{
		Handler:           quiet.watch(s.routes(f)),
		ReadHeaderTimeout: asking,
		MaxHeaderBytes:    maxAsk,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // each failure is the asker's answer
	}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(&gate{Listener: l, allowed: s.Allowed}) }()
	select {
	case err = <-stopped:
		err = fmt.Errorf("the courier cannot listen any more: %w", err)
	case <-ctx.Done():
	case <-quiet.over:
		// Whoever has come through the door is served: only then does it end.
		_ = server.Shutdown(ctx)
		quiet.wait(ctx)
	}
	cancel()
	limit, release := context.WithTimeout(context.WithoutCancel(ctx), ending)
	defer release()
	_ = server.Shutdown(limit)
	quiet.wait(limit)
	_ = server.Close()
	return err
}

// gate lets in only who may ask.
type gate struct {
	net.Listener
	allowed []uint32
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		local, ok := conn.(*net.UnixConn)
		if !ok {
			_ = conn.Close()
			return nil, errors.New("it is no unix socket, so it cannot be seen who asks")
		}
		uid, err := peer(local)
		if err == nil && (uid == 0 || slices.Contains(g.allowed, uid)) {
			return local, nil
		}
		refuse(local, uid, err)
	}
}

// refuse says why, and closes: a stranger shall not hold a connection open.
func refuse(conn *net.UnixConn, uid uint32, err error) {
	text := fmt.Sprintf("user %d may not ask the courier: only root and the package manager's user may", uid)
	if err != nil {
		text = fmt.Sprintf("cannot see who asks the courier: %v", err)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	refused := &FailedError{Text: text, Reason: Forbidden}
	_ = write(conn, http.StatusForbidden, refused.answer(), nil) // the connection closes with or without words
	_ = conn.Close()
}

// newFetcher makes the spool ready.
func newFetcher(s Server) (*fetcher, error) {
	if s.Spool == "" {
		return nil, errors.New("cannot start the courier: it is given no spool folder")
	}
	if err := hostfs.MakePrivate(s.Spool); err != nil {
		return nil, fmt.Errorf("cannot make the courier's spool: %w", err)
	}
	f := &fetcher{
		server: s, pace: pace{rate: s.Limits.Rate}, slots: make(chan struct{}, atOnce), flights: map[string]*flight{},
	}
	f.spool = &spool{dir: s.Spool, most: s.Limits.MaxSpool, keep: s.Limits.Keep, busy: f.busy}
	f.client = f.httpClient()
	if err := f.spool.prune(time.Now()); err != nil {
		return nil, fmt.Errorf("cannot look through the courier's spool: %w", err)
	}
	return f, nil
}
