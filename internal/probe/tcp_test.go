package probe_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/probe"
)

// speaks says something and waits for the client.
func speaks(parts ...string) func(net.Conn) {
	return func(c net.Conn) {
		for i, part := range parts {
			if i > 0 {
				<-time.After(time.Millisecond)
			}
			_, _ = c.Write([]byte(part))
		}
		hold(c)
	}
}

func TestGreeting(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		serve    func(net.Conn)
		contains string
		want     probe.Answer
	}{
		"a line":          {speaks("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), "", probe.Answer{OK: true, Banner: "SSH-2.0-OpenSSH_9.2p1 Debian-2"}},
		"a line in parts": {speaks("220 ma", "il ES", "MTP\r\n250 more\r\n"), "", probe.Answer{OK: true, Banner: "220 mail ESMTP"}},
		"no line":         {speaks("hello"), "", probe.Answer{OK: true, Banner: "hello"}},
		"no text":         {speaks("J\x00\x00\n8.0\xff"), "", probe.Answer{OK: true, Banner: "J\uFFFD\uFFFD"}},
		"long":            {speaks(strings.Repeat("ä", 9000)), "", probe.Answer{OK: true, Banner: strings.Repeat("ä", 200)}},
		"silence":         {hold, "", probe.Answer{OK: true}},
		"ends at once":    {func(net.Conn) {}, "", probe.Answer{OK: true, Closed: true}},
		"speaks and ends": {func(c net.Conn) { _, _ = c.Write([]byte("bye")) }, "", probe.Answer{OK: true, Banner: "bye"}},
		"wanted":          {speaks("220-first\r\n", "220 ready\r\n"), "ready", probe.Answer{OK: true, Banner: "220-first"}},
		"wanted, not said": {speaks("421 too busy\r\n"), "220", probe.Answer{
			Banner: "421 too busy", Error: `"220" is not in what it says first: "421 too busy"`}},
		"wanted, ends": {func(net.Conn) {}, "220", probe.Answer{Closed: true, Error: `"220" is not in what it says first: ""`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := listen(t, c.serve)
			c.want.Target = probe.Target{URL: "tcp://" + address, Contains: c.contains, Within: 1500 * time.Millisecond}
			got := ask(t, c.want.Target)
			if got.Took <= 0 || got.Took > time.Second && c.want.Banner == "" {
				t.Errorf("took %v", got.Took)
			}
			got.Took = 0
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// A greeting that comes late counts as late; waiting for more of a line does not.
func TestGreetingIsMeasured(t *testing.T) {
	t.Parallel()
	address, _ := listen(t, func(c net.Conn) {
		<-time.After(300 * time.Millisecond)
		speaks("late")(c)
	})
	if a := ask(t, probe.Target{URL: "tcp://" + address}); !a.OK || a.Banner != "late" || a.Took < 300*time.Millisecond {
		t.Errorf("got %+v", a)
	}
	silent, _ := listen(t, hold)
	if a := ask(t, probe.Target{URL: "tcp://" + silent}); !a.OK || a.Took > 500*time.Millisecond {
		t.Errorf("silence: got %+v", a)
	}
}

func TestNothingListens(t *testing.T) {
	t.Parallel()
	address := nobody(t)
	if a := ask(t, probe.Target{URL: "tcp://" + address}); a.OK || a.Error != "cannot connect to "+address+": connection refused" {
		t.Errorf("got %+v", a)
	}
}
