package patchtest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostfs"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/plan"
)

// suite is one case on its host.
type suite struct {
	World
	Host
	b   patch.Backend
	dir string // for package files and logs
}

func (s *suite) fetch() patch.Fetch { return patch.Fetch{Dir: s.dir} }

func (s *suite) order(id string) patch.Order {
	return patch.Order{ID: id, Log: filepath.Join(s.dir, id+".log")}
}

// state reads the packages of the suite that are or may be installed.
func (s *suite) state(t *testing.T) []plan.Package {
	t.Helper()
	var refs []patch.Ref
	for _, p := range s.Installed() {
		refs = append(refs, patch.Ref{Name: p.Name, Arch: p.Arch})
	}
	packages, err := s.b.State(t.Context(), append(refs, s.ref("lib", "")))
	if err != nil {
		t.Fatalf("State: %v", err)
	}
	return packages
}

// is compares the host with what it should be like; lib stands last.
func (s *suite) is(t *testing.T, when string, want []plan.Package) {
	t.Helper()
	if diff := cmp.Diff(want, s.state(t)); diff != "" {
		t.Errorf("%s, packages are not as they should be (-want +got):\n%s", when, diff)
	}
}

// before is a new host.
func (s *suite) before() []plan.Package { return append(s.Installed(), s.at("lib", "")) }

// after is a host with the security fixes.
func (s *suite) after() []plan.Package {
	want := append(s.Installed(), auto(s.at("lib", "1-1")))
	want[0].Version, want[4].Version = "2-1", "1:2-1"
	return want
}

// news and olds are what installs and takes back the security fixes.
func (s *suite) news() []patch.Ref {
	return []patch.Ref{s.ref("app", "2-1"), s.ref("lib", "1-1"), s.ref("tool", "1:2-1")}
}

func (s *suite) olds() []patch.Ref { return []patch.Ref{s.ref("app", "1-1"), s.ref("tool", "1:1-1")} }

func (s *suite) download(t *testing.T, refs ...patch.Ref) []patch.Archive {
	t.Helper()
	archives, err := s.b.Download(t.Context(), refs, s.fetch())
	if err != nil {
		t.Fatalf("Download: %v", err)
	}
	s.whole(t, refs, archives)
	return archives
}

// whole checks that archives are those of refs, and their files what they say.
func (s *suite) whole(t *testing.T, refs []patch.Ref, archives []patch.Archive) {
	t.Helper()
	if len(refs) != len(archives) {
		t.Fatalf("asked for %v, got %v", refs, archives)
	}
	for i, a := range archives {
		data := s.read(t, a.Path)
		sum := sha256.Sum256(data)
		if a.Ref != refs[i] || a.SHA256 != hex.EncodeToString(sum[:]) || a.Size != int64(len(data)) || filepath.Dir(a.Path) != s.dir || a.Origin == "" {
			t.Errorf("asked for %+v, got %+v with %d bytes of %x", refs[i], a, len(data), sum)
		}
	}
}

func (*suite) read(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path) //nolint:gosec // G304: files of the test
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func (*suite) write(t *testing.T, path string, data []byte) {
	t.Helper()
	err := hostfs.Replace(path, 0o644, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// flip changes a byte in the middle of a file.
func (s *suite) flip(t *testing.T, path string) {
	t.Helper()
	data := s.read(t, path)
	data[len(data)/2] ^= 0xff
	s.write(t, path, data)
}
