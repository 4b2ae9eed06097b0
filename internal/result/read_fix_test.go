package result_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lockfast/lockfast/internal/plan"
	"github.com/lockfast/lockfast/internal/result"
)

func saved() *result.FixPlan {
	set := func(version string) plan.State {
		return plan.State{Packages: &plan.PackageSet{Packages: []plan.Package{{Name: "nginx", Arch: "amd64", Version: version}}}}
	}
	return &result.FixPlan{Schema: result.FixPlanSchema, Manager: "apt", Plan: &plan.Plan{
		Schema: plan.Schema, Kind: "fix", Steps: []plan.Step{{Kind: plan.Packages, Object: "apt", Expect: set("1"), Want: set("2")}},
	}}
}

func TestReadFixPlan(t *testing.T) {
	data, err := json.Marshal(saved())
	if err != nil {
		t.Fatal(err)
	}
	p, err := result.ReadFixPlan(bytes.NewReader(data))
	if err != nil || p.Plan.Steps[0].Want.Packages.Packages[0].Version != "2" {
		t.Errorf("%+v, %v", p, err)
	}
	for text, want := range map[string]string{
		"":                                 "cannot read plan",
		"{}":                               `its schema is ""`,
		`{"schema":"lockfast.fix-plan/9"}`: "lockfast.fix-plan/9",
		`{"schema":"lockfast.fix-plan/1","plan":{"steps":[]}}`:                 "plan has no steps",
		`{"schema":"lockfast.fix-plan/1","plan":{"steps":[{"kind":"dance"}]}}`: "dance",
	} {
		if _, err := result.ReadFixPlan(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v, want one line with %q", text, err, want)
		}
	}
}

func FuzzReadFixPlan(f *testing.F) {
	data, err := json.Marshal(saved())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"schema":"lockfast.fix-plan/1","plan":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := result.ReadFixPlan(bytes.NewReader(data))
		if err == nil && p.Plan != nil && p.Plan.Check() != nil {
			t.Error("a plan that cannot be understood was read")
		}
	})
}
