package unattended_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/unattended"
)

// dump is a tree as "name=value" in its order.
func dump(t *unattended.Tree) []string {
	var list []string
	t.Walk(func(name, value string) { list = append(list, name+"="+value) })
	return list
}

func TestParse(t *testing.T) {
	tests := map[string]struct {
		conf string
		want []string
	}{
		"value":               {`A "b";`, []string{"A=b"}},
		"no quotes":           {`A b;`, []string{"A=b"}},
		"two on a line":       {`A "b";C "d";`, []string{"A=b", "C=d"}},
		"over lines":          {"A\n\"b\"\n;", []string{"A=b"}},
		"below":               {`A::B "c";`, []string{"A=", "A::B=c"}},
		"scope":               {`A { B "c"; D { E "f"; }; };`, []string{"A=", "A::B=c", "A::D=", "A::D::E=f"}},
		"scope, no semicolon": {`A { B "c" } D "e";`, []string{"A=", "A::B=c", "D=e"}},
		"list":                {`A { "b"; "c" };`, []string{"A=", "A::=b", "A::=c"}},
		"list, one by one":    {`A:: "b"; A:: "c";`, []string{"A=", "A::=b", "A::=c"}},
		"list with a value":   {`A "v" { "b"; };`, []string{"A=v", "A::=b"}},
		"empty scope":         {`A { };`, nil},
		"any case":            {`Ab "c"; aB "d";`, []string{"Ab=d"}},
		"last one counts":     {`A "b"; A "c";`, []string{"A=c"}},
		"quotes in a row":     {`A "b" "c";`, []string{"A=b c"}},
		"semicolon in quotes": {`A "b;c}";`, []string{"A=b;c}"}},
		"percent, no quotes":  {`A b%20c;`, []string{"A=b c"}},
		"percent in quotes":   {`A "b%20c";`, []string{"A=b%20c"}},
		"brackets":            {`A [b c];`, []string{"A=[b c]"}},
		"tab":                 {"A \"b\tc\";", []string{"A=b        c"}},
		"line comments":       {"A \"b\"; // c\n# d \"e\";\nF \"g\"; # h", []string{"A=b", "F=g"}},
		"address":             {`A "http://b/#c";`, []string{"A=http://b/#c"}},
		"block comment":       {"A /* b\n c; */ \"d\";", []string{"A=d"}},
		"comment in one line": {`A /* b */ "c"; /* d */`, []string{"A=c"}},
		"no comment":          {`A "/* b */";`, []string{"A=/* b */"}},
		"slashes in comment":  {"/* http://x */ A \"b\";\n*/ C \"d\";", []string{"C=d"}},
		"clear":               {`A { "b"; }; #clear A; A:: "c";`, []string{"A=", "A::=c"}},
		"clear one value":     {`A::B "c"; #clear A::B;`, []string{"A=", "A::B="}},
		"clear nothing":       {`#clear A;`, nil},
		"too many braces":     {`} A "b";`, []string{"A=b"}},
		"open scope":          {`A { B "c";`, []string{"A=", "A::B=c"}},
		"windows":             {"A \"b\";\r\nC \"d\";\r\n", []string{"A=b", "C=d"}},
		"no name":             {`"b";`, []string{"=b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var tree unattended.Tree
			included, err := tree.Parse("x.conf", []byte(test.conf))
			if err != nil || included != nil {
				t.Fatal(included, err)
			}
			if diff := cmp.Diff(test.want, dump(&tree)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	tests := map[string]struct{ conf, want string }{
		"no semicolon":        {"A \"b\"", `has no semicolon`},
		"three words":         {"A b c;", `line 1: "A b c" is more than a name and a value`},
		"open quote":          {"A \"b;\nC \"d\";", "line 2: \"A \\\"b; C"},
		"open quote in name":  {"A\"b\n;", "line 2: \"A\\\"b\" has a quote"},
		"block without name":  {"\n{ A \"b\"; };", "line 2: a block begins without a name"},
		"clear without name":  {"#clear;", "#clear names no option"},
		"unknown directive":   {"#clearly A;", "apt has no directive #clearly"},
		"directive in braces": {"A { #clear B; };", "#clear in braces"},
		"no text":             {"A \"\x00\";", "it is no text"},
		"very deep":           {strings.Repeat("a{", 60), "deep"},
		"very deep name":      {strings.Repeat("a::", 60) + "b \"c\";", "deep"},
		"very many":           {strings.Repeat("A:: b;", 30000), "more than 20000 options"},
		"very large":          {strings.Repeat(" ", 2<<20), "larger than"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var tree unattended.Tree
			_, err := tree.Parse("x.conf", []byte(test.conf))
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "x.conf") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestInclude(t *testing.T) {
	var tree unattended.Tree
	included, err := tree.Parse("x.conf", []byte(`#include "/srv/apt.conf"; A "b";`))
	if err != nil || len(included) != 1 || included[0] != "/srv/apt.conf" || tree.Value("A") != "b" {
		t.Error(included, err)
	}
}

func TestTree(t *testing.T) {
	var tree unattended.Tree
	for _, s := range [][2]string{{"A::B", "1"}, {"A::C::", "2"}, {"a::c::", "3"}, {"A::C::Named", "4"}} {
		if err := tree.Set(s[0], s[1]); err != nil {
			t.Fatal(err)
		}
	}
	if tree.Value("a::b") != "1" || tree.Value("A::D") != "" || !tree.Has("A") || tree.Has("A::C::") || tree.Has("D") {
		t.Error(dump(&tree))
	}
	if diff := cmp.Diff([]string{"2", "3", "4"}, tree.List("A::C")); diff != "" {
		t.Error(diff)
	}
}

func TestParseDump(t *testing.T) {
	tree, err := unattended.ParseDump([]byte("APT \"\";\nAPT::X \"a%20b%22%0a%25\";\nL \"\";\nL:: \"1\";\nL:: \"2\";\nR \"%c3%A4;\";\n"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"APT=", "APT::X=a b\"\n%", "L=", "L::=1", "L::=2", "R=ä;"}, dump(tree)); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"A\n", "A b;\n", `A "b"`, `A "b`, `A "%2";`, `A "%zz";`, `A% "b";`, `A "b"c";`, "\n", strings.Repeat("A:: \"b\";\n", 30000)} {
		if tree, err := unattended.ParseDump([]byte(bad)); err == nil {
			t.Errorf("%q: got %v", clipped(bad), dump(tree))
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", clipped(bad), err)
		}
	}
}

func clipped(s string) string { return s[:min(len(s), 40)] }

// answer is what apt-config does.
type answer struct {
	hostexec.Result
	err error
	ran hostexec.Cmd
}

func (a *answer) Run(_ context.Context, cmd hostexec.Cmd) (hostexec.Result, error) {
	a.ran = cmd
	return a.Result, a.err
}

func TestReadAsksApt(t *testing.T) {
	run := &answer{Result: hostexec.Result{Stdout: []byte("Unattended-Upgrade \"\";\nUnattended-Upgrade::Mail \"root\";\n")}}
	s, err := unattended.Read(t.Context(), debian(t, nil), run)
	if err != nil || s.Options.Value("Unattended-Upgrade::Mail") != "root" || s.Options.Has("APT::Periodic") {
		t.Fatal(s, err)
	}
	if run.ran.Name != "apt-config" || run.ran.MaxOutput == 0 {
		t.Errorf("%+v", run.ran)
	}
	for want, bad := range map[string]*answer{
		"is not installed":       {err: hostexec.ErrNotFound},
		"ended with 100: E: bad": {Result: hostexec.Result{Code: 100, Stderr: []byte("E: bad\nE: worse\n")}},
		"line 1":                 {Result: hostexec.Result{Stdout: []byte("what?\n")}},
	} {
		if _, err := unattended.Read(t.Context(), debian(t, nil), bad); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestReadFiles(t *testing.T) {
	fsys := fstest.MapFS{"etc/os-release": file("ID=debian\n"), "etc/apt/apt.conf": file(`Last "main";`)}
	for _, name := range []string{"10b.conf", "9a", "z_-.1.conf"} {
		fsys["etc/apt/apt.conf.d/"+name] = file(`Read:: "` + name + `"; Last "` + name + `";`)
	}
	for _, name := range []string{".hidden", "x.dpkg-old", "x.conf~", "x.conf.bak", "ä", "sp ace", "dot."} {
		fsys["etc/apt/apt.conf.d/"+name] = file("this is { no configuration")
	}
	fsys["etc/apt/apt.conf.d/folder.conf/x"] = file("")
	fsys["etc/apt/apt.conf.d/gone.conf"] = link("/nowhere")
	s, err := unattended.Read(t.Context(), fsys, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"10b.conf", "9a", "z_-.1.conf"}, s.Options.List("Read")); diff != "" || s.Options.Value("Last") != "main" {
		t.Error(diff, s.Options.Value("Last"))
	}
}

func TestReadRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		change func(fstest.MapFS)
		want   string
	}{
		"damaged":   {func(f fstest.MapFS) { f["etc/apt/apt.conf.d/99x"] = file("A {"); f["etc/apt/apt.conf"] = file("A") }, "cannot read /etc/apt/apt.conf: "},
		"too large": {func(f fstest.MapFS) { f["etc/apt/apt.conf"] = file(strings.Repeat("\n", 2<<20)) }, "cannot read /etc/apt/apt.conf: is larger"},
		"no host":   {func(f fstest.MapFS) { delete(f, "etc/os-release") }, "is this the root of a host?"},
	} {
		t.Run(name, func(t *testing.T) {
			fsys := debian(t, nil)
			test.change(fsys)
			if _, err := unattended.Read(t.Context(), fsys, nil); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// A list that is damaged is unknown, not absent.
func TestReadDamagedLists(t *testing.T) {
	s, err := unattended.Read(t.Context(), debian(t, map[string]string{lists + "x_InRelease": "\x00"}), nil)
	if err != nil || len(s.Archives) != 0 || !strings.Contains(s.NoArchives, "apt-get update") {
		t.Error(s.NoArchives, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/debian12.conf", "testdata/ubuntu2404.conf", "testdata/site.conf"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte("A::::B \"c\"; #clear A; \"\" {x%20y [z\"; /* // */"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var tree unattended.Tree
		if _, err := tree.Parse("x.conf", data); err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
			return
		}
		again, err := unattended.ParseDump(tree.Dump())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(dump(&tree), dump(again)); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzParseDump(f *testing.F) {
	f.Add([]byte("APT \"\";\nAPT::X \"a%20b\";\nL:: \"1\";\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tree, err := unattended.ParseDump(data)
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than a line: %q", err)
			}
			return
		}
		again, err := unattended.ParseDump(tree.Dump())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(dump(tree), dump(again)); diff != "" {
			t.Error(diff)
		}
		if _, err := unattended.Convert(&unattended.Setup{Options: tree}); err != nil {
			t.Error(errors.Join(err, errors.New(string(data))))
		}
	})
}
