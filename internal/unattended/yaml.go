package unattended

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/lockfast/lockfast/internal/config"
)

// order of the fields in the file, as a person would write them.
var order = [...]string{
	"fix.all", "fix.exclude",
	"stay_secure.mode", "stay_secure.windows", "stay_secure.missed", "stay_secure.check", "stay_secure.jitter",
	"stay_secure.reboot", "stay_secure.reboot_windows", "stay_secure.reboot_delay", "stay_secure.reboot_with_users",
	"stay_secure.on_battery", "stay_secure.metered", "stay_secure.rate_limit",
	"notify.to", "notify.digest", "notify.quiet", "notify.mail.from",
}

// yaml is the configuration with what it came from, and above it what a person
// must know.
func (c *converter) yaml() []byte {
	var b strings.Builder
	b.WriteString("# Made by lockfast from the set-up of unattended-upgrades.\n")
	for _, n := range c.out.Not {
		if n.More {
			fmt.Fprintf(&b, "# NOT CONVERTED: %s\n", comment(fmt.Sprintf("%s %q: %s. To do: %s", n.Option, clip(n.Value), n.Why, n.Do)))
		}
	}
	if c.out.Mode == Off {
		b.WriteString("# Nothing was installed unattended, so there is no stay_secure.mode.\n")
	}
	return append([]byte(b.String()), document(c.settings)...)
}

// document writes settings as a file.
func document(settings []setting) []byte {
	rank := func(s setting) int { return slices.Index(order[:], s.field) }
	sorted := slices.SortedStableFunc(slices.Values(settings), func(a, b setting) int { return rank(a) - rank(b) })
	var b strings.Builder
	fmt.Fprintf(&b, "schema: %s\n", config.Schema)
	var open []string
	for _, s := range sorted {
		path := strings.Split(s.field, ".")
		last := len(path) - 1
		for i, section := range path[:last] {
			if i < len(open) && open[i] == section {
				continue
			}
			fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", i), section)
			open = slices.Clone(path[:i+1])
		}
		open = path[:last]
		indent := strings.Repeat("  ", last)
		for _, from := range s.from {
			fmt.Fprintf(&b, "%s# %s\n", indent, comment(from))
		}
		fmt.Fprintf(&b, "%s%s: %s\n", indent, path[last], s.value)
	}
	return []byte(b.String())
}

// comment keeps a text on one line and free of what YAML takes for no text.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == '\ufffd' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// quoted writes a list in one line. JSON is YAML.
func quoted(list []string) string {
	texts := make([]string, 0, len(list))
	for _, s := range list {
		texts = append(texts, quote(s))
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(s) != nil { // a string always can be encoded
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
