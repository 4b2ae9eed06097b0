package firewall

import (
	"cmp"
	"slices"
	"strings"
)

// kind is what a rule does when it matches.
type kind uint8

const (
	next      kind = iota // nothing that decides
	accept                // leaves the base chain
	drop                  // final; rejecting is dropping with an answer
	back                  // return
	jump                  // to another chain and back
	jumpOnly              // goto: back to where the chain itself was jumped from
	undecided             // somebody else decides: user space, unknown
	elsewhere             // to another port or host (NAT): not to this socket, but let in
)

type rule struct {
	matches []match
	kind    kind
	target  string // chain to jump to
	why     string // for undecided and elsewhere
}

// chain is a list of rules; a base chain hangs on a hook.
type chain struct {
	rules    []rule
	hook     string // "" for a chain that is only jumped to
	device   string // base chains of ingress: the interface
	priority int
	policy   kind
}

// table is a name space of chains.
type table struct {
	family  string // "ip", "ip6", "inet", "netdev", …
	name    string
	chains  map[string]*chain
	dormant bool
	legacy  bool // of the older iptables, beside nftables
	partial bool // has rules that nft itself prints only in part
}

// ruleset is all of a host's tables.
type ruleset []*table

// hooks that a packet to the host itself passes, in order.
var hooks = [...]string{"ingress", "prerouting", "input"}

// hung is a base chain and where it is.
type hung struct {
	table *table
	name  string
	chain *chain
}

func (h hung) String() string { return h.table.family + " " + h.table.name + " " + h.name }

// baseChains returns the base chains that a packet of a family meets, in order.
func (r ruleset) baseChains(family string) []hung {
	var list []hung
	for _, t := range r {
		if t.dormant || t.family != family && t.family != "inet" && t.family != "netdev" {
			continue
		}
		for name, c := range t.chains {
			if slices.Contains(hooks[:], c.hook) {
				list = append(list, hung{t, name, c})
			}
		}
	}
	slices.SortFunc(list, func(a, b hung) int {
		return cmp.Or(
			cmp.Compare(slices.Index(hooks[:], a.chain.hook), slices.Index(hooks[:], b.chain.hook)),
			cmp.Compare(a.chain.priority, b.chain.priority), strings.Compare(a.String(), b.String()),
		)
	})
	return list
}

// ways are the ends a packet may meet, and what it depends on.
type ways struct {
	accept, drop, fall bool   // fall: through the end of the chain, or by return
	certain            kind   // what happens where nothing that cannot be decided matches: accept or drop
	whyAccept, whyDrop string // what a way other than the certain one depends on
	away               string // a rule may send it elsewhere: which
	by                 string // base chain that decided last
}

// join adds the ways of something that may or will happen.
func (w *ways) join(o ways, why string) {
	w.accept, w.drop, w.away = w.accept || o.accept, w.drop || o.drop, cmp.Or(w.away, o.away)
	if o.accept && w.whyAccept == "" {
		w.whyAccept = cmp.Or(o.whyAccept, why)
	}
	if o.drop && w.whyDrop == "" {
		w.whyDrop = cmp.Or(o.whyDrop, why)
	}
}

// walk is one packet's way through one table.
type walk struct {
	table  *table
	packet packet
	every  bool // over every source address, not the usual one
	known  map[string]ways
	open   map[string]bool // being walked: a loop, which the kernel refuses
}

// chain follows the rules of a chain.
func (w *walk) chain(name string) ways {
	if known, ok := w.known[name]; ok {
		return known
	}
	c := w.table.chains[name]
	if c == nil || w.open[name] {
		why := "a rule jumps to chain " + name + ", which cannot be followed"
		return ways{accept: true, drop: true, fall: true, whyAccept: why, whyDrop: why}
	}
	w.open[name] = true
	result := w.rules(c.rules)
	delete(w.open, name)
	w.known[name] = result
	return result
}

func (w *walk) rules(rules []rule) ways {
	var sum ways
	for i := range rules {
		r := &rules[i]
		if r.kind == next {
			continue
		}
		holds := all(r.matches, w.packet)
		t := holds.usual
		if w.every {
			t = holds.every
		}
		if t == no {
			continue
		}
		one := w.does(r)
		why := ""
		if t == maybe {
			why = holds.why
		}
		sum.join(one, why)
		stops := r.kind != jump // all others lead out of this chain
		if stops {
			sum.fall = sum.fall || one.fall
		}
		if t == yes && (stops || !one.fall) {
			sum.certain = cmp.Or(one.certain, sum.certain)
			return sum
		}
	}
	sum.fall = true
	return sum
}

// does says where a rule that matches leads.
func (w *walk) does(r *rule) ways {
	switch r.kind {
	case accept:
		return ways{accept: true, certain: accept}
	case drop:
		return ways{drop: true, certain: drop}
	case back:
		return ways{fall: true}
	case jump, jumpOnly:
		return w.chain(r.target)
	case undecided:
		return ways{accept: true, drop: true, whyAccept: r.why, whyDrop: r.why}
	case elsewhere:
		return ways{accept: true, certain: accept, away: r.why}
	case next:
	}
	return ways{fall: true}
}

// base follows a base chain to a verdict.
func (h hung) base(p packet, every bool) ways {
	w := walk{table: h.table, packet: p, every: every, known: map[string]ways{}, open: map[string]bool{}}
	sum := w.chain(h.name)
	if sum.fall {
		policy := cmp.Or(h.chain.policy, accept)
		sum.accept, sum.drop = sum.accept || policy == accept, sum.drop || policy == drop
		if sum.certain == next {
			sum.certain = policy
		}
	}
	if h.chain.hook == "ingress" && sum.drop {
		// It hangs on one device; the packet may come by another.
		sum.accept, sum.whyDrop = true, strings.TrimSuffix("it depends on the network interface ("+h.chain.device+")", " ()")
	}
	sum.by = h.String()
	return sum
}

// pass follows a packet through all base chains it meets. Reaching the socket
// is accept; every chain on the way must accept.
func (r ruleset) pass(p packet, every bool) ways {
	total := ways{certain: accept}
	for _, h := range r.baseChains(p.family()) {
		w := h.base(p, every)
		total.by, total.away = w.by, cmp.Or(total.away, w.away)
		if w.drop {
			total.drop = true
			total.whyDrop = cmp.Or(total.whyDrop, w.whyDrop)
			total.whyAccept = cmp.Or(total.whyAccept, w.whyAccept)
		}
		if w.certain == drop {
			total.certain = drop
		}
		if !w.accept {
			return total
		}
	}
	total.accept = true
	return total
}
