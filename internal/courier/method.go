package courier

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// MethodOptions are for what apt's configuration does not say.
type MethodOptions struct {
	Socket  string        // where the courier is, unless Acquire::Lockfast::Socket says it
	Timeout time.Duration // for one file; 0: an hour
}

const (
	// atOnceForApt is how many files are asked for at once. apt has ten under
	// way with one method.
	atOnceForApt = 4
	// maxWaiting bounds what apt may ask for ahead.
	maxWaiting = 256
)

// IsMethod says whether a program was started by apt as its method: apt gives it
// no arguments, and the name it would have among apt's own, whatever
// Dir::Bin::Methods::http says.
func IsMethod(args []string) bool {
	if len(args) != 1 {
		return false
	}
	name := filepath.Base(args[0])
	return name == "http" || name == "https"
}

// Method is apt's method for http and https: it speaks apt's protocol and asks
// the courier. It returns when apt closes stdin or ctx ends, which is no error.
//
// It begins with apt's rights and drops them, as apt's own methods do, when apt
// has said whose rights to take (APT::Sandbox::User).
func Method(ctx context.Context, stdin io.Reader, stdout io.Writer, o MethodOptions) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	m := &method{o: o, out: stdout, config: aptConfig{}, fail: cancel,
		places: make(chan struct{}, maxWaiting), slots: make(chan struct{}, atOnceForApt)}
	if err := m.say(capabilities()); err != nil {
		return err
	}
	asked := make(chan message)
	ended := make(chan error, 1)
	go func() { ended <- listen(ctx, stdin, asked) }() // stdin may not end: it ends with the process
	var work sync.WaitGroup
	defer work.Wait()
	defer cancel() // before waiting: what nobody waits for any more is not fetched
	for {
		select {
		case next := <-asked:
			if err := m.handle(ctx, next, &work); err != nil {
				return err
			}
		case err := <-ended:
			return err
		case <-ctx.Done():
			return m.broken()
		}
	}
}

func capabilities() message {
	m := message{code: 100, words: "Capabilities"}
	m.add("Version", "1.2")
	m.add("Single-Instance", "true")
	m.add("Pipeline", "true")
	m.add("Send-Config", "true")
	m.add("Send-URI-Encoded", "true")
	return m
}

// listen reads messages until there are none.
func listen(ctx context.Context, stdin io.Reader, asked chan<- message) error {
	in := bufio.NewReader(stdin)
	for {
		next, err := readMessage(in)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot understand apt: %w", err)
		}
		select {
		case asked <- next:
		case <-ctx.Done():
			return nil
		}
	}
}

// method is one conversation with apt.
type method struct {
	o      MethodOptions
	config aptConfig
	logins []login
	ready  bool          // configured, and rights dropped
	places chan struct{} // of what was asked for
	slots  chan struct{} // of what is being fetched
	fail   context.CancelFunc

	mu     sync.Mutex // of out
	out    io.Writer
	failed error
}

// say writes one message. When apt does not listen any more, all ends.
func (m *method) say(what message) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failed != nil {
		return m.failed
	}
	if _, err := m.out.Write(what.text()); err != nil {
		m.failed = fmt.Errorf("cannot answer apt: %w", err)
		m.fail()
	}
	return m.failed
}

func (m *method) broken() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failed
}

func (m *method) handle(ctx context.Context, next message, work *sync.WaitGroup) error {
	const configuration, acquire = 601, 600
	switch next.code {
	case configuration:
		return m.configure(next)
	case acquire:
		if !m.ready { // with apt's rights nothing is done
			return errors.New("cannot fetch for apt: it has not said how it is configured")
		}
		select {
		case m.places <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		work.Go(func() {
			defer func() { <-m.places }()
			m.acquire(ctx, next)
		})
	}
	return nil
}

// configure takes the configuration over, reads what only root may read, and
// drops rights.
func (m *method) configure(next message) error {
	if err := m.config.configure(next); err != nil {
		return fmt.Errorf("cannot understand apt's configuration: %w", err)
	}
	if m.ready {
		return nil
	}
	var err error
	if m.logins, err = m.config.readLogins(); err != nil {
		return err
	}
	name := m.config.get("APT::Sandbox::User")
	if name != "" && name != "root" && os.Geteuid() == 0 {
		if err := dropRights(name); err != nil {
			return err
		}
	}
	m.ready = true
	return nil
}

// client is the courier that apt's configuration names.
func (m *method) client() *Client {
	socket := m.config.get("Acquire::Lockfast::Socket")
	if socket == "" {
		socket = m.o.Socket
	}
	return &Client{Socket: strings.TrimSpace(socket)}
}
