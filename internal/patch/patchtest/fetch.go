package patchtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/patch"
)

func download(t *testing.T, s *suite) {
	t.Helper()
	if _, err := s.b.Download(t.Context(), s.news(), patch.Fetch{Dir: t.TempDir(), Offline: true}); err == nil {
		t.Error("Download without a network says that it has what was never fetched")
	}
	var done, total int64
	f := s.fetch()
	f.RateLimit = 64 << 20
	f.Progress = func(d, all int64, _ string) {
		if d < done || d > all {
			t.Errorf("progress went from %d to %d of %d", done, d, all)
		}
		done, total = d, all
	}
	archives, err := s.b.Download(t.Context(), s.news(), f)
	if err != nil {
		t.Fatalf("Download: %v", err)
	}
	s.whole(t, s.news(), archives)
	if total == 0 || done != total {
		t.Errorf("progress ended at %d of %d", done, total)
	}
	s.Network(false)
	f = s.fetch()
	f.Offline = true
	again, err := s.b.Download(t.Context(), s.news(), f)
	if err != nil {
		t.Fatalf("Download of what is there, without a network: %v", err)
	}
	for i := range again {
		again[i].Origin = archives[i].Origin // "cache" is right now
	}
	if diff := cmp.Diff(archives, again); diff != "" {
		t.Errorf("what was there is not kept (-first +again):\n%s", diff)
	}
	s.is(t, "after Download", s.before())
}

func downloadRefuses(t *testing.T, s *suite) {
	t.Helper()
	archives := s.download(t, s.news()...)
	// What was damaged here is fetched again.
	s.flip(t, archives[0].Path)
	f := s.fetch()
	f.Offline = true
	if _, err := s.b.Download(t.Context(), s.news()[:1], f); err == nil {
		s.whole(t, s.news()[:1], archives[:1])
	}
	s.download(t, s.news()[0])
	// What is damaged in the repository is not taken.
	fresh := patch.Fetch{Dir: t.TempDir()}
	s.Damage("tool", "1:2-1")
	if got, err := s.b.Download(t.Context(), []patch.Ref{s.ref("tool", "1:2-1")}, fresh); err == nil {
		t.Errorf("Download took a file that is not what the signed metadata say: %+v", got)
	}
	if _, err := s.b.Download(t.Context(), []patch.Ref{s.ref("app", "9-1")}, s.fetch()); err == nil {
		t.Error("Download of a version that does not exist is no error")
	}
	s.Network(false)
	if _, err := s.b.Download(t.Context(), []patch.Ref{s.ref("app", "3-1")}, s.fetch()); err == nil {
		t.Error("Download from a repository that cannot be reached is no error")
	}
}

func previous(t *testing.T, s *suite) {
	t.Helper()
	got, missing, err := s.b.Previous(t.Context(), append(s.olds(), s.ref("gone", "1-1")), s.fetch())
	if err != nil {
		t.Fatalf("Previous: %v", err)
	}
	for _, m := range missing {
		if m.Ref != s.ref("gone", "1-1") || m.Why == "" {
			t.Errorf("missing: %+v", m)
		}
	}
	if len(got)+len(missing) != 3 {
		t.Fatalf("of 3 packages, %d are there and %d missing", len(got), len(missing))
	}
	var refs []patch.Ref
	for _, a := range got {
		refs = append(refs, a.Ref)
	}
	s.whole(t, refs, got)
	s.Network(false)
	f := s.fetch()
	f.Offline = true
	again, missing, err := s.b.Previous(t.Context(), s.olds(), f)
	if err != nil || len(again) != 2 || len(missing) > 0 {
		t.Errorf("what is here, without a network: %+v, %+v, %v", again, missing, err)
	}
	again, missing, err = s.b.Previous(t.Context(), []patch.Ref{s.ref("app", "0-1")}, f)
	if err != nil || len(again) != 0 || len(missing) != 1 || missing[0].Why == "" {
		t.Errorf("a version that never was: %+v, %+v, %v", again, missing, err)
	}
}
