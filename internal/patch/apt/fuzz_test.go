package apt_test

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/patch"
	"github.com/lockfast/lockfast/internal/patch/apt"
)

// The parsers must end, with an answer or an error, on whatever they are given,
// and an answer leaves no line out.

const blank = " \t\r\n\f"

// lines counts the lines that a pattern matches.
func lines(text []byte, pattern string) int {
	return len(regexp.MustCompile(`(?m)`+pattern).FindAllIndex(text, -1))
}

func FuzzSimulation(f *testing.F) {
	for _, name := range []string{"simulate.txt", "simulate-multiarch.txt", "purge.txt"} {
		f.Add(captured(f, name))
	}
	f.Add([]byte("Inst a [1] (2 [amd64])\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		changes, err := apt.ParseSimulation(data)
		if err != nil {
			return
		}
		if n := lines(data, `^(Inst|Remv|Purg)( |$)`); n != len(changes) {
			t.Errorf("%d lines, %d changes", n, len(changes))
		}
		for _, c := range changes {
			if c.Name == "" || c.From == "" && c.To == "" || strings.ContainsAny(c.Name+c.Arch+c.From+c.To, blank) {
				t.Errorf("%+v", c)
			}
		}
	})
}

func FuzzURIs(f *testing.F) {
	for _, name := range []string{"uris.txt", "uris-file.txt"} {
		f.Add(captured(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		changes, err := apt.ParseURIs(data)
		if err != nil {
			return
		}
		if places, err := apt.ParsePlaces(data); err != nil || len(places) != len(changes) || len(changes) != lines(data, "^'") {
			t.Errorf("%d changes, %d places, %v", len(changes), len(places), err)
		}
		for _, c := range changes {
			if r := (patch.Ref{Name: c.Name, Arch: c.Arch, Version: c.To}); c.Size < 0 || !leadsBack(r) {
				t.Errorf("%+v", c)
			}
		}
	})
}

func FuzzListed(f *testing.F) {
	for _, name := range []string{"show.txt", "show-multiarch.txt"} {
		f.Add(captured(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		files, installed, err := apt.ParseListed(data)
		if err != nil {
			return
		}
		for i, a := range files {
			if a.Name == "" || a.Size < 0 || installed[i] < 0 {
				t.Errorf("%+v, %d", a, installed[i])
			}
		}
	})
}

func FuzzDpkg(f *testing.F) {
	for _, name := range []string{"entries.txt", "audit.txt", "verify.txt", "extended_states"} {
		f.Add(captured(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if entries, err := apt.ParseEntries(data); err == nil {
			if n := len(bytes.SplitAfter(bytes.TrimSuffix(data, []byte("\n")), []byte("\n"))); len(data) > 0 && n != len(entries) {
				t.Errorf("%d lines, %d entries", n, len(entries))
			}
			for _, e := range entries {
				if e.Name == "" || e.Broken != "" && !e.Present {
					t.Errorf("%+v", e)
				}
			}
		}
		if found, err := apt.ParseVerify("a", data); err == nil {
			for _, d := range found {
				if d.Package != "a" || !strings.HasPrefix(d.Path, "/") || strings.Contains(d.What, " ") {
					t.Errorf("%+v", d)
				}
			}
		}
		for name, auto := range apt.ParseExtended(data) {
			if !auto || !strings.Contains(name, ":") {
				t.Errorf("%q: %v", name, auto)
			}
		}
	})
}

func FuzzStatus(f *testing.F) {
	f.Add("pmstatus:libssl3:i386:40.0:Preparing libssl3 (i386)")
	f.Add("pmstatus:dpkg-exec:0.0000:Running dpkg")
	f.Fuzz(func(t *testing.T, line string) {
		percent, pkg, phase, ok := apt.ParseStatus(line)
		if percent < 0 || percent > 100 || !ok && percent+len(pkg)+len(phase) > 0 || ok && !strings.HasPrefix(line, "pmstatus:"+pkg) {
			t.Errorf("%q: %d %q %q %v", line, percent, pkg, phase, ok)
		}
	})
}

// leadsBack reports whether a package's file has a name that leads back to it
// and to no other folder.
func leadsBack(r patch.Ref) bool {
	name := apt.FileName(r)
	got, err := apt.ParseFileName(name)
	return err == nil && got == r && filepath.Base(name) == name
}

func FuzzFileName(f *testing.F) {
	f.Add("bind9_1%3a9.18.33-1_amd64.deb")
	f.Add("g++_4%3a12.2.0-3_amd64.deb")
	f.Fuzz(func(t *testing.T, name string) {
		if r, err := apt.ParseFileName(name); err == nil && !leadsBack(r) {
			t.Errorf("%q: %+v", name, r)
		}
	})
}
