package plan_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/lockfast/lockfast/internal/plan"
)

func sum(content string) string {
	digest := sha256.Sum256([]byte(content))
	return hex.EncodeToString(digest[:])
}

// whole is a plan with a step of every kind.
func whole() *plan.Plan {
	absent := plan.State{File: &plan.File{Type: plan.Absent}}
	file := plan.State{File: &plan.File{
		Type: plan.Regular, Size: 2, SHA256: sum("a\n"), Mode: 0o4755, UID: 1, GID: 2, Links: 3, MTime: time.Unix(1, 5).UTC(),
		Xattrs: map[string][]byte{"user.a": []byte("x\x00"), "user.empty": {}}, Flags: 0x10,
	}}
	link := plan.State{File: &plan.File{Type: plan.Link, Target: "a <b> \u2028"}}
	dir := plan.State{File: &plan.File{Type: plan.Dir, Mode: 0o755}}
	other := *file.File
	other.Mode = 0o600
	return &plan.Plan{Schema: plan.Schema, Kind: "fix", Title: "a test", Created: time.Unix(2, 0).UTC(), Tool: "lockfast 1", Host: "h", Steps: []plan.Step{
		{Kind: plan.WriteFile, Object: "/f", Why: "w", Expect: absent, Want: file, Content: []byte("a\n"), Allow: []plan.Allowance{plan.AllowHardLinks}},
		{Kind: plan.RemoveFile, Object: "/g", Expect: file, Want: absent, OneWay: "no"},
		{Kind: plan.Directory, Object: "/d", Expect: absent, Want: dir},
		{Kind: plan.Symlink, Object: "/l", Expect: absent, Want: link},
		{Kind: plan.Attributes, Object: "/h", Expect: file, Want: plan.State{File: &other}},
		{Kind: plan.Service, Object: "a.service", Want: plan.State{Service: &plan.Unit{UnitFile: "enabled"}}},
		{Kind: plan.Sysctl, Object: "net.a", Want: plan.State{Sysctl: &plan.Parameter{Value: "1"}}},
		{Kind: plan.Packages, Object: "apt", Want: plan.State{Packages: &plan.PackageSet{
			Packages: []plan.Package{{Name: "a", Arch: "all", Version: "1:2-3", Auto: true}}, Conffiles: map[string]plan.File{"/etc/a": *file.File},
		}}},
		{Kind: plan.Reboot, Object: "kernel"},
		{Kind: plan.Probe, Object: "answers"},
	}}
}

func TestCanonicalRoundTrip(t *testing.T) {
	p := whole()
	first, err := p.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	again, err := plan.Read(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	second, err := again.Canonical()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Errorf("got\n%s\nwant\n%s", second, first)
	}
	for i := range p.Steps {
		if d := p.Steps[i].Want.Differences(again.Steps[i].Want); len(d) > 0 {
			t.Errorf("step %d: %v", i+1, d)
		}
	}
	a, errA := p.Hash()
	b, errB := again.Hash()
	if errA != nil || errB != nil || a != b || len(a) != 64 {
		t.Errorf("hashes %s %v, %s %v", a, errA, b, errB)
	}
}

func TestReadRefuses(t *testing.T) {
	canonical, err := whole().Canonical()
	if err != nil {
		t.Fatal(err)
	}
	text := string(canonical)
	for _, c := range []struct{ name, old, now, says string }{
		{"newer schema", plan.Schema, "lockfast.plan/2", "use the version of lockfast that made it"},
		{"unknown field", `"title"`, `"quantum":1,"title"`, "unknown field"},
		{"unknown kind", `"write-file"`, `"format-disk"`, "step 1 of the plan (format-disk /f): this program does not know its kind"},
		{"other content", `"YQo="`, `"Ygo="`, "its content is not the one that it wants"},
		{"unknown allowance", `"hard-links"`, `"all"`, `it allows "all"`},
		{"nothing to change", `"object":"/d"`, `"object":""`, "does not say what it changes"},
		{"wrong state", `"sysctl":{"value":"1"}`, `"boot":{"id":"1"}`, "does not go with its kind"},
		{"something after it", text, text + "{}", "after top-level value"},
		{"no expectation", `"expect":{"file":{"gid":0,"type":"absent","uid":0}},"kind":"directory"`, `"kind":"directory"`, "does not say what it expects"},
		{"a number no double holds", `"uid":1`, `"uid":9007199254740993`, "too large"},
		{"no plan", text, "x", "cannot read plan"},
	} {
		t.Run(c.name, func(t *testing.T) {
			spoilt := strings.Replace(text, c.old, c.now, 1)
			if spoilt == text {
				t.Fatalf("the plan has no %s", c.old)
			}
			_, err := plan.Read(strings.NewReader(spoilt))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
}

func TestAttributesKnowNothingOfContent(t *testing.T) {
	p := whole()
	p.Steps[4].Want.File.SHA256 = sum("b\n")
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "other content") {
		t.Errorf("got %v", err)
	}
}

func FuzzRead(f *testing.F) {
	canonical, err := whole().Canonical()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(canonical)
	f.Add([]byte(`{"schema":"lockfast.plan/1","steps":[{"kind":"wait-for-probe","object":"x"}]}`))
	f.Add([]byte(`{"schema":"lockfast.plan/1","steps":[{"kind":"probe","object":"\ud800","expect":{"file":null}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := plan.Read(bytes.NewReader(data))
		if err != nil {
			return
		}
		first, err := p.Canonical()
		if err != nil {
			t.Fatalf("was read but cannot be written: %v", err)
		}
		again, err := plan.Read(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("cannot be read again: %v\n%s", err, first)
		}
		second, err := again.Canonical()
		if err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%v\n%s\nbecame\n%s", err, first, second)
		}
	})
}
