package courier

import (
	"context"
	"sync"
	"time"
)

// pace keeps all downloads together below a rate.
type pace struct {
	rate int64 // bytes a second; 0: any

	mu   sync.Mutex
	free time.Time // when the next byte may come
}

// take waits until n more bytes may have come.
func (p *pace) take(ctx context.Context, n int) error {
	if p.rate <= 0 || n <= 0 {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	if p.free.Before(now) {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	wait := p.free.Sub(now)
	p.mu.Unlock()

	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// chunk is how much is read at once: a tenth of a second's worth, so that a slow
// rate is even.
func (p *pace) chunk() int {
	const most, least = 64 << 10, 512
	if p.rate <= 0 {
		return most
	}
	return int(min(max(p.rate/10, least), most))
}
