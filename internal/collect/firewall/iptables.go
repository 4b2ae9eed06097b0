package firewall

import (
	"bytes"
	"fmt"
	"strings"
)

// places say where iptables' built-in chains hang, in the words of nftables.
var places = [...]struct {
	table, chain, hook string
	priority           int
}{
	{"raw", "PREROUTING", "prerouting", -300},
	{"mangle", "PREROUTING", "prerouting", -150},
	{"nat", "PREROUTING", "prerouting", -100},
	{"mangle", "INPUT", "input", -150},
	{"filter", "INPUT", "input", 0},
	{"security", "INPUT", "input", 50},
	{"nat", "INPUT", "input", 100},
}

// parseIPTables reads what iptables-save (family "ip") or ip6tables-save
// ("ip6") prints. Options that are not understood become matches that cannot be
// decided; a line of another shape is an error that names it.
func parseIPTables(data []byte, family string, legacy bool) (ruleset, error) {
	var set ruleset
	var in *table
	number := 0
	for raw := range bytes.Lines(data) {
		number++
		line := strings.TrimSpace(string(raw))
		var err error
		switch {
		case line == "" || line[0] == '#' || line == "COMMIT":
		case line[0] == '*':
			in = &table{family: family, name: line[1:], chains: map[string]*chain{}, legacy: legacy}
			set = append(set, in)
		case in == nil:
			err = fmt.Errorf("stands before the first table")
		case line[0] == ':':
			err = in.addChain(line[1:])
		default:
			err = in.addRule(line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %.80q: %w", number, line, err)
		}
	}
	return set, nil
}

// addChain reads "INPUT DROP [0:0]" or "own-chain - [0:0]".
func (t *table) addChain(line string) error {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return fmt.Errorf("is no chain")
	}
	c := &chain{policy: accept}
	if fields[1] == "DROP" {
		c.policy = drop
	}
	for _, p := range places {
		if p.table == t.name && p.chain == fields[0] && fields[1] != "-" {
			c.hook, c.priority = p.hook, p.priority
		}
	}
	t.chains[fields[0]] = c
	return nil
}

// addRule reads "-A CHAIN option…", perhaps with counters before it.
func (t *table) addRule(line string) error {
	words, err := splitWords(line)
	if err != nil {
		return err
	}
	if len(words) > 0 && strings.HasPrefix(words[0], "[") {
		words = words[1:]
	}
	if len(words) < 2 || words[0] != "-A" {
		return fmt.Errorf("is no rule")
	}
	c := t.chains[words[1]]
	if c == nil {
		return fmt.Errorf("chain %s was not declared", words[1])
	}
	o := options{words: words[2:], v6: t.family == "ip6"}
	r := rule{}
	for o.more() {
		o.read(&r, t)
	}
	r.matches = o.matches
	c.rules = append(c.rules, r)
	return nil
}

// splitWords splits at spaces; double quotes keep words together, and a
// backslash in them keeps the next character as it is.
func splitWords(line string) ([]string, error) {
	var words []string
	var word []byte
	quoted, started := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted, started = !quoted, true
		case c == '\\' && quoted && i+1 < len(line):
			i++
			word = append(word, line[i])
		case (c == ' ' || c == '\t') && !quoted:
			if started {
				words, word, started = append(words, string(word)), word[:0], false
			}
		default:
			word, started = append(word, c), true
		}
	}
	if quoted {
		return nil, fmt.Errorf("a quote is not closed")
	}
	if started {
		words = append(words, string(word))
	}
	return words, nil
}
