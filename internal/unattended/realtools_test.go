//go:build realtools

package unattended_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/unattended"
)

// These tests ask apt-config. They need apt and fail without it: run them with
// `go test -tags realtools`.

// asked is how many generated configurations apt is asked about.
const asked = 1500

// apt reads one configuration and nothing else of this host.
type apt struct {
	t      *testing.T
	root   string
	config string
	own    []string // top-level options that apt always has
}

func newApt(t *testing.T) *apt {
	t.Helper()
	a := &apt{t: t, root: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(a.root, "etc/apt/apt.conf.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	a.write("etc/os-release", "ID=debian\n")
	a.config = filepath.Join(a.root, "which.conf")
	a.write("which.conf", fmt.Sprintf("Dir::Etc::parts \"%[1]s/etc/apt/apt.conf.d\";\nDir::Etc::main \"%[1]s/etc/apt/apt.conf\";\n", a.root))
	tree, refused := a.ask()
	if refused != "" {
		t.Fatal(refused)
	}
	for _, line := range dump(tree) {
		top, _, _ := strings.Cut(line, "=")
		top, _, _ = strings.Cut(top, "::")
		a.own = append(a.own, strings.ToLower(top))
	}
	return a
}

func (a *apt) write(name, text string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.root, name), []byte(text), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// ask is what apt reads, or why it does not.
func (a *apt) ask() (tree *unattended.Tree, refused string) {
	a.t.Helper()
	r, err := hostexec.System{}.Run(a.t.Context(), hostexec.Cmd{Name: "apt-config", Args: []string{"dump", "--format", `%F "%V";%n`}, Env: []string{"APT_CONFIG=" + a.config}})
	if err != nil {
		a.t.Fatal(err)
	}
	if r.Code != 0 {
		return nil, string(r.Stderr)
	}
	if tree, err = unattended.ParseDump(r.Stdout); err != nil {
		a.t.Fatal(err)
	}
	// Read back and written again it is what apt wrote, to the byte.
	if !bytes.Equal(tree.Dump(), r.Stdout) {
		a.t.Errorf("not the same as apt wrote:\n%s", cmp.Diff(string(r.Stdout), string(tree.Dump())))
	}
	return tree, ""
}

// others are the options that are not apt's own.
func (a *apt) others(tree *unattended.Tree) []string {
	return slices.DeleteFunc(append([]string{}, dump(tree)...), func(line string) bool {
		top, _, _ := strings.Cut(line, "=")
		top, _, _ = strings.Cut(top, "::")
		return slices.Contains(a.own, strings.ToLower(top))
	})
}

// compare asks apt and us about the same files.
func (a *apt) compare(about string) (agreed, refused bool) {
	a.t.Helper()
	root, err := hostfs.Open(a.root)
	if err != nil {
		a.t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	theirs, why := a.ask()
	ours, err := unattended.Read(a.t.Context(), root, nil)
	switch {
	case (err != nil) != (why != ""):
		a.t.Errorf("apt: %q, Lockfast: %v\n%s", why, err, about)
		return false, false
	case err != nil:
		return true, true
	}
	if diff := cmp.Diff(a.others(theirs), a.others(ours.Options)); diff != "" {
		a.t.Errorf("apt differs: %s\n%s", diff, about)
		return false, false
	}
	return true, false
}

// TestAptAgrees reads generated files: half of them well-formed, half of pieces
// in any order.
func TestAptAgrees(t *testing.T) {
	a := newApt(t)
	r := rand.New(rand.NewPCG(1, 2))
	refused, wrong := 0, 0
	for i := range asked {
		text := pieces(r)
		if i%2 == 0 {
			text = wellFormed(r, 0)
		}
		a.write("etc/apt/apt.conf.d/50x", text)
		a.write("etc/apt/apt.conf", wellFormed(r, 2))
		ok, no := a.compare(fmt.Sprintf("%q", text))
		if no {
			refused++
		}
		if !ok {
			if wrong++; wrong > 5 {
				t.Fatal("and so on")
			}
		}
	}
	t.Logf("%d configurations, %d of them refused by both", asked, refused)
	if refused == 0 || refused > asked*3/4 {
		t.Errorf("%d of %d were refused: nothing much was tested", refused, asked)
	}
}

func one(r *rand.Rand, list ...string) string { return list[r.IntN(len(list))] }

func pieces(r *rand.Rand) string {
	var b strings.Builder
	for range r.IntN(16) {
		b.WriteString(one(r, "A", "Bb", "bB", "A::B", "C::", "A::::B", ":", "::", `"x"`, `"y z"`, `""`, `"`, "w", "%41", "%", "[q r]", "[", ";", ";", ";", ";\n", "{", "}", "};", " ", "\t", "\n", "\r\n", "\v",
			"//c", "#d", "/*", "*/", "/* e */", "#clear A;", "#clear ", "#clear", "#", `"//"`, `"#"`, `"/*"`, "ä", "\xff", "'", `\`, "="))
	}
	return b.String()
}

func wellFormed(r *rand.Rand, depth int) string {
	var b strings.Builder
	name := func() string {
		return one(r, "A", "B", "aa", "AA", "Cc::Dd", "Unattended-Upgrade::Mail", "Unattended-Upgrade", "L::", "E%20F", `"G"`)
	}
	value := func() string {
		return one(r, `"v"`, `"a b"`, "w", `"x" "y"`, `""`, "%25z", `"%25"`, `"//"`, `"; }"`, "\"t\tt\"", "[1 2]")
	}
	gap := func() string { return one(r, " ", " ", "\n", "\t", "  \n ", " /* c; */ ", " // c ;\n", " # c }\n") }
	for range 1 + r.IntN(4) {
		switch r.IntN(6) {
		case 0, 1:
			b.WriteString(name() + gap() + value() + ";" + gap())
		case 2:
			b.WriteString(value() + ";" + gap())
		case 3:
			if depth == 0 {
				b.WriteString("\n#clear " + strings.TrimSuffix(name(), "::") + ";\n")
			}
		default:
			if depth < 3 {
				b.WriteString(name() + one(r, "", " "+value()) + gap() + "{" + gap() + wellFormed(r, depth+1) + "}" + one(r, ";", "") + gap())
			}
		}
	}
	return b.String()
}

// TestAptReadsTheSameFiles asks which files of a folder are read, and in which
// order.
func TestAptReadsTheSameFiles(t *testing.T) {
	a := newApt(t)
	names := []string{
		"10b.conf", "9a", "Z.conf", "a.b.conf", "a-b", "a_b", "a:b", "a+b", "a~", "x.conf~", ".hidden", ".x.conf", "x.CONF", "x.conf.", "x.", "x.dpkg-old", "x.conf.bak", "é.conf", "sp ace.conf", "a.conf.conf", "-x", "0", "conf", "xconf",
	}
	for _, name := range names {
		a.write("etc/apt/apt.conf.d/"+name, fmt.Sprintf("Read:: \"%s\";\n", name))
	}
	if err := os.Mkdir(filepath.Join(a.root, "etc/apt/apt.conf.d/folder.conf"), 0o755); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"link.conf": "10b.conf", "gone.conf": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(a.root, "etc/apt/apt.conf.d", link)); err != nil {
			t.Fatal(err)
		}
	}
	if ok, refused := a.compare("files"); !ok || refused {
		t.Error(ok, refused)
	}
}

// TestAptAgreesOnConffiles reads the set-ups that the golden tests convert.
func TestAptAgreesOnConffiles(t *testing.T) {
	a := newApt(t)
	for _, name := range []string{"debian12.conf", "ubuntu2404.conf", "site.conf"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		a.write("etc/apt/apt.conf.d/50unattended-upgrades", string(text))
		if ok, refused := a.compare(name); !ok || refused {
			t.Error(name, ok, refused)
		}
	}
}

// TestAptAgreesOnThisHost reads this host both ways; its files must not include
// others.
func TestAptAgreesOnThisHost(t *testing.T) {
	root, err := hostfs.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	live, err := unattended.Read(t.Context(), root, hostexec.System{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := unattended.Read(t.Context(), root, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, option := range []string{"Unattended-Upgrade::Origins-Pattern", "Unattended-Upgrade::Allowed-Origins", "Unattended-Upgrade::Package-Blacklist", "DPkg::Post-Invoke"} {
		if diff := cmp.Diff(live.Options.List(option), files.Options.List(option)); diff != "" {
			t.Error(option, diff)
		}
	}
}
