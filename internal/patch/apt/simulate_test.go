package apt_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lockfast/lockfast/internal/hostexec"
	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/apt"
)

// solver lets apt find a way for targets unless bad names some of them, which
// it does with apt's words. Everything is installed in version 1.
func (h *host) solver(bad func(targets []string) string) {
	h.solve = func(line string) (hostexec.Result, bool) {
		names, isGet := strings.CutPrefix(line, wouldGet+"install ")
		if !isGet {
			names, isGet = strings.CutPrefix(line, rehearses+"install ")
		}
		switch {
		case isGet:
			targets := strings.Fields(names)
			if words := bad(targets); words != "" {
				return hostexec.Result{Code: 100, Stderr: []byte("Reading package lists...\nE: " + words + "\n")}, true
			}
			var out strings.Builder
			for _, target := range targets {
				out.WriteString("'http://deb.example.org/debian/pool/x.deb' " + strings.Replace(strings.Replace(target, ":amd64", "", 1), "=", "_", 1) + "_amd64.deb 10 \n")
			}
			return hostexec.Result{Stdout: []byte(out.String())}, true
		case strings.HasPrefix(line, states):
			var refs []patch.Ref
			for name := range strings.FieldsSeq(strings.TrimPrefix(line, states)) {
				refs = append(refs, ref(name, "1"))
			}
			return hostexec.Result{Stdout: []byte(whole(refs...))}, true
		}
		return hostexec.Result{}, strings.HasPrefix(line, shows) || strings.HasPrefix(line, occupies)
	}
}

func targets(names ...string) patch.Request {
	var r patch.Request
	for _, name := range names {
		r.Targets = append(r.Targets, ref(name, "2"))
	}
	return r
}

func TestSimulateFindsWhatStandsInTheWay(t *testing.T) {
	var eight = []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	has := func(list []string, names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(list, name+":amd64=2") })
	}
	for name, test := range map[string]struct {
		bad    func([]string) string
		left   string
		others int // how often apt may be asked
	}{
		"nothing":               {func([]string) string { return "" }, "", 1},
		"one":                   {func(l []string) string { return when(has(l, "f"), "no f") }, "f: apt-get failed (exit 100): no f", 16},
		"two":                   {func(l []string) string { return when(has(l, "a") || has(l, "h"), "no a or h") }, "a: apt-get failed (exit 100): no a or h|h: apt-get failed (exit 100): no a or h", 28},
		"two together":          {func(l []string) string { return when(has(l, "b", "g"), "b conflicts g") }, "g: it cannot be updated together with the others: apt-get failed (exit 100): b conflicts g", 20},
		"neighbours together":   {func(l []string) string { return when(has(l, "c", "d"), "c conflicts d") }, "d: it cannot be updated together with the others: apt-get failed (exit 100): c conflicts d", 20},
		"one, and two together": {func(l []string) string { return when(has(l, "a") || has(l, "b", "g"), "no") }, "a: apt-get failed (exit 100): no|g: it cannot be updated together with the others: apt-get failed (exit 100): no", 40},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.solver(test.bad)
			got, err := h.Simulate(t.Context(), targets(eight...))
			if err != nil {
				t.Fatal(err)
			}
			var left, changed, want []string
			for _, p := range got.Problems {
				left = append(left, p.Package+": "+p.Why)
			}
			for _, c := range got.Changes {
				changed = append(changed, c.Name)
				if c.From != "1" || c.To != "2" || !c.Requested {
					t.Errorf("%+v", c)
				}
			}
			for _, name := range eight {
				if !slices.ContainsFunc(got.Problems, func(p patch.Problem) bool { return p.Package == name }) {
					want = append(want, name)
				}
			}
			if diff := cmp.Diff(test.left, strings.Join(left, "|")); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(want, changed); diff != "" {
				t.Error(diff)
			}
			if n := strings.Count(h.ran(), "apt-get"); n > 2*test.others {
				t.Errorf("apt was asked %d times", n)
			}
		})
	}
}

func when(yes bool, words string) string {
	if yes {
		return words
	}
	return ""
}

// No way at all is an answer for each target; a program that does not run is none.
func TestSimulateWithoutAWay(t *testing.T) {
	h := newHost(t)
	h.solver(func([]string) string { return "broken packages" })
	got, err := h.Simulate(t.Context(), targets("a", "b", "c"))
	if err != nil || len(got.Changes) != 0 || len(got.Problems) != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	_, err = newHost(t).Simulate(t.Context(), targets("a", "b"))
	says(t, err, "cannot simulate", "apt-get", "not installed")
	if got, err := newHost(t).Simulate(t.Context(), patch.Request{}); err != nil || len(got.Changes)+len(got.Problems) > 0 {
		t.Errorf("nothing was asked: %+v, %v", got, err)
	}
}

func TestSimulateNamesRemovals(t *testing.T) {
	h := newHost(t)
	h.refuse(wouldGet+"install mta=2.0", 100, "E: Packages need to be removed but remove is disabled.\n")
	h.answer(rehearses+"install mta=2.0", "Remv oldmta [0.9]\nRemv lib:i386 [1]\nInst mta [1.0] (2.0 Debian:12/stable [all])\nConf mta (2.0 Debian:12/stable [all])\n")
	all := patch.Ref{Name: "mta", Arch: "all", Version: "2.0"}
	h.answer(shows+"mta=2.0 mta=1.0", stanza(all, "package"))
	h.answer(occupies+"oldmta lib mta", "oldmta\tamd64\t7\nlib\tamd64\t8\nlib\ti386\t9\nmta\tall\t\n")
	got, err := h.Simulate(t.Context(), patch.Request{Targets: []patch.Ref{all}})
	want := patch.Simulation{Changes: []patch.Change{
		{Name: "oldmta", From: "0.9", Disk: -7 << 10},
		{Name: "lib", Arch: "i386", From: "1", Disk: -9 << 10},
		{Name: "mta", Arch: "all", From: "1.0", To: "2.0", Archive: "Debian:12/stable", Size: 7, Disk: 100 << 10, Requested: true},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

func TestSimulateOfNewPackages(t *testing.T) {
	for _, newOK := range []bool{false, true} {
		h := newHost(t)
		h.answer(wouldGet+"install bind9:amd64=1:9.18.49-1", "'http://deb.example.org/debian/pool/b/bind9.deb' bind9_1%3a9.18.49-1_amd64.deb 11 \n'http://deb.example.org/debian/pool/l/libuv1.deb' libuv1_1.44_amd64.deb 22 \n")
		bind := ref("bind9", "1:9.18.28-1")
		h.fake.Results[states+"bind9 libuv1"] = hostexec.Result{Code: 1, Stdout: []byte(whole(bind)), Stderr: []byte("dpkg-query: no packages found matching libuv1\n")}
		h.answer(shows+"bind9:amd64=1:9.18.49-1 bind9:amd64=1:9.18.28-1 libuv1:amd64=1.44", stanza(ref("bind9", "1:9.18.49-1"), "12345678901")+stanza(ref("libuv1", "1.44"), "1234567890123456789012"))
		h.answer(occupies+"bind9", "bind9\tamd64\t90\n")
		got, err := h.Simulate(t.Context(), patch.Request{Targets: []patch.Ref{ref("bind9", "1:9.18.49-1")}, NewOK: newOK})
		want := patch.Simulation{Changes: []patch.Change{
			{Name: "bind9", Arch: "amd64", From: "1:9.18.28-1", To: "1:9.18.49-1", Archive: "http://deb.example.org/debian", Size: 11, Disk: 10 << 10, Requested: true},
			{Name: "libuv1", Arch: "amd64", To: "1.44", Archive: "http://deb.example.org/debian", Size: 22, Disk: 100 << 10},
		}}
		if !newOK {
			want = patch.Simulation{Problems: []patch.Problem{{Package: "bind9", Why: "libuv1 would be installed anew, which was not allowed"}}}
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(newOK, err, diff)
		}
	}
}

// Packages of several architectures, and one that was for all of them, keep
// their sizes apart.
func TestSimulateOfSeveralArchitectures(t *testing.T) {
	h := newHost(t)
	i386 := func(version string) patch.Ref { return patch.Ref{Name: "lib", Arch: "i386", Version: version} }
	h.answer(wouldGet+"upgrade --with-new-pkgs", "'u' lib_2_amd64.deb 1 \n'u' lib_2_i386.deb 1 \n'u' data_2_amd64.deb 1 \n")
	h.answer(states+"lib lib data", whole(ref("lib", "1"), i386("1"), patch.Ref{Name: "data", Arch: "all", Version: "1"}))
	h.answer(shows+"lib:amd64=2 lib:amd64=1 lib:i386=2 lib:i386=1 data:amd64=2 data:amd64=1", stanza(ref("lib", "2"), "four")+stanza(i386("2"), "fives")+stanza(ref("data", "2"), "sevenxx"))
	h.answer(occupies+"lib lib data", "lib\tamd64\t10\nlib\ti386\t20\ndata\tall\t30\n")
	got, err := h.Simulate(t.Context(), patch.Request{All: true, NewOK: true})
	want := patch.Simulation{Changes: []patch.Change{
		{Name: "lib", Arch: "amd64", From: "1", To: "2", Archive: "u", Size: 4, Disk: 90 << 10, Requested: true},
		{Name: "lib", Arch: "i386", From: "1", To: "2", Archive: "u", Size: 5, Disk: 80 << 10, Requested: true},
		{Name: "data", Arch: "amd64", From: "1", To: "2", Archive: "u", Size: 7, Disk: 70 << 10, Requested: true},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}

// What cannot be read or looked up is an error, never "nothing".
func TestSimulateCannotLook(t *testing.T) {
	line := "'u' a_2_amd64.deb 1 \n"
	for name, change := range map[string]func(h *host){
		"files":  func(h *host) { h.answer(wouldGet+"install a:amd64=2", "'u' a\n") },
		"states": func(h *host) { h.refuse(states+"a", 2, "dpkg-query: error: cannot read\n") },
		"lists": func(h *host) {
			h.refuse(shows+"a:amd64=2 a:amd64=1", 100, "E: The package lists could not be parsed\n")
		},
		"stanza": func(h *host) { h.answer(shows+"a:amd64=2 a:amd64=1", "Package: a\nSize: x\n") },
		"sizes":  func(h *host) { h.refuse(occupies+"a", 2, "dpkg-query: error: cannot read\n") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			h.answer(wouldGet+"install a:amd64=2", line)
			h.answer(states+"a", whole(ref("a", "1")))
			h.refuse(shows+"a:amd64=2 a:amd64=1", 100, "E: No packages found\n")
			h.answer(occupies+"a", "a\tamd64\t1\n")
			if got, err := h.Simulate(t.Context(), targets("a")); err != nil || len(got.Changes) != 1 {
				t.Fatalf("%+v, %v", got, err)
			}
			change(h)
			h.options(func(*apt.Options) {})
			if got, err := h.Simulate(t.Context(), targets("a")); err == nil {
				t.Errorf("%+v", got)
			}
		})
	}
}
