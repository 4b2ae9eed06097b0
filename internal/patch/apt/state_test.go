package apt_test

import (
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/apt"
	"github.com/lockfast/lockfast/internal/plan"
)

func TestState(t *testing.T) {
	h := newHost(t)
	h.fs["var/lib/apt/extended_states"] = &fstest.MapFile{Data: []byte("Package: libssl3\nArchitecture: i386\nAuto-Installed: 1\n\nPackage: reinst\nArchitecture: amd64\nAuto-Installed: 1\n")}
	h.fake.Results[states+"gone half libssl3 nginx nosuch reinst"] = hostexec.Result{
		Code: 1, Stdout: captured(t, "audit.txt"), Stderr: []byte("dpkg-query: no packages found matching nosuch\n"),
	}
	of := func(name, arch string) patch.Ref { return patch.Ref{Name: name, Arch: arch} }
	got, err := h.State(t.Context(), []patch.Ref{of("nosuch", "amd64"), of("nginx", "amd64"), of("libssl3", "i386"), of("libssl3", "amd64"), of("reinst", "all"), of("gone", "amd64"), of("half", ""), of("nginx", "arm64")})
	want := []plan.Package{
		{Name: "nosuch", Arch: "amd64"},
		{Name: "nginx", Arch: "amd64", Version: "1.22.1-9", Held: true},
		{Name: "libssl3", Arch: "i386", Version: "3.0.16-1", Auto: true, Broken: "unpacked"},
		{Name: "libssl3", Arch: "amd64", Version: "3.0.16-1"},
		{Name: "reinst", Arch: "all", Version: "3", Auto: true, Broken: "half-installed, reinstreq"},
		{Name: "gone", Arch: "amd64"},
		{Name: "half", Version: "1:2.0-1", Broken: "half-configured"},
		{Name: "nginx", Arch: "arm64"},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// A database that cannot be read is not an empty one.
func TestStateCannotLook(t *testing.T) {
	a := []patch.Ref{ref("a", "1")}
	for name, change := range map[string]func(h *host){
		"dpkg":     func(h *host) { h.refuse(states+"a", 2, "dpkg-query: error: failed to open package info file\n") },
		"a line":   func(h *host) { h.answer(states+"a", "a amd64\n") },
		"no dpkg":  func(h *host) { clear(h.fake.Results) },
		"its mark": func(h *host) { h.fs["var/lib/apt/extended_states"] = &fstest.MapFile{Mode: fs.ModeDir} },
	} {
		h := newHost(t)
		h.answer(states+"a", whole(ref("a", "1")))
		if got, err := h.State(t.Context(), a); err != nil || len(got) != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
		change(h)
		if got, err := h.State(t.Context(), a); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got, err := newHost(t).State(t.Context(), nil); got != nil || err != nil {
		t.Errorf("nothing was asked: %+v, %v", got, err)
	}
}

func TestAudit(t *testing.T) {
	h := newHost(t)
	h.answer(audits, string(captured(t, "audit.txt")))
	got, err := h.Audit(t.Context())
	want := []patch.Broken{{Package: "half", State: "half-configured"}, {Package: "libssl3", State: "unpacked"}, {Package: "reinst", State: "half-installed, reinstreq"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	h.refuse(audits, 1, "dpkg-query: error: no database\n") // no name was asked for: 1 is no answer here
	_, err = h.Audit(t.Context())
	says(t, err, "cannot read package states", "no database")
}

const asksConffiles = "dpkg-query -W -f ${Conffiles}\n "

func TestConffiles(t *testing.T) {
	h := newHost(t)
	// MD5 of "as shipped\n" and of nothing.
	const shipped, empty = "215586009b60af42c128105c6001a5f9", "d41d8cd98f00b204e9800998ecf8427e"
	h.answer(asksConffiles+"a b", " /etc/same "+shipped+"\n /etc/changed "+shipped+"\n /etc/deleted "+empty+"\n\n /etc/a/empty "+empty+"\n /etc/old "+shipped+" obsolete\n /etc/new newconffile\n")
	h.fs["etc/same"] = &fstest.MapFile{Data: []byte("as shipped\n")}
	h.fs["etc/changed"] = &fstest.MapFile{Data: []byte("by hand\n")}
	h.fs["etc/a/empty"] = &fstest.MapFile{}
	h.fs["etc/old"] = &fstest.MapFile{Data: []byte("by hand\n")}
	refs := []patch.Ref{ref("a", "1"), ref("b", "1")}
	got, err := h.Conffiles(t.Context(), refs)
	if diff := cmp.Diff([]string{"/etc/a/empty", "/etc/changed", "/etc/deleted", "/etc/same"}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	got, err = h.ChangedConffiles(t.Context(), refs)
	if diff := cmp.Diff([]string{"/etc/changed", "/etc/deleted"}, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	h.fs["etc/same"] = &fstest.MapFile{Mode: fs.ModeDir}
	_, err = h.ChangedConffiles(t.Context(), refs)
	says(t, err, "cannot read /etc/same")
	h.refuse(asksConffiles+"a b", 2, "dpkg-query: error: no database\n")
	_, err = h.ChangedConffiles(t.Context(), refs)
	says(t, err, "no database")
	if got, err := newHost(t).Conffiles(t.Context(), nil); len(got) > 0 || err != nil {
		t.Errorf("nothing was asked: %q, %v", got, err)
	}
}

func TestVerify(t *testing.T) {
	h := newHost(t)
	h.answer("dpkg --verify a", "")
	h.answer("dpkg --verify b", "??5?????? c /etc/b\n")
	h.fake.Results["dpkg --verify c"] = hostexec.Result{Code: 1, Stdout: []byte("missing     /usr/c\n")}
	got, err := h.Verify(t.Context(), []string{"a", "b", "c"})
	want := []patch.Difference{{Package: "b", Path: "/etc/b", What: "??5??????", Conffile: true}, {Package: "c", Path: "/usr/c", What: "missing"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	h.refuse("dpkg --verify b", 2, "dpkg: error: cannot open the database\n")
	_, err = h.Verify(t.Context(), []string{"a", "b", "c"})
	says(t, err, "cannot open the database")
	if _, err := newHost(t).Verify(t.Context(), []string{"a"}); err == nil {
		t.Error("no error without dpkg")
	}
}

var _ patch.ChangedConffiles = (*apt.Backend)(nil)
