package unattended_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lockfast/lockfast/internal/unattended"
)

func TestPatterns(t *testing.T) {
	long := strings.Repeat("x", 400)
	tests := map[string][]string{ // nil: not translated
		"linux-":             {"linux-*"},
		"linux-.*":           {"linux-*"},
		"linux-.*$":          {"linux-*"},
		"^linux-":            {"linux-*"},
		"libc6$":             {"libc6"},
		"^libc6$":            {"libc6"},
		`libstdc\+\+6$`:      {"libstdc++6"},
		"(lib)?xen(store)?":  {"libxen*", "xen*"},
		"(lib)?xen(store)?$": {"libxen", "libxenstore", "xen", "xenstore"},
		"mysql|mariadb":      {"mariadb*", "mysql*"},
		"php[78]-fpm$":       {"php7-fpm", "php8-fpm"},
		"php[0-9]+":          {"php0*", "php1*", "php2*", "php3*", "php4*", "php5*", "php6*", "php7*", "php8*", "php9*"},
		"php[0-9]*":          {"php*"},
		`python3\.11`:        {"python3.11*"},
		"a{2,3}$":            {"aa", "aaa"},
		"(?:a|b)c":           {"ac*", "bc*"},
		"a(b$|c)":            {"ab", "ac*"},
		"a(.*|b)":            {"a*"},
		"":                   {"*"},
		".*":                 {"*"},
		"LINUX|linux":        {"linux*"},

		"python3.11": nil, "php[0-9]+-fpm": nil, "a.*b": nil, "[a-z]+-dev$": nil, "a*$": nil, "(a": nil, "a++": nil, "(?i)linux": nil, "(?!a)b": nil, `\bfoo`: nil, `a\Z`: nil,
		"[[:alpha:]]a": nil, "a{,2}b": nil, "Linux": nil, "foo bar": nil, "$^a": nil, "a$b": nil, "$": nil, long: nil, "(a|b|c|d|e|f)(a|b|c|d|e|f)$": nil,
	}
	for expression, want := range tests {
		got, err := unattended.Patterns(expression)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%q: %v, %s", expression, err, diff)
		}
	}
}

// What is translated matches the same names as the expression does.
func TestPatternsMatchTheSame(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		expression := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
			"a", "b", "ab", "-", "[ab]", "[a-c]", "(a|b)", "(a|)", "a?", "b?", "(ab)?", "(a|b-|ab)", ".*", "a*", "[ab]+", "b+", "$", "^", `\.`, "A", "(a$|b)", "(.*b)?", "a{0,2}", "(^a|b)", "|",
		}), 0, 6).Draw(r, "parts"), "")
		patterns, err := unattended.Patterns(expression)
		if err != nil {
			r.Skip()
		}
		re := regexp.MustCompile(`\A(?:` + expression + `)`)
		for range 20 {
			name := rapid.StringMatching(`[ab][abc.-]{0,6}`).Draw(r, "name")
			matched := slices.ContainsFunc(patterns, func(p string) bool {
				prefix, open := strings.CutSuffix(p, "*")
				return open && strings.HasPrefix(name, prefix) || p == name
			})
			if matched != re.MatchString(name) {
				r.Fatalf("%q as %q: matches %q: %v", expression, patterns, name, matched)
			}
		}
	})
}

func FuzzPatterns(f *testing.F) {
	for _, s := range []string{"linux-", "(lib)?xen(store)?", "[a-z]+", "((((a*)*)*)*)*", "a{1000}", `\Qa\E`, "x{0,1000}y{0,1000}"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := unattended.Patterns(s)
		if (err == nil) != (len(list) > 0) || len(list) > 30 {
			t.Errorf("%q: %q, %v", s, list, err)
		}
	})
}
