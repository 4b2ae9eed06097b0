package probe_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/probe"
)

// brief is how long the silence of a server is listened to here.
const brief = 300 * time.Millisecond

// Addresses of others are refused at once: 192.0.2.1 would not answer before the
// limit is over.
func TestForeignAddressesAreRefused(t *testing.T) {
	t.Parallel()
	foreign := probe.Asker{Addresses: func() ([]net.Addr, error) {
		return []net.Addr{&net.IPNet{IP: net.IPv4(192, 0, 2, 77), Mask: net.CIDRMask(24, 32)}}, nil
	}}
	for _, url := range []string{
		"http://192.0.2.1/", "https://192.0.2.1/", "tcp://192.0.2.1:22", "tcp://[2001:db8::1]:22", "tcp://[::ffff:192.0.2.1]:22",
		"http://0.0.0.0/", "http://[::]/", "http://169.254.169.254/latest/meta-data", "tcp://[fe80::1%25eth0]:22", "tcp://[::1%25lo]:22",
	} {
		began := time.Now()
		a := foreign.Ask(t.Context(), []probe.Target{{URL: url, Within: 20 * time.Second}})[0]
		if a.OK || !strings.Contains(a.Error, "is no address of this host") || time.Since(began) > 5*time.Second {
			t.Errorf("%s: got %+v", url, a)
		}
	}
}

func TestNamesOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	address, connections := listen(t, hold)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	target := []probe.Target{{URL: "tcp://web.example:" + port, Within: brief}}
	if a := resolver("127.0.0.1").Ask(t.Context(), target)[0]; !a.OK || connections.Load() != 1 {
		t.Fatalf("a name of ours: got %+v", a)
	}
	for _, addresses := range [][]string{{"198.51.100.1"}, {"127.0.0.1", "198.51.100.1"}, {"198.51.100.1", "127.0.0.1"}} {
		if a := resolver(addresses...).Ask(t.Context(), target)[0]; a.OK || !strings.Contains(a.Error, "198.51.100.1 is no address of this host") {
			t.Errorf("%v: got %+v", addresses, a)
		}
	}
	if connections.Load() != 1 {
		t.Errorf("%d connections were made", connections.Load())
	}
}

// A name is looked up once: its second answer leads nowhere.
func TestNoRebinding(t *testing.T) {
	t.Parallel()
	url := serve(t, says("here"))
	_, port, err := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	lookups := 0
	rebinds := probe.Asker{Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
		if lookups++; lookups > 1 || host != "web.example" {
			return []netip.Addr{netip.MustParseAddr("198.51.100.1")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}}
	a := rebinds.Ask(t.Context(), []probe.Target{{URL: "http://web.example:" + port, Contains: "here"}})[0]
	if !a.OK || lookups != 1 {
		t.Errorf("%d lookups, got %+v", lookups, a)
	}
}

// An address of an interface may be asked while it is ours.
func TestOwnAddress(t *testing.T) {
	t.Parallel()
	own := ""
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
			own = p.Addr().String()
		}
	}
	if own == "" {
		t.Skip("this host has no address but loopback")
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(own, "0"))
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = l.Close() }()
	target := []probe.Target{{URL: "tcp://" + l.Addr().String(), Within: brief}}
	if a := probe.Ask(t.Context(), target)[0]; !a.OK {
		t.Errorf("got %+v", a)
	}
	none := probe.Asker{Addresses: func() ([]net.Addr, error) { return nil, nil }}
	if a := none.Ask(t.Context(), target)[0]; a.OK || !strings.Contains(a.Error, "no address of this host") {
		t.Errorf("no longer ours: got %+v", a)
	}
	blind := probe.Asker{Addresses: func() ([]net.Addr, error) { return nil, errors.New("no netlink") }}
	if a := blind.Ask(t.Context(), target)[0]; a.OK || a.Error != "cannot list this host's addresses: no netlink" {
		t.Errorf("not known: got %+v", a)
	}
}

func TestLookupFails(t *testing.T) {
	t.Parallel()
	target := []probe.Target{{URL: "http://web.example"}}
	fails := probe.Asker{Lookup: func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no resolver") }}
	if a := fails.Ask(t.Context(), target)[0]; a.OK || a.Error != "cannot look up web.example: no resolver" {
		t.Errorf("got %+v", a)
	}
	if a := resolver().Ask(t.Context(), target)[0]; a.OK || a.Error != "cannot look up web.example: it has no address" {
		t.Errorf("got %+v", a)
	}
}

// "localhost" is not looked up, and means IPv6's loopback too.
func TestLocalhost(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp6", "[::1]:0")
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = l.Close() }()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if a := resolver("198.51.100.1").Ask(t.Context(), []probe.Target{{URL: "tcp://localhost:" + port, Within: brief}})[0]; !a.OK {
		t.Errorf("got %+v", a)
	}
}
