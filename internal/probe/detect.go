package probe

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
)

// loopbackName reaches a listener that has only IPv6's wildcard: over IPv4 by
// default, over IPv6 where it takes no other.
const loopbackName = "localhost"

// firstEphemeral is where Linux begins to hand out ports by itself. A service
// that was given one listens on another after its restart.
const firstEphemeral = 32768

// isWebServer reports whether a process or a port is a web server's.
func isWebServer(process string, port uint16) bool {
	switch process {
	case "nginx", "apache2", "httpd", "lighttpd", "caddy", "haproxy":
		return true
	}
	return port == 80 || port == 8080 || isTLS(port)
}

// isTLS reports whether a web server's port speaks TLS by convention.
func isTLS(port uint16) bool { return port == 443 || port == 8443 }

// socket is one address and port to ask.
type socket struct {
	host string
	addr netip.Addr // sorts hosts
	port uint16
	web  bool
}

func (s socket) target() Target {
	host := s.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	address := host + ":" + strconv.Itoa(int(s.port))
	switch {
	case s.web && isTLS(s.port):
		return Target{URL: "https://" + address + "/", Insecure: true, Detected: true}
	case s.web:
		return Target{URL: "http://" + address + "/", Detected: true}
	}
	return Target{URL: "tcp://" + address, Detected: true}
}

// Detect returns what an inventory's listeners suggest to ask, ordered by port
// and address: web servers for their first page, other TCP services for their
// greeting. Left out are UDP, ports the kernel hands out by itself, what belongs
// to a login session, and link-local addresses.
func Detect(inv *inventory.Inventory) []Target {
	if inv == nil {
		return nil
	}
	var list []socket
	for i := range inv.Listeners {
		s, ok := askable(&inv.Listeners[i])
		if !ok {
			continue
		}
		if same := slices.IndexFunc(list, func(o socket) bool { return o.addr == s.addr && o.port == s.port }); same >= 0 {
			list[same].web = list[same].web || s.web
			continue
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b socket) int {
		return cmp.Or(cmp.Compare(a.port, b.port), a.addr.Compare(b.addr))
	})
	var targets []Target
	for _, s := range list {
		if !s.doubles(list) {
			targets = append(targets, s.target())
		}
	}
	return targets
}

func askable(l *inventory.Listener) (socket, bool) {
	address, err := netip.ParseAddr(l.Address)
	address = address.Unmap()
	switch {
	case l.Protocol != "tcp" && l.Protocol != "tcp6", err != nil, l.Port == 0, l.Port >= firstEphemeral:
		return socket{}, false
	case strings.HasPrefix(l.Unit, "session-"): // a forwarded port, somebody's editor: gone when they log out
		return socket{}, false
	case address.Zone() != "", address.IsLinkLocalUnicast() && address.Is6(): // reached only over a link that is not known here
		return socket{}, false
	}
	s := socket{host: address.String(), addr: address, port: l.Port, web: isWebServer(l.Process, l.Port)}
	switch address {
	case netip.IPv4Unspecified():
		s.addr = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		s.host = s.addr.String()
	case netip.IPv6Unspecified():
		s.host = loopbackName
	}
	return s, true
}

// doubles reports whether IPv6's loopback or wildcard only repeats what is asked
// on IPv4's loopback, or its loopback what its wildcard answers.
func (s socket) doubles(list []socket) bool {
	if s.addr != netip.IPv6Loopback() && s.addr != netip.IPv6Unspecified() {
		return false
	}
	return slices.ContainsFunc(list, func(o socket) bool {
		wider := o.host == "127.0.0.1" || s.addr == netip.IPv6Loopback() && o.host == loopbackName
		return o.port == s.port && wider
	})
}

// otherwise returns how else a detected target may be asked, the most telling
// first. A server that answers no other way is still known to accept connections.
func (t Target) otherwise() []Target {
	scheme, rest, _ := strings.Cut(t.URL, "://")
	tcp := Target{URL: "tcp://" + strings.TrimSuffix(rest, "/"), Detected: true}
	switch scheme {
	case "https":
		return []Target{{URL: "http://" + rest, Detected: true}, tcp}
	case "http":
		return []Target{tcp}
	}
	return nil
}
