package feed

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/lockfast/lockfast/internal/advisory"
)

// workers is how many documents are read at a time: unpacking and parsing
// dominate, and a scan host has few cores.
const workers = 2

// A batch is large enough that handing it over costs nothing, and small enough
// that the batches under way are few megabytes.
const (
	batchDocuments = 256
	batchBytes     = 8 << 20
)

// outcome is what one document held.
type outcome struct {
	document *document
	kind     kind
	record   advisory.Record
	cves     []advisory.CVE
	date     time.Time
	err      error
}

// batch is handed to a worker and comes back through done.
type batch struct {
	documents []document
	done      chan []outcome
}

// readAll reads the documents, several at a time, and calls each in their order.
// It stops at the first error each returns, and when ctx ends.
func readAll(ctx context.Context, documents []document, each func(outcome) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work := make(chan batch)
	ordered := make(chan batch, workers)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for range workers {
		running.Go(func() { serve(ctx, work) })
	}
	running.Go(func() {
		defer close(ordered)
		defer close(work)
		hand(ctx, documents, work, ordered)
	})
	for b := range ordered {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case outcomes := <-b.done:
			for _, o := range outcomes {
				if err := each(o); err != nil {
					return err
				}
			}
		}
	}
	return context.Cause(ctx)
}

// hand cuts the documents into batches. ordered limits how many are under way.
func hand(ctx context.Context, documents []document, work, ordered chan<- batch) {
	for len(documents) > 0 {
		n, size := 0, int64(0)
		for n < len(documents) && n < batchDocuments && size < batchBytes {
			size += documents[n].size
			n++
		}
		b := batch{documents[:n], make(chan []outcome, 1)}
		documents = documents[n:]
		select {
		case <-ctx.Done():
			return
		case ordered <- b:
		}
		select {
		case <-ctx.Done():
			return
		case work <- b:
		}
	}
}

func serve(ctx context.Context, work <-chan batch) {
	var buffer bytes.Buffer
	head := bufio.NewReaderSize(nil, peekSize)
	for b := range work {
		outcomes := make([]outcome, 0, len(b.documents))
		for i := range b.documents {
			if ctx.Err() != nil {
				return
			}
			outcomes = append(outcomes, read(&b.documents[i], head, &buffer))
		}
		b.done <- outcomes
	}
}

// read reads one document. Its error names the document.
func read(d *document, head *bufio.Reader, buffer *bytes.Buffer) outcome {
	o := outcome{document: d}
	in, err := d.open()
	if err != nil {
		o.err = cannot(d.name, err)
		return o
	}
	defer func() { _ = in.Close() }() // only read from
	limited := &io.LimitedReader{R: in, N: maxDocument}
	head.Reset(limited)
	if o.kind, o.err = kindOf(head); o.err == nil {
		o.err = o.parse(head, buffer)
	}
	switch {
	case o.err != nil && limited.N <= 0:
		o.err = cannot(d.name, fmt.Errorf("it has more than %d bytes", int64(maxDocument)))
	case o.err != nil:
		o.err = cannot(d.name, o.err)
	}
	return o
}

func (o *outcome) parse(r io.Reader, buffer *bytes.Buffer) error {
	keep := func(c advisory.CVE) error {
		o.cves = append(o.cves, c)
		return nil
	}
	var err error
	switch o.kind {
	case kindKEV:
		o.date, err = advisory.ParseKEV(r, keep)
	case kindEPSS:
		o.date, err = advisory.ParseEPSS(r, keep)
	case kindCVE:
		o.date, err = advisory.ParseCVERecords(r, keep)
	case kindOSV:
		buffer.Reset()
		if _, err := buffer.ReadFrom(io.LimitReader(r, advisory.MaxRecord+1)); err != nil {
			return err
		}
		o.record, err = advisory.ParseRecord(buffer.Bytes())
	default:
		err = errors.New("internal error: unknown kind of document")
	}
	return err
}
