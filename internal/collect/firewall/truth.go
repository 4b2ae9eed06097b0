package firewall

// tri is yes, no, or cannot say.
type tri uint8

const (
	no tri = iota
	maybe
	yes
)

func (t tri) not() tri { return yes - t }

// answer says whether a match holds: for a packet from an address that no rule
// names (usual), and over all addresses it could come from (every).
type answer struct {
	usual, every tri
	why          string // for maybe: what it depends on
}

func sure(b bool) answer {
	if b {
		return answer{usual: yes, every: yes}
	}
	return answer{}
}

func cannotSay(why string) answer { return answer{usual: maybe, every: maybe, why: why} }

// fewSources holds for some source addresses only.
func fewSources(why string) answer { return answer{usual: no, every: maybe, why: why} }

func (a answer) not() answer { return answer{usual: a.usual.not(), every: a.every.not(), why: a.why} }

func (a answer) and(b answer) answer {
	return answer{usual: min(a.usual, b.usual), every: min(a.every, b.every), why: firstOf(a, b)}
}

func (a answer) or(b answer) answer {
	return answer{usual: max(a.usual, b.usual), every: max(a.every, b.every), why: firstOf(a, b)}
}

func firstOf(a, b answer) string {
	if a.why != "" {
		return a.why
	}
	return b.why
}

// match is a condition of a rule.
type match func(p packet) answer

func all(list []match, p packet) answer {
	a := sure(true)
	for _, m := range list {
		if a = a.and(m(p)); a.every == no {
			return a // what the rest depends on does not matter
		}
	}
	return a
}

func anyOf(list []match) match {
	return func(p packet) answer {
		a := sure(false)
		for _, m := range list {
			a = a.or(m(p))
		}
		return a
	}
}

func negated(m match) match { return func(p packet) answer { return m(p).not() } }

func undecidable(why string) match { return func(packet) answer { return cannotSay(why) } }
