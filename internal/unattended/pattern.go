package unattended

import (
	"errors"
	"regexp/syntax"
	"slices"
	"strings"
)

const (
	// maxExpression bounds an expression; the longest one seen in the wild had 60
	// characters.
	maxExpression = 300
	// maxPatterns is how many patterns may stand for one expression: more can be
	// exact and still be nothing that a person can check.
	maxPatterns = 30
	// nameBytes are those of package names (Debian Policy, section 5.6.1).
	nameBytes = "abcdefghijklmnopqrstuvwxyz0123456789+-."
)

var (
	errManyNames = errors.New("it stands for too many names to list")
	errNoName    = errors.New("it matches no package name: these have neither capitals nor spaces")
	errSyntax    = errors.New("it is no regular expression that can be translated")
)

// Patterns translates a regular expression of Python that is matched at the
// start of package names to names and patterns with a star at the end that
// match exactly the same names. Without an error there is at least one.
func Patterns(expression string) ([]string, error) {
	if len(expression) > maxExpression {
		return nil, errors.New("it is too long to translate")
	}
	if !sameInPython(expression) {
		return nil, errSyntax
	}
	parsed, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, errSyntax
	}
	texts, err := expand(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	return patterns(texts)
}

// sameInPython reports whether an expression means the same to Go. What it
// refuses is either different or refused there.
func sameInPython(e string) bool {
	for i := 0; i+1 < len(e); i++ {
		switch pair := e[i : i+2]; {
		case pair == "[:", pair == "{,":
			return false
		case pair == "(?" && !strings.HasPrefix(e[i:], "(?:"):
			return false
		case e[i] == '\\':
			letter := 'a' <= lower(e[i+1]) && lower(e[i+1]) <= 'z' || '0' <= e[i+1] && e[i+1] <= '9' || e[i+1] >= 0x80
			if letter && strings.IndexByte("dDwWsS", e[i+1]) < 0 {
				return false
			}
			i++
		}
	}
	return true
}

// text is what an expression may match: a text, and what holds after it.
type text struct {
	text  string
	begin bool // it must be at the start of the name
	end   bool // the name ends here
	any   bool // anything may follow
	more  bool // something more may follow, which cannot be listed
}

// expand lists what an expression matches.
func expand(re *syntax.Regexp) ([]text, error) {
	switch re.Op {
	case syntax.OpNoMatch:
		return nil, nil
	case syntax.OpEmptyMatch:
		return []text{{}}, nil
	case syntax.OpBeginText:
		return []text{{begin: true}}, nil
	case syntax.OpEndText:
		return []text{{end: true}}, nil
	case syntax.OpLiteral:
		return literal(re), nil
	case syntax.OpCharClass:
		return class(func(r rune) bool { return inClass(re.Rune, r) }), nil
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return class(func(rune) bool { return true }), nil
	case syntax.OpCapture:
		return expand(re.Sub[0])
	case syntax.OpConcat:
		return concat(re.Sub)
	case syntax.OpAlternate:
		return alternate(re.Sub)
	case syntax.OpQuest:
		some, err := expand(re.Sub[0])
		return append(some, text{}), err
	case syntax.OpStar:
		return star(re.Sub[0]), nil
	case syntax.OpPlus:
		some, err := expand(re.Sub[0])
		if err != nil {
			return nil, err
		}
		return product(some, star(re.Sub[0]))
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpWordBoundary, syntax.OpNoWordBoundary, syntax.OpRepeat:
	}
	return nil, errSyntax
}

func literal(re *syntax.Regexp) []text {
	for _, r := range re.Rune {
		if !strings.ContainsRune(nameBytes, r) {
			return nil
		}
	}
	return []text{{text: string(re.Rune)}}
}

func class(has func(rune) bool) []text {
	var list []text
	for _, r := range nameBytes {
		if has(r) {
			list = append(list, text{text: string(r)})
		}
	}
	return list
}

func inClass(ranges []rune, r rune) bool {
	for i := 0; i+1 < len(ranges); i += 2 {
		if ranges[i] <= r && r <= ranges[i+1] {
			return true
		}
	}
	return false
}

func star(of *syntax.Regexp) []text {
	if of.Op == syntax.OpAnyChar || of.Op == syntax.OpAnyCharNotNL {
		return []text{{any: true}}
	}
	return []text{{more: true}}
}

func alternate(subs []*syntax.Regexp) ([]text, error) {
	var all []text
	for _, sub := range subs {
		some, err := expand(sub)
		if err != nil {
			return nil, err
		}
		if all = append(all, some...); len(all) > 40*maxPatterns {
			return nil, errManyNames
		}
	}
	return all, nil
}

func concat(subs []*syntax.Regexp) ([]text, error) {
	all := []text{{}}
	for _, sub := range subs {
		next, err := expand(sub)
		if err != nil {
			return nil, err
		}
		if all, err = product(all, next); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func product(first, second []text) ([]text, error) {
	if len(first)*len(second) > 40*maxPatterns {
		return nil, errManyNames
	}
	var all []text
	for _, a := range first {
		joined, err := follow(a, second)
		if err != nil {
			return nil, err
		}
		all = append(all, joined...)
	}
	return all, nil
}

// follow puts what may come next after a text.
func follow(a text, next []text) ([]text, error) {
	if len(next) == 0 { // nothing can come: no name matches
		return nil, nil
	}
	nothing := func(b text) bool { return b.text == "" && !b.begin }
	if a.any || a.more {
		// Only if it may end here the rest does not matter.
		if a.any && slices.ContainsFunc(next, nothing) || !slices.ContainsFunc(next, func(b text) bool { return b != text{} }) {
			return []text{a}, nil
		}
		if a.more && slices.ContainsFunc(next, func(b text) bool { return nothing(b) && !b.end }) {
			return []text{a}, nil
		}
		return nil, errManyNames
	}
	var all []text
	for _, b := range next {
		switch {
		case a.end && b.text != "", b.begin && a.text != "":
			continue
		case a.end:
			b.any, b.more = false, false
		}
		all = append(all, text{text: a.text + b.text, begin: a.begin || b.begin && a.text == "", end: a.end || b.end, any: b.any, more: b.more})
	}
	return all, nil
}

// patterns writes texts as names and patterns, without those that another one
// covers.
func patterns(texts []text) ([]string, error) {
	var list []string
	for _, t := range texts {
		switch {
		case !t.end: // what may follow is covered, for the match need not reach the end
			list = append(list, t.text+"*")
		case t.any:
			list = append(list, t.text+"*")
		case t.more:
			return nil, errManyNames
		case t.text != "":
			list = append(list, t.text)
		}
	}
	covered := func(p string) bool {
		return slices.ContainsFunc(list, func(by string) bool {
			prefix, open := strings.CutSuffix(by, "*")
			return open && by != p && strings.HasPrefix(strings.TrimSuffix(p, "*"), prefix)
		})
	}
	slices.Sort(list)
	list = slices.Compact(list)
	list = slices.DeleteFunc(slices.Clone(list), covered)
	switch {
	case len(list) == 0:
		return nil, errNoName
	case len(list) > maxPatterns:
		return nil, errManyNames
	}
	return list, nil
}
