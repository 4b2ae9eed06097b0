package patchtest

import (
	"bytes"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/plan"
)

func state(t *testing.T, s *suite) {
	t.Helper()
	s.Network(false)
	s.is(t, "on a new host", s.before())
	none, err := s.b.State(t.Context(), nil)
	if err != nil || len(none) > 0 {
		t.Errorf("the state of nothing is %+v, %v", none, err)
	}
	other := patch.Ref{Name: "app", Arch: "s390x"}
	if got, err := s.b.State(t.Context(), []patch.Ref{other}); err != nil || len(got) != 1 || got[0] != (plan.Package{Name: "app", Arch: "s390x"}) {
		t.Errorf("the state of another architecture is %+v, %v", got, err)
	}
	if broken, err := s.b.Audit(t.Context()); err != nil || len(broken) > 0 {
		t.Errorf("Audit of a new host: %+v, %v", broken, err)
	}
}

// installed brings the security fixes to a host.
func (s *suite) installed(t *testing.T) {
	t.Helper()
	o := s.order("there")
	o.Files = s.download(t, s.news()...)
	o.Want = s.after()
	last := 0
	o.Progress = func(percent int, _, phase string) {
		if percent < 0 || percent > 100 || phase == "" {
			t.Errorf("progress %d %q", percent, phase)
		}
		last = max(last, percent)
	}
	s.Network(false)
	if err := s.b.Install(t.Context(), o); err != nil {
		t.Fatalf("Install: %v", err)
	}
	if last == 0 {
		t.Error("Install told no progress")
	}
	if len(s.read(t, o.Log)) == 0 {
		t.Error("Install wrote nothing to its log")
	}
	s.is(t, "after Install", s.after())
}

// There and back.
func installAndBack(t *testing.T, s *suite) {
	t.Helper()
	conf := filepath.Join(s.Root, "etc/app.conf")
	s.write(t, conf, []byte("mine\n"))
	olds, missing, err := s.b.Previous(t.Context(), s.olds(), s.fetch())
	if err != nil || len(missing) > 0 {
		t.Fatalf("Previous: %+v, %v", missing, err)
	}
	s.installed(t)
	s.holds(t, conf, "mine\n")
	s.holds(t, filepath.Join(s.Root, "opt/app/data"), "2-1\n")
	again := s.order("again") // nothing is left to do
	again.Want = s.after()
	if err := s.b.Install(t.Context(), again); err != nil {
		t.Errorf("Install of nothing: %v", err)
	}
	back := s.order("back")
	back.Files, back.Remove, back.Want, back.Downgrade = olds, []patch.Ref{s.ref("lib", "1-1")}, s.before(), true
	if err := s.b.Install(t.Context(), back); err != nil {
		t.Fatalf("Install of what was before: %v", err)
	}
	s.is(t, "taken back", s.before())
	s.holds(t, conf, "mine\n")
	s.holds(t, filepath.Join(s.Root, "opt/app/data"), "1-1\n")
	if broken, err := s.b.Audit(t.Context()); err != nil || len(broken) > 0 {
		t.Errorf("Audit: %+v, %v", broken, err)
	}
}

func (s *suite) holds(t *testing.T, path, content string) {
	t.Helper()
	if data := s.read(t, path); !bytes.Equal(data, []byte(content)) {
		t.Errorf("%s holds %q, not %q", path, data, content)
	}
}

func installRefuses(t *testing.T, s *suite) {
	t.Helper()
	archives := s.download(t, s.news()...)
	refused := func(what string, files []patch.Archive, want []plan.Package) {
		t.Helper()
		o := s.order("refused")
		o.Files, o.Want = files, want
		if err := s.b.Install(t.Context(), o); err == nil {
			t.Errorf("Install took %s", what)
		}
		s.is(t, "after "+what, s.before())
	}
	s.Network(false)
	refused("an order that does not do what it wants", nil, s.after())
	refused("a package without what it needs", archives[:1], s.after())
	other := slices.Clone(archives)
	other[0].SHA256 = other[2].SHA256
	refused("a file of another digest", other, s.after())
	other = slices.Clone(archives)
	other[0].Path = filepath.Join(s.dir, "no-such-file.rpm")
	refused("a file that is not there", other, s.after())
	other = slices.Clone(archives)
	other[0].Path, other[0].SHA256, other[0].Size = other[1].Path, other[1].SHA256, other[1].Size
	refused("the file of another package", other, s.after())
	s.flip(t, archives[0].Path)
	refused("a damaged file", archives, s.after())
}

func verify(t *testing.T, s *suite) {
	t.Helper()
	s.installed(t)
	names := []string{"app", "lib", "tool"}
	if got, err := s.b.Verify(t.Context(), names); err != nil || len(got) > 0 {
		t.Errorf("Verify of what was just installed: %+v, %v", got, err)
	}
	s.write(t, filepath.Join(s.Root, "opt/lib/data"), []byte("changed"))
	s.write(t, filepath.Join(s.Root, "etc/app.conf"), []byte("changed"))
	got, err := s.b.Verify(t.Context(), names)
	if err != nil || len(got) != 2 {
		t.Fatalf("Verify of two changed files: %+v, %v", got, err)
	}
	slices.SortFunc(got, func(a, b patch.Difference) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	for i, want := range []patch.Difference{{Package: "app", Path: "/etc/app.conf", Conffile: true}, {Package: "lib", Path: "/opt/lib/data"}} {
		want.What = got[i].What // each manager has its own letters
		if got[i] != want || want.What == "" {
			t.Errorf("Verify says %+v, not %+v", got[i], want)
		}
	}
}

// repair of a host that needs none changes nothing.
func repair(t *testing.T, s *suite) {
	t.Helper()
	s.installed(t)
	o := s.order("there")
	o.Files = []patch.Archive{{Path: filepath.Join(s.dir, "any")}}
	broken, err := s.b.Repair(t.Context(), o)
	if err != nil || len(broken) > 0 {
		t.Errorf("Repair: %+v, %v", broken, err)
	}
	s.is(t, "after Repair", s.after())
}
