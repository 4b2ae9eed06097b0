package firewall

import (
	"encoding/json"
	"slices"
	"strconv"
)

// bits is a left side made of bits: TCP flags or the fragment offset, as they
// are or under a mask.
type bits struct {
	protocol, field string
	mask            json.RawMessage // nil without one
}

// bitsOf tells whether the left side of a match is made of bits.
func bitsOf(left json.RawMessage) (b bits, ok bool) {
	var o struct {
		Payload *struct {
			Protocol string `json:"protocol"`
			Field    string `json:"field"`
		} `json:"payload"`
		And []json.RawMessage `json:"&"`
	}
	if json.Unmarshal(left, &o) != nil {
		return b, false
	}
	if len(o.And) == 2 {
		b, ok = bitsOf(o.And[0])
		if b.mask != nil {
			return b, false
		}
		b.mask = o.And[1]
		return b, ok
	}
	if o.Payload == nil {
		return b, false
	}
	b.protocol, b.field = o.Payload.Protocol, o.Payload.Field
	return b, b.protocol == "tcp" && b.field == "flags" || b.protocol == "ip" && b.field == "frag-off"
}

// compare reads the right side and compares: "in" asks for any of the bits, "!"
// for none, everything else for exactly these.
func (b bits) compare(op string, right json.RawMessage) match {
	var set struct {
		Set []json.RawMessage `json:"set"`
	}
	if json.Unmarshal(right, &set) == nil && set.Set != nil {
		var list []match
		for _, one := range set.Set {
			list = append(list, b.compare("==", one))
		}
		return b.turned(op, anyOf(list))
	}
	if b.protocol == "ip" { // the only fragment of a packet has offset 0
		return b.turned(op, func(packet) answer { return sure(text(right) == "0") })
	}
	want, mask := flagList(right), []string{"all"}
	if b.mask != nil {
		mask = flagList(b.mask)
	}
	if want == nil || mask == nil || (op == "in" || op == "!") && b.mask != nil {
		return undecidable("a rule has a match on TCP flags, which is not judged here")
	}
	if op == "!" { // none of the bits
		return b.turned(op, func(packet) answer { return sure(!slices.Contains(want, "syn")) })
	}
	if op == "in" {
		return b.turned(op, func(packet) answer { return sure(slices.Contains(want, "syn")) })
	}
	return b.turned(op, func(p packet) answer { return p.hasFlags(mask, want) })
}

// turned is m for packets that have the field, and its opposite for "!=".
func (b bits) turned(op string, m match) match {
	return func(p packet) answer {
		switch {
		case b.protocol == "tcp" && p.proto != "tcp", b.protocol == "ip" && p.v6:
			return sure(false)
		case op == "!=":
			return m(p).not()
		}
		return m(p)
	}
}

// flagList reads TCP flags: a name, a list of names, {"|": […]}, or 0 for none.
// Nil means that they cannot be read.
func flagList(raw json.RawMessage) []string {
	if list := stringsOf(raw); list != nil {
		return list
	}
	if n, err := strconv.Atoi(text(raw)); err == nil {
		return flagBits(n)
	}
	var or struct {
		Or []json.RawMessage `json:"|"`
	}
	if json.Unmarshal(raw, &or) != nil || or.Or == nil {
		return nil
	}
	list := []string{}
	for _, part := range or.Or {
		inner := flagList(part)
		if inner == nil {
			return nil
		}
		list = append(list, inner...)
	}
	return list
}

// flagBits names the flags of a number, in the order of the TCP header's bits.
func flagBits(n int) []string {
	names := [...]string{"fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr"}
	list := []string{}
	for i, name := range names {
		if n>>i&1 == 1 {
			list = append(list, name)
		}
	}
	return list
}
