package courier

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// quiet sees when nobody asks any more.
type quiet struct {
	after time.Duration
	over  chan struct{} // closed when it was quiet for so long

	mu     sync.Mutex
	active int
	none   chan struct{} // closed while nothing is active
	timer  *time.Timer
	once   sync.Once
}

func newQuiet(after time.Duration) *quiet {
	q := &quiet{after: after, over: make(chan struct{}), none: make(chan struct{})}
	close(q.none)
	if after > 0 {
		q.timer = time.AfterFunc(after, q.elapsed)
	}
	return q
}

func (q *quiet) elapsed() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active == 0 {
		q.once.Do(func() { close(q.over) })
	}
}

func (q *quiet) watch(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q.begin()
		defer q.end()
		h.ServeHTTP(w, r)
	})
}

func (q *quiet) begin() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active++; q.active == 1 {
		q.none = make(chan struct{})
	}
}

func (q *quiet) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.active--; q.active > 0 {
		return
	}
	close(q.none)
	if q.timer != nil {
		q.timer.Reset(q.after)
	}
}

// wait waits until every request is answered.
func (q *quiet) wait(ctx context.Context) {
	q.mu.Lock()
	none := q.none
	q.mu.Unlock()
	select {
	case <-none:
	case <-ctx.Done():
	}
}
