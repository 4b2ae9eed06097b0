package firewall

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// operand is the left side of a match: something of the packet that can be
// compared with one value.
type operand interface {
	// is compares with one value of the right side.
	is(p packet, value json.RawMessage) answer
}

// operandFunc is an operand that is a function.
type operandFunc func(p packet, value json.RawMessage) answer

func (f operandFunc) is(p packet, value json.RawMessage) answer { return f(p, value) }

// operand reads the left side of a match.
func (r *reader) operand(raw json.RawMessage) operand {
	var o object
	if json.Unmarshal(raw, &o) != nil || len(o) != 1 {
		return unclear("a match of another form")
	}
	for name, body := range o {
		switch name {
		case "payload":
			return payload(body)
		case "meta":
			return meta(word(body, "key"))
		case "ct":
			return conntrack(word(body, "key"))
		case "fib":
			return route(body)
		case "exthdr", "ip option", "sctp chunk", "dccp option":
			return absent{header: true, exists: word(body, "field") == "" && word(body, "name") != ""}
		case "concat":
			return r.concat(body)
		default:
			return unclear(fmt.Sprintf("a match on %.40q", name))
		}
	}
	return unclear("an empty match")
}

// word is a string field of a JSON object, "" if there is none.
func word(body json.RawMessage, field string) string {
	var o object
	var s string
	if json.Unmarshal(body, &o) != nil || json.Unmarshal(o[field], &s) != nil {
		return ""
	}
	return s
}

func unclear(what string) operand {
	return operandFunc(func(packet, json.RawMessage) answer {
		return cannotSay("a rule has " + what + ", which is not judged here")
	})
}

// absent is something that the packet does not have: no value is equal to it.
// Asked whether it exists, the answer is no.
type absent struct{ header, exists bool }

func (a absent) is(_ packet, value json.RawMessage) answer {
	if a.exists {
		return sure(string(value) == "false" || string(value) == "0")
	}
	return sure(false)
}

// payload is a field of a header.
func payload(body json.RawMessage) operand {
	protocol, field := word(body, "protocol"), word(body, "field")
	switch protocol {
	case "tcp", "udp", "sctp", "udplite", "dccp", "th":
		return transport(protocol, field)
	case "ip", "ip6":
		return network(protocol == "ip6", protocol+" "+field, field)
	case "icmp", "icmpv6", "igmp", "ah", "esp", "comp", "gre", "vxlan", "geneve", "gretap", "arp":
		return absent{header: true} // another protocol
	}
	return unclear(fmt.Sprintf("a match on %.40s %.40s", protocol, field))
}

func transport(protocol, field string) operand {
	ours := func(p packet) bool { return protocol == "th" || protocol == p.proto }
	switch field {
	case "dport":
		return operandFunc(func(p packet, value json.RawMessage) answer {
			if !ours(p) {
				return sure(false)
			}
			return isPort(p, value)
		})
	case "sport":
		return dependent(ours, "it depends on the source port, which the sender chooses")
	}
	return dependent(ours, fmt.Sprintf("a rule has a match on %s %.40s, which is not judged here", protocol, field))
}

// dependent cannot be said for packets that have the field, and is no for all
// others.
func dependent(has func(packet) bool, why string) operand {
	return operandFunc(func(p packet, _ json.RawMessage) answer {
		if !has(p) {
			return sure(false)
		}
		return cannotSay(why)
	})
}

func network(v6 bool, name, field string) operand {
	compare := func(p packet, value json.RawMessage) answer {
		switch field {
		case "saddr":
			if text(value) == changing {
				return fewSources("it depends on the source address (a set that changes)")
			}
			return isAddress(value, p.isFrom)
		case "daddr":
			return isAddress(value, p.isTo)
		case "protocol", "nexthdr":
			return p.isProtocol(text(value))
		case "version":
			return sure(text(value) == map[bool]string{false: "4", true: "6"}[p.v6])
		}
		return cannotSay("a rule has a match on " + name + ", which is not judged here")
	}
	is := operandFunc(func(p packet, value json.RawMessage) answer {
		if p.v6 != v6 {
			return sure(false)
		}
		return compare(p, value)
	})
	if field == "saddr" {
		return source{is}
	}
	return is
}

// source is the source address: what it is compared with answers the same for
// every packet of a family. Sets of sources can have 100,000 elements.
type source struct{ operandFunc }

// once asks m once for each family.
func once(m match) match {
	var known [2]*answer
	return func(p packet) answer {
		at := 0
		if p.v6 {
			at = 1
		}
		if known[at] == nil {
			a := m(p)
			known[at] = &a
		}
		return *known[at]
	}
}

// text is a JSON string or number as text.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return strings.TrimSpace(string(raw))
}

func isPort(p packet, value json.RawMessage) answer {
	low, high := value, value
	var interval struct {
		Range []json.RawMessage `json:"range"`
	}
	if json.Unmarshal(value, &interval) == nil && len(interval.Range) == 2 {
		low, high = interval.Range[0], interval.Range[1]
	}
	from, err1 := strconv.ParseUint(text(low), 10, 16)
	to, err2 := strconv.ParseUint(text(high), 10, 16)
	if err1 != nil || err2 != nil {
		return cannotSay(fmt.Sprintf("a rule names port %.40s, which is not judged here", value))
	}
	return p.isPort(from, to)
}

// isAddress compares with an address, a prefix or a range.
func isAddress(value json.RawMessage, is func(netip.Prefix) answer) answer {
	var o struct {
		Prefix *struct {
			Addr string `json:"addr"`
			Len  int    `json:"len"`
		} `json:"prefix"`
		Range []string `json:"range"`
	}
	one := text(value)
	if json.Unmarshal(value, &o) == nil {
		switch {
		case o.Prefix != nil:
			one = o.Prefix.Addr + "/" + strconv.Itoa(o.Prefix.Len)
		case len(o.Range) == 2:
			return isBetween(o.Range[0], o.Range[1], is)
		}
	}
	prefix, ok := prefixOf(one)
	if !ok {
		return cannotSay(fmt.Sprintf("a rule names address %.60s, which is not judged here", value))
	}
	return is(prefix)
}

// isBetween compares with a range of addresses, by the smallest prefix around
// it: inside that the answer is open, unless it is no anyway.
func isBetween(low, high string, is func(netip.Prefix) answer) answer {
	from, err1 := netip.ParseAddr(low)
	to, err2 := netip.ParseAddr(high)
	if err1 != nil || err2 != nil || from.BitLen() != to.BitLen() {
		return cannotSay(fmt.Sprintf("a rule names addresses %.40s to %.40s, which are not judged here", low, high))
	}
	bits := from.BitLen()
	for bits > 1 {
		if p, err := from.Prefix(bits); err == nil && p.Contains(to) {
			break
		}
		bits--
	}
	around, err := from.Prefix(bits)
	if err != nil {
		return cannotSay("a rule names a range of addresses that is not judged here")
	}
	a := is(around)
	if a.usual == yes {
		return cannotSay(fmt.Sprintf("it depends on the address (%s to %s)", low, high))
	}
	return a
}
