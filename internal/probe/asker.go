package probe

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	parallel = 8                      // targets asked at the same time: a host under test also has work to do
	apart    = 300 * time.Millisecond // between the two questions of a baseline
)

// Asker asks targets. The zero value asks as this host does.
type Asker struct {
	Lookup    func(ctx context.Context, host string) ([]netip.Addr, error) // nil: the system's resolver
	Addresses func() ([]net.Addr, error)                                   // this host's own; nil: net.InterfaceAddrs
	Roots     *x509.CertPool                                               // trusted certificates; nil: the system's
}

// Answer is one measurement of a target.
type Answer struct {
	Target   Target        `json:"target"`
	OK       bool          `json:"ok"`                 // a whole answer came in time and holds what the target demands; any status will do where it demands none
	Status   int           `json:"status,omitempty"`   // of HTTP; 0: none came
	Location string        `json:"location,omitempty"` // where a redirect leads; it is not followed
	Title    string        `json:"title,omitempty"`    // of the page
	Size     int64         `json:"size,omitempty"`     // bytes of the body that were read
	Cut      bool          `json:"cut,omitempty"`      // the body goes on after Size
	SHA256   string        `json:"sha256,omitempty"`   // of the body as far as it was read; for people, pages change by themselves
	Took     time.Duration `json:"took_ns"`            // until the body ended; over tcp until the greeting, or the connection if there is none
	Error    string        `json:"error,omitempty"`    // why not OK
	Banner   string        `json:"banner,omitempty"`   // start of what a server says by itself over tcp
	Closed   bool          `json:"closed,omitempty"`   // over tcp: the server ended the connection without a word
	Stopped  bool          `json:"stopped,omitempty"`  // we were ended before it could answer, which says nothing of the target
}

// Baseline is how targets answered before a change, asked twice.
type Baseline struct {
	First  []Answer `json:"first"`
	Second []Answer `json:"second"`
}

// Targets returns what was asked, with the schemes that were found.
func (b Baseline) Targets() []Target { return targetsOf(b.First) }

// Ask measures each target once, as this host.
func Ask(ctx context.Context, targets []Target) []Answer { return Asker{}.Ask(ctx, targets) }

// Take measures a baseline, as this host.
func Take(ctx context.Context, targets []Target) Baseline { return Asker{}.Take(ctx, targets) }

// Ask measures each target once, some at a time. Answers are in the order of
// the targets; each takes at most what its target allows.
func (a Asker) Ask(ctx context.Context, targets []Target) []Answer {
	return each(ctx, targets, a.ask)
}

// Take measures each target twice, a moment apart, so that one that flaps by
// itself is known to. The schemes of detected targets are made sure of; ask
// again for Baseline.Targets, not for those given here.
func (a Asker) Take(ctx context.Context, targets []Target) Baseline {
	first := each(ctx, targets, a.find)
	wait(ctx, apart)
	second := slices.Clone(first) // what does not answer is not judged: asking again would only take time
	var answered []Target
	for _, answer := range first {
		if answer.OK {
			answered = append(answered, answer.Target)
		}
	}
	again := byTarget(a.Ask(ctx, answered))
	for i := range second {
		if answer, ok := again[second[i].Target]; ok {
			second[i] = answer
		}
	}
	return Baseline{First: first, Second: second}
}

// find asks a detected target by each scheme it may speak, the most telling
// first, and keeps to the first that is answered.
func (a Asker) find(ctx context.Context, t Target) Answer {
	answer := a.ask(ctx, t)
	if !t.Detected || answer.OK {
		return answer
	}
	for _, other := range t.otherwise() {
		if next := a.ask(ctx, other); next.OK || next.Stopped {
			return next
		}
	}
	return answer
}

func (a Asker) ask(ctx context.Context, t Target) Answer {
	answer := Answer{Target: t}
	limited, cancel := context.WithTimeout(ctx, t.within())
	defer cancel()
	began := time.Now()
	err := a.measure(limited, &answer)
	if answer.Took == 0 {
		answer.Took = time.Since(began)
	}
	switch stop := over(ctx); {
	case stop != nil:
		answer.Stopped, answer.Error = true, fmt.Sprintf("was stopped: %v", stop)
	case err == nil:
		answer.OK = true
	case !timedOut(err):
		answer.Error = printable(err.Error())
	case answer.Status != 0:
		answer.Error = fmt.Sprintf("answers %d, but the body did not end within %v", answer.Status, t.within())
	default:
		answer.Error = fmt.Sprintf("does not answer within %v", t.within())
	}
	return answer
}

func (a Asker) measure(ctx context.Context, answer *Answer) error {
	p, err := answer.Target.place()
	if err != nil {
		return err
	}
	addresses, err := a.resolve(ctx, p.host)
	if err != nil {
		return err
	}
	to := route{addresses: addresses, port: p.port, within: answer.Target.connectWithin()}
	if p.scheme == "tcp" {
		return greeting(ctx, to, answer)
	}
	return a.page(ctx, to, answer)
}

// over says why a context has ended. A connection may notice its deadline a
// moment before the context does.
func over(ctx context.Context) error {
	if until, ok := ctx.Deadline(); ok && !time.Now().Before(until) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

// timedOut reports whether an error is about time alone.
func timedOut(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// each calls one for every target, some at a time.
func each(ctx context.Context, targets []Target, one func(context.Context, Target) Answer) []Answer {
	answers := make([]Answer, len(targets))
	places := make(chan struct{}, parallel)
	var all sync.WaitGroup
	for i, t := range targets {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			answers[i] = one(ctx, t)
		})
	}
	all.Wait()
	return answers
}

// wait returns after d, or when the context ends.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func targetsOf(answers []Answer) []Target {
	targets := make([]Target, len(answers))
	for i := range answers {
		targets[i] = answers[i].Target
	}
	return targets
}
