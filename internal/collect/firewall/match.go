package firewall

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// changing stands for what a set that fills itself will have.
const changing = "@"

// maxNesting limits how deep values lie in values.
const maxNesting = 16

// match reads a match statement.
func (r *reader) match(body json.RawMessage) match {
	var m struct {
		Op    string          `json:"op"`
		Left  json.RawMessage `json:"left"`
		Right json.RawMessage `json:"right"`
	}
	if json.Unmarshal(body, &m) != nil {
		return undecidable("a rule has a match of another form")
	}
	if b, ok := bitsOf(m.Left); ok {
		return b.compare(m.Op, m.Right)
	}
	left := r.operand(m.Left)
	switch m.Op {
	case "==", "in", "":
		return r.holds(left, m.Right)
	case "!=":
		if a, ok := left.(absent); ok && !a.exists {
			return func(packet) answer { return sure(false) } // no header, no comparison
		}
		return r.differs(left, m.Left, m.Right)
	case "<", ">", "<=", ">=":
		return ordered(m.Op, m.Left, m.Right)
	}
	return undecidable(fmt.Sprintf("a rule compares by %.20q, which is not judged here", m.Op))
}

// differs is holds turned round, for packets that have the field at all: a
// header that is not there is not different either.
func (r *reader) differs(left operand, rawLeft, right json.RawMessage) match {
	has := carries(rawLeft)
	equal := r.holds(left, right)
	return func(p packet) answer {
		if !has(p) {
			return sure(false)
		}
		return equal(p).not()
	}
}

// carries tells which packets have what the left side of a match names.
func carries(raw json.RawMessage) func(packet) bool {
	var o object
	if json.Unmarshal(raw, &o) != nil {
		return func(packet) bool { return true }
	}
	body, ok := o["payload"]
	if masked, isMasked := o["&"]; isMasked {
		var sides []json.RawMessage
		if json.Unmarshal(masked, &sides) == nil && len(sides) > 0 {
			return carries(sides[0])
		}
	}
	if !ok {
		return func(packet) bool { return true }
	}
	switch protocol := word(body, "protocol"); protocol {
	case "tcp", "udp", "sctp", "udplite", "dccp":
		return func(p packet) bool { return p.proto == protocol }
	case "ip", "ip6":
		return func(p packet) bool { return p.family() == protocol }
	}
	return func(packet) bool { return true }
}

// ordered compares the destination port by size; nothing else has an order
// that matters here.
func ordered(op string, left, right json.RawMessage) match {
	var l struct {
		Payload struct {
			Field string `json:"field"`
		} `json:"payload"`
	}
	has := carries(left)
	if json.Unmarshal(left, &l) != nil || l.Payload.Field != "dport" {
		return func(p packet) answer {
			if !has(p) {
				return sure(false)
			}
			return cannotSay("a rule compares by size, which is not judged here")
		}
	}
	return func(p packet) answer {
		if !has(p) {
			return sure(false)
		}
		const top = 65535
		equal := isPort(p, right)
		atLeast := isPort(p, json.RawMessage(fmt.Sprintf(`{"range":[%s,%d]}`, text(right), top)))
		switch op {
		case ">=":
			return atLeast
		case "<":
			return atLeast.not()
		case ">":
			return atLeast.and(equal.not())
		}
		return atLeast.not().or(equal)
	}
}

// holds compares an operand with the right side: a value, a list of values, or
// a set.
func (r *reader) holds(left operand, right json.RawMessage) match {
	values, why := r.values(right, maxNesting)
	if why != "" {
		return undecidable(why)
	}
	var list []match
	for _, v := range values {
		list = append(list, func(p packet) answer { return left.is(p, v) })
	}
	if _, ok := left.(source); ok {
		return once(anyOf(list))
	}
	return anyOf(list)
}

// values lists the single values of a right side. why says what stopped it.
func (r *reader) values(raw json.RawMessage, depth int) (list []json.RawMessage, why string) {
	if depth == 0 {
		return nil, "a rule has sets in sets, which are not judged here"
	}
	var several []json.RawMessage
	if json.Unmarshal(raw, &several) == nil && several != nil {
		return r.flatten(several, depth-1)
	}
	var name string
	if json.Unmarshal(raw, &name) == nil && strings.HasPrefix(name, "@") {
		set := r.sets[key(r.family, r.table, name[1:])]
		if set == nil {
			return nil, "a rule names set " + name[1:] + ", which is not listed"
		}
		return r.named(set, depth-1)
	}
	var o object
	if json.Unmarshal(raw, &o) == nil && len(o) == 1 {
		switch {
		case o["set"] != nil:
			return r.values(o["set"], depth-1)
		case o["elem"] != nil:
			var inner struct {
				Val json.RawMessage `json:"val"`
			}
			if json.Unmarshal(o["elem"], &inner) != nil || inner.Val == nil {
				return nil, "a rule has a set of another form"
			}
			return []json.RawMessage{inner.Val}, ""
		}
	}
	return []json.RawMessage{raw}, ""
}

func (r *reader) flatten(several []json.RawMessage, depth int) (list []json.RawMessage, why string) {
	for _, one := range several {
		inner, why := r.values(one, depth)
		if why != "" {
			return nil, why
		}
		list = append(list, inner...)
	}
	return list, ""
}

// named lists the elements of a set by name. One that changes by itself may
// have others in a moment, also when it is empty now.
func (r *reader) named(set *nftSet, depth int) (list []json.RawMessage, why string) {
	list, why = r.flatten(set.Elem, depth)
	if why == "" && len(list) == 0 && (contains(set.Flags, "dynamic") || contains(set.Flags, "timeout")) {
		return []json.RawMessage{json.RawMessage(strconv.Quote(changing))}, ""
	}
	return list, why
}

// elements lists the pairs of a verdict map, which is written out or named.
func (r *reader) elements(raw json.RawMessage) ([]json.RawMessage, bool) {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		set := r.sets[key(r.family, r.table, strings.TrimPrefix(name, "@"))]
		if set == nil {
			return nil, false
		}
		return set.Elem, true
	}
	var o struct {
		Set []json.RawMessage `json:"set"`
	}
	if json.Unmarshal(raw, &o) != nil || o.Set == nil {
		return nil, false
	}
	return o.Set, true
}
