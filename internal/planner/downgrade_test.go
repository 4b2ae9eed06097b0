package planner_test

import (
	"strings"
	"testing"

	"github.com/lockfast/lockfast/content"
	"github.com/lockfast/lockfast/internal/planner"
)

func TestTheListThatIsShippedIsReadable(t *testing.T) {
	d, err := planner.ParseDowngrades(content.Downgrades)
	if err != nil {
		t.Fatal(err)
	}
	for name, unsafe := range map[string]bool{
		"postgresql-15": true, "postgresql-client-common": false, "postgresql-common": false, "mariadb-server": true, "mariadb-server-10.11": true,
		"slapd": true, "slapd-contrib": false, "nginx": false, "": false,
	} {
		if got := d.Unsafe(name); (got != "") != unsafe {
			t.Errorf("%q: got %q", name, got)
		}
	}
}

func TestParseDowngrades(t *testing.T) {
	const head = "schema: lockfast.downgrades/1\npackages:\n"
	for _, c := range []struct{ name, text, says string }{
		{"good", head + "  - {match: 'a*', why: b}\n", ""},
		{"none", "schema: lockfast.downgrades/1\n", ""},
		{"empty", "", "file is empty"},
		{"another schema", "schema: lockfast.downgrades/2\n", `schema is "lockfast.downgrades/2", this program knows "lockfast.downgrades/1"`},
		{"unknown field", head + "  - {match: a, why: b, until: c}\n", "line 3: field until not found"},
		{"no reason", head + "  - {match: a, why: b}\n  - {match: c}\n", "packages[1]: match and why are both needed"},
		{"no name", head + "  - {why: b}\n", "packages[0]: match and why are both needed"},
		{"no pattern", head + "  - {match: a, why: b}\n  - {match: 'a[', why: b}\n", `packages[1]: match "a[": syntax error in pattern`},
		{"two documents", head + "---\na: b\n", "more than one"},
	} {
		d, err := planner.ParseDowngrades([]byte(c.text))
		switch {
		case c.says == "" && err != nil, c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n")):
			t.Errorf("%s: got %v, want %q", c.name, err, c.says)
		case c.name == "good" && (d.Unsafe("ab") != "b" || d.Unsafe("ba") != ""):
			t.Errorf("got %+v", d)
		}
	}
}

// Whatever is read can be asked, and gives a reason or none.
func FuzzParseDowngrades(f *testing.F) {
	f.Add(content.Downgrades, "slapd")
	f.Add([]byte("schema: lockfast.downgrades/1\npackages: [{match: '[a-', why: x}]"), "a")
	f.Add([]byte("schema: lockfast.downgrades/1\npackages: [{match: 'a\\', why: x}]"), "a")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		d, err := planner.ParseDowngrades(data)
		if err != nil {
			if d != nil {
				t.Error("a list and an error")
			}
			return
		}
		for _, p := range d {
			if p.Match == "" || p.Why == "" {
				t.Errorf("an entry says nothing: %+v", p)
			}
			if !strings.ContainsAny(p.Match, `*?[\`) && d.Unsafe(p.Match) == "" {
				t.Errorf("%q does not match itself", p.Match)
			}
		}
		if why := d.Unsafe(name); why != "" && len(d) == 0 {
			t.Error("a reason from nowhere")
		}
	})
}
