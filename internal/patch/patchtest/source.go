package patchtest

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/patch"
)

func refresh(t *testing.T, s *suite) {
	t.Helper()
	if err := s.b.Refresh(t.Context()); err != nil {
		t.Fatalf("Refresh: %v", err)
	}
	s.Network(false)
	if err := s.b.Refresh(t.Context()); err == nil {
		t.Error("Refresh took a repository that cannot be reached for refreshed")
	}
	s.Network(true)
	if err := s.b.Refresh(t.Context()); err != nil {
		t.Errorf("Refresh once it can be reached again: %v", err)
	}
	s.Forge()
	if err := s.b.Refresh(t.Context()); err == nil {
		t.Error("Refresh believed a repository whose signature is wrong")
	}
}

func available(t *testing.T, s *suite) {
	t.Helper()
	s.Network(false)
	offers, err := s.b.Available(t.Context())
	if err != nil {
		t.Fatalf("Available: %v", err)
	}
	security := map[string]patch.Offer{}
	for _, o := range offers {
		switch {
		case o.Name == "gone" || o.Name == "lib":
			t.Errorf("%+v is no update", o)
		case o.Security:
			if _, twice := security[o.Name]; twice {
				t.Errorf("%s has two security updates", o.Name)
			}
			security[o.Name] = o
		}
	}
	for _, want := range []patch.Ref{s.ref("app", "2-1"), s.ref("tool", "1:2-1")} {
		o := security[want.Name]
		if o.Ref != want || o.Installed == "" || o.Installed == o.Version {
			t.Errorf("the security update of %s is %+v, not %+v", want.Name, o, want)
		}
		s.advisory(t, o)
	}
	if o, ok := security["kept"]; ok {
		t.Errorf("%+v is no security update", o)
	}
}

// advisory checks what an offer says of its advisory.
func (s *suite) advisory(t *testing.T, o patch.Offer) {
	t.Helper()
	if s.NoAdvisories != "" {
		return
	}
	for _, f := range Fixes() {
		if f.Name == o.Name && (!slices.Contains(o.IDs, f.ID) || !slices.Contains(o.IDs, f.CVE) || !strings.EqualFold(o.Severity, f.Severity) || o.Date.IsZero()) {
			t.Errorf("%+v does not say %+v", o, f)
		}
	}
}

// change is what this suite compares of changes: a size of disk differs from
// manager to manager.
func (s *suite) change(name, from, to string, requested bool) patch.Change {
	return patch.Change{Name: name, Arch: s.arch(name), From: from, To: to, Requested: requested}
}

func (s *suite) simulates(t *testing.T, r patch.Request, want ...patch.Change) patch.Simulation {
	t.Helper()
	got, err := s.b.Simulate(t.Context(), r)
	if err != nil {
		t.Fatalf("Simulate: %v", err)
	}
	changes := slices.Clone(got.Changes)
	for i := range changes {
		if changes[i].To != "" && (changes[i].Size <= 0 || changes[i].Archive == "") {
			t.Errorf("%+v has no size or archive", changes[i])
		}
		changes[i].Archive, changes[i].Size, changes[i].Disk = "", 0, 0
	}
	slices.SortFunc(changes, func(a, b patch.Change) int { return strings.Compare(a.Name, b.Name) })
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("Simulate %+v (-want +got):\n%s", r, diff)
	}
	for _, p := range got.Problems {
		if p.Package == "" || p.Why == "" || strings.Contains(p.Why, "\n") {
			t.Errorf("a problem that says nothing, or too much: %+v", p)
		}
	}
	return got
}

func simulate(t *testing.T, s *suite) {
	t.Helper()
	s.Network(false)
	got := s.simulates(t, patch.Request{Targets: []patch.Ref{s.ref("app", "2-1"), s.ref("tool", "1:2-1")}, NewOK: true},
		s.change("app", "1-1", "2-1", true), s.change("lib", "", "1-1", false), s.change("tool", "1:1-1", "1:2-1", true))
	if len(got.Problems) > 0 {
		t.Errorf("problems: %v", got.Problems)
	}
	// What stands at its version needs nothing.
	if got = s.simulates(t, patch.Request{Targets: []patch.Ref{s.ref("app", "1-1")}}); len(got.Problems) > 0 {
		t.Errorf("problems: %v", got.Problems)
	}
	s.is(t, "after Simulate", s.before())
}

func simulateProblems(t *testing.T, s *suite) {
	t.Helper()
	tool := s.change("tool", "1:1-1", "1:2-1", true)
	s.problems(t, s.simulates(t, patch.Request{Targets: []patch.Ref{s.ref("tool", "1:2-1"), s.ref("stuck", "2-1")}, NewOK: true}, tool), "stuck")
	s.problems(t, s.simulates(t, patch.Request{Targets: []patch.Ref{s.ref("tool", "1:2-1"), s.ref("app", "9-1")}, NewOK: true}, tool), "app")
	s.problems(t, s.simulates(t, patch.Request{Targets: []patch.Ref{s.ref("app", "2-1"), s.ref("tool", "1:2-1")}}, tool), "app")
	if s.NoHolds == "" {
		s.problems(t, s.simulates(t, patch.Request{Targets: []patch.Ref{s.ref("kept", "2-1"), s.ref("tool", "1:2-1")}}, tool), "kept")
	}
	s.is(t, "after Simulate", s.before())
}

func (*suite) problems(t *testing.T, got patch.Simulation, of string) {
	t.Helper()
	if len(got.Problems) != 1 || got.Problems[0].Package != of {
		t.Errorf("%s is a problem, and nothing else; got %+v", of, got.Problems)
	}
}

func simulateAll(t *testing.T, s *suite) {
	t.Helper()
	want := []patch.Change{s.change("app", "1-1", "3-1", true), s.change("lib", "", "1-1", false), s.change("tool", "1:1-1", "1:2-1", true)}
	if s.NoHolds != "" {
		want = slices.Insert(want, 1, s.change("kept", "1-1", "2-1", true))
	}
	s.simulates(t, patch.Request{All: true, NewOK: true}, want...)
	s.is(t, "after Simulate", s.before())
}
