package dnf_test

import (
	"testing"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/dnf"
)

// The parsers must end, with an answer or an error, on whatever they are given.

func FuzzSolution(f *testing.F) {
	f.Add("install lib-1-1.x86_64@test\nupgrade app-1-1.x86_64@@System app-2-1.x86_64@test\nobsolete a-1-1.x86_64@@System b-1-1.noarch@t\n")
	f.Add("problem f00bce34 info nothing provides x\nproblem f00bce34 solution 5 deljob\nerase a-1:1-1.x86_64@@System\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dnf.ParseSolution(text)
		if err != nil {
			return
		}
		for added, instead := range s.Added {
			if s.Repo[added] == "" || instead != (patch.Ref{}) && !s.Removed[instead] {
				t.Errorf("%q: %+v", text, s)
			}
		}
	})
}

func FuzzNEVRA(f *testing.F) {
	f.Add("tool-1:2-1.noarch")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := dnf.ParseNEVRA(text)
		if err != nil {
			return
		}
		if again, err := dnf.ParseNEVRA(r.Name + "-" + r.Version + "." + r.Arch); err != nil || again != r {
			t.Errorf("%q is %+v, and that is %+v, %v", text, r, again, err)
		}
	})
}

func FuzzOffered(f *testing.F) {
	f.Add("app\t0\t2\t1\tx86_64\ttest\t6270\t4\tapp-2-1.src.rpm\t(2, b'\\x1c\\xea+')\n")
	f.Add("app\t1\t2\t1\tx86_64\ttest\t6270\t4\t(none)\t(none)\n")
	f.Fuzz(func(t *testing.T, text string) {
		digests, _ := dnf.ParseOffered(text)
		for r, digest := range digests {
			if len(digest) != 0 && len(digest) != 64 {
				t.Errorf("%q: %v has %q", text, r, digest)
			}
		}
	})
}

func FuzzAdvisories(f *testing.F) {
	f.Add("ALSA-2024:1 Moderate/Sec.  app-2-1.x86_64 2024-01-02 00:00:00\n")
	f.Add("ALSA-2024:1 Moderate/Sec.  app-2-1.x86_64\n")
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = dnf.ParseAdvisories(text)
		_ = dnf.ParseDates(text)
	})
}

func FuzzLog(f *testing.F) {
	f.Add(crashed)
	f.Fuzz(func(t *testing.T, text string) {
		_, _, _, _ = dnf.ParseLog(text)
		dnf.Report(func(percent int, _, _ string) {
			if percent < 0 || percent > 100 {
				t.Errorf("%q is %d %%", text, percent)
			}
		}, text)
	})
}

func FuzzOther(f *testing.F) {
	for _, seed := range []string{
		"4.14.0\n", "app\tx86_64\tuser\n", "app-0:1-1.*\n", "app\t(none)\t1\t1\tx86_64\t4\tabc\t1700000000\t7\n",
		"S.5....T.  c /etc/a\nmissing     /b\n", "17\t/etc/a\n", `'\x1c'`, "RPMDB already locked by 812\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if pid := dnf.ParseHolder(text); pid < 0 {
			t.Errorf("%q is process %d", text, pid)
		}
		_, _ = dnf.ParseMajor(text)
		_, _ = dnf.ParseReasons(text)
		_ = dnf.ParseLocks(text)
		_, _ = dnf.ParseDatabase(text)
		_, _ = dnf.ParseVerify("a", text)
		_, _ = dnf.ParseConffiles(text)
		_, _ = dnf.PythonBytes(text)
	})
}
