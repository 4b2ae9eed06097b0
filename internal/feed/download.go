package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// try makes one request and takes what comes of the body into the part, so that
// the next attempt, or the next run, continues there.
func (f *fetcher) try(ctx context.Context, r resource) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	request, have, err := f.request(ctx, r)
	if err != nil {
		return err
	}
	response, err := f.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // only read from
	e := f.state.Files[r.name]
	switch response.StatusCode {
	case http.StatusNotModified:
		if !f.cached(r) {
			return permanentError{errors.New("the server says that nothing changed, but there is no copy")}
		}
		e.Checked, e.Part = f.o.Now, nil
		f.state.Files[r.name] = e
		return nil
	case http.StatusOK:
		have = 0
	case http.StatusPartialContent:
		if !strings.HasPrefix(response.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)) || have == 0 {
			f.dropPart(r)
			return errors.New("the server sent another range than the one asked for")
		}
	case http.StatusRequestedRangeNotSatisfiable:
		f.dropPart(r)
		return errors.New("the server cannot continue the download")
	default:
		return statusError(response)
	}
	stall := time.AfterFunc(stallTimeout, func() { cancel(fmt.Errorf("no data for %s", stallTimeout)) })
	defer stall.Stop()
	body := &watched{Reader: response.Body, stall: stall}
	return f.receive(r, body, have, response)
}

// watched puts the alarm off with every byte.
type watched struct {
	io.Reader
	stall *time.Timer
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.stall.Reset(stallTimeout)
	}
	return n, err
}

// statusError is worth another attempt when the server is at fault.
func statusError(response *http.Response) error {
	err := fmt.Errorf("the server answers %s", response.Status)
	if response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusRequestTimeout {
		return err
	}
	return permanentError{err}
}

// request asks for the rest of a part, else for the resource if it has changed.
func (f *fetcher) request(ctx context.Context, r resource) (*http.Request, int64, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, http.NoBody)
	if err != nil {
		return nil, 0, permanentError{err}
	}
	request.Header.Set("User-Agent", strings.ReplaceAll(f.o.Tool, " ", "/"))
	e := f.state.Files[r.name]
	if have := f.partSize(r); have > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		request.Header.Set("If-Range", e.Part.Version.validator())
		return request, have, nil
	}
	if f.cached(r) {
		if e.Version.ETag != "" {
			request.Header.Set("If-None-Match", e.Version.ETag)
		}
		if e.Version.LastModified != "" {
			request.Header.Set("If-Modified-Since", e.Version.LastModified)
		}
	}
	return request, 0, nil
}

// partSize returns how much of a part can be continued.
func (f *fetcher) partSize(r resource) int64 {
	e := f.state.Files[r.name]
	info, err := os.Stat(f.path(r.name + partSuffix))
	if err != nil || e.Part == nil || info.Size() != e.Part.Size {
		return 0
	}
	return e.Part.Size
}

func (f *fetcher) dropPart(r resource) {
	e := f.state.Files[r.name]
	e.Part = nil
	f.state.Files[r.name] = e
}

// receive writes the part anew: the first have bytes of the old one, then the
// body. An interrupted body is kept as far as it came.
func (f *fetcher) receive(r resource, body io.Reader, have int64, response *http.Response) error {
	part := &partState{URL: r.url, Version: version{response.Header.Get("ETag"), response.Header.Get("Last-Modified")}}
	var interrupted error
	err := f.write(r.name+partSuffix, func(w io.Writer) error {
		if have > 0 {
			if err := f.copyHead(w, r, have); err != nil {
				return err
			}
		}
		n, err := copyBody(w, io.LimitReader(body, f.o.MaxBytes-have+1))
		part.Size = have + n
		interrupted = err.reading
		if part.Size > f.o.MaxBytes {
			interrupted = permanentError{fmt.Errorf("it has more than %d bytes", f.o.MaxBytes)}
		}
		return err.writing
	})
	if err != nil {
		f.dropPart(r)
		return permanentError{err}
	}
	part.Complete = interrupted == nil
	e := f.state.Files[r.name]
	if have > 0 && part.Version == (version{}) {
		part.Version = e.Part.Version // a 206 need not repeat it
	}
	e.Part = part
	f.state.Files[r.name] = e
	var permanent permanentError
	if errors.As(interrupted, &permanent) || interrupted != nil && part.Version.validator() == "" {
		f.dropPart(r)
	}
	return interrupted
}

func (f *fetcher) copyHead(w io.Writer, r resource, have int64) error {
	old, err := os.Open(f.path(r.name + partSuffix))
	if err != nil {
		return err
	}
	defer func() { _ = old.Close() }() // only read from
	_, err = io.CopyN(w, old, have)
	return err
}

// copyErrors tells whose fault the end of a copy was.
type copyErrors struct{ reading, writing error }

func copyBody(w io.Writer, r io.Reader) (int64, copyErrors) {
	buffer := make([]byte, 64<<10)
	total := int64(0)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return total, copyErrors{writing: err}
			}
			total += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return total, copyErrors{}
		}
		if err != nil {
			return total, copyErrors{reading: err}
		}
	}
}

// discard forgets downloads that could not be imported: a bad file must not be
// taken for the current one next time.
func (f *fetcher) discard(ctx context.Context, resources []resource) error {
	var problems error
	for _, r := range resources {
		if ctx.Err() != nil { // a run that was stopped is not the downloads' fault
			break
		}
		if f.state.Files[r.name].Part != nil {
			f.dropPart(r)
			problems = errors.Join(problems, f.emptyPart(r.name))
		}
	}
	return errors.Join(problems, f.saveState())
}
