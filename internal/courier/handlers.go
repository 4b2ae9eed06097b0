package courier

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

const (
	// asking is how long a request may take to be sent, over a socket of this
	// machine.
	asking = 10 * time.Second
	// answering likewise.
	answering = 10 * time.Second
)

func (s *Server) routes(f *fetcher) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /fetch", func(w http.ResponseWriter, r *http.Request) {
		var q Request
		if bad := read(w, r, maxAsk, &q); bad != nil {
			reply(w, http.StatusBadRequest, bad.answer(), nil)
			return
		}
		a, file := f.get(r.Context(), q)
		reply(w, http.StatusOK, a, file)
		if file != nil {
			_ = file.Close() // the other side has its own
		}
	})
	mux.HandleFunc("POST /deliver", func(w http.ResponseWriter, r *http.Request) {
		var d delivery
		if bad := read(w, r, maxDelivery, &d); bad != nil {
			reply(w, http.StatusBadRequest, bad.answer(), nil)
			return
		}
		reply(w, http.StatusOK, s.deliver(r.Context(), d), nil)
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, answer{Status: done}, nil)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusNotFound, invalid("the courier does not know %s %q", oneLine(r.Method), oneLine(r.URL.Path)).answer(), nil)
	})
	return mux
}

// delivery is a message for a sink.
type delivery struct {
	Sink string `json:"sink"`
	Body []byte `json:"body"`
}

func (s *Server) deliver(ctx context.Context, d delivery) answer {
	if s.Deliver == nil {
		return (&FailedError{Text: "cannot deliver: this courier only fetches", Reason: Undelivered}).answer()
	}
	if err := s.Deliver(ctx, d.Sink, d.Body); err != nil {
		return (&FailedError{Text: oneLine(err.Error()), Reason: Undelivered, Transient: true}).answer()
	}
	return answer{Status: done}
}

// read reads a request's body to its end: only then does the server see that
// the asker has gone.
func read(w http.ResponseWriter, r *http.Request, limit int64, into any) *FailedError {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(asking))
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return invalid("cannot read the request: %v", err)
	}
	_ = control.SetReadDeadline(time.Time{})
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields() // what is asked for and not understood would be ignored
	if err := decoder.Decode(into); err != nil {
		return invalid("cannot read the request: it is not the JSON expected: %v", jsonFault(err))
	}
	if decoder.More() {
		return invalid("cannot read the request: something follows it")
	}
	return nil
}

// jsonFault leaves out the text around the fault, which may hold a password.
func jsonFault(err error) string { return fmt.Sprintf("%T", err) }

// reply takes the connection over: net/http has no way to send a file along.
func reply(w http.ResponseWriter, code int, a answer, file *os.File) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "cannot answer", http.StatusInternalServerError)
		return
	}
	defer func() { _ = conn.Close() }()
	local, ok := conn.(*net.UnixConn)
	if !ok {
		return
	}
	_ = local.SetDeadline(time.Now().Add(answering))
	_ = write(local, code, a, file) // an asker that has gone needs no answer
}

// write sends an answer, and the file with its first byte.
func write(conn *net.UnixConn, code int, a answer, file *os.File) error {
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	response := http.Response{
		StatusCode: code, ProtoMajor: 1, ProtoMinor: 1, Close: true, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)),
	}
	var message bytes.Buffer
	if err := response.Write(&message); err != nil {
		return err
	}
	var along []byte
	if file != nil {
		if along, err = passing(file); err != nil {
			return err
		}
	}
	n, _, err := conn.WriteMsgUnix(message.Bytes(), along, nil)
	if err != nil {
		return err
	}
	_, err = conn.Write(message.Bytes()[n:])
	return err
}
