package unattended

import (
	"errors"
	"slices"
	"strings"
)

// verdict is what the patterns of origins mean for the archives of a host.
type verdict struct {
	allowed map[Archive]bool
	partial map[Archive]bool // only some components
	entries []entry
}

type entry struct {
	given
	covers []Archive
	bad    error
}

// origins turns the archives that updates were taken from into fix.all, or into
// nothing: fixes of holes are what Lockfast takes anyway. There is nothing
// between, since Lockfast judges updates by what they fix.
func (c *converter) origins() {
	v := c.verdict()
	if len(v.entries) == 0 {
		c.not(given{option: upgrade + "Origins-Pattern"}, "no archive was allowed, so nothing was installed", "decide whether Lockfast may install security fixes", c.out.Mode == Auto)
		return
	}
	if c.s.NoArchives != "" {
		c.unseenArchives(v)
		return
	}
	some, others := v.beyondSecurity(c.s.Archives)
	all := len(some) > 0 && len(others) == 0
	for _, e := range v.entries {
		c.entry(e, v, all, others)
	}
	for _, a := range c.s.Archives {
		if a.security() && !v.allowed[a] {
			c.not(given{option: upgrade + "Origins-Pattern"}, "security fixes of "+a.name()+" were not taken; Lockfast takes those of every archive", "exclude by name in fix.exclude what must not be updated", true)
		}
	}
}

func (c *converter) verdict() verdict {
	v := verdict{allowed: map[Archive]bool{}, partial: map[Archive]bool{}}
	distro := c.s.variables()
	read := func(list []given, parse func(string, map[string]string) (pattern, error)) {
		for _, g := range list {
			p, err := parse(g.value, distro)
			e := entry{given: g, bad: err}
			for _, a := range c.s.Archives {
				if err != nil || !p.matches(a) {
					continue
				}
				e.covers = append(e.covers, a)
				if !v.allowed[a] {
					v.partial[a] = p.partial
				}
				v.allowed[a], v.partial[a] = true, v.partial[a] && p.partial
			}
			v.entries = append(v.entries, e)
		}
	}
	read(c.takeList(upgrade+"Allowed-Origins"), pair)
	read(c.takeList(upgrade+"Origins-Pattern"), keywords)
	return v
}

// beyondSecurity splits the archives that get bug fixes too: those whose updates
// were taken, and those whose were not.
func (v verdict) beyondSecurity(archives []Archive) (some, others []Archive) {
	for _, a := range archives {
		if a.security() || a.frozen() || a.Manual {
			continue
		}
		taken := v.allowed[a]
		// A release's updates between its point releases belong to it.
		early := slices.ContainsFunc(archives, func(of Archive) bool { return v.allowed[of] && a.sibling(of) })
		if taken {
			some = append(some, a)
		}
		if !taken && !early || taken && v.partial[a] {
			others = append(others, a)
		}
	}
	return some, others
}

// early are archives that were not allowed, and whose updates come with the next
// point release of one that was.
func (v verdict) early(e entry, archives []Archive) []Archive {
	var list []Archive
	for _, a := range archives {
		of := func(of Archive) bool { return a.sibling(of) }
		if !v.allowed[a] && slices.ContainsFunc(e.covers, of) {
			list = append(list, a)
		}
	}
	return list
}

// entry says what became of one line.
func (c *converter) entry(e entry, v verdict, all bool, others []Archive) {
	more := slices.ContainsFunc(e.covers, func(a Archive) bool { return !a.security() && !a.frozen() && !a.Manual })
	switch {
	case e.bad != nil:
		c.not(e.given, "it cannot be read: "+e.bad.Error()+"; unattended-upgrades stops there", "repair or remove it", true)
	case len(e.covers) == 0:
		c.same(e.given, "it matches no archive of this host; security fixes of every archive are taken")
	case !more:
		c.same(e.given, "it covers "+names(e.covers)+"; security fixes are taken anyway")
	case all:
		note := "it covers " + names(e.covers) + ", which has bug fixes too"
		if early := v.early(e, c.s.Archives); len(early) > 0 {
			note += "; those of " + names(early) + " will come too"
		}
		c.to(e.given, "fix.all", "true", note)
	default:
		c.not(e.given, "it covers "+names(e.covers)+", but not "+names(others)+": Lockfast takes security fixes, or with fix.all every update of every archive",
			"leave bug fixes to a person, or set fix.all: true and name in fix.exclude what comes from the others", false)
	}
}

func names(list []Archive) string {
	var all []string
	for _, a := range list {
		if name := a.name(); !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	const most = 5
	if len(all) > most {
		all = append(all[:most], "and others")
	}
	return strings.Join(all, ", ")
}

// unseenArchives is what can be said without knowing the archives.
func (c *converter) unseenArchives(v verdict) {
	for _, e := range v.entries {
		switch {
		case e.bad != nil:
			c.entry(e, v, false, nil)
		case strings.Contains(strings.ToLower(e.value), "security"):
			c.same(e.given, "security fixes are taken anyway")
		default:
			c.not(e.given, "what it covers could not be seen: "+c.s.NoArchives, "set fix.all: true if bug fixes of every archive should come too", false)
		}
	}
}

// blacklist turns expressions into names to exclude.
func (c *converter) blacklist() {
	var all []string
	for _, g := range c.takeList(upgrade + "Package-Blacklist") {
		found, err := Patterns(g.value)
		switch {
		case errors.Is(err, errNoName):
			c.same(g, err.Error())
		case err != nil:
			c.not(g, err.Error(), byHand(g.value), true)
		default:
			next := slices.Compact(slices.Sorted(slices.Values(append(slices.Clone(all), found...))))
			if c.to(g, "fix.exclude", quoted(next), "matches at the start of a name; other packages of the same source are left too") {
				c.out.Settings[len(c.out.Settings)-1].To = "fix.exclude: " + quoted(found)
				all = next
			}
		}
	}
}

// byHand says what to write for an expression that cannot be translated. Most
// have a dot that was meant as one: "python3.11".
func byHand(expression string) string {
	const do = "write the packages that it means into fix.exclude: names, or the beginning of names and a star"
	meant, err := Patterns(literalDots(expression))
	if err != nil {
		return do
	}
	return "if its dots mean dots, write fix.exclude: " + quoted(meant) + "; else names, or the beginning of names and a star"
}

// literalDots escapes the dots that are not repeated.
func literalDots(expression string) string {
	var b strings.Builder
	for i := range len(expression) {
		escaped := i > 0 && expression[i-1] == '\\'
		repeated := i+1 < len(expression) && strings.IndexByte("*+?{", expression[i+1]) >= 0
		if expression[i] == '.' && !escaped && !repeated {
			b.WriteByte('\\')
		}
		b.WriteByte(expression[i])
	}
	return b.String()
}

// whitelist has no counterpart: Lockfast can leave out, not leave in.
func (c *converter) whitelist() {
	list := c.takeList(upgrade + "Package-Whitelist")
	for _, g := range list {
		c.not(g, "Lockfast keeps no list of the only packages to update", "name the packages that must not be updated in fix.exclude, or use stay_secure.mode: download and lockfast fix apply --only", true)
	}
	switch strict := c.take(upgrade + "Package-Whitelist-Strict"); {
	case len(list) == 0 || !yes(strict.value, false):
		c.same(strict, "has no effect without Package-Whitelist, or says no")
	default:
		c.not(strict, "Lockfast keeps no list of the only packages to update", "see Package-Whitelist", true)
	}
}
