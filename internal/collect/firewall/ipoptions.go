package firewall

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// options are the words of one iptables rule, read from left to right.
type options struct {
	words   []string
	v6      bool
	module  string // the last -m
	matches []match
}

func (o *options) more() bool { return len(o.words) > 0 }

// take returns the next word, "" at the end.
func (o *options) take() string {
	if len(o.words) == 0 {
		return ""
	}
	word := o.words[0]
	o.words = o.words[1:]
	return word
}

// skip leaves out the values of an option that is not understood.
func (o *options) skip() {
	for len(o.words) > 0 && !strings.HasPrefix(o.words[0], "-") && o.words[0] != "!" {
		o.words = o.words[1:]
	}
}

// read reads one option with its values.
func (o *options) read(r *rule, t *table) {
	not := false
	word := o.take()
	if word == "!" {
		not, word = true, o.take()
	}
	switch word {
	case "-j", "--jump":
		o.target(r, t, jump)
		return
	case "-g", "--goto":
		o.target(r, t, jumpOnly)
		return
	case "-m", "--match":
		o.module = o.take()
		return
	case "-c", "--set-counters":
		o.take()
		o.take()
		return
	}
	m, known := o.match(word)
	if !known {
		o.skip()
		m = undecidable(fmt.Sprintf("a rule has %.60s, which is not judged here", strings.TrimSpace(o.module+" "+word)))
	}
	if m != nil {
		o.add(m, not)
	}
}

func (o *options) add(m match, not bool) {
	if not {
		m = negated(m)
	}
	o.matches = append(o.matches, m)
}

// match reads the values of a match. A nil match is one that always holds.
func (o *options) match(name string) (m match, known bool) {
	switch name {
	case "-p", "--protocol":
		value := o.take()
		if value == "all" {
			return nil, true
		}
		return func(p packet) answer { return p.isProtocol(value) }, true
	case "-s", "--source", "--src-range":
		return o.addresses(packet.isFrom), true
	case "-d", "--destination", "--dst-range":
		return o.addresses(packet.isTo), true
	case "-i", "--in-interface":
		value := o.take()
		return func(p packet) answer { return p.isInto(value) }, true
	case "-o", "--out-interface":
		o.take()
		return func(packet) answer { return sure(false) }, true
	case "-f", "--fragment":
		return func(packet) answer { return sure(false) }, true
	case "--comment", "--limit-burst":
		o.take()
		return nil, true
	case "--limit": // the first packet is under every limit
		o.take()
		return nil, true
	}
	return o.extension(name)
}

// extension reads the matches of modules.
func (o *options) extension(name string) (m match, known bool) {
	switch name {
	case "--dport", "--destination-port", "--dports", "--destination-ports":
		return ports(o.take()), true
	case "--sport", "--source-port", "--sports", "--source-ports":
		o.take()
		return undecidable("it depends on the source port, which the sender chooses"), true
	case "--ctstate", "--state":
		value := strings.Split(strings.ToUpper(o.take()), ",")
		return func(packet) answer { return sure(slices.Contains(value, "NEW")) }, true
	case "--ctdir":
		value := o.take()
		return func(packet) answer { return sure(strings.EqualFold(value, "ORIGINAL")) }, true
	case "--ctstatus":
		value := strings.ToUpper(o.take())
		return func(packet) answer { return sure(value == "NONE") }, true
	case "--syn":
		return func(p packet) answer { return p.hasFlags([]string{"fin", "syn", "rst", "ack"}, []string{"syn"}) }, true
	case "--tcp-flags":
		mask, want := strings.Split(o.take(), ","), strings.Split(o.take(), ",")
		return func(p packet) answer { return p.hasFlags(mask, want) }, true
	case "--tcp-option", "--icmp-type", "--icmpv6-type":
		o.take()
		if name != "--tcp-option" {
			return func(packet) answer { return sure(false) }, true
		}
	case "--dst-type", "--src-type", "--pkt-type":
		return typeOf(name, o.take()), true
	case "--match-set":
		set, direction := o.take(), o.take()
		if direction == "src" {
			return func(packet) answer { return fewSources("it depends on the source address (set " + set + ")") }, true
		}
		return undecidable("a rule names set " + set + ", which is not listed"), true
	case "--rt-type", "--rt-segsleft", "--ahspi", "--espspi", "--frag-id", "--fragid", "--hbh-len", "--header":
		o.skip()
		return func(packet) answer { return sure(false) }, true // headers that the packet does not have
	case "--invert", "--loose", "--validmark", "--accept-local":
		if o.module != "rpfilter" {
			return nil, false
		}
		if name == "--invert" { // the packet came by the way its answer goes: the check holds
			return func(packet) answer { return sure(false) }, true
		}
		return nil, true
	}
	return o.counting(name)
}

// counting reads the matches of modules that count: the first packet is under
// every limit, and its source has not been seen before.
func (o *options) counting(name string) (m match, known bool) {
	switch o.module {
	case "hashlimit", "connlimit", "recent":
	default:
		return nil, false
	}
	o.skip()
	switch name {
	case "--hashlimit-above", "--connlimit-above":
		return func(packet) answer { return sure(false) }, true
	case "--update", "--rcheck", "--remove":
		return func(packet) answer { return fewSources("it depends on the source address (seen recently)") }, true
	}
	return nil, true
}

func (o *options) addresses(is func(packet, netip.Prefix) answer) match {
	value := o.take()
	return func(p packet) answer {
		a := sure(false)
		for one := range strings.SplitSeq(value, ",") {
			if low, high, isRange := strings.Cut(one, "-"); isRange {
				a = a.or(isBetween(low, high, func(n netip.Prefix) answer { return is(p, n) }))
				continue
			}
			prefix, ok := prefixOf(one)
			if !ok {
				return cannotSay(fmt.Sprintf("a rule names address %.60q, which is not judged here", one))
			}
			a = a.or(is(p, prefix))
		}
		return a
	}
}

// ports reads "22", "22:80" and lists of them.
func ports(value string) match {
	return func(p packet) answer {
		a := sure(false)
		for one := range strings.SplitSeq(value, ",") {
			low, high, isRange := strings.Cut(one, ":")
			if !isRange {
				high = low
			}
			from, err1 := strconv.ParseUint(orDefault(low, "0"), 10, 16)
			to, err2 := strconv.ParseUint(orDefault(high, "65535"), 10, 16)
			if err1 != nil || err2 != nil {
				return cannotSay(fmt.Sprintf("a rule names port %.40q, which is not judged here", one))
			}
			a = a.or(p.isPort(from, to))
		}
		return a
	}
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}

// typeOf compares kinds of addresses and packets.
func typeOf(option, values string) match {
	return func(p packet) answer {
		a := sure(false)
		for value := range strings.SplitSeq(strings.ToUpper(values), ",") {
			switch {
			case option == "--src-type":
				a = a.or(sure(value == "UNICAST"))
			case option == "--pkt-type":
				a = a.or(packetType(p, value))
			case value == "BROADCAST" || value == "MULTICAST" || value == "ANYCAST":
				a = a.or(p.isGroup(strings.ToLower(value)))
			default:
				a = a.or(sure(value == "LOCAL"))
			}
		}
		return a
	}
}

// target reads what a rule does.
func (o *options) target(r *rule, t *table, how kind) {
	name := o.take()
	o.module = name
	switch name {
	case "ACCEPT":
		r.kind = accept
	case "DROP", "REJECT":
		r.kind = drop
	case "RETURN":
		r.kind = back
	case "LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "CT", "NOTRACK", "TCPMSS", "TTL", "HL", "TOS", "DSCP", "CLASSIFY", "SET", "TRACE", "AUDIT",
		"SECMARK", "CONNSECMARK", "CHECKSUM", "LED", "TEE", "SNAT", "MASQUERADE", "RATEEST", "IDLETIMER", "TCPOPTSTRIP", "ECN":
		r.kind = next
	case "DNAT", "REDIRECT", "NETMAP", "TPROXY":
		r.kind, r.why = elsewhere, "a rule sends the connection elsewhere ("+name+")"
	case "NFQUEUE", "QUEUE", "SYNPROXY":
		r.kind, r.why = undecided, "a rule leaves the decision to another program ("+name+")"
	default:
		r.kind, r.target = how, name
		if t.chains[name] == nil {
			r.kind, r.why = undecided, "a rule has target "+name+", which is not judged here"
		}
	}
	o.words = nil // what follows are the target's own options
}
