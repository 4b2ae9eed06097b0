package firewall

import (
	"net/netip"
	"strconv"
	"strings"
)

// packet is the first packet of a connection from elsewhere to a listener.
type packet struct {
	v6    bool
	proto string     // "tcp", "udp", "sctp"
	port  uint16     // destination
	to    netip.Addr // destination; invalid when the listener takes any
}

func (p packet) family() string {
	if p.v6 {
		return "ip6"
	}
	return "ip"
}

// protocolNumbers are the transport protocols that rules may give as numbers
// (IANA protocol numbers).
var protocolNumbers = [...]struct {
	number int
	name   string
}{{1, "icmp"}, {2, "igmp"}, {6, "tcp"}, {17, "udp"}, {33, "dccp"}, {47, "gre"}, {50, "esp"}, {51, "ah"}, {58, "ipv6-icmp"}, {89, "ospf"}, {112, "vrrp"}, {132, "sctp"}, {136, "udplite"}}

// isProtocol compares with a protocol's name or number. Names that are not in
// the list above are none of the protocols that listeners have.
func (p packet) isProtocol(name string) answer {
	name = strings.ToLower(name)
	if number, err := strconv.Atoi(name); err == nil {
		for _, known := range protocolNumbers {
			if known.number == number {
				return sure(known.name == p.proto)
			}
		}
		return sure(false)
	}
	return sure(name == p.proto)
}

// isPort compares with a port or a range of them.
func (p packet) isPort(low, high uint64) answer {
	return sure(uint64(p.port) >= low && uint64(p.port) <= high)
}

// isFrom compares the source. Everything is from everywhere; a packet from the
// loopback network does not come in from elsewhere; else only some are.
func (p packet) isFrom(net netip.Prefix) answer {
	switch {
	case net.Addr().Is6() != p.v6:
		return sure(false)
	case net.Bits() == 0:
		return sure(true)
	case net.Addr().IsLoopback() || net.Addr().IsMulticast():
		return sure(false)
	}
	return fewSources("it depends on the source address (" + net.String() + ")")
}

// isTo compares the destination, which is one of the host's own addresses.
func (p packet) isTo(net netip.Prefix) answer {
	switch {
	case net.Addr().Is6() != p.v6:
		return sure(false)
	case net.Bits() == 0:
		return sure(true)
	case p.to.IsValid():
		return sure(net.Contains(p.to))
	case net.Addr().IsMulticast() || net.Addr() == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return p.isGroup("multicast or broadcast")
	case net.Addr().IsLoopback():
		return sure(false)
	}
	return cannotSay("it depends on which of the host's addresses is asked (" + net.String() + ")")
}

// isGroup answers matches for packets to many hosts: no connection begins so,
// but a UDP socket may receive them.
func (p packet) isGroup(kind string) answer {
	if p.proto == "udp" {
		return cannotSay(kind + " packets are treated differently")
	}
	return sure(false)
}

// isInto compares the interface a packet comes in by.
func (p packet) isInto(name string) answer {
	switch name {
	case "lo":
		return sure(false)
	case "*", "+", "":
		return sure(true)
	}
	return cannotSay("it depends on the network interface (" + name + ")")
}

// hasFlags compares TCP flags: the first packet of a connection has only SYN.
func (p packet) hasFlags(mask, want []string) answer {
	if p.proto != "tcp" {
		return sure(false)
	}
	hasSyn, wantSyn, wantOther := false, false, false
	for _, f := range mask {
		hasSyn = hasSyn || strings.EqualFold(f, "syn") || strings.EqualFold(f, "all")
	}
	for _, f := range want {
		wantSyn = wantSyn || strings.EqualFold(f, "syn") || strings.EqualFold(f, "all")
		wantOther = wantOther || !strings.EqualFold(f, "syn") && !strings.EqualFold(f, "none")
	}
	return sure(hasSyn == wantSyn && !wantOther)
}

// prefixOf reads "10.0.0.0/8", "10.0.0.1" or "10.0.0.0/255.0.0.0".
func prefixOf(text string) (netip.Prefix, bool) {
	address, bits, hasBits := strings.Cut(text, "/")
	addr, err := netip.ParseAddr(address)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, false
	}
	length := addr.BitLen()
	if hasBits {
		if length, err = strconv.Atoi(bits); err != nil {
			length = maskBits(bits)
		}
	}
	p, err := addr.Prefix(length)
	return p, err == nil
}

// maskBits counts the ones of a network mask, -1 if it has holes.
func maskBits(text string) int {
	mask, err := netip.ParseAddr(text)
	if err != nil {
		return -1
	}
	bits, ended := 0, false
	for _, b := range mask.AsSlice() {
		for i := 7; i >= 0; i-- {
			one := b>>i&1 == 1
			if one && ended {
				return -1
			}
			ended = ended || !one
			if one {
				bits++
			}
		}
	}
	return bits
}
