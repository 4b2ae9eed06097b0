package firewall

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"

	"github.com/lockfast/lockfast/internal/inventory"
)

// verdict is what the rules do with new connections to a listener.
type verdict struct {
	filter inventory.Filter
	reason string
}

// judge asks the rules about one packet.
func (r ruleset) judge(p packet) verdict {
	if len(r.baseChains(p.family())) == 0 {
		return verdict{inventory.FilterOpen, "no packet filter rules"}
	}
	usual, every := r.pass(p, false), r.pass(p, true)
	switch {
	case every.away != "":
		return verdict{inventory.FilterUnknown, every.away}
	case usual.accept && usual.drop:
		why := usual.whyDrop
		if usual.certain == drop {
			why = usual.whyAccept
		}
		return verdict{inventory.FilterUnknown, cmp.Or(why, usual.whyDrop, usual.whyAccept, "the rules could not be followed")}
	case usual.accept && every.drop:
		return verdict{inventory.FilterOpen, "open, but not to every source: " + every.whyDrop}
	case usual.accept:
		return verdict{inventory.FilterOpen, "let in by " + usual.by}
	case every.accept:
		return verdict{inventory.FilterUnknown, "open to some only: " + every.whyAccept}
	}
	return verdict{inventory.FilterFiltered, "dropped by " + usual.by}
}

// listener asks about a listener. One on the IPv6 wildcard address also takes
// IPv4 connections, unless another listener has that port there (ipv6(7),
// IPV6_V6ONLY).
func (r ruleset) listener(l *inventory.Listener, all []inventory.Listener) verdict {
	addr, err := netip.ParseAddr(l.Address)
	if err != nil {
		return verdict{inventory.FilterUnknown, fmt.Sprintf("its address %q cannot be read", l.Address)}
	}
	p := packet{v6: addr.Is6(), proto: strings.TrimSuffix(l.Protocol, "6"), port: l.Port}
	if !addr.IsUnspecified() {
		p.to = addr
		return r.judge(p)
	}
	six := r.judge(p)
	if addr.Is4() || alsoOnIPv4(l, all) {
		return six
	}
	p.v6 = false
	return both(r.judge(p), six)
}

func alsoOnIPv4(l *inventory.Listener, all []inventory.Listener) bool {
	protocol := strings.TrimSuffix(l.Protocol, "6")
	for i := range all {
		if other := &all[i]; other.Port == l.Port && other.Address == "0.0.0.0" && strings.TrimSuffix(other.Protocol, "6") == protocol {
			return true
		}
	}
	return false
}

// both joins the verdicts on a port that is reached by either family: what is
// open by one is open.
func both(four, six verdict) verdict {
	switch {
	case four == six:
		return four
	case four.filter == six.filter:
		return verdict{four.filter, "IPv4: " + four.reason + "; IPv6: " + six.reason}
	case four.filter == inventory.FilterOpen:
		return verdict{four.filter, "over IPv4: " + four.reason}
	case six.filter == inventory.FilterOpen:
		return verdict{six.filter, "over IPv6: " + six.reason}
	case four.filter == inventory.FilterUnknown:
		return verdict{four.filter, "over IPv4: " + four.reason}
	}
	return verdict{six.filter, "over IPv6: " + six.reason}
}
