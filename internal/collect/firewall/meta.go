package firewall

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// meta is something the kernel knows of a packet besides its bytes.
func meta(name string) operand {
	return operandFunc(func(p packet, value json.RawMessage) answer {
		want := text(value)
		switch name {
		case "l4proto":
			return p.isProtocol(want)
		case "nfproto":
			return sure(want == map[bool]string{false: "ipv4", true: "ipv6"}[p.v6] || want == map[bool]string{false: "2", true: "10"}[p.v6])
		case "protocol":
			return sure(want == p.family() || want == map[bool]string{false: "0x800", true: "0x86dd"}[p.v6])
		case "iif", "iifname":
			return p.isInto(want)
		case "oif", "oifname":
			return sure(false) // a packet to this host leaves by none
		case "iiftype":
			if want == "loopback" {
				return sure(false)
			}
			return cannotSay("it depends on the kind of network interface")
		case "pkttype":
			return packetType(p, want)
		}
		return cannotSay(fmt.Sprintf("a rule has a match on meta %.40s, which is not judged here", name))
	})
}

func packetType(p packet, want string) answer {
	switch strings.ToLower(want) {
	case "host", "unicast":
		return p.isGroup("multicast or broadcast").not()
	case "broadcast", "multicast":
		return p.isGroup(want)
	}
	return sure(false) // "other": for another host
}

// conntrack is what connection tracking says: the packet is the first of its
// connection, and no rule has translated it.
func conntrack(name string) operand {
	return operandFunc(func(_ packet, value json.RawMessage) answer {
		want := strings.ToLower(text(value))
		switch name {
		case "state":
			return sure(slices.Contains(flagList(value), "new"))
		case "direction":
			return sure(want == "original")
		case "status":
			if want == "dnat" || want == "snat" || want == "assured" || want == "seen-reply" || want == "confirmed" || want == "expected" {
				return sure(false)
			}
		}
		return cannotSay(fmt.Sprintf("a rule has a match on ct %.40s, which is not judged here", name))
	})
}

// route is a look-up in the routing table.
func route(body json.RawMessage) operand {
	var fib struct {
		Result string          `json:"result"`
		Flags  json.RawMessage `json:"flags"`
	}
	if json.Unmarshal(body, &fib) != nil {
		return unclear("a routing look-up of another form")
	}
	return operandFunc(func(p packet, value json.RawMessage) answer {
		want := text(value)
		switch {
		case fib.Result == "type" && contains(fib.Flags, "daddr"):
			switch want {
			case "local", "unicast":
				return sure(want == "local")
			case "broadcast", "multicast", "anycast":
				return p.isGroup(want)
			}
			return sure(false)
		case fib.Result == "type" && contains(fib.Flags, "saddr"):
			return sure(want == "unicast")
		case contains(fib.Flags, "saddr") && (want == "false" || want == "true"):
			// A reverse path check: the packet came by the way its answer goes.
			return sure(want == "true")
		}
		return cannotSay("a rule has a routing look-up, which is not judged here")
	})
}

// concat is several operands that are compared together.
func (r *reader) concat(body json.RawMessage) operand {
	var parts []json.RawMessage
	if json.Unmarshal(body, &parts) != nil {
		return unclear("values of another form")
	}
	var operands []operand
	for _, part := range parts {
		operands = append(operands, r.operand(part))
	}
	return operandFunc(func(p packet, value json.RawMessage) answer {
		var tuple struct {
			Concat []json.RawMessage `json:"concat"`
		}
		if json.Unmarshal(value, &tuple) != nil || len(tuple.Concat) != len(operands) {
			return cannotSay("a rule compares values of another form")
		}
		a := sure(true)
		for i := range operands {
			a = a.and(operands[i].is(p, tuple.Concat[i]))
		}
		return a
	})
}
