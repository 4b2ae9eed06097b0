package firewall

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// object is one JSON object of nft's answer, taken apart as it is needed.
type object map[string]json.RawMessage

// nftObjects are the kinds of object that matter here; all others (counters,
// limits by name, flow tables, helpers) decide nothing by themselves.
type nftObjects struct {
	Nftables []struct {
		Table *nftTable `json:"table"`
		Chain *nftChain `json:"chain"`
		Set   *nftSet   `json:"set"`
		Map   *nftSet   `json:"map"`
		Rule  *nftRule  `json:"rule"`
	} `json:"nftables"`
}

type nftTable struct {
	Family string          `json:"family"`
	Name   string          `json:"name"`
	Flags  json.RawMessage `json:"flags"`
}

type nftChain struct {
	Family string          `json:"family"`
	Table  string          `json:"table"`
	Name   string          `json:"name"`
	Hook   string          `json:"hook"`
	Dev    json.RawMessage `json:"dev"`
	Prio   int             `json:"prio"`
	Policy string          `json:"policy"`
}

type nftSet struct {
	Family string            `json:"family"`
	Table  string            `json:"table"`
	Name   string            `json:"name"`
	Flags  json.RawMessage   `json:"flags"`
	Elem   []json.RawMessage `json:"elem"`
}

type nftRule struct {
	Family string   `json:"family"`
	Table  string   `json:"table"`
	Chain  string   `json:"chain"`
	Expr   []object `json:"expr"`
}

// parseNFT reads what "nft -j list ruleset" prints. An empty answer is one
// without tables. What is JSON but not understood becomes rules that cannot be
// decided; what is no ruleset is an error.
func parseNFT(data []byte) (ruleset, error) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil
	}
	var raw nftObjects
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, fmt.Errorf("cannot read the answer of nft: %w", err)
	}
	if raw.Nftables == nil {
		return nil, fmt.Errorf(`cannot read the answer of nft: it has no "nftables"`)
	}
	c := compiler{tables: map[string]*table{}, sets: map[string]*nftSet{}}
	for _, o := range raw.Nftables { // first what rules refer to
		switch {
		case o.Table != nil:
			c.table(o.Table.Family, o.Table.Name).dormant = contains(o.Table.Flags, "dormant")
		case o.Chain != nil:
			c.chain(o.Chain)
		case o.Set != nil:
			c.sets[key(o.Set.Family, o.Set.Table, o.Set.Name)] = o.Set
		case o.Map != nil:
			c.sets[key(o.Map.Family, o.Map.Table, o.Map.Name)] = o.Map
		}
	}
	for _, o := range raw.Nftables {
		if o.Rule != nil {
			c.rule(o.Rule)
		}
	}
	return c.order, nil
}

func key(parts ...string) string { return strings.Join(parts, "\x00") }

// contains reports whether a JSON string, or list of strings, has a word.
func contains(raw json.RawMessage, word string) bool {
	return slices.Contains(stringsOf(raw), word)
}

func stringsOf(raw json.RawMessage) []string {
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		return []string{one}
	}
	var list []string
	if json.Unmarshal(raw, &list) != nil {
		return nil
	}
	return list
}

// compiler turns nft's objects into tables.
type compiler struct {
	tables map[string]*table
	sets   map[string]*nftSet
	order  ruleset
}

func (c *compiler) table(family, name string) *table {
	t := c.tables[key(family, name)]
	if t == nil {
		t = &table{family: family, name: name, chains: map[string]*chain{}}
		c.tables[key(family, name)] = t
		c.order = append(c.order, t)
	}
	return t
}

func (c *compiler) chain(raw *nftChain) {
	one := &chain{hook: raw.Hook, priority: raw.Prio, device: strings.Join(stringsOf(raw.Dev), ", "), policy: accept}
	if raw.Policy == "drop" {
		one.policy = drop
	}
	c.table(raw.Family, raw.Table).chains[raw.Name] = one
}

func (c *compiler) rule(raw *nftRule) {
	t := c.table(raw.Family, raw.Table)
	in := t.chains[raw.Chain]
	if in == nil { // a rule without its chain: nobody says where it counts
		in = &chain{}
		t.chains[raw.Chain] = in
	}
	r := reader{compiler: c, family: raw.Family, table: raw.Table}
	for _, statement := range raw.Expr {
		if len(statement) != 1 {
			r.unknown("a statement of another form")
			continue
		}
		for name, body := range statement {
			r.statement(name, body)
		}
	}
	t.partial = t.partial || r.partial
	in.rules = append(in.rules, r.rules...)
}

// reader collects what one rule says: matches, until a verdict uses them.
type reader struct {
	*compiler
	family, table string
	matches       []match
	rules         []rule
	partial       bool
}

func (r *reader) verdict(k kind, target, why string) {
	r.rules = append(r.rules, rule{matches: slices.Clip(r.matches), kind: k, target: target, why: why})
}

// unknown makes everything that follows in the rule undecided, and the rule
// itself something that may decide.
func (r *reader) unknown(what string) {
	why := "a rule has " + what + ", which is not judged here"
	r.matches = append(r.matches, undecidable(why))
	r.verdict(undecided, "", why)
}

// statement reads one statement of a rule.
func (r *reader) statement(name string, body json.RawMessage) {
	switch name {
	case "accept":
		r.verdict(accept, "", "")
	case "drop", "reject":
		r.verdict(drop, "", "")
	case "return":
		r.verdict(back, "", "")
	case "jump", "goto":
		r.jump(name, body)
	case "match":
		r.matches = append(r.matches, r.match(body))
	case "vmap":
		r.verdictMap(body)
	case "limit", "ct count":
		r.matches = append(r.matches, underLimit(body))
	case "set", "meter", "map":
		r.update(body)
	case "counter", "log", "continue", "mangle", "notrack", "snat", "masquerade", "flow", "dup", "ct helper", "ct timeout", "ct expectation", "secmark", "last", "reset", "comment":
		// decide nothing about a new connection to this host
	case "dnat", "redirect", "tproxy", "fwd":
		r.verdict(elsewhere, "", "a rule sends the connection elsewhere ("+name+")")
	case "queue", "synproxy":
		r.verdict(undecided, "", "a rule leaves the decision to another program ("+name+")")
	case "xt":
		r.partial = true
		r.unknown("a part that only iptables can print")
	default:
		r.unknown(fmt.Sprintf("%.40q", name))
	}
}

func (r *reader) jump(name string, body json.RawMessage) {
	var to struct {
		Target string `json:"target"`
	}
	if json.Unmarshal(body, &to) != nil || to.Target == "" {
		r.unknown("a jump without a target")
		return
	}
	k := jump
	if name == "goto" {
		k = jumpOnly
	}
	r.verdict(k, to.Target, "")
}

// underLimit is a rate or number that the first packet does not exceed.
func underLimit(body json.RawMessage) match {
	var limit struct {
		Over bool `json:"inv"`
	}
	if json.Unmarshal(body, &limit) != nil {
		return undecidable("a rule has a limit by name, which is not judged here")
	}
	return func(packet) answer { return sure(!limit.Over) }
}

// update reads a statement that notes the packet in a set; what may stand
// behind the element (a limit) is a match.
func (r *reader) update(body json.RawMessage) {
	var set struct {
		Statements []object `json:"stmt"`
	}
	if json.Unmarshal(body, &set) != nil {
		var meter struct {
			Statement object `json:"stmt"`
		}
		if json.Unmarshal(body, &meter) != nil {
			r.unknown("an update of a set")
			return
		}
		set.Statements = []object{meter.Statement}
	}
	for _, s := range set.Statements {
		for name, inner := range s {
			r.statement(name, inner)
		}
	}
}

// verdictMap reads a map from values to verdicts as one rule for each value:
// the values exclude each other.
func (r *reader) verdictMap(body json.RawMessage) {
	var vmap struct {
		Key  json.RawMessage `json:"key"`
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &vmap) != nil {
		r.unknown("a verdict map")
		return
	}
	pairs, ok := r.elements(vmap.Data)
	if !ok {
		r.unknown("a verdict map that is not listed")
		return
	}
	left := r.operand(vmap.Key)
	before := r.matches
	for _, raw := range pairs {
		var pair []json.RawMessage
		var verdict object
		if json.Unmarshal(raw, &pair) != nil || len(pair) != 2 || json.Unmarshal(pair[1], &verdict) != nil || len(verdict) != 1 {
			r.unknown("a verdict map of another form")
			continue
		}
		r.matches = append(slices.Clip(before), r.holds(left, pair[0]))
		for name, inner := range verdict {
			r.statement(name, inner)
		}
	}
	r.matches = before
}
