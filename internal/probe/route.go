package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// route is where to connect: addresses that were checked to be this host's.
type route struct {
	addresses []netip.Addr
	port      uint16
	within    time.Duration // limit of the connection to one address; 0: what is left of the whole time
}

// resolve returns a host's addresses, all of them this host's own. They are
// looked up once and connected to as they are: a name that answers differently
// the second time leads nowhere else. An address with a zone is never taken for
// ours: the same one may be somebody else's on another link.
func (a Asker) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	found, err := a.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	own, err := a.own()
	if err != nil {
		return nil, err
	}
	for i, address := range found {
		found[i] = address.Unmap()
		if found[i].Zone() != "" || !found[i].IsLoopback() && !own[found[i]] {
			return nil, fmt.Errorf("%s is refused: %s is no address of this host; use a loopback address, and host for the name to ask for", host, address)
		}
	}
	return found, nil
}

func (a Asker) lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{address}, nil
	}
	if strings.EqualFold(host, loopbackName) { // always this host (RFC 6761), whatever a hosts file says
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	look := a.Lookup
	if look == nil {
		look = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	found, err := look(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("cannot look up %s: %w", host, err)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("cannot look up %s: it has no address", host)
	}
	return append([]netip.Addr(nil), found...), nil
}

// own returns the addresses of this host's interfaces.
func (a Asker) own() (map[netip.Addr]bool, error) {
	list := a.Addresses
	if list == nil {
		list = net.InterfaceAddrs
	}
	addresses, err := list()
	if err != nil {
		return nil, fmt.Errorf("cannot list this host's addresses: %w", err)
	}
	own := map[netip.Addr]bool{}
	for _, one := range addresses {
		if prefix, err := netip.ParsePrefix(one.String()); err == nil {
			own[prefix.Addr().Unmap()] = true
		}
	}
	return own, nil
}

// connect tries the addresses in turn; each gets its share of the time left.
func (r route) connect(ctx context.Context) (net.Conn, error) {
	err := errors.New("there is no address to connect to")
	for i, address := range r.addresses {
		var dialer net.Dialer
		if deadline, ok := ctx.Deadline(); ok {
			dialer.Timeout = max(time.Until(deadline)/time.Duration(len(r.addresses)-i), time.Millisecond)
		}
		to := netip.AddrPortFrom(address, r.port)
		limited := r.within > 0 && (dialer.Timeout == 0 || r.within < dialer.Timeout)
		if limited {
			dialer.Timeout = r.within
		}
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, "tcp", to.String()); err == nil {
			return conn, nil
		}
		if limited && timedOut(err) && over(ctx) == nil {
			err = fmt.Errorf("%s does not accept a connection within %v", to, r.within)
			continue
		}
		err = fmt.Errorf("cannot connect to %s: %w", to, reason(err))
	}
	return nil, err
}

// reason is an error of the network without Go's own account of the connection,
// whose port is another one each time.
func reason(err error) error {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		if errno, ok := errors.AsType[syscall.Errno](op); ok {
			return errno
		}
	}
	return err
}
