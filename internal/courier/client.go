package courier

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// Client asks a courier. It is safe for concurrent use.
type Client struct {
	Socket string // "": DefaultSocket
}

// Fetched is a file that the courier has fetched.
type Fetched struct {
	Unchanged    bool // since the version named in the request; there is no Body
	Size         int64
	SHA256       string // as the courier says
	ETag         string
	LastModified time.Time     // zero: unknown
	Body         io.ReadCloser // of Size bytes, or an error before; whoever trusts them must verify them
}

// Fetch asks for a file. An error is a [FailedError] unless ctx ended. The
// caller closes the Body.
func (c *Client) Fetch(ctx context.Context, q Request) (*Fetched, error) {
	if _, bad := q.check(); bad != nil {
		return nil, bad
	}
	wait := q.Timeout
	if wait == 0 {
		wait = defaultTimeout
	}
	a, file, err := c.ask(ctx, http.MethodPost, "/fetch", q, wait)
	if err != nil {
		return nil, err
	}
	got := &Fetched{Size: a.Size, SHA256: oneLine(a.SHA256), ETag: oneLine(a.ETag), LastModified: a.LastModified.UTC()}
	switch a.Status {
	case unchanged:
		closeFile(file)
		got.Unchanged = true
		return got, nil
	case done:
		if got.Body, err = hostile(file, a.Size); err != nil {
			closeFile(file)
			return nil, &FailedError{Text: fmt.Sprintf("cannot take what the courier at %s fetched: %v", c.socket(), err), Reason: Different}
		}
		return got, nil
	case notFound, failed:
	}
	closeFile(file)
	return nil, a.failure()
}

// Deliver hands over a message for a sink.
func (c *Client) Deliver(ctx context.Context, sink string, body []byte) error {
	if len(body) > maxDelivery/2 { // it is longer on its way
		return invalid("cannot deliver %d bytes through the courier: at most %d are allowed", len(body), maxDelivery/2)
	}
	return c.simple(ctx, http.MethodPost, "/deliver", delivery{Sink: sink, Body: body})
}

// Health reports whether the courier answers.
func (c *Client) Health(ctx context.Context) error {
	return c.simple(ctx, http.MethodGet, "/health", nil)
}

// simpleTime is how long anything but fetching may take.
const simpleTime = 5 * time.Minute

func (c *Client) simple(ctx context.Context, method, path string, body any) error {
	a, file, err := c.ask(ctx, method, path, body, simpleTime)
	closeFile(file)
	if err != nil {
		return err
	}
	if a.Status != done {
		return a.failure()
	}
	return nil
}

func (c *Client) socket() string {
	if c.Socket == "" {
		return DefaultSocket
	}
	return c.Socket
}

// ask makes one request on a connection of its own.
func (c *Client) ask(ctx context.Context, method, path string, body any, wait time.Duration) (answer, *os.File, error) {
	// The courier knows the time too, and says more about it: it shall be first.
	limited, cancel := context.WithTimeout(ctx, wait+answering)
	defer cancel()
	a, file, err := c.exchange(limited, method, path, body)
	if err == nil {
		return a, file, nil
	}
	if ctx.Err() != nil {
		return answer{}, nil, context.Cause(ctx)
	}
	why := withoutPath(err).Error()
	if op, ok := errors.AsType[*net.OpError](err); ok {
		why = op.Err.Error()
	}
	if limited.Err() != nil {
		why = "it does not answer in time"
	}
	return answer{}, nil, &FailedError{
		Text:   fmt.Sprintf("cannot ask the courier at %s: %s; see systemctl status lockfast-courier.socket lockfast-courier.service", c.socket(), oneLine(why)),
		Reason: Unreachable, Transient: true,
	}
}

func (c *Client) exchange(ctx context.Context, method, path string, body any) (answer, *os.File, error) {
	var content []byte
	if body != nil {
		var err error
		if content, err = json.Marshal(body); err != nil {
			return answer{}, nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://courier"+path, bytes.NewReader(content))
	if err != nil {
		return answer{}, nil, err
	}
	dialed, err := (&net.Dialer{}).DialContext(ctx, "unix", c.socket())
	if err != nil {
		return answer{}, nil, err
	}
	conn, ok := dialed.(*net.UnixConn)
	if !ok {
		_ = dialed.Close()
		return answer{}, nil, errors.New("it is no unix socket")
	}
	defer func() { _ = conn.Close() }() // all is read, or of no use
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	sent := request.Write(conn)
	in := &arrivals{conn: conn}
	a, err := in.answer(request)
	if err != nil {
		in.closeAll()
		return answer{}, nil, errors.Join(sent, err) // who is refused may not get to say all
	}
	return a, in.take(), nil
}

// maxPassed is how many files one message may bring: one is expected, and those
// beyond are closed.
const maxPassed = 4

// arrivals reads a connection and keeps the files that come with it.
type arrivals struct {
	conn  *net.UnixConn
	files []*os.File
}

func (in *arrivals) Read(p []byte) (int, error) {
	oob := make([]byte, passedSpace())
	n, oobn, _, _, err := in.conn.ReadMsgUnix(p, oob)
	files, perr := passed(oob[:max(oobn, 0)])
	in.files = append(in.files, files...)
	n = max(n, 0) // -1 with an error
	switch {
	case err != nil:
		return n, err
	case perr != nil:
		return n, perr
	case len(in.files) > maxPassed:
		return n, errors.New("it passes more files than one")
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

func (in *arrivals) answer(request *http.Request) (answer, error) {
	response, err := http.ReadResponse(bufio.NewReader(io.LimitReader(in, maxAnswer)), request)
	if err != nil {
		return answer{}, unanswered(err)
	}
	defer func() { _ = response.Body.Close() }() // only read from
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, unanswered(err)
	}
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return answer{}, errors.New("its answer is not of the format expected")
	}
	return a, nil
}

func unanswered(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it went away without an answer")
	}
	return err
}

// take returns the one file that came, and closes it if there are others.
func (in *arrivals) take() *os.File {
	if len(in.files) != 1 {
		in.closeAll()
		return nil
	}
	return in.files[0]
}

func (in *arrivals) closeAll() {
	for _, file := range in.files {
		closeFile(file)
	}
	in.files = nil
}

func closeFile(file *os.File) {
	if file != nil {
		_ = file.Close()
	}
}

// hostile makes a body of a file from a courier that nobody needs to trust:
// reading a pipe could hang, the file may be shorter than announced or become
// so, and its position is shared with the courier.
func hostile(file *os.File, size int64) (io.ReadCloser, error) {
	if file == nil {
		return nil, errors.New("no file came with its answer")
	}
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, errors.New("what it passed cannot be looked at")
	case !info.Mode().IsRegular():
		return nil, errors.New("what it passed is no regular file")
	case info.Size() != size:
		return nil, fmt.Errorf("it said %d bytes, and the file has %d", size, info.Size())
	}
	return &contents{section: io.NewSectionReader(file, 0, size), file: file, left: size}, nil
}

type contents struct {
	section *io.SectionReader
	file    *os.File
	left    int64
}

func (c *contents) Read(p []byte) (int, error) {
	n, err := c.section.Read(p)
	c.left -= int64(n)
	if errors.Is(err, io.EOF) && c.left > 0 {
		return n, fmt.Errorf("the courier's file ends %d bytes too early: %w", c.left, io.ErrUnexpectedEOF)
	}
	return n, err
}

func (c *contents) Close() error { return c.file.Close() }
