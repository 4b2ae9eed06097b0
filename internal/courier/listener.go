package courier

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
)

// firstPassed is the first file that systemd passes: sd_listen_fds(3).
const firstPassed = 3

// Listener returns the socket that systemd passes to a unit it starts for it.
func Listener() (net.Listener, error) {
	if os.Getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil, errors.New("systemd passed no socket to this process; start the courier through its socket unit")
	}
	if n := os.Getenv("LISTEN_FDS"); n != "1" {
		return nil, fmt.Errorf("systemd passed %q sockets, the courier takes one; look at its socket unit", n)
	}
	file := os.NewFile(firstPassed, "socket of systemd")
	if file == nil {
		return nil, errors.New("the socket that systemd passed is not open; look at the courier's socket unit")
	}
	defer func() { _ = file.Close() }() // the listener has its own
	l, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on what systemd passed: %v; look at the courier's socket unit", err)
	}
	if _, ok := l.(*net.UnixListener); !ok {
		_ = l.Close()
		return nil, fmt.Errorf("cannot listen on what systemd passed: it is of %s, not a unix socket", l.Addr().Network())
	}
	return l, nil
}
