package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const internal = "github.com/lockfast/lockfast/internal/"

// groups is the import table of ARCHITECTURE.md: each group lists its packages
// and the groups they may import. A package in no group fails the test.
var groups = []struct{ name, packages, mayUse string }{
	{"host", "hostfs hostexec hostsvc", "host"},
	{"nouns", "pkgver inventory advisory lifecycle policy window notice config plan result", "nouns"},
	{"verbs", "match exposure planner stay", "nouns verbs"},
	{"readers", "collect probe unattended", "host nouns readers"},
	{"effects", "change patch notify", "host nouns verbs effects"},
	{"content", "feed courier", "host nouns content"},
	{"report", "report", "nouns verbs"},
	{"secure", "secure", "host nouns verbs readers effects content"},
	{"agent", "agent", "host nouns verbs readers effects content secure"},
}

// impure are packages that nouns and verbs must not import: they take values,
// readers and fs.FS.
var impure = []string{"os", "os/exec", "net", "net/http", "syscall", "golang.org/x/sys/unix"}

// rules are packages that only some of ours may import.
var rules = map[string][]string{
	"os/exec":  {"hostexec"},
	"net/http": {"agent", "courier", "feed", "notify", "probe"},
}

func TestLayers(t *testing.T) {
	groupOf, mayUse := table()
	seen := map[string]bool{}
	each(t, func(file, from string, parsed *ast.File) {
		seen[from] = true
		group := groupOf[from]
		if group == "" {
			t.Errorf("%s: package %s is in no group: add it here and to ARCHITECTURE.md", file, from)
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			rest, ours := strings.CutPrefix(imported, internal)
			to, _, _ := strings.Cut(rest, "/")
			if ours && to != from && !slices.Contains(mayUse[group], groupOf[to]) {
				t.Errorf("%s (%s) must not import %s (%s)", file, group, to, groupOf[to])
			}
			if (group == "nouns" || group == "verbs") && slices.Contains(impure, imported) {
				t.Errorf("%s: %s is pure and must not import %s", file, from, imported)
			}
			if allowed, limited := rules[imported]; limited && !slices.Contains(allowed, from) {
				t.Errorf("%s: only %v may import %s", file, allowed, imported)
			}
		}
	})
	for name := range groupOf {
		if !seen[name] {
			t.Errorf("package %s of the table does not exist", name)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	documented := map[string]bool{}
	each(t, func(file, _ string, parsed *ast.File) {
		dir := path.Dir(file)
		documented[dir] = documented[dir] || parsed.Doc != nil
	})
	if len(documented) == 0 {
		t.Fatal("no packages were found")
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("internal/%s has no package comment", dir)
		}
	}
}

func TestTableIsInArchitecture(t *testing.T) {
	page, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		row := "| " + g.name + " | " + strings.Join(strings.Fields(g.packages), " ") + " | " + strings.Join(strings.Fields(g.mayUse), " ") + " |"
		if !strings.Contains(string(page), row) {
			t.Errorf("ARCHITECTURE.md lacks the row %q", row)
		}
	}
}

func table() (groupOf map[string]string, mayUse map[string][]string) {
	groupOf, mayUse = map[string]string{}, map[string][]string{}
	for _, g := range groups {
		mayUse[g.name] = strings.Fields(g.mayUse)
		for p := range strings.FieldsSeq(g.packages) {
			groupOf[p] = g.name
		}
	}
	return groupOf, mayUse
}

// each calls visit for every non-test file below internal. Reading the files
// here, rather than asking "go list", covers every build tag, and the test
// cache notices every changed file.
func each(t *testing.T, visit func(file, pkg string, parsed *ast.File)) {
	t.Helper()
	tree := os.DirFS("..")
	err := fs.WalkDir(tree, ".", func(file string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && d.Name() == "testdata" {
			return fs.SkipDir
		}
		if err != nil || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return err
		}
		pkg, _, _ := strings.Cut(file, "/")
		if pkg == "archtest" {
			return nil
		}
		src, err := fs.ReadFile(tree, file)
		if err != nil {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		visit(file, pkg, parsed)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
